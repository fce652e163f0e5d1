/** The tools that draw masks by hand, with what they show and change. */

import {spansOfPolygon, spansOfStroke} from "../core/edit/strokes.js";
import {measureUntilPainted} from "../view/timings.js";
import {BrushSize} from "../view/tools/brush-size.js";
import {BrushTool} from "../view/tools/brush-tool.js";
import {find} from "../view/elements.js";
import {LassoTool} from "../view/tools/lasso-tool.js";
import {EdgeFinder} from "./edge-finder.js";
import {PolygonEditing} from "./polygon-editing.js";

/** @import {Workbench} from "../session/workbench.js" */
/** @import {BenchStage} from "../view/bench-stage.js" */

/**
 * @param {BenchStage} benchStage
 * @param {Workbench} workbench
 * @param {() => void} onChange a shape was begun, or is no longer drawn
 */
export function handToolsOf(benchStage, workbench, onChange) {
    const {stage} = benchStage;
    const brushSize = new BrushSize(localStorage, () => benchStage.resizeBrush(brushSize.radius));
    const brushEvents = {
        onHover: benchStage.showBrush.bind(benchStage),
        onDraft: benchStage.showStroke.bind(benchStage),
        /** @type {import("../view/tools/brush-tool.js").BrushEvents["onStroke"]} */
        onStroke: (dabs, isErasing, timeStamp) => {
            workbench.hand.paint(spansOfStroke(dabs, stage.imageSize), isErasing);
            measureUntilPainted(stage, "stroke-to-mask", timeStamp);
        },
    };
    let wasDrawing = false;
    const shapeEvents = {
        /** @type {import("../view/tools/lasso-tool.js").LassoEvents["onDraft"]} */
        onDraft: (corners, isErasing) => {
            benchStage.showShape(corners, isErasing);
            const isDrawing = corners.length > 0;
            if (isDrawing !== wasDrawing) queueMicrotask(onChange);
            wasDrawing = isDrawing;
        },
        /** @type {import("../view/tools/lasso-tool.js").LassoEvents["onShape"]} */
        onShape: (corners, isErasing) =>
            workbench.hand.paint(spansOfPolygon(corners, stage.imageSize), isErasing),
    };
    const polygon = new PolygonEditing(benchStage, workbench, find("[data-polygon]", HTMLElement));
    const tools = {
        brush: new BrushTool(stage, brushSize, false, brushEvents),
        eraser: new BrushTool(stage, brushSize, true, brushEvents),
        lasso: new LassoTool(stage, shapeEvents),
        scissors: new LassoTool(stage, shapeEvents, new EdgeFinder(benchStage)),
        polygon: polygon.tool,
    };
    /** That of lasso and scissors by which a shape is being drawn. */
    const shaping = () => (tools.scissors.isDrawing ? tools.scissors : tools.lasso);
    const shape = {
        get isDrawing() {
            return shaping().isDrawing;
        },
        cancel: () => shaping().cancel(),
        close: () => shaping().close(),
        removeCorner: () => shaping().removeCorner(),
    };
    return {brushSize, polygon, tools, shape};
}
