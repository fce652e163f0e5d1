/** What can be done at the workbench: the one table that keyboard, buttons, tooltips and help are made of. */

import {bboxAround} from "../../core/bbox.js";
import {onlyPieceAt, withoutPieceAt} from "../../core/edit/pieces.js";
import {FLOW_COMMANDS} from "./flow.js";
import {OBJECT_COMMANDS} from "./objects.js";

/** @import {Preview} from "../../session/preview.js" */
/** @import {Reshape} from "../../session/reshaping.js" */
/** @import {Columns} from "../../core/edit/columns.js" */
/** @import {ImagePoint} from "../../core/types.d.ts" */
/** @import {Sight} from "../../session/sight.js" */
/** @import {Workbench} from "../../session/workbench.js" */
/** @import {Stage} from "../stage.js" */
/** @import {PromptTool} from "../tools/prompt-tool.js" */
/** @import {Toolbox} from "../tools/toolbox.js" */

/** @typedef {"prompt" | "brush" | "eraser" | "lasso" | "scissors" | "polygon" | "select" | "hand"} ToolName */
/** @typedef {"Prompt" | "By hand" | "Masks" | "Images" | "View"} Group */
/** Where the page has room for buttons: a data-place of annotate.html. @typedef {"tools" | "clicks" | "mend" | "history" | "sight" | "images" | "help" | "side" | "objects" | "selected" | "several" | "marks" | "finish"} Place */

/**
 * What commands work on.
 *
 * @typedef {object} Bench
 * @property {Workbench} workbench
 * @property {{mayAnnotate: boolean, scene: {image: {state: string, isFlagged: boolean}}, canGo(way: "next" | "previous"): boolean,
 *   go(way: "next" | "previous"): void, finishing: {goToOpen(): Promise<void>, finish(): Promise<void>, reopen(): void}}} flow
 * @property {Preview} preview
 * @property {{readonly isOn: boolean, toggle(): void, stop(): void}} refining
 * @property {Stage} stage
 * @property {PromptTool} promptTool
 * @property {Toolbox<ToolName>} toolbox
 * @property {{isDrawing: boolean, cancel(): boolean, close(): void, removeCorner(): void}} lasso
 * @property {{hasChosen: boolean, cancel(): boolean, removeCorners(): void}} polygon
 * @property {{change(direction: number): void}} brushSize
 * @property {{hasProblem: boolean, hideProblem(): void}} notices
 * @property {{open(): void, toggle(): void}} sidePanel
 * @property {{show(): void}} keysDialog
 * @property {{show(): void}} palette
 * @property {Sight} sight
 * @property {{toggle(): void}} sightPanel
 * @property {{findCategory(): void, renameObject(): void, peek(): void}} view
 * @property {{readonly place: ImagePoint | null}} pointer
 * @property {{show(): void}} trash
 * @property {{listen(): void}} categoryKeys
 * @property {{readonly canCutOut: boolean, copy(): Promise<void>, save(): Promise<void>}} cutOuts
 * @property {{skip(): Promise<void>, flag(): Promise<void>}} marking
 * @property {{show(): void}} finder
 * @property {{readonly hasRoom: boolean, toggle(): void}} filmstrip
 * @property {{toggle(): void}} progressPanel
 * @property {{readonly canRepeat: boolean, repeat(): Promise<void>}} repeating
 * @property {{readonly canAdd: boolean, add(isForeground: boolean): void}} keyPoints
 */

/**
 * @typedef {object} Command
 * @property {string} action names it: in data-action, in a person's own keys
 * @property {readonly string[]} keys chords, the first one is the key that texts name
 * @property {readonly string[]} [alsoKeys] chords that work and are not shown
 * @property {string} title what the help says
 * @property {string | ((bench: Bench) => string)} [tip] what the button's tooltip says instead
 * @property {Place} [place] of the button; without one the command has none. Buttons of a place stand in the table's order
 * @property {string} [icon] the button's
 * @property {string} [iconOn] the button's while it is on
 * @property {string} [name] the button's for assistive tools, where the title would mislead
 * @property {(bench: Bench) => string} [words] on the button; without them it is an icon that the title names
 * @property {Group} group
 * @property {true} [isForAnnotators] a viewer has neither the button nor the key
 * @property {(bench: Bench) => boolean} [when] whether it applies now; the button is off and the key is free otherwise
 * @property {(bench: Bench) => boolean} [isOn] whether the button is pressed
 * @property {(bench: Bench) => void} do
 */

