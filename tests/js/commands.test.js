import assert from "node:assert/strict";
import test from "node:test";

import {ariaOf, chordOf, wordsOf} from "../../static/js/view/commands/chords.js";
import {Commands, usable} from "../../static/js/view/commands/commands.js";
import {COMMANDS} from "../../static/js/view/commands/table.js";

const key = (key, more = {}) => ({
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    ...more,
});

/** Two commands on a bench of one number. */
const TABLE = [
    {action: "add", keys: ["a", "arrowup"], title: "Add one", group: "View", do: (bench) => bench.count++},
    {
        ...{
            action: "take",
            keys: ["ctrl+z"],
            alsoKeys: ["t"],
            title: "Take one",
            tip: ({count}) => `Take of ${count}`,
        },
        ...{group: "View", when: ({count}) => count > 0, isOn: ({count}) => count > 1},
        do: (bench) => bench.count--,
    },
];
const on = (bench, remap) => new Commands(TABLE, bench, remap);

test("a key event is a chord; Cmd is Ctrl, and Shift counts for letters and names only", () => {
    assert.equal(chordOf(key("Z", {metaKey: true, shiftKey: true})), "ctrl+shift+z");
    assert.equal(chordOf(key("Tab", {shiftKey: true})), "shift+tab");
    assert.equal(chordOf(key("?", {shiftKey: true})), "?");
    assert.equal(chordOf(key("+", {shiftKey: true})), "+");
});

test("a chord has words for people and names for assistive tools", () => {
    assert.deepEqual(["ctrl+shift+z", "arrowright", "escape", "-", "+"].map(wordsOf), [
        "Ctrl Shift Z",
        "→",
        "Esc",
        "−",
        "+",
    ]);
    assert.deepEqual(["ctrl+shift+z", "arrowright", "escape", "+"].map(ariaOf), [
        "Control+Shift+Z",
        "ArrowRight",
        "Escape",
        "Plus",
    ]);
});

test("a command does what its row says when it applies, and nothing else", () => {
    const bench = {count: 0};
    const commands = on(bench);
    assert.equal(commands.perform("take"), false);
    assert.equal(commands.perform("add"), true);
    assert.equal(bench.count, 1);
    assert.deepEqual(
        [commands.applies("take"), commands.isOn("take"), commands.isOn("add")],
        [true, false, null],
    );
    assert.equal(commands.perform(commands.actionOf("t")), true);
    assert.equal(bench.count, 0);
});

test("an action that is not in the table is an error wherever it is named", () => {
    const commands = on({count: 0});
    for (const name of [
        "perform",
        "applies",
        "isOffered",
        "isOn",
        "wordsOn",
        "tipOf",
        "keyOf",
        "ariaKeysOf",
        "get",
    ])
        assert.throws(() => commands[name]("ad"), /there is no command ad$/, name);
    assert.throws(() => on({count: 0}, {ad: ["x"]}), /there is no command ad$/);
    assert.equal(commands.actionOf("q"), null);
});

test("tooltips name the keys that are shown, and what the bench says", () => {
    const commands = on({count: 7});
    assert.equal(commands.tipOf("add"), "Add one (A or ↑)");
    assert.equal(commands.tipOf("take"), "Take of 7 (Ctrl Z)");
    assert.equal(commands.keyOf("add"), "A");
    assert.equal(commands.ariaKeysOf("take"), "Control+Z T");
});

test("a person's own keys take the place of the table's, everywhere", () => {
    const commands = on({count: 0}, {take: ["a"], add: []});
    assert.equal(commands.actionOf("a"), "take");
    assert.deepEqual(
        ["arrowup", "ctrl+z", "t"].map((chord) => commands.actionOf(chord)),
        [null, null, null],
    );
    assert.equal(commands.tipOf("take"), "Take of 0 (A)");
    assert.equal(commands.tipOf("add"), "Add one");
    assert.deepEqual([commands.keyOf("add"), commands.ariaKeysOf("add")], ["", ""]);
    assert.equal(TABLE[0].keys[0], "a", "the table is untouched");
});

test("one key cannot do two things, and digits are the categories'", () => {
    assert.throws(() => on({}, {take: ["a"]}), /^Error: A is the key of add and of take$/);
    assert.throws(() => on({}, {take: ["3"]}), /3 picks a category/);
    assert.throws(() => on({}, {take: ["Ctrl+Q"]}), /Ctrl\+Q is no key/);
});

