/** The list's images as thumbnails at the bottom of the workbench: only those in sight are nodes, however many there are. */

import {element, icon} from "../elements.js";

/** @import {ListedImage} from "../../session/ports.d.ts" */
/** @import {ListedImages} from "../../session/listed-images.js" */

const STEP = 88; // CSS pixels from one thumbnail to the next; flow.css has the same
const BEYOND = 4; // thumbnails made on either side of what is in sight

export class Filmstrip {
    #root;
    #rail;
    #listed;
    #world;
    /** By index. @type {Map<number, {node: HTMLElement, of: string}>} */
    #shown = new Map();
    #current = {imageId: 0, index: 0};
    #frame = 0;
    // As the browser said last: asking it in the middle of a change makes it lay out the page once more.
    #left = 0;
    #width = 0;

    /**
     * @param {HTMLElement} root with a rail in it
     * @param {ListedImages} listed
     * @param {object} world
     * @param {(imageId: number) => string} world.urlOf
     * @param {(imageId: number) => boolean} world.hasDraft
     * @param {(imageId: number) => void} world.onOpen
     */
    constructor(root, listed, world) {
        this.#root = root;
        this.#rail = /** @type {HTMLElement} */ (root.firstElementChild);
        this.#listed = listed;
        this.#world = world;
        root.addEventListener(
            "scroll",
            () => {
                this.#left = root.scrollLeft;
                this.drawSoon();
            },
            {passive: true},
        );
        root.addEventListener("wheel", (event) => this.#wheel(event), {passive: false});
        root.addEventListener("click", (event) => this.#click(event));
        root.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays: Enter saves a mask
        new ResizeObserver(() => {
            this.#width = root.clientWidth;
            this.drawSoon();
        }).observe(root);
    }

    /** Another image is on screen. @param {number} imageId @param {number} index */
    show(imageId, index) {
        const isNear = Math.abs(index - this.#current.index) <= 1 && imageId !== this.#current.imageId;
        this.#current = {imageId, index};
        this.#setWidth();
        this.#width ||= this.#root.clientWidth; // it has only just become visible
        const left = index * STEP;
        const isInSight = left >= this.#left + STEP && left + 2 * STEP <= this.#left + this.#width;
        // One further is not worth a movement while there is something beyond it to see.
        if (!(isNear && isInSight)) {
            this.#root.scrollLeft = left - (this.#width - STEP) / 2;
            this.#left = this.#root.scrollLeft;
        }
        this.drawSoon();
    }

    /** In the next frame, however often it is asked for. */
    drawSoon() {
        if (this.#frame) return;
        this.#frame = requestAnimationFrame(() => {
            this.#frame = 0;
            this.#draw();
        });
    }

    #setWidth() {
        this.#rail.style.width = `${Math.max(this.#listed.total, this.#current.index + 1) * STEP}px`;
    }

    #draw() {
        if (this.#width === 0) return; // there is no room for it
        this.#setWidth();
        const first = Math.max(0, Math.floor(this.#left / STEP) - BEYOND);
        const last = Math.min(this.#listed.total - 1, Math.ceil((this.#left + this.#width) / STEP) + BEYOND);
        this.#listed.want(first, last);
        for (const [index, {node}] of this.#shown)
            if (index < first || index > last) {
                node.remove();
                this.#shown.delete(index);
            }
        for (let index = first; index <= last; index++) this.#drawAt(index);
    }

    /** @param {number} index */
    #drawAt(index) {
        const row = this.#listed.at(index);
        const isCurrent = row ? row.id === this.#current.imageId : index === this.#current.index;
        const hasDraft = row !== null && this.#world.hasDraft(row.id);
        const of = JSON.stringify([row, isCurrent, hasDraft]);
        const before = this.#shown.get(index);
        if (before?.of === of) return;
        const node = row ? this.#frameOf(row, isCurrent, hasDraft) : element("span", {class: "film-frame"});
        node.style.left = `${index * STEP}px`;
        if (before) before.node.replaceWith(node);
        else this.#rail.append(node);
        this.#shown.set(index, {node, of});
    }

    /**
     * @param {ListedImage} row
     * @param {boolean} isCurrent
     * @param {boolean} hasDraft
     */
    #frameOf({id, name, position, state, isFlagged, thumbnailUrl}, isCurrent, hasDraft) {
        const marks = [
            {isOn: state === "done", icon: "check", is: "done", words: "done"},
            {isOn: state === "skipped", icon: "ban", is: "skipped", words: "skipped"},
            {isOn: isFlagged, icon: "flag", is: "flagged", words: "flagged"},
            {isOn: hasDraft, icon: "pencil", is: "draft", words: "a mask not accepted"},
        ].filter(({isOn}) => isOn);
        const label = [`${position}: ${name}`, ...marks.map(({words}) => words)].join(", ");
        return element(
            "a",
            {
                ...{class: "film-frame", href: this.#world.urlOf(id), draggable: "false"},
                ...{"data-film-id": String(id), title: label, "aria-label": label},
                "aria-current": isCurrent ? "true" : null,
                tabindex: isCurrent ? "0" : "-1",
            },
            element("img", {src: thumbnailUrl, alt: "", decoding: "async", draggable: "false"}),
            ...marks.map((mark) => element("span", {class: `film-mark ${mark.is}`}, icon(mark.icon))),
        );
    }

    /** A plain wheel goes along the strip. @param {WheelEvent} event */
    #wheel(event) {
        if (event.ctrlKey || event.deltaX !== 0 || event.deltaY === 0) return;
        event.preventDefault();
        this.#root.scrollLeft += event.deltaY;
    }

    /** @param {MouseEvent} event */
    #click(event) {
        const link = event.target instanceof Element ? event.target.closest("a") : null;
        if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return; // the browser opens it elsewhere
        event.preventDefault();
        this.#world.onOpen(Number(link.dataset.filmId));
    }
}