/** @type {readonly Command[]} */
export const COMMANDS = [
    {
        action: "accept",
        keys: ["enter", "space"],
        title: "Save the mask",
        group: "Prompt",
        when: ({workbench, lasso}) => lasso.isDrawing || workbench.canAccept,
        do: ({workbench, lasso}) => (lasso.isDrawing ? lasso.close() : workbench.accepting.accept()),
    },
    {
        action: "next-candidate",
        keys: ["tab", "w"],
        title: "Next mask candidate",
        group: "Prompt",
        when: ({workbench}) => workbench.canCycle,
        do: ({workbench}) => workbench.prompting.cycleCandidate(1),
    },
    {
        action: "previous-candidate",
        keys: ["shift+tab", "shift+w"],
        title: "Previous mask candidate",
        group: "Prompt",
        when: ({workbench}) => workbench.canCycle,
        do: ({workbench}) => workbench.prompting.cycleCandidate(-1),
    },
    {
        action: "remove-step",
        keys: ["backspace", "q"],
        title: "Take back the last point or box",
        group: "Prompt",
        when: ({workbench, lasso}) => lasso.isDrawing || workbench.canRemoveStep,
        do: ({workbench, lasso}) =>
            lasso.isDrawing ? lasso.removeCorner() : workbench.prompting.removeLastStep(),
    },
    {
        action: "point-at-crosshair",
        keys: ["j"],
        title: "A point at the crosshair: it belongs (arrows move the crosshair when the image has the focus)",
        group: "Prompt",
        isForAnnotators: true,
        when: ({keyPoints}) => keyPoints.canAdd,
        do: ({keyPoints}) => keyPoints.add(true),
    },
    {
        action: "background-at-crosshair",
        keys: ["shift+j"],
        title: "A point at the crosshair: it does not belong",
        group: "Prompt",
        isForAnnotators: true,
        when: ({keyPoints}) => keyPoints.canAdd,
        do: ({keyPoints}) => keyPoints.add(false),
    },
    {
        action: "leave-out",
        keys: ["x"],
        title: "Clicks exclude, or include again",
        tip: "Clicks exclude from the object instead of including",
        place: "clicks",
        icon: "circle-minus",
        name: "Clicks exclude",
        group: "Prompt",
        isForAnnotators: true,
        isOn: ({promptTool}) => promptTool.isLeavingOut,
        do: ({promptTool}) => promptTool.toggleLeavingOut(),
    },
    {
        action: "refine",
        keys: ["g"],
        title: "Sharper here: the model looks at this part at full resolution, or at the whole image again",
        tip: "Sharper here: zoom in on a small object first",
        place: "clicks",
        icon: "scan-search",
        name: "Sharper here",
        group: "Prompt",
        isForAnnotators: true,
        isOn: ({refining}) => refining.isOn,
        do: ({refining}) => refining.toggle(),
    },
    {
        action: "preview",
        keys: ["t"],
        title: "Preview under the pointer, on or off",
        group: "Prompt",
        isForAnnotators: true,
        do: ({preview}) => preview.toggle(),
    },
    {
        action: "edit",
        keys: ["e"],
        title: "Edit the selected mask",
        group: "Masks",
        when: ({workbench}) => workbench.canEdit,
        do: ({workbench}) => workbench.edit(),
    },
    {
        action: "cancel",
        keys: ["escape"],
        title: "Clear the prompt, end editing, deselect, back to the whole image",
        group: "Prompt",
        when: ({workbench, promptTool, lasso, polygon, notices, refining}) =>
            refining.isOn ||
            notices.hasProblem ||
            promptTool.isDragging ||
            lasso.isDrawing ||
            polygon.hasChosen ||
            workbench.canCancel,
        do: ({workbench, promptTool, lasso, polygon, notices, refining}) => {
            notices.hideProblem();
            if (promptTool.cancel() || lasso.cancel() || polygon.cancel()) return;
            if (workbench.canCancel) workbench.cancel();
            else if (refining.isOn) refining.stop();
        },
    },
    {
        action: "undo",
        keys: ["ctrl+z"],
        title: "Undo",
        place: "history",
        icon: "undo-2",
        group: "Masks",
        isForAnnotators: true,
        when: ({workbench, lasso}) => lasso.isDrawing || workbench.draft.canUndo,
        do: ({workbench, lasso}) => (lasso.isDrawing ? lasso.removeCorner() : workbench.undo()),
    },
    {
        action: "redo",
        keys: ["ctrl+shift+z"],
        alsoKeys: ["ctrl+y"],
        title: "Redo",
        place: "history",
        icon: "redo-2",
        group: "Masks",
        isForAnnotators: true,
        when: ({workbench}) => workbench.draft.canRedo,
        do: ({workbench}) => workbench.redo(),
    },
    ...OBJECT_COMMANDS,
    {
        action: "delete",
        keys: ["delete"],
        title: "Delete the selected masks, or the chosen corners",
        tip: "Delete the selected masks",
        place: "selected",
        icon: "trash-2",
        name: "Delete the selected masks",
        group: "Masks",
        isForAnnotators: true,
        when: ({workbench, polygon}) => polygon.hasChosen || workbench.canRemove,
        do: ({workbench, polygon}) => (polygon.hasChosen ? polygon.removeCorners() : workbench.remove()),
    },
    {
        action: "select-all",
        keys: ["ctrl+a"],
        title: "Select all masks",
        group: "Masks",
        when: ({workbench}) => workbench.document.annotations.length > 0,
        do: ({workbench}) => workbench.several.selectAll(),
    },
    {
        action: "trash",
        keys: ["shift+delete"],
        title: "Deleted masks of this image",
        place: "objects",
        icon: "trash-2",
        group: "Masks",
        isForAnnotators: true,
        do: ({trash}) => trash.show(),
    },
    {
        action: "category-key",
        keys: ["alt+k"],
        title: "Give the picked category a key of its own",
        group: "Masks",
        isForAnnotators: true,
        when: ({workbench}) => workbench.labelling.category !== null,
        do: ({categoryKeys}) => categoryKeys.listen(),
    },
    {
        action: "find-category",
        keys: ["/"],
        title: "Find a category by its name",
        group: "Masks",
        isForAnnotators: true,
        do: ({view, sidePanel}) => {
            sidePanel.open();
            view.findCategory();
        },
    },
    {
        action: "hide-masks",
        keys: ["h"],
        title: "Hide or show all masks; with several selected, those",
        place: "sight",
        icon: "eye",
        iconOn: "eye-off",
        group: "Masks",
        isOn: ({workbench}) => workbench.visibility.areAllHidden,
        do: ({workbench: {visibility, selection}}) =>
            selection.isSeveral && !visibility.areAllHidden
                ? visibility.toggle(...selection.ids)
                : visibility.toggleAll(),
    },
    {
        action: "previous-image",
        keys: ["p", "a"],
        alsoKeys: ["arrowleft"],
        title: "Previous image",
        place: "images",
        icon: "chevron-left",
        group: "Images",
        when: ({flow}) => flow.canGo("previous"),
        do: ({flow}) => flow.go("previous"),
    },
    {
        action: "next-image",
        keys: ["n", "s"],
        alsoKeys: ["arrowright"],
        title: "Next image",
        place: "images",
        icon: "chevron-right",
        group: "Images",
        when: ({flow}) => flow.canGo("next"),
        do: ({flow}) => flow.go("next"),
    },
    {
        action: "done",
        keys: ["d"],
        title: "Image done, go to the next",
        tip: (bench) =>
            isDone(bench)
                ? "This image is done; go to the next"
                : `Mark this image done${bench.flow.canGo("next") ? " and go to the next" : ""}`,
        place: "finish",
        icon: "check",
        words: (bench) => (isDone(bench) ? "Done" : "Mark done"),
        group: "Images",
        isForAnnotators: true,
        do: ({flow}) => void flow.finishing.finish(),
    },
    {
        action: "reopen",
        keys: ["shift+d"],
        title: "Image not done, or not skipped, after all",
        group: "Images",
        isForAnnotators: true,
        when: (bench) => isDone(bench) || isSkipped(bench),
        do: ({flow}) => flow.finishing.reopen(),
    },
    {
        action: "next-open-image",
        keys: ["alt+n"],
        title: "Next image that is neither done nor skipped",
        group: "Images",
        do: ({flow}) => void flow.finishing.goToOpen(),
    },
    {
        action: "skip",
        keys: ["shift+n"],
        title: "Skip this image, and say why",
        place: "marks",
        icon: "ban",
        group: "Images",
        isForAnnotators: true,
        isOn: isSkipped,
        do: ({marking}) => void marking.skip(),
    },
    {
        action: "flag",
        keys: ["shift+q"],
        title: "Flag this image: ask for a look at it",
        place: "marks",
        icon: "flag",
        group: "Images",
        isForAnnotators: true,
        isOn: ({flow}) => flow.scene.image.isFlagged,
        do: ({marking}) => void marking.flag(),
    },
    ...FLOW_COMMANDS,
    {
        action: "fit",
        keys: ["f"],
        title: "Fit the image",
        place: "sight",
        icon: "maximize",
        group: "View",
        do: ({stage}) => stage.fit(),
    },
    {
        action: "zoom-object",
        keys: ["shift+f"],
        title: "Zoom to the selected object",
        group: "View",
        when: ({workbench}) => workbench.selection.ids.length > 0,
        do: ({stage, workbench}) =>
            stage.fitTo(bboxAround(workbench.selection.annotations.map(({bbox}) => bbox))),
    },
    {
        action: "zoom-100",
        keys: ["z"],
        title: "Zoom to 100 %, around the pointer",
        group: "View",
        do: ({stage}) => stage.zoomTo(1),
    },
    {
        action: "zoom-200",
        keys: ["shift+z"],
        title: "Zoom to 200 %, around the pointer",
        group: "View",
        do: ({stage}) => stage.zoomTo(2),
    },
    {
        action: "sight",
        keys: ["shift+v"],
        title: "Colours of masks, brightness of the picture",
        place: "sight",
        icon: "sliders-horizontal",
        group: "View",
        do: ({sightPanel}) => sightPanel.toggle(),
    },
    {
        action: "peek",
        keys: ["`"],
        title: "See the bare picture while held",
        group: "View",
        do: ({view}) => view.peek(),
    },
    {
        action: "color-by",
        keys: ["k"],
        title: "Colour masks by object or by category",
        group: "View",
        do: ({sight}) => sight.toggleInstances(),
    },
    {
        action: "outline-only",
        keys: ["o"],
        title: "Outlines only, or filled masks",
        group: "View",
        do: ({sight}) => sight.toggleOutline(),
    },
    {
        action: "opacity-less",
        keys: [","],
        title: "Weaker masks",
        group: "View",
        do: ({sight}) => sight.changeOpacity(-1),
    },
    {
        action: "opacity-more",
        keys: ["."],
        title: "Stronger masks",
        group: "View",
        do: ({sight}) => sight.changeOpacity(1),
    },
    {action: "zoom-in", keys: ["+"], alsoKeys: ["="], title: "Zoom in", group: "View", do: zoom(1)},
    {action: "zoom-out", keys: ["-"], title: "Zoom out", group: "View", do: zoom(-1)},
    {action: "pan-left", ...keysOf("arrowleft"), title: "Look further left", group: "View", do: pan(-1, 0)},
    {action: "pan-right", ...keysOf("arrowright"), title: "Look further right", group: "View", do: pan(1, 0)},
    {action: "pan-up", ...keysOf("arrowup"), title: "Look further up", group: "View", do: pan(0, -1)},
    {action: "pan-down", ...keysOf("arrowdown"), title: "Look further down", group: "View", do: pan(0, 1)},
    {
        action: "panel",
        keys: ["i"],
        title: "Hide or show the panel",
        place: "side",
        icon: "panel-right",
        group: "View",
        do: ({sidePanel}) => sidePanel.toggle(),
    },
    {
        action: "tool-prompt",
        keys: ["c"],
        title: "Prompt tool",
        tip: "Prompt: points and boxes",
        place: "tools",
        icon: "crosshair",
        group: "View",
        isForAnnotators: true,
        ...useOf("prompt"),
    },
    {
        action: "tool-brush",
        keys: ["b"],
        title: "Brush",
        tip: "Brush: add to the mask by hand, right button erases",
        place: "tools",
        icon: "brush",
        group: "By hand",
        isForAnnotators: true,
        ...useOf("brush"),
    },
    {
        action: "tool-eraser",
        keys: ["shift+b"],
        title: "Eraser",
        tip: "Eraser: take away from the mask by hand",
        place: "tools",
        icon: "eraser",
        group: "By hand",
        isForAnnotators: true,
        ...useOf("eraser"),
    },
    {
        action: "tool-lasso",
        keys: ["l"],
        title: "Polygon and lasso",
        tip: "Polygon and lasso: click corners or draw freely, right button cuts away",
        place: "tools",
        icon: "lasso",
        group: "By hand",
        isForAnnotators: true,
        ...useOf("lasso"),
    },
    {
        action: "tool-scissors",
        keys: ["shift+e"],
        title: "Scissors along edges",
        tip: "Scissors: from click to click the line follows the edges of the picture, right button cuts away",
        place: "tools",
        icon: "scissors",
        group: "By hand",
        isForAnnotators: true,
        ...useOf("scissors"),
    },
    {
        action: "tool-polygon",
        keys: ["shift+l"],
        title: "Corners of the outline",
        tip: "Corners of the outline: drag them, put some in, take some out",
        place: "tools",
        icon: "vector-polygon",
        group: "By hand",
        isForAnnotators: true,
        ...useOf("polygon"),
    },
    {
        action: "brush-smaller",
        keys: ["["],
        title: "Smaller brush",
        group: "By hand",
        isForAnnotators: true,
        do: ({brushSize}) => brushSize.change(-1),
    },
    {
        action: "brush-larger",
        keys: ["]"],
        title: "Larger brush",
        group: "By hand",
        isForAnnotators: true,
        do: ({brushSize}) => brushSize.change(1),
    },
    {
        action: "fill-holes",
        keys: ["shift+h"],
        title: "Fill the mask's holes",
        place: "mend",
        icon: "paint-bucket",
        group: "By hand",
        isForAnnotators: true,
        ...reshapeBy("fillHoles"),
    },
    {
        action: "drop-crumbs",
        keys: ["shift+c"],
        title: "Drop the mask's crumbs",
        tip: "Drop the mask's crumbs: pieces that are tiny beside the largest",
        place: "mend",
        icon: "sparkles",
        group: "By hand",
        isForAnnotators: true,
        ...reshapeBy("dropCrumbs"),
    },
    {
        action: "keep-piece",
        keys: ["shift+p"],
        title: "Keep only the piece under the pointer",
        group: "By hand",
        isForAnnotators: true,
        ...changeAtPointer(onlyPieceAt),
    },
    {
        action: "drop-piece",
        keys: ["shift+x"],
        title: "Drop the piece under the pointer",
        group: "By hand",
        isForAnnotators: true,
        ...changeAtPointer(withoutPieceAt),
    },
    {
        action: "smooth",
        keys: ["shift+s"],
        title: "Smooth the mask's edge",
        group: "By hand",
        isForAnnotators: true,
        ...reshapeBy("smooth"),
    },
    {
        action: "grow",
        keys: ["shift+g"],
        title: "Grow the mask by a pixel",
        group: "By hand",
        isForAnnotators: true,
        ...reshapeBy("grow"),
    },
    {
        action: "shrink",
        keys: ["shift+k"],
        title: "Shrink the mask by a pixel",
        group: "By hand",
        isForAnnotators: true,
        ...reshapeBy("shrink"),
    },
    {
        action: "tool-select",
        keys: ["v"],
        title: "Select tool",
        tip: "Select a saved mask",
        place: "tools",
        icon: "mouse-pointer-2",
        group: "View",
        ...useOf("select"),
    },
    {
        action: "tool-hand",
        keys: ["m"],
        title: "Hand tool",
        tip: "Move the image, or hold Space",
        place: "tools",
        icon: "hand",
        group: "View",
        ...useOf("hand"),
    },
    {
        action: "palette",
        keys: ["ctrl+k"],
        title: "Find a command by its name",
        group: "View",
        do: ({palette}) => palette.show(),
    },
    {
        action: "keys",
        keys: ["?"],
        title: "Show the keys, and set them",
        tip: "Keys and settings",
        place: "help",
        icon: "keyboard",
        group: "View",
        do: ({keysDialog}) => keysDialog.show(),
    },
];

