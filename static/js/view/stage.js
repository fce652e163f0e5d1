/**
 * The stage: what is drawn on which sheet and when, and what the pointer does whatever the tool: it moves the image.
 *
 * It owns the sheets (canvases that layers draw on), their size and the device pixel ratio; tools listen to the pointer.
 * What changed is redrawn once per animation frame, only the sheets that changed, and at once where somebody waits for it.
 */

import {afterNextFrame} from "./after-next-frame.js";
import {viewToImage} from "../core/frames.js";
import {Fingers} from "./moving/fingers.js";
import {Grip} from "./moving/grip.js";
import {Viewport} from "./moving/viewport.js";
import {Wheel} from "./moving/wheel.js";

/** @import {Bbox, ImagePoint, ImageSize, ViewFrame, ViewPoint} from "../core/types.d.ts" */

/**
 * Draws one thing. The context is in CSS pixels of the stage; `view` says where the image lies.
 *
 * @typedef {object} Layer
 * @property {(context: CanvasRenderingContext2D, view: ViewFrame, imageSize: ImageSize) => void} draw
 */

/** The sheets, from the bottom: the picture, the saved masks, what the person is working on. @typedef {"image" | "masks" | "prompt"} Sheet */

const SHEETS = /** @type {const} */ (["image", "masks", "prompt"]);
const KEY_ZOOM = 1.25;
const KEY_PAN_SHARE = 0.15; // of the stage's side

export class Stage {
    /** @type {HTMLElement} */
    root;
    viewport;
    wheel = new Wheel();
    /** @type {Record<Sheet, {canvas: HTMLCanvasElement, context: CanvasRenderingContext2D, layers: Layer[], isDirty: boolean}>} */
    #sheets;
    #frameRequest = 0;
    #grip;
    /** Where it is on the page: asking for each movement would make the browser lay out the page in between. */
    #box = new DOMRect();
    /** Where the mouse is over the stage. @type {ViewPoint | null} */
    #pointer = null;

    /**
     * @param {HTMLElement} root empty, positioned
     * @param {(view: ViewFrame) => void} onViewChange
     */
    constructor(root, onViewChange) {
        this.root = root;
        this.viewport = new Viewport((view) => {
            const {scale, offsetX, offsetY} = view;
            root.dataset.viewFrame = JSON.stringify({scale, offsetX, offsetY});
            for (const sheet of SHEETS) this.invalidate(sheet);
            onViewChange(view);
        });
        this.#grip = new Grip(root, this.viewport);
        this.#sheets = {
            image: makeSheet(root, "image"),
            masks: makeSheet(root, "masks"),
            prompt: makeSheet(root, "prompt"),
        };
        new ResizeObserver(() => this.#resize()).observe(root);
        this.#watchPixelRatio();
        this.#listen();
        this.#resize();
    }

    get view() {
        return this.viewport.view;
    }

    get imageSize() {
        return this.viewport.imageSize;
    }

    /** Whether a drag moves the image whatever the tool: space is held down. */
    get isPanning() {
        return this.#grip.isSpaceDown;
    }

    /**
     * @param {Sheet} sheet
     * @param {Layer} layer drawn after those that are there
     */
    add(sheet, layer) {
        this.#sheets[sheet].layers.push(layer);
        this.invalidate(sheet);
    }

    /** Another image: shown fitted. @param {ImageSize} imageSize */
    showImageOf(imageSize) {
        this.viewport.showImageOf(imageSize);
    }

    fit() {
        this.viewport.fit();
    }

    /** Shows a part of the image as large as it fits, with room around it. @param {Bbox} bbox */
    fitTo(bbox) {
        this.viewport.fitTo(bbox);
    }

    /** @param {number} direction 1 in, -1 out; around the stage's middle */
    zoomByKey(direction) {
        this.viewport.zoom(this.viewport.middle, KEY_ZOOM ** direction);
    }

