import assert from "node:assert/strict";
import test from "node:test";

import {HandTool} from "../../static/js/view/tools/hand-tool.js";
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
        imageSize: {height: 100, width: 100},
        imagePoint: ({clientX, clientY}) => ({x: clientX, y: clientY, frame: "image"}),
        dragImage: ({clientX}) => dragged.push(clientX),
    };
}

function promptTool(stage) {
    const said = [];
    const say = (name) => (value, label) =>
        said.push([name, value?.x ?? value?.x1 ?? "", name === "box" ? "" : label].join(" ").trim());
    const events = {
        ...{onHover: say("hover"), onPress: say("press"), onPoint: say("point")},
        ...{
            onDraftBox: say("draft"),
            onBox: say("box"),
            onSelect: say("select"),
            onEdit: say("edit"),
            onMode: say("mode"),
        },
    };
    return {tool: new PromptTool(stage, events), said};
}

const TOOLS = {
    prompt: (stage) => promptTool(stage).tool,
    select: (stage) => new SelectTool(stage, {onSelect() {}, onEdit() {}, onHover() {}}),
    hand: (stage) => new HandTool(stage),
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
