import assert from "node:assert/strict";
import test from "node:test";

import {BrushSize} from "../../static/js/view/tools/brush-size.js";
import {BrushTool} from "../../static/js/view/tools/brush-tool.js";
import {HandTool} from "../../static/js/view/tools/hand-tool.js";
import {LassoTool} from "../../static/js/view/tools/lasso-tool.js";
import {PolygonTool} from "../../static/js/view/tools/polygon-tool.js";
import {PromptTool} from "../../static/js/view/tools/prompt-tool.js";
import {SelectTool} from "../../static/js/view/tools/select-tool.js";
import {Toolbox} from "../../static/js/view/tools/toolbox.js";

/** A stage of 100 x 100 image pixels, one CSS pixel each, that counts who listens to it. */
class HandMadeRoot extends EventTarget {
    dataset = {};
    /** @type {Record<string, string>} */
    styles = {};
    style = {setProperty: (name, value) => (this.styles[name] = value)};
    listening = 0;

    addEventListener(type, handler, {signal} = {}) {
        super.addEventListener(type, handler, {signal});
        if (!signal) return;
        this.listening++;
        signal.addEventListener("abort", () => this.listening--);
    }
    setPointerCapture() {}
    send(type, x, y, more = {}) {
        const event = new Event(type);
        this.dispatchEvent(
            Object.assign(event, {clientX: x, clientY: y, button: 0, buttons: 0, pointerId: 1, ...more}),
        );
    }
}

function handMadeStage() {
    const root = new HandMadeRoot();
    const dragged = [];
    return {
        root,
        dragged,
        isPanning: false,
        view: {scale: 1},
        viewPoint: ({clientX, clientY}) => ({x: clientX, y: clientY, frame: "view"}),
        imageSize: {height: 100, width: 100},
        imagePoint: ({clientX, clientY}) => ({x: clientX, y: clientY, frame: "image"}),
        dragImage: ({clientX}) => dragged.push(clientX),
    };
}

function promptTool(stage) {
    const said = [];
    const say = (name) => (value, label) =>
        said.push(
            [name, value?.x ?? value?.x1 ?? "", name === "box" || name === "draft" ? "" : label]
                .join(" ")
                .trim(),
        );
    const events = {
        ...{onHover: say("hover"), onPress: say("press"), onPoint: say("point")},
        ...{
            onDraftBox: say("draft"),
            onBox: say("box"),
            onSelect: say("select"),
            onEdit: say("edit"),
            onMode: say("mode"),
        },
        markAt: ({x, y}) =>
            Math.hypot(x - 70, y - 70) < 5 ? {index: 0, x: null, y: null, isPoint: true} : null,
        onDraftMark: (mark, place) => said.push(`drag mark ${place?.x ?? ""}`.trim()),
        onMoveMark: (mark, place) => said.push(`move mark ${place.x}`),
        onRemoveMark: () => said.push("remove mark"),
    };
    return {tool: new PromptTool(stage, events), said};
}

const TOOLS = {
    prompt: (stage) => promptTool(stage).tool,
    select: (stage) => new SelectTool(stage, {onSelect() {}, onEdit() {}, onHover() {}}),
    hand: (stage) => new HandTool(stage),
    brush: (stage) => brushTool(stage).tool,
    lasso: (stage) => lassoTool(stage).tool,
    polygon: (stage) => polygonTool(stage).tool,
};
for (const [name, make] of Object.entries(TOOLS)) {
    test(`disabled, the ${name} tool leaves no listener behind, however often it was enabled`, () => {
        const stage = handMadeStage();
        const tool = make(stage);
        tool.enable();
        const listening = stage.root.listening;
        assert.ok(listening > 0);
        tool.enable();
        assert.equal(stage.root.listening, listening);
        tool.disable();
        assert.equal(stage.root.listening, 0);
        tool.disable();
    });
}

test("a click is a point, with Alt or the right button one to leave out, with Ctrl a selection", () => {
    const stage = handMadeStage();
    const {tool, said} = promptTool(stage);
    tool.enable();
    stage.root.send("pointerdown", 10, 10);
    stage.root.send("pointerup", 12, 10); // an unsteady hand
    stage.root.send("pointerdown", 20, 10, {altKey: true});
    stage.root.send("pointerup", 40, 10, {altKey: true});
    stage.root.send("pointerdown", 30, 10, {button: 2});
    stage.root.send("pointerdown", 40, 10, {ctrlKey: true});
    stage.root.send("pointerdown", 400, 10); // beside the image
    stage.root.send("pointerup", 400, 10);
    assert.deepEqual(said, [
        "press 10 1",
        "point 10 1",
        "press 20 0",
        "point 20 0",
        "point 30 0",
        "select 40",
    ]);
});

