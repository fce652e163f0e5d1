/** The whole picture in a corner while only a part of it is on the stage: where that part is, and a drag to another one. */

import {find} from "../elements.js";

/** @import {Stage} from "../stage.js" */

const LONGER_SIDE_PX = 168;

export class Minimap {
    /** Whether the person wants it. */
    isWanted = true;
    #root = find("[data-minimap]", HTMLElement);
    #canvas = find("canvas", HTMLCanvasElement, this.#root);
    #frame = find("[data-minimap-part]", HTMLElement, this.#root);
    #stage;
    #hasPicture = false;

    /** @param {Stage} stage */
    constructor(stage) {
        this.#stage = stage;
        const look = (/** @type {PointerEvent} */ event) => {
            const box = this.#canvas.getBoundingClientRect();
            const {width, height} = stage.imageSize;
            stage.viewport.centreOn({
                x: ((event.clientX - box.x) / box.width) * width,
                y: ((event.clientY - box.y) / box.height) * height,
                frame: "image",
            });
        };
        this.#root.addEventListener("pointerdown", (event) => {
            event.preventDefault();
            this.#root.setPointerCapture(event.pointerId);
            look(event);
        });
        this.#root.addEventListener("pointermove", (event) => {
            if (this.#root.hasPointerCapture(event.pointerId)) look(event);
        });
        // A wheel over it is a wheel over the stage's middle.
        this.#root.addEventListener(
            "wheel",
            (event) => {
                event.preventDefault();
                const {factor, dx, dy} = stage.wheel.read(event);
                if (dx || dy) stage.viewport.pan(dx, dy);
                if (factor !== 1) stage.viewport.zoom(stage.viewport.middle, factor);
            },
            {passive: false},
        );
    }

    /** Another image comes, whose picture is on its way. */
    clear() {
        this.#hasPicture = false;
        this.render();
    }

    /** @param {ImageBitmap} picture */
    show(picture) {
        const {width, height} = this.#stage.imageSize;
        const scale = LONGER_SIDE_PX / Math.max(width, height);
        const canvas = this.#canvas;
        const ratio = this.#stage.view.devicePixelRatio;
        canvas.width = Math.max(1, Math.round(width * scale * ratio));
        canvas.height = Math.max(1, Math.round(height * scale * ratio));
        canvas.style.width = `${Math.max(8, width * scale)}px`; // a strip can still be taken hold of
        canvas.style.height = `${Math.max(8, height * scale)}px`;
        const context = canvas.getContext("2d");
        if (context) context.imageSmoothingQuality = "medium";
        context?.drawImage(picture, 0, 0, canvas.width, canvas.height);
        this.#hasPicture = true;
        this.render();
    }

    /** The part on the stage is another one, or the person's wish is. */
    render() {
        const isHidden = !this.isWanted || !this.#hasPicture || this.#stage.viewport.isAllShown;
        if (this.#root.hidden !== isHidden) this.#root.hidden = isHidden;
        if (isHidden) return;
        const {width, height} = this.#stage.imageSize;
        const [x, y, across, down] = this.#stage.viewport.shownPart;
        const [left, right] = [x, x + across].map((at) => (100 * Math.min(Math.max(at, 0), width)) / width);
        const [top, bottom] = [y, y + down].map((at) => (100 * Math.min(Math.max(at, 0), height)) / height);
        Object.assign(this.#frame.style, {
            ...{left: `${left}%`, top: `${top}%`},
            ...{width: `${right - left}%`, height: `${bottom - top}%`},
        });
    }
}
