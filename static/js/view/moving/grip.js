/** A drag that moves the image: with the middle button or the space bar held, whatever the tool; or where a tool asks for it. */

/** @import {Viewport} from "./viewport.js" */

export class Grip {
    #root;
    #viewport;
    #isSpaceDown = false;

    /**
     * @param {HTMLElement} root the stage; listens before the tools do
     * @param {Viewport} viewport
     */
    constructor(root, viewport) {
        this.#root = root;
        this.#viewport = viewport;
        root.addEventListener(
            "pointerdown",
            (event) => {
                if (event.button === 1 || (event.button === 0 && this.#isSpaceDown)) {
                    event.preventDefault();
                    event.stopImmediatePropagation();
                    this.drag(event);
                }
            },
            {capture: true},
        );
        addEventListener("keydown", (event) => {
            if (event.code !== "Space" || isTyping(event.target)) return;
            event.preventDefault();
            this.#isSpaceDown = true;
            root.dataset.panning = "";
        });
        addEventListener("keyup", (event) => event.code === "Space" && this.#release());
        addEventListener("blur", () => this.#release());
    }

    /** Whether the space bar is held. */
    get isSpaceDown() {
        return this.#isSpaceDown;
    }

    /** Starts moving the image with the pointer that was pressed. @param {PointerEvent} press */
    drag({pointerId, clientX, clientY}) {
        const root = this.#root;
        const drag = new AbortController();
        const {signal} = drag;
        let [lastX, lastY] = [clientX, clientY];
        root.setPointerCapture(pointerId);
        root.dataset.dragging = "";
        const stop = () => {
            drag.abort();
            delete root.dataset.dragging;
        };
        root.addEventListener(
            "pointermove",
            (event) => {
                if (event.pointerId !== pointerId) return;
                this.#viewport.pan(event.clientX - lastX, event.clientY - lastY);
                [lastX, lastY] = [event.clientX, event.clientY];
            },
            {signal},
        );
        root.addEventListener("pointerup", stop, {signal});
        root.addEventListener("pointercancel", stop, {signal});
    }

    #release() {
        this.#isSpaceDown = false;
        delete this.#root.dataset.panning;
    }
}

/** @param {EventTarget | null} target whether keys there write text or press a control */
export function isTyping(target) {
    return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}