test("a drag draws a box, and a box that is given up is none", () => {
    const stage = handMadeStage();
    const {tool, said} = promptTool(stage);
    tool.enable();
    stage.root.send("pointerdown", 10, 10);
    stage.root.send("pointermove", 50, 40, {buttons: 1});
    assert.equal(tool.isDragging, true);
    stage.root.send("pointerup", 60, 40);
    stage.root.send("pointerdown", 10, 10);
    stage.root.send("pointermove", 50, 40, {buttons: 1});
    stage.root.send("pointercancel", 50, 40);
    assert.equal(tool.cancel(), false, "nothing is left to give up");
    stage.root.send("pointerup", 60, 40);
    assert.deepEqual(
        said.filter((words) => !words.startsWith("press")),
        ["draft 50", "draft", "box 60", "draft 50", "draft"],
    );
});

test("a click on a point of the prompt takes it away, a drag moves it, and neither is a new point", () => {
    const stage = handMadeStage();
    const {tool, said} = promptTool(stage);
    tool.enable();
    stage.root.send("pointerdown", 71, 70);
    stage.root.send("pointerup", 71, 70);
    stage.root.send("pointerdown", 70, 70);
    stage.root.send("pointermove", 80, 70, {buttons: 1});
    stage.root.send("pointerup", 90, 70);
    stage.root.send("pointerdown", 70, 70);
    stage.root.send("pointermove", 80, 70, {buttons: 1});
    assert.equal(tool.cancel(), true);
    assert.deepEqual(said, [
        ...["remove mark", "drag mark 80", "drag mark", "move mark 90", "drag mark 80", "drag mark"],
    ]);
});

function brushTool(stage) {
    const said = [];
    const size = {radius: 5, change: (direction) => said.push(`size ${direction}`)};
    const tool = new BrushTool(stage, size, false, {
        onHover: () => {},
        onDraft: (dabs) => said.push(`draft ${dabs.length}`),
        onStroke: (dabs, isErasing) =>
            said.push(
                `${isErasing ? "erase" : "paint"} ${dabs.map(({x, radius}) => `${x}/${+radius.toFixed(2)}`).join(" ")}`,
            ),
    });
    return {tool, said};
}

test("a drag paints where the pointer was, the right button and Alt erase, Alt and the wheel change the size", () => {
    const stage = handMadeStage();
    const {tool, said} = brushTool(stage);
    tool.enable();
    stage.root.send("pointerdown", 10, 10);
    const places = [{clientX: 12, clientY: 10}, {clientX: 14, clientY: 10}]; // prettier-ignore
    stage.root.send("pointermove", 14, 10, {getCoalescedEvents: () => places});
    stage.root.send("pointerup", 14, 10);
    stage.root.send("pointerdown", 30, 10, {button: 2});
    stage.root.send("pointerup", 30, 10);
    stage.root.send("pointerdown", 40, 10, {altKey: true});
    stage.root.send("pointerup", 40, 10);
    stage.root.send("wheel", 40, 10, {altKey: true, deltaY: -1});
    stage.root.send("wheel", 40, 10, {deltaY: -1});
    assert.deepEqual(
        said.filter((words) => !words.startsWith("draft")),
        ["paint 10/5 12/5 14/5", "erase 30/5", "erase 40/5", "size 1"],
    );
    stage.root.send("pointerdown", 50, 10);
    assert.equal(tool.cancel(), true);
    stage.root.send("pointerup", 50, 10);
    assert.equal(said.at(-1), "draft 0");
});

test("a pen paints as wide as it is pressed", () => {
    const stage = handMadeStage();
    const {tool, said} = brushTool(stage);
    tool.enable();
    stage.root.send("pointerdown", 10, 10, {pointerType: "pen", pressure: 0.5});
    stage.root.send("pointerup", 10, 10);
    assert.equal(said.at(-1), "paint 10/3.25");
});

function lassoTool(stage, edges = null) {
    const said = [];
    const tool = new LassoTool(
        stage,
        {
            onDraft: (corners) => said.push(`draft ${corners.length}`),
            onShape: (corners, isErasing) =>
                said.push(`${isErasing ? "cut" : "add"} ${corners.map(({x, y}) => `${x},${y}`).join(" ")}`),
        },
        edges,
    );
    return {tool, said};
}
const clickAt = (stage, x, y, more) => {
    stage.root.send("pointerdown", x, y, more);
    stage.root.send("pointerup", x, y, more);
};

