/**
 * Corners of a mask's outline: drag one, or several that a lasso or Shift has chosen; a press on the line puts one in; Alt or the
 * right button takes one out. A click elsewhere selects another mask.
 */

import {spansOfPolygon} from "../../core/edit/strokes.js";
import {cornerPlaces, withCorner, withCornersMoved, withoutCorners} from "../../core/edit/polygon.js";
import {Tool} from "./tool.js";

/** @import {Place} from "../../core/edit/strokes.js" */
/** @import {Ring} from "../../core/edit/polygon.js" */
/** @import {ImagePoint} from "../../core/types.d.ts" */
/** @import {Stage} from "../stage.js" */
/** @import {Listen} from "./tool.js" */

const CORNER_PX = 9; // CSS pixels from a corner, or from the line
const DRAG_PX = 3;

/** Of each ring: positions in its corners. @typedef {readonly ReadonlySet<number>[]} Chosen */
/** @typedef {{rings: readonly Ring[], chosen: Chosen, lasso: readonly Place[]}} PolygonDraft */

/**
 * @typedef {object} PolygonEvents
 * @property {(draft: PolygonDraft) => void} onDraft what there is to be seen
 * @property {(rings: readonly Ring[], flips: readonly Place[][]) => void} onShape in these areas the mask becomes its opposite
 * @property {(point: ImagePoint) => void} onSelect
 */

export class PolygonTool extends Tool {
    #events;
    /** @type {readonly Ring[]} */
    #rings = [];
    /** @type {Set<number>[]} */
    #chosen = [];
    /** @type {{pointerId: number, from: Place, by: {x: number, y: number}, isCorner: boolean, lasso: Place[]} | null} */
    #drag = null;

    /**
     * @param {Stage} stage
     * @param {PolygonEvents} events
     */
    constructor(stage, events) {
        super(stage);
        this.#events = events;
    }

    get hasChosen() {
        return this.#chosen.some(({size}) => size > 0);
    }

    /** @param {readonly Ring[]} rings of the mask that is worked on */
    show(rings) {
        this.#rings = rings;
        this.#drag = null;
        this.#chooseNone();
    }

    /** @override @param {Listen} on */
    listen(on) {
        super.listen(on);
        on("pointerdown", (event) => this.#down(event));
        on("pointermove", (event) => this.#move(event));
        on("pointerup", (event) => this.#up(event));
    }

    /** Gives up the drag, and what is chosen. @override */
    cancel() {
        const hadSomething = this.#drag !== null || this.hasChosen;
        this.#drag = null;
        this.#chooseNone();
        return hadSomething;
    }

    /** Takes the chosen corners out. */
    removeCorners() {
        this.#apply((ring, chosen) => withoutCorners(ring, chosen));
    }

    /** @param {PointerEvent} event */
    #down(event) {
        if (this.#drag || (event.button !== 0 && event.button !== 2)) return;
        const {x, y} = this.stage.imagePoint(event);
        const at = this.#cornerAt({x, y});
        if (event.button === 2 || event.altKey) {
            if (!at) return;
            this.#choose(at.ring, at.position);
            return this.removeCorners();
        }
        const corner = at ?? this.#newCornerAt({x, y});
        if (corner && !this.#chosen[corner.ring].has(corner.position))
            this.#choose(corner.ring, corner.position, event.shiftKey);
        this.#drag = {
            ...{pointerId: event.pointerId, from: {x, y}, by: {x: 0, y: 0}},
            ...{isCorner: corner !== null, lasso: [{x, y}]},
        };
        this.stage.root.setPointerCapture(event.pointerId);
        this.#tell();
    }

    /** @param {PointerEvent} event */
    #move(event) {
        if (event.pointerId !== this.#drag?.pointerId) return;
        const {x, y} = this.stage.imagePoint(event);
        this.#drag.by = {x: x - this.#drag.from.x, y: y - this.#drag.from.y};
        if (!this.#drag.isCorner) this.#drag.lasso.push({x, y});
        this.#tell();
    }

    /** @param {PointerEvent} event */
    #up(event) {
        const drag = this.#drag;
        if (event.pointerId !== drag?.pointerId) return;
        const {by, from, isCorner, lasso} = drag;
        this.#drag = null;
        const isClick = Math.hypot(by.x, by.y) * this.stage.view.scale < DRAG_PX && lasso.length < 4;
        if (isCorner && !isClick) this.#apply((ring, chosen) => withCornersMoved(ring, chosen, by));
        else if (isCorner) this.#tell();
        else if (isClick) {
            if (this.hasChosen) this.#chooseNone();
            else this.#events.onSelect({...from, frame: "image"});
        } else this.#chooseWithin(lasso, event.shiftKey);
    }

    /**
     * @param {(ring: Ring, chosen: ReadonlySet<number>) => import("../../core/edit/polygon.js").Change} change of the rings with
     *   chosen corners
     */
    #apply(change) {
        /** @type {Place[][]} */
        const flips = [];
        /** @type {Ring[]} */
        const rings = [];
        /** @type {Set<number>[]} */
        const chosen = [];
        this.#rings.forEach((ring, k) => {
            const changed = this.#chosen[k].size > 0 ? change(ring, this.#chosen[k]) : {ring, flips: []};
            flips.push(...changed.flips);
            if (!changed.ring) return;
            rings.push(changed.ring);
            const areSame = changed.ring.corners.length === ring.corners.length;
            chosen.push(areSame ? this.#chosen[k] : new Set());
        });
        if (flips.length === 0) return;
        this.#rings = rings;
        this.#chosen = chosen;
        this.#tell();
        this.#events.onShape(rings, flips);
    }

    /**
     * @param {number} ring
     * @param {number} position
     * @param {boolean} isMore the others stay chosen
     */
    #choose(ring, position, isMore = false) {
        if (!isMore) this.#chosen = this.#rings.map(() => new Set());
        this.#chosen[ring].add(position);
    }

