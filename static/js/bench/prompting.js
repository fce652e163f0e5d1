/** The prompt tool, and the keyboard's crosshair, on the stage of the annotate page: what its clicks, boxes and marks do. */

import {BACKGROUND, FOREGROUND} from "../core/prompt.js";
import {Crosshair} from "../view/tools/crosshair.js";
import {PromptTool} from "../view/tools/prompt-tool.js";

/** @import {ImagePoint} from "../core/types.d.ts" */
/** @import {Preview} from "../session/preview.js" */
/** @import {Workbench} from "../session/workbench.js" */
/** @import {BenchStage} from "../view/bench-stage.js" */

/**
 * @param {BenchStage} benchStage
 * @param {Workbench} workbench
 * @param {Preview} preview
 * @param {{isReady: () => boolean, onMode: () => void}} page
 */
export function promptToolOf(benchStage, workbench, preview, {isReady, onMode}) {
    const {stage} = benchStage;
    return new PromptTool(stage, {
        onHover: (point) => (point && isReady() ? preview.move(point, stage.view.scale) : preview.leave()),
        onPress: (point, label) => {
            preview.press();
            workbench.prompting.anticipate(point, label);
        },
        onPoint: (point, label, timeStamp) =>
            workbench.prompting.addPoint(
                point,
                label,
                timeStamp,
                label === FOREGROUND ? preview.choiceAt(point) : null,
            ),
        onTurn: (direction) => {
            if (workbench.prompts.shown) workbench.prompting.chooseNested(direction);
            else void preview.turn(direction);
        },
        onMode,
        onDraftBox: (box, pointer) => benchStage.showDraftBox(box, pointer),
        onBox: (box, timeStamp) => workbench.prompting.setBox(box, timeStamp),
        markAt: (place) => benchStage.markAt(place),
        onDraftMark: (mark, place) => benchStage.showDraggedMark(mark, place),
        onMoveMark: (mark, place, timeStamp) => workbench.prompting.moveMark(mark, place, timeStamp),
        onRemoveMark: (mark, timeStamp) => workbench.prompting.removeMark(mark, timeStamp),
        onSelect: selectOnStage(benchStage, workbench),
        onEdit: (point) => workbench.edit(benchStage.maskAt(point)),
    });
}

/**
 * What a click does that selects a saved mask.
 *
 * @param {BenchStage} benchStage
 * @param {Workbench} workbench
 * @returns {(point: ImagePoint, isBesides: boolean) => void} isBesides: the others stay selected
 */
export function selectOnStage(benchStage, workbench) {
    return (point, isBesides) =>
        workbench.several.pick(benchStage.maskAt(point), isBesides ? "also" : "only");
}

/**
 * Points set by keys where the crosshair stands.
 *
 * @param {BenchStage} benchStage
 * @param {Workbench} workbench
 */
export function keyPointsOf(benchStage, workbench) {
    const crosshair = new Crosshair(benchStage.stage, (place) => {
        benchStage.showCrosshair(place);
        if (place) benchStage.stage.viewport.reveal(place);
    });
    return {
        get canAdd() {
            return crosshair.pixel !== null && workbench.canPrompt;
        },
        /** @param {boolean} isForeground */
        add(isForeground) {
            const {pixel} = crosshair;
            if (pixel)
                workbench.prompting.addPoint(
                    pixel,
                    isForeground ? FOREGROUND : BACKGROUND,
                    performance.now(),
                );
        },
    };
}