test("corners make a shape that the first of them closes; one that was begun with the right button cuts", () => {
    const stage = handMadeStage();
    const {tool, said} = lassoTool(stage);
    tool.enable();
    for (const [x, y] of [[10, 10], [50, 10], [50, 50], [12, 11]]) clickAt(stage, x, y); // prettier-ignore
    assert.equal(said.at(-1), "add 10,10 50,10 50,50");
    clickAt(stage, 10, 10, {button: 2});
    clickAt(stage, 50, 10);
    clickAt(stage, 70, 70);
    tool.removeCorner();
    clickAt(stage, 50, 50);
    tool.close();
    assert.equal(said.at(-1), "cut 10,10 50,10 50,50");
    clickAt(stage, 10, 10);
    tool.close();
    assert.equal(said.at(-1), "draft 0", "a single corner is no shape");
});

test("scissors go along what lies between the clicks, and a click taken back takes its line with it", () => {
    const stage = handMadeStage();
    const begun = [];
    const {tool, said} = lassoTool(stage, {
        begin: ({x, y}) => begun.push(`${x},${y}`),
        lineTo: ({x, y}) => [{x: x + 0.5, y}],
    });
    tool.enable();
    clickAt(stage, 10, 10);
    stage.root.send("pointermove", 20, 10, {buttons: 1});
    assert.equal(said.at(-1), "draft 3");
    clickAt(stage, 50, 10);
    clickAt(stage, 70, 70);
    tool.removeCorner();
    assert.equal(said.at(-1), "draft 3");
    clickAt(stage, 50, 50);
    tool.close();
    assert.equal(said.at(-1), "add 10,10 50.5,10 50,10 50.5,50 50,50 10.5,10");
    assert.deepEqual(begun, ["10,10", "50,10", "70,70", "50,10", "50,50"]);
});

test("a border drawn freely back to its beginning is closed by letting go", () => {
    const stage = handMadeStage();
    const {tool, said} = lassoTool(stage);
    tool.enable();
    stage.root.send("pointerdown", 10, 10);
    for (let k = 0; k <= 40; k++) {
        const angle = (k / 40) * 2 * Math.PI;
        stage.root.send("pointermove", 30 - 20 * Math.cos(angle), 10 + 20 * Math.sin(angle), {buttons: 1});
    }
    stage.root.send("pointerup", 10, 10);
    assert.match(said.at(-1), /^add 10,10 /);
    assert.equal(tool.isDrawing, false);
});

/** The corners tool with a square from 20 to 60, whose outline has a point at each pixel. */
function polygonTool(stage) {
    const said = [];
    const tool = new PolygonTool(stage, {
        onDraft: ({rings, chosen}) => {
            const places = rings.flatMap((ring, k) =>
                ring.corners.map((index, position) => {
                    const {x, y} = ring.points[index];
                    return `${x},${y}${chosen[k].has(position) ? "*" : ""}`;
                }),
            );
            said.push(places.join(" "));
        },
        onShape: (rings, flips) => said.push(`shape ${rings.length} ${flips.length}`),
        onSelect: ({x, y}) => said.push(`select ${x},${y}`),
    });
    const side = [...new Array(40).keys()];
    const points = [
        ...side.map((k) => ({x: 20 + k, y: 20})),
        ...side.map((k) => ({x: 60, y: 20 + k})),
        ...side.map((k) => ({x: 60 - k, y: 60})),
        ...side.map((k) => ({x: 20, y: 60 - k})),
    ];
    tool.enable();
    tool.show([{points, corners: [0, 40, 80, 120]}]);
    return {tool, said};
}

test("a corner is dragged; a press on the line puts one in, Alt takes it out; elsewhere it selects", () => {
    const stage = handMadeStage();
    const {tool, said} = polygonTool(stage);
    stage.root.send("pointerdown", 21, 21);
    stage.root.send("pointermove", 11, 16);
    assert.equal(said.at(-1), "10,15* 60,20 60,60 20,60");
    stage.root.send("pointerup", 11, 16);
    assert.deepEqual(said.slice(-2), ["10,15* 60,20 60,60 20,60", "shape 1 1"]);
    clickAt(stage, 60, 40);
    assert.equal(said.at(-1), "10,15 60,20 60,40* 60,60 20,60");
    assert.equal(tool.hasChosen, true);
    clickAt(stage, 60, 41, {altKey: true});
    assert.deepEqual(said.slice(-2), ["10,15 60,20 60,60 20,60", "shape 1 1"]);
    clickAt(stage, 40, 40);
    assert.equal(said.at(-1), "select 40,40");
});