    #chooseNone() {
        this.#chosen = this.#rings.map(() => new Set());
        this.#tell();
    }

    /**
     * @param {readonly Place[]} lasso
     * @param {boolean} isMore
     */
    #chooseWithin(lasso, isMore) {
        const spans = spansOfPolygon(lasso, this.stage.imageSize);
        this.#chosen = this.#rings.map((ring, k) => {
            const chosen = new Set(isMore ? this.#chosen[k] : []);
            cornerPlaces(ring).forEach(({x, y}, position) => {
                const column = spans.get(Math.floor(x)) ?? [];
                for (let j = 0; j < column.length; j += 2)
                    if (y >= column[j] && y <= column[j + 1]) chosen.add(position);
            });
            return chosen;
        });
        this.#tell();
    }

    /** @param {Place} place @returns {{ring: number, position: number} | null} */
    #cornerAt(place) {
        let [found, nearest] = [/** @type {{ring: number, position: number} | null} */ (null), this.#reach];
        this.#rings.forEach((ring, k) => {
            cornerPlaces(ring).forEach((corner, position) => {
                const distance = Math.hypot(corner.x - place.x, corner.y - place.y);
                if (distance <= nearest) [found, nearest] = [{ring: k, position}, distance];
            });
        });
        return found;
    }

    /**
     * Puts a corner into the line there.
     *
     * @param {Place} place
     * @returns {{ring: number, position: number} | null} null: no line is near
     */
    #newCornerAt(place) {
        let [found, nearest] = [/** @type {{ring: number, index: number} | null} */ (null), this.#reach];
        this.#rings.forEach(({points}, k) => {
            points.forEach((point, index) => {
                const distance = Math.hypot(point.x - place.x, point.y - place.y);
                if (distance <= nearest) [found, nearest] = [{ring: k, index}, distance];
            });
        });
        if (!found) return null;
        const {ring, index} = /** @type {{ring: number, index: number}} */ (found);
        const changed = withCorner(this.#rings[ring], index);
        this.#rings = this.#rings.with(ring, changed);
        this.#chosen = this.#rings.map(() => new Set());
        return {ring, position: changed.corners.indexOf(index)};
    }

    /** How far from a place something is still meant, in image pixels. */
    get #reach() {
        return CORNER_PX / this.stage.view.scale;
    }

    #tell() {
        const drag = this.#drag;
        const isMoving =
            drag?.isCorner && Math.hypot(drag.by.x, drag.by.y) * this.stage.view.scale >= DRAG_PX;
        const rings = isMoving
            ? this.#rings.map((ring, k) =>
                  this.#chosen[k].size > 0
                      ? (withCornersMoved(ring, this.#chosen[k], drag.by).ring ?? ring)
                      : ring,
              )
            : this.#rings;
        this.#events.onDraft({rings, chosen: this.#chosen, lasso: drag && !drag.isCorner ? drag.lasso : []});
    }
}
