/** Brings the polygon tool together with the mask that is worked on, and with the panel that says how well it fits. */

import {columnsOf, emptyColumns} from "../core/edit/columns.js";
import {withoutPiecesUnder} from "../core/edit/pieces.js";
import {cornerPlaces, flipped, iouOf, ringsOf, withTolerance} from "../core/edit/polygon.js";
import {outlineOfRle} from "../core/outlines.js";
import {PolygonPanel} from "../view/panels/polygon-panel.js";
import {PolygonTool} from "../view/tools/polygon-tool.js";

/** @import {Ring} from "../core/edit/polygon.js" */
/** @import {Place} from "../core/edit/strokes.js" */
/** @import {HandWork} from "../session/hand-work.js" */
/** @import {Workbench} from "../session/workbench.js" */
/** @import {BenchStage} from "../view/bench-stage.js" */

export class PolygonEditing {
    tool;
    #benchStage;
    #workbench;
    #panel;
    /** The mask whose polygons are shown. @type {HandWork["target"]} */
    #target = null;
    /** @type {readonly Ring[]} */
    #rings = [];
    /** Whether the mask is about to change by what was done to its polygons: they fit it already. */
    #isOwnChange = false;

    /**
     * @param {BenchStage} benchStage
     * @param {Workbench} workbench
     * @param {HTMLElement} root of the panel
     */
    constructor(benchStage, workbench, root) {
        this.#benchStage = benchStage;
        this.#workbench = workbench;
        this.tool = new PolygonTool(benchStage.stage, {
            onDraft: (draft) => benchStage.showPolygons(draft),
            onShape: (rings, flips) => this.#reshape(rings, flips),
            onSelect: (point) => workbench.select(benchStage.maskAt(point)),
        });
        this.#panel = new PolygonPanel(root, {
            onTolerance: () => this.#simplify(),
            onUse: () => this.#straighten(),
            onDropPieces: (area) =>
                workbench.hand.change((columns) => withoutPiecesUnder(columns, area), true),
        });
    }

    /** The page has changed: shows the polygons of another mask, if it is one. */
    render() {
        const target = this.tool.isEnabled ? this.#workbench.hand.target : null;
        if (target === this.#target) return;
        this.#target = target;
        if (target && this.#isOwnChange) void this.#tell();
        else void this.#trace();
    }

    async #trace() {
        const {segmentation, bbox} = (await this.#mask()) ?? {};
        if (segmentation && bbox)
            this.#show(ringsOf(outlineOfRle(segmentation, bbox), this.#panel.tolerance));
        else if (!this.#target) this.#show([]);
    }

    #simplify() {
        this.#show(this.#rings.map((ring) => withTolerance(ring, this.#panel.tolerance)));
    }

    /** The mask becomes what the lines between the corners enclose. */
    #straighten() {
        const polygons = this.#rings.map(cornerPlaces);
        const size = this.#benchStage.stage.imageSize;
        this.#workbench.hand.change(() => flipped(emptyColumns(size), polygons, size), true);
    }

    /**
     * @param {readonly Ring[]} rings
     * @param {readonly Place[][]} flips
     */
    #reshape(rings, flips) {
        const size = this.#benchStage.stage.imageSize;
        this.#workbench.hand.change((columns) => {
            this.#rings = rings;
            this.#isOwnChange = true;
            queueMicrotask(() => (this.#isOwnChange = false)); // the change is made by then
            return flipped(columns, flips, size);
        }, true);
    }

    /** @param {readonly Ring[]} rings */
    #show(rings) {
        this.#rings = rings;
        this.tool.show(rings);
        void this.#tell();
    }

    async #tell() {
        const mask = await this.#mask();
        if (!mask) return this.#panel.hide();
        const rings = this.#rings;
        const size = this.#benchStage.stage.imageSize;
        const polygons = flipped(emptyColumns(size), rings.map(cornerPlaces), size);
        this.#panel.show({
            points: rings.reduce((sum, {points}) => sum + points.length, 0),
            corners: rings.reduce((sum, {corners}) => sum + corners.length, 0),
            iou: iouOf(columnsOf(mask.segmentation), polygons),
        });
    }

    /** The mask at image size; null: there is none, or it is another one by now. */
    async #mask() {
        const target = this.#target;
        const mask = target && (await this.#workbench.hand.finished());
        return target === this.#target ? mask : null;
    }
}