test("a lasso around corners chooses them, to be moved or taken out together; Escape lets go of them", () => {
    const stage = handMadeStage();
    const {tool, said} = polygonTool(stage);
    const lasso = (more) => {
        stage.root.send("pointerdown", 10, 10, more);
        for (const [x, y] of [[70, 10], [70, 30], [10, 30]]) stage.root.send("pointermove", x, y, more); // prettier-ignore
        stage.root.send("pointerup", 10, 30, more);
    };
    lasso();
    assert.equal(said.at(-1), "20,20* 60,20* 60,60 20,60");
    stage.root.send("pointerdown", 60, 20);
    stage.root.send("pointermove", 60, 15);
    stage.root.send("pointerup", 60, 15);
    assert.deepEqual(said.slice(-2), ["20,15* 60,15* 60,60 20,60", "shape 1 1"]);
    assert.equal(tool.cancel(), true);
    assert.equal(tool.cancel(), false);
    clickAt(stage, 20, 60);
    lasso({shiftKey: true});
    tool.removeCorners();
    assert.equal(said.at(-1), "shape 0 1", "one corner is no area");
    tool.show([]);
    lasso();
    assert.equal(tool.hasChosen, false);
});

test("what a tool has begun on an image is given up when another image comes", () => {
    const stage = handMadeStage();
    const {tool, said} = lassoTool(stage);
    const toolbox = new Toolbox(stage.root, {lasso: tool}, () => {});
    toolbox.cancel(); // none is chosen yet
    toolbox.use("lasso");
    for (const x of [10, 50]) clickAt(stage, x, x);
    toolbox.cancel();
    assert.deepEqual([tool.isDrawing, said.at(-1)], [false, "draft 0"]);
    clickAt(stage, 50, 10);
    clickAt(stage, 70, 70);
    tool.close();
    assert.equal(said.at(-1), "draft 0", "two corners are no shape");
});

test("a pointer that reports no places between paints where it is, and a full storage stops no brush", () => {
    const stage = handMadeStage();
    const storage = {
        getItem: () => null,
        setItem() {
            throw new Error("QuotaExceededError");
        },
    };
    const strokes = [];
    const size = new BrushSize(storage, () => {});
    size.change(1);
    const events = {onHover() {}, onDraft() {}, onStroke: (dabs) => strokes.push(dabs.length)};
    new BrushTool(stage, size, false, events).enable();
    stage.root.send("pointerdown", 10, 10);
    stage.root.send("pointermove", 20, 10, {getCoalescedEvents: () => []});
    stage.root.send("pointerup", 20, 10);
    assert.deepEqual([strokes, size.radius], [[2], 15]);
});

test("the box of tools has one enabled at a time", () => {
    const stage = handMadeStage();
    const {tool: prompt, said} = promptTool(stage);
    let changes = 0;
    const tools = {prompt, hand: new HandTool(stage)};
    const toolbox = new Toolbox(stage.root, tools, () => changes++);
    toolbox.use("prompt");
    assert.equal(stage.root.styles["--tool-cursor"], "crosshair");
    stage.root.send("pointerdown", 10, 10);
    stage.root.send("pointermove", 50, 40, {buttons: 1});
    toolbox.use("hand");
    assert.deepEqual(said, ["press 10 1", "draft 50", "draft", "hover"], "the half-drawn box is given up");
    stage.root.send("pointerdown", 30, 10);
    assert.deepEqual(stage.dragged, [30]);
    assert.equal(said.length, 4);
    assert.equal(stage.root.styles["--tool-cursor"], "grab");
    assert.deepEqual([toolbox.chosen, changes], ["hand", 2]);
});

test("a second finger takes back the corner that the first one set, and leaves the shape", () => {
    const stage = handMadeStage();
    const {tool, said} = lassoTool(stage);
    tool.enable();
    for (const [x, y] of [[10, 10], [50, 10], [50, 50]]) clickAt(stage, x, y); // prettier-ignore
    stage.root.send("pointerdown", 80, 80);
    stage.root.send("pointercancel", 80, 80);
    assert.equal(said.at(-1), "draft 3");
    tool.close();
    assert.equal(said.at(-1), "add 10,10 50,10 50,50");
});