/** What the mouse does, for the help. */
export const POINTER_HELP = [
    {shown: "Click", does: "Include this in the object"},
    {shown: "Right click, Alt click", does: "Exclude this"},
    {shown: "Drag", does: "Box around the object"},
    {shown: "Drag a point", does: "Move it; a box moves by its edges"},
    {shown: "Click a point", does: "Take it away"},
    {shown: "Alt click, with the corners tool", does: "Take a corner out"},
    {shown: "Ctrl click", does: "Select a saved mask; with Shift, one more"},
    {shown: "Shift click, Ctrl click", does: "In the list and with the select tool: several masks"},
    {shown: "Alt wheel", does: "From the part to the whole under the pointer; size of the brush"},
    {shown: "Wheel", does: "Zoom to the cursor; a trackpad's two fingers move the image"},
    {shown: "Ctrl wheel, Pinch", does: "Zoom to the cursor"},
    {shown: "Shift wheel", does: "Move the image sideways"},
    {shown: "Space drag, middle drag", does: "Move the image"},
    {shown: "1 – 9, 0", does: "Category, of the selected mask or the next one"},
];

/** @param {ToolName} name @returns {Pick<Command, "isOn" | "do">} */
function useOf(name) {
    return {isOn: ({toolbox}) => toolbox.chosen === name, do: ({toolbox}) => toolbox.use(name)};
}