test("the workbench's table is whole: unique actions and keys, a title and a group for each", () => {
    const actions = COMMANDS.map(({action}) => action);
    assert.equal(new Set(actions).size, actions.length);
    assert.doesNotThrow(() => new Commands(COMMANDS, {}));
    for (const {action, title, group, keys} of COMMANDS) {
        assert.ok(title && group && keys.length, action);
    }
});

/** A bench on which everything is possible, and which writes down what it is told. */
function writingBench(mayAnnotate = true) {
    const told = [];
    const tell =
        (name) =>
        (...values) =>
            told.push([name, ...values].join(" "));
    const bench = {
        workbench: {
            ...{canAccept: true, canCycle: true, canRemoveStep: true, canCancel: true, canRemove: true},
            ...{
                canEdit: true,
                edit: tell("edit"),
                canReshape: true,
                hand: {reshape: tell("reshape"), change: () => told.push("change")},
            },
            ...{
                draft: {canUndo: true, canRedo: true},
                visibility: {areAllHidden: false, toggleAll: tell("toggleAll"), toggleSolo: tell("solo")},
                selection: {
                    isSeveral: false,
                    id: "a",
                    ids: ["a"],
                    annotations: [{bbox: [1, 2, 3, 4], color: "#00ff00"}],
                },
                document: {annotations: [{}]},
                naming: {
                    canChange: true,
                    areLocked: false,
                    toggleLock: tell("lock"),
                    recolor: tell("recolor"),
                    move: tell("move in list"),
                },
                several: {isAdding: false, toggleAdding: tell("adding"), selectAll: tell("selectAll")},
                copying: {
                    ...{canDuplicate: true, canCopy: true, canPaste: true},
                    ...{duplicate: tell("duplicate"), copy: tell("copy"), paste: tell("paste")},
                },
                combining: {
                    ...{
                        canCombine: true,
                        canSplit: true,
                        reshape: tell("reshape all"),
                        merge: tell("merge"),
                        split: tell("split"),
                    },
                    ...{subtract: tell("subtract"), intersect: tell("intersect")},
                },
            },
            labelling: {category: {id: 1}},
            accepting: {accept: tell("accept")},
            prompting: {cycleCandidate: tell("cycle"), removeLastStep: tell("removeLastStep")},
            ...{cancel: tell("cancel"), undo: tell("undo"), redo: tell("redo"), remove: tell("remove")},
        },
        flow: {
            ...{mayAnnotate, scene: {image: {state: "in_progress"}}, canGo: (way) => way === "next"},
            ...{
                go: tell("go"),
                finishing: {
                    finish: async () => told.push("finish"),
                    reopen: tell("reopen"),
                    goToOpen: async () => told.push("goToOpen"),
                },
            },
        },
        preview: {toggle: tell("preview")},
        stage: {
            ...{fit: tell("fit"), zoomByKey: tell("zoom"), zoomTo: tell("zoom to")},
            ...{fitTo: tell("fit to"), panByKey: (right, down) => told.push(`pan ${right} ${down}`)},
        },
        promptTool: {
            isLeavingOut: false,
            isDragging: false,
            cancel: () => false,
            toggleLeavingOut: tell("leave out"),
        },
        lasso: {
            isDrawing: false,
            cancel: () => false,
            close: tell("close"),
            removeCorner: tell("removeCorner"),
        },
        polygon: {hasChosen: false, cancel: () => false, removeCorners: tell("removeCorners")},
        pointer: {place: {x: 1, y: 1, frame: "image"}},
        brushSize: {change: tell("brush")},
        toolbox: {chosen: "hand", use: tell("use")},
        notices: {hasProblem: false, hideProblem() {}},
        sidePanel: {open() {}, toggle: tell("panel")},
        keysDialog: {show: tell("keys")},
        sightPanel: {toggle: tell("sight")},
        sight: {
            ...{toggleInstances: tell("instances"), toggleOutline: tell("outline")},
            changeOpacity: tell("opacity"),
            settings: {objectOrder: "newest"},
            change: ({objectOrder}) => told.push(`order ${objectOrder}`),
        },
        cutOuts: {
            canCutOut: true,
            copy: async () => told.push("copy cut-out"),
            save: async () => told.push("save cut-out"),
        },
        repeating: {canRepeat: true, repeat: async () => told.push("repeat")},
        refining: {isOn: false, toggle: tell("refine"), stop: tell("whole image")},
        keyPoints: {canAdd: true, add: tell("point")},
        trash: {show: tell("trash")},
        categoryKeys: {listen: tell("category key")},
        finder: {show: tell("find image")},
        filmstrip: {hasRoom: true, toggle: tell("filmstrip")},
        progressPanel: {toggle: tell("progress")},
        marking: {skip: async () => told.push("skip"), flag: async () => told.push("flag")},
        palette: {show: tell("palette")},
        view: {findCategory: tell("find"), renameObject: tell("rename"), peek: tell("peek")},
    };
    return {bench, told, commands: new Commands(COMMANDS, bench)};
}

