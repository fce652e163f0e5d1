/**
 * The stage: where the image lies on the screen, when it is redrawn, and how it is moved.
 *
 * It owns the sheets (canvases that layers draw on), their size and the device pixel ratio; tools listen to the pointer.
 * What changed is redrawn once per animation frame, only the sheets that changed, and at once where somebody waits for it.
 */

import {fitView, panBy, viewToImage, zoomAt} from "../core/frames.js";

/** @import {Bbox, ImagePoint, ImageSize, ViewFrame, ViewPoint} from "../core/types.d.ts" */

/**
 * Draws one thing. The context is in CSS pixels of the stage; `view` says where the image lies.
 *
 * @typedef {object} Layer
 * @property {(context: CanvasRenderingContext2D, view: ViewFrame, imageSize: ImageSize) => void} draw
 */

/** The sheets, from the bottom: the picture, the saved masks, what the person is working on. @typedef {"image" | "masks" | "prompt"} Sheet */

const SHEETS = /** @type {const} */ (["image", "masks", "prompt"]);
const FIT_MARGIN_PX = 24;
const FIT_TO_ROOM = 0.4; // of the part's longer side, on each side
const WHEEL_ZOOM_PER_PX = 0.0015;
const WHEEL_LINE_PX = 16; // of a wheel that reports lines
const WHEEL_PAGE_PX = 400;
const KEY_ZOOM = 1.25;

export class Stage {
    /** @type {HTMLElement} */
    root;
    #onViewChange;
    /** @type {Record<Sheet, {canvas: HTMLCanvasElement, context: CanvasRenderingContext2D, layers: Layer[], isDirty: boolean}>} */
    #sheets;
    /** @type {ImageSize} */
    #imageSize = {height: 1, width: 1};
    /** @type {ImageSize} */
    #size = {height: 1, width: 1};
    /** @type {ViewFrame} */
    #view = {scale: 1, offsetX: 0, offsetY: 0, devicePixelRatio: 1};
    #isFitted = true;
    #frameRequest = 0;
    #isSpaceDown = false;
    /** @type {Map<number, ViewPoint>} fingers on the stage */
    #touches = new Map();

    /**
     * @param {HTMLElement} root empty, positioned
     * @param {(view: ViewFrame) => void} onViewChange
     */
    constructor(root, onViewChange) {
        this.root = root;
        this.#onViewChange = onViewChange;
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
        return this.#view;
    }

    get imageSize() {
        return this.#imageSize;
    }

    /** Whether a drag moves the image whatever the tool: space is held down. */
    get isPanning() {
        return this.#isSpaceDown;
    }

    /**
     * @param {Sheet} sheet
     * @param {Layer} layer drawn after those that are there
     */
    add(sheet, layer) {
        this.#sheets[sheet].layers.push(layer);
        this.invalidate(sheet);
    }

    /**
     * Another image: shown fitted.
     *
     * @param {ImageSize} imageSize
     */
    showImageOf(imageSize) {
        this.#imageSize = imageSize;
        this.fit();
    }

    fit() {
        this.#isFitted = true;
        this.#setView(fitView(this.#imageSize, this.#size, devicePixelRatio, FIT_MARGIN_PX));
    }