/** @param {Reshape} name @returns {Pick<Command, "when" | "do">} */
function reshapeBy(name) {
    return {
        when: ({workbench}) => workbench.canReshape,
        do: ({workbench: {combining, hand, draft}}) =>
            combining.canCombine && draft.isEmpty ? combining.reshape(name) : hand.reshape(name),
    };
}

/**
 * @param {(columns: Columns, place: ImagePoint) => Columns} change of the mask
 * @returns {Pick<Command, "when" | "do">}
 */
function changeAtPointer(change) {
    return {
        when: ({workbench, pointer}) => workbench.canReshape && pointer.place !== null,
        do: ({workbench, pointer: {place}}) => {
            if (place) workbench.hand.change((columns) => change(columns, place), true);
        },
    };
}

/** @param {number} direction @returns {Command["do"]} */
function zoom(direction) {
    return ({stage}) => stage.zoomByKey(direction);
}

/**
 * @param {number} right
 * @param {number} down
 * @returns {Command["do"]}
 */
function pan(right, down) {
    return ({stage}) => stage.panByKey(right, down);
}

/**
 * With Shift; with Ctrl too, since an image that has the focus takes Shift and an arrow for its crosshair.
 *
 * @param {string} arrow
 * @returns {Pick<Command, "keys" | "alsoKeys">}
 */
function keysOf(arrow) {
    return {keys: [`shift+${arrow}`], alsoKeys: [`ctrl+${arrow}`]};
}

/** @param {Bench} bench */
function isSkipped({flow}) {
    return flow.scene.image.state === "skipped";
}

/** @param {Bench} bench */
function isDone({flow}) {
    return flow.scene.image.state === "done";
}