test("every key of the workbench does its own thing", () => {
    const {bench, told, commands} = writingBench();
    bench.flow.canGo = () => true;
    bench.flow.scene.image.state = "done";
    for (const chord of COMMANDS.flatMap(({keys, alsoKeys = []}) => [...keys, ...alsoKeys]))
        commands.perform(commands.actionOf(chord));
    assert.deepEqual(told, [
        ...[
            "accept",
            "accept",
            "cycle 1",
            "cycle 1",
            "cycle -1",
            "cycle -1",
            "removeLastStep",
            "removeLastStep",
            "point true",
            "point false",
            "leave out",
            "refine",
            "preview",
            "edit",
            "cancel",
            "undo",
            "redo",
            "redo",
            "adding",
            "merge",
            "subtract",
            "intersect",
            "split",
            "rename",
            "lock",
            "recolor ",
            "order own",
            "move in list -1",
            "order own",
            "move in list 1",
            "solo",
            "duplicate",
            "copy",
            "paste",
            "repeat",
            "copy cut-out",
            "save cut-out",
            "remove",
            "selectAll",
        ],
        ...[
            "trash",
            "category key",
            "find",
            "toggleAll",
            "go previous",
            "go previous",
            "go previous",
            "go next",
            "go next",
            "go next",
            "finish",
            "reopen",
            "goToOpen",
            ...["skip", "flag"],
            ...["find image", "filmstrip", "progress"],
            ...["fit", "fit to 1,2,3,4", "zoom to 1", "zoom to 2"],
            ...["sight", "peek", "instances", "outline", "opacity -1", "opacity 1"],
            "zoom 1",
            "zoom 1",
        ],
        ...[
            "zoom -1",
            "pan -1 0",
            "pan -1 0",
            "pan 1 0",
            "pan 1 0",
            "pan 0 -1",
            "pan 0 -1",
            "pan 0 1",
            "pan 0 1",
            "panel",
            "use prompt",
            "use brush",
            "use eraser",
            "use lasso",
            "use scissors",
            "use polygon",
            "brush -1",
            "brush 1",
        ],
        ...["reshape fillHoles", "reshape dropCrumbs", "change", "change"],
        ...["smooth", "grow", "shrink"].map((name) => `reshape ${name}`),
        ...["use select", "use hand", "palette", "keys"],
    ]);
});

test("what does not apply is off: the way back on the first image, what a viewer may not", () => {
    const {commands} = writingBench();
    assert.deepEqual([commands.applies("next-image"), commands.applies("previous-image")], [true, false]);
    assert.equal(commands.tipOf("done"), "Mark this image done and go to the next (D)");
    const viewer = writingBench(false);
    for (const action of ["leave-out", "preview", "undo", "redo", "done", "tool-prompt"]) {
        assert.equal(viewer.commands.isOffered(action), false);
        assert.equal(viewer.commands.perform(action), false);
    }
    assert.equal(viewer.commands.isOffered("tool-select"), true);
    assert.deepEqual(viewer.told, []);
    assert.deepEqual([viewer.commands.isOn("tool-hand"), viewer.commands.isOn("tool-select")], [true, false]);
});