    /** Shows a part of the image as large as it fits, with room around it. @param {Bbox} bbox */
    fitTo([x, y, width, height]) {
        const margin = FIT_TO_ROOM * Math.max(width, height);
        const size = {height: height + 2 * margin, width: width + 2 * margin};
        const part = fitView(size, this.#size, devicePixelRatio, 0);
        this.#isFitted = false;
        this.#setView({
            ...part,
            offsetX: part.offsetX - (x - margin) * part.scale,
            offsetY: part.offsetY - (y - margin) * part.scale,
        });
    }

    /**
     * @param {number} direction 1 in, -1 out; around the stage's middle
     */
    zoomByKey(direction) {
        const middle = /** @type {const} */ ({
            x: this.#size.width / 2,
            y: this.#size.height / 2,
            frame: "view",
        });
        this.#zoom(middle, KEY_ZOOM ** direction);
    }

    /**
     * @param {number} dx CSS pixels
     * @param {number} dy CSS pixels
     */
    pan(dx, dy) {
        this.#isFitted = false;
        this.#setView(panBy(this.#view, dx, dy, this.#imageSize, this.#size));
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
        requestAnimationFrame(() => {
            // A message posted while a frame is made is delivered after that frame was painted.
            const {port1, port2} = new MessageChannel();
            port1.onmessage = callback;
            port2.postMessage(null);
        });
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
        const box = this.root.getBoundingClientRect();
        return {x: event.clientX - box.x, y: event.clientY - box.y, frame: "view"};
    }

    /**
     * @param {{clientX: number, clientY: number}} event
     * @returns {ImagePoint} it may lie outside the image
     */
    imagePoint(event) {
        return viewToImage(this.viewPoint(event), this.#view);
    }

    /** Starts moving the image with the pointer that was pressed. @param {PointerEvent} press */
    dragImage(press) {
        const drag = new AbortController();
        const {signal} = drag;
        let last = this.viewPoint(press);
        this.root.setPointerCapture(press.pointerId);
        this.root.dataset.dragging = "";
        const stop = () => {
            drag.abort();
            delete this.root.dataset.dragging;
        };
        this.root.addEventListener(
            "pointermove",
            (event) => {
                if (event.pointerId !== press.pointerId || this.#touches.size > 1) return;
                const now = this.viewPoint(event);
                this.pan(now.x - last.x, now.y - last.y);
                last = now;
            },
            {signal},
        );
        this.root.addEventListener("pointerup", stop, {signal});
        this.root.addEventListener("pointercancel", stop, {signal});
    }

    #listen() {
        this.root.addEventListener(
            "wheel",
            (event) => {
                event.preventDefault();
                if (event.altKey) return; // the tools' own
                const unit =
                    event.deltaMode === 1 ? WHEEL_LINE_PX : event.deltaMode === 2 ? WHEEL_PAGE_PX : 1;
                // A pinch on a trackpad comes as a wheel with ctrl, in smaller steps.
                const speed = WHEEL_ZOOM_PER_PX * (event.ctrlKey ? 6 : 1);
                this.#zoom(this.viewPoint(event), Math.exp(-event.deltaY * unit * speed));
            },
            {passive: false},
        );
        this.root.addEventListener("contextmenu", (event) => event.preventDefault());
        this.root.addEventListener("mousedown", (event) => {
            // The keys work wherever the focus is, but on a control: leave that, without a ring around the stage.
            event.preventDefault();
            if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
        });
        // Before the tools: a drag with the middle button or the space bar moves the image.
        this.root.addEventListener(
            "pointerdown",
            (event) => {
                if (event.button === 1 || (event.button === 0 && this.#isSpaceDown)) {
                    event.preventDefault();
                    event.stopImmediatePropagation();
                    this.dragImage(event);
                }
            },
            {capture: true},
        );
        this.#listenToFingers();
        addEventListener("keydown", (event) => {
            if (event.code !== "Space" || isTyping(event.target)) return;
            event.preventDefault();
            this.#isSpaceDown = true;
            this.root.dataset.panning = "";
        });
        const release = () => {
            this.#isSpaceDown = false;
            delete this.root.dataset.panning;
        };
        addEventListener("keyup", (event) => event.code === "Space" && release());
        addEventListener("blur", release);
    }

    /** Two fingers zoom and move; what one finger does is the tool's. */
    #listenToFingers() {
        const {root} = this;
        root.addEventListener(
            "pointerdown",
            (event) => {
                if (event.pointerType !== "touch") return;
                this.#touches.set(event.pointerId, this.viewPoint(event));
                if (this.#touches.size > 1) event.stopImmediatePropagation();
            },
            {capture: true},
        );
        root.addEventListener(
            "pointermove",
            (event) => {
                const before = this.#touches.get(event.pointerId);
                if (!before) return;
                const now = this.viewPoint(event);
                if (this.#touches.size === 2) {
                    const [other] = [...this.#touches]
                        .filter(([id]) => id !== event.pointerId)
                        .map(([, point]) => point);
                    const factor = distance(now, other) / Math.max(1, distance(before, other));
                    this.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
                    this.#zoom({x: (now.x + other.x) / 2, y: (now.y + other.y) / 2, frame: "view"}, factor);
                }
                this.#touches.set(event.pointerId, now);
            },
            {capture: true},
        );
        for (const type of /** @type {const} */ (["pointerup", "pointercancel"])) {
            root.addEventListener(
                type,
                (event) => {
                    if (this.#touches.size > 1) event.stopImmediatePropagation();
                    this.#touches.delete(event.pointerId);
                },
                {capture: true},
            );
        }
    }

    /**
     * @param {ViewPoint} point
     * @param {number} factor
     */
    #zoom(point, factor) {
        this.#isFitted = false;
        const fitted = fitView(this.#imageSize, this.#size, devicePixelRatio, FIT_MARGIN_PX);
        const zoomed = zoomAt(this.#view, point, factor, fitted.scale);
        this.#setView(panBy(zoomed, 0, 0, this.#imageSize, this.#size));
    }

    /** @param {ViewFrame} view */
    #setView(view) {
        this.#view = view;
        const {scale, offsetX, offsetY} = view;
        this.root.dataset.viewFrame = JSON.stringify({scale, offsetX, offsetY});
        for (const sheet of SHEETS) this.invalidate(sheet);
        this.#onViewChange(view);
    }

    #resize() {
        const {width, height} = this.root.getBoundingClientRect();
        if (width === 0 || height === 0) return;
        const before = this.#size;
        this.#size = {height, width};
        for (const sheet of SHEETS) {
            const {canvas} = this.#sheets[sheet];
            canvas.width = Math.round(width * devicePixelRatio);
            canvas.height = Math.round(height * devicePixelRatio);
        }
        if (this.#isFitted) this.fit();
        else {
            const view = {...this.#view, devicePixelRatio};
            // What was in the middle stays there.
            const moved = panBy(
                view,
                (width - before.width) / 2,
                (height - before.height) / 2,
                this.#imageSize,
                this.#size,
            );
            this.#setView(moved);
        }
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
            const ratio = this.#view.devicePixelRatio;
            for (const layer of sheet.layers) {
                context.save();
                context.scale(ratio, ratio);
                layer.draw(context, this.#view, this.#imageSize);
                context.restore();
            }
        }
    }
}

/** @param {EventTarget | null} target whether keys there write text or press a control */
export function isTyping(target) {
    return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
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

/**
 * @param {ViewPoint} a
 * @param {ViewPoint} b
 */
function distance(a, b) {
    return Math.hypot(a.x - b.x, a.y - b.y);
}