    /** To so many CSS pixels for an image pixel, around the mouse where it is over the stage. @param {number} scale */
    zoomTo(scale) {
        this.viewport.zoomTo(scale, this.#pointer ?? this.viewport.middle);
    }

    /**
     * Looks further to one side.
     *
     * @param {number} right -1, 0 or 1
     * @param {number} down
     */
    panByKey(right, down) {
        const {height, width} = this.viewport.size;
        this.viewport.pan(-right * KEY_PAN_SHARE * width, -down * KEY_PAN_SHARE * height);
    }

    /** @param {Sheet} sheet to be drawn anew with the next frame */
    invalidate(sheet) {
        this.#sheets[sheet].isDirty = true;
        if (!this.#frameRequest) this.#frameRequest = requestAnimationFrame(() => this.#draw());
    }

    /**
     * Draws what changed until now at once, so that the frame that shows it has little left to do.
     *
     * @param {() => void} callback called once, after that frame was painted
     */
    afterPaint(callback) {
        this.#draw();
        afterNextFrame(callback);
    }

    /**
     * A canvas for a layer that does not draw on its sheet, over the saved masks and under the prompt's marks. Whoever
     * draws on it gives it its size.
     *
     * @param {string} name
     */
    addCanvas(name) {
        const canvas = makeCanvas(name);
        this.#sheets.prompt.canvas.before(canvas);
        return canvas;
    }

    /**
     * @param {{clientX: number, clientY: number}} event
     * @returns {ViewPoint}
     */
    viewPoint(event) {
        return {x: event.clientX - this.#box.x, y: event.clientY - this.#box.y, frame: "view"};
    }

    /**
     * @param {{clientX: number, clientY: number}} event
     * @returns {ImagePoint} it may lie outside the image
     */
    imagePoint(event) {
        return viewToImage(this.viewPoint(event), this.view);
    }

    /** Starts moving the image with the pointer that was pressed. @param {PointerEvent} press */
    dragImage(press) {
        this.#grip.drag(press);
    }

    #listen() {
        const {root, viewport} = this;
        root.addEventListener(
            "wheel",
            (event) => {
                event.preventDefault();
                if (event.altKey) return; // the tools' own
                const {factor, dx, dy} = this.wheel.read(event);
                if (dx || dy) viewport.pan(dx, dy);
                if (factor !== 1) viewport.zoom(this.viewPoint(event), factor);
            },
            {passive: false},
        );
        root.addEventListener("contextmenu", (event) => event.preventDefault());
        root.addEventListener("mousedown", (event) => {
            // The keys work wherever the focus is, but on a control: leave that, without a ring around the stage.
            event.preventDefault();
            if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
        });
        root.addEventListener("pointermove", (event) => {
            if (event.pointerType === "mouse") this.#pointer = this.viewPoint(event);
        });
        root.addEventListener("pointerleave", () => (this.#pointer = null));
        new Fingers(root, {
            viewPoint: (event) => this.viewPoint(event),
            pan: (dx, dy) => viewport.pan(dx, dy),
            zoom: (point, factor) => viewport.zoom(point, factor),
        });
    }

    #resize() {
        this.#box = this.root.getBoundingClientRect();
        const {width, height} = this.#box;
        if (width === 0 || height === 0) return;
        for (const sheet of SHEETS) {
            const {canvas} = this.#sheets[sheet];
            canvas.width = Math.round(width * devicePixelRatio);
            canvas.height = Math.round(height * devicePixelRatio);
        }
        this.viewport.resize({height, width}, devicePixelRatio);
        this.#draw(); // at once: a canvas that was resized is empty
    }

    #watchPixelRatio() {
        const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
        query.addEventListener(
            "change",
            () => {
                this.#resize();
                this.#watchPixelRatio();
            },
            {once: true},
        );
    }

    #draw() {
        cancelAnimationFrame(this.#frameRequest);
        this.#frameRequest = 0;
        for (const name of SHEETS) {
            const sheet = this.#sheets[name];
            if (!sheet.isDirty) continue;
            sheet.isDirty = false;
            const {context, canvas} = sheet;
            context.setTransform(1, 0, 0, 1, 0, 0);
            context.clearRect(0, 0, canvas.width, canvas.height);
            const ratio = this.view.devicePixelRatio;
            for (const layer of sheet.layers) {
                context.save();
                context.scale(ratio, ratio);
                layer.draw(context, this.view, this.imageSize);
                context.restore();
            }
        }
    }
}

/**
 * @param {HTMLElement} root
 * @param {Sheet} name
 */
function makeSheet(root, name) {
    const canvas = makeCanvas(name);
    root.append(canvas);
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser has no 2D canvas");
    return {canvas, context, layers: [], isDirty: true};
}

/** @param {string} name */
function makeCanvas(name) {
    const canvas = document.createElement("canvas");
    canvas.dataset.sheet = name;
    canvas.setAttribute("aria-hidden", "true");
    return canvas;
}
