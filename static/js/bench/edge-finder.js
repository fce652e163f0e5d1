/** Finds lines along the edges of the picture, around the place where a line begins. */

import {LiveWire} from "../core/edit/live-wire.js";

/** @import {Place} from "../core/edit/strokes.js" */
/** @import {BenchStage} from "../view/bench-stage.js" */
/** @import {Edges} from "../view/tools/lasso-tool.js" */

const REACH_PX = 256; // on the screen, from the place where a line begins

/** @implements {Edges} */
export class EdgeFinder {
    #benchStage;
    /** @type {{wire: LiveWire, left: number, top: number, scale: number} | null} */
    #part = null;

    /** @param {BenchStage} benchStage */
    constructor(benchStage) {
        this.#benchStage = benchStage;
    }

    /** @param {Place} place in image pixels */
    begin(place) {
        const {stage} = this.#benchStage;
        // Pixels of the screen, unless those of the image are larger: finer than both there is nothing to see.
        const scale = Math.min(1, stage.view.scale);
        const reach = REACH_PX / stage.view.scale;
        const left = Math.max(0, Math.floor(place.x - reach));
        const top = Math.max(0, Math.floor(place.y - reach));
        const right = Math.min(stage.imageSize.width, Math.ceil(place.x + reach));
        const bottom = Math.min(stage.imageSize.height, Math.ceil(place.y + reach));
        const picture = this.#benchStage.partOfPicture({left, top, right, bottom}, scale);
        this.#part = picture && {
            ...{left, top, scale},
            wire: new LiveWire(picture.data, picture.width, picture.height),
        };
        this.#part?.wire.setStart(this.#inPart(place));
    }

    /** @param {Place} place in image pixels @returns {Place[]} */
    lineTo(place) {
        const part = this.#part;
        if (!part) return []; // the picture is not there yet: straight on
        return part.wire
            .lineTo(this.#inPart(place))
            .map(({x, y}) => ({x: part.left + x / part.scale, y: part.top + y / part.scale}));
    }

    /** @param {Place} place */
    #inPart({x, y}) {
        const {left, top, scale} = this.#part ?? {left: 0, top: 0, scale: 1};
        return {x: (x - left) * scale, y: (y - top) * scale};
    }
}