test("a button says what its row says: the place, the icon, and words that follow the image", () => {
    for (const {action, place, icon} of COMMANDS)
        assert.equal(place === undefined, icon === undefined, action);
    const rail = COMMANDS.filter(({place}) => place === "tools").map(({action}) => action);
    assert.deepEqual(rail, [
        ...[
            "tool-prompt",
            "tool-brush",
            "tool-eraser",
            "tool-lasso",
            "tool-scissors",
            "tool-polygon",
            "tool-select",
            "tool-hand",
        ],
    ]);
    const {bench, commands} = writingBench();
    assert.deepEqual([commands.wordsOn("done"), commands.wordsOn("fit")], ["Mark done", ""]);
    bench.flow.scene.image.state = "done";
    assert.equal(commands.wordsOn("done"), "Done");
});

test("Escape gives up a box first, then the draft, and is free when there is neither", () => {
    const {bench, told, commands} = writingBench();
    Object.assign(bench.promptTool, {isDragging: true, cancel: () => true});
    commands.perform("cancel");
    assert.deepEqual(told, []);
    Object.assign(bench.promptTool, {isDragging: false, cancel: () => false});
    commands.perform("cancel");
    assert.deepEqual(told, ["cancel"]);
    bench.workbench.canCancel = false;
    assert.equal(commands.perform("cancel"), false);
    bench.refining.isOn = true;
    commands.perform("cancel");
    assert.equal(told.pop(), "whole image");
    bench.refining.isOn = false;
    bench.lasso = {...bench.lasso, isDrawing: true, cancel: () => true};
    for (const action of ["cancel", "remove-step", "accept"]) commands.perform(action);
    assert.deepEqual(told, ["cancel", "removeCorner", "close"]);
    bench.lasso = {...bench.lasso, isDrawing: false, cancel: () => false};
    bench.polygon = {...bench.polygon, hasChosen: true, cancel: () => told.push("let go of corners")};
    for (const action of ["cancel", "delete"]) commands.perform(action);
    assert.deepEqual(told.slice(3), ["let go of corners", "removeCorners"]);
});

test("keys can be changed while the page is open; a remap that does not fit changes nothing", () => {
    const {commands} = writingBench();
    commands.remap({accept: [";"]});
    assert.deepEqual(
        [commands.actionOf(";"), commands.actionOf("enter"), commands.keyOf("accept")],
        ["accept", null, ";"],
    );
    assert.throws(() => commands.remap({accept: ["n"]}), /N is the key of/);
    assert.equal(commands.actionOf(";"), "accept");
    commands.remap({});
    assert.equal(commands.actionOf("enter"), "accept");
});

test("of a person's own keys those stay that the table still takes", () => {
    const own = {
        accept: [";"],
        gone: ["j"],
        redo: ["p"],
        undo: [],
        done: ["7"],
        "next-image": ["ctrl+enter"],
    };
    assert.deepEqual(usable(COMMANDS, own), {accept: [";"], undo: [], "next-image": ["ctrl+enter"]});
});

test("keys that two commands exchanged are usable, whichever of them is read first", () => {
    const fit = COMMANDS.find(({action}) => action === "fit").keys;
    const edit = COMMANDS.find(({action}) => action === "edit").keys;
    for (const own of [
        {fit: edit, edit: fit},
        {edit: fit, fit: edit},
        {fit: edit, edit: []},
    ])
        assert.deepEqual(usable(COMMANDS, own), own);
    assert.deepEqual(usable(COMMANDS, {fit: edit}), {}, "the table gives that key to another command");
    assert.equal(Object.keys(usable(COMMANDS, {fit: [";"], edit: [";"]})).length, 1, "one of them has it");
});

test("with several masks selected, H hides those and mending mends all of them", () => {
    const {bench, told, commands} = writingBench();
    Object.assign(bench.workbench.selection, {isSeveral: true, ids: ["a", "b"]});
    bench.workbench.visibility.toggle = (...ids) => told.push(`toggle ${ids}`);
    bench.workbench.draft.isEmpty = true;
    commands.perform("hide-masks");
    commands.perform("grow");
    bench.workbench.draft.isEmpty = false;
    commands.perform("grow");
    bench.workbench.visibility.areAllHidden = true;
    commands.perform("hide-masks");
    assert.deepEqual(told, ["toggle a,b", "reshape all grow", "reshape grow", "toggleAll"]);
});
