/**
 * The same object on the next image: its box becomes the prompt there. The prompt is left as a draft of that image, which is
 * decoded as soon as the image is ready, and which nothing loses meanwhile.
 */

import {EMPTY_PROMPT, withBox} from "../core/prompt.js";

/** @import {Annotation, ImageBox, ImageSize} from "../core/types.d.ts" */
/** @import {KeptDrafts} from "./kept-drafts.js" */
/** @import {Scene} from "./ports.d.ts" */
/** @import {Workbench} from "./workbench.js" */

export class Repeating {
    #workbench;
    #flow;
    #drafts;
    #newId;
    #onSay;
    /** @type {{imageId: number, annotation: Annotation} | null} */
    #coming = null;

    /**
     * @param {Pick<Workbench, "document" | "draft" | "selection" | "isOpen" | "accepting" | "canDraw">} workbench
     * @param {{readonly scene: Scene, open(imageId: number, isNew: boolean): Promise<void>}} flow
     * @param {{drafts: KeptDrafts, newId: () => string, onSay: (text: string) => void}} parts
     *   onSay: why nothing was done
     */
    constructor(workbench, flow, {drafts, newId, onSay}) {
        this.#workbench = workbench;
        this.#flow = flow;
        this.#drafts = drafts;
        this.#newId = newId;
        this.#onSay = onSay;
    }

    /** Whether there is an object, selected or begun, and an image after this one. */
    get canRepeat() {
        const {canDraw, selection, isOpen} = this.#workbench;
        return canDraw && this.#flow.scene.siblings.next !== null && (selection.id !== null || isOpen);
    }

    /** Opens the next image with the selected object's box. A mask that is open is accepted, and is the one that is meant. */
    async repeat() {
        if (!this.canRepeat) return;
        const {image, siblings} = this.#flow.scene;
        const annotation = await this.#meant();
        if (!annotation || siblings.next === null || this.#flow.scene.image.id !== image.id) return;
        this.#coming = {imageId: siblings.next, annotation};
        await this.#flow.open(siblings.next, true);
    }

    /** Another image comes to the screen: if it is the one that was meant, it has the prompt as its draft. */
    arrive() {
        const {image} = this.#flow.scene;
        const coming = this.#coming;
        this.#coming = null;
        if (coming?.imageId !== image.id) return;
        const {bbox, categoryId} = coming.annotation;
        const box = boxWithin(bbox, image.size);
        if (this.#drafts.of(image.id))
            this.#onSay("This image has a mask that was not accepted yet: it was not replaced.");
        else if (!box) this.#onSay("The object's box lies outside this image.");
        else
            this.#drafts.keep(image.id, {
                ...{id: this.#newId(), prompt: withBox(EMPTY_PROMPT, box), handMade: null, editedId: null},
                ...{categoryId, cost: {timeSpentS: 0, clicks: 1}},
            });
    }

    /** @returns {Promise<Annotation | null>} null: it could not be accepted, which is said */
    async #meant() {
        const {document, draft, selection, isOpen} = this.#workbench;
        if (!isOpen || (selection.id !== null && !draft.edited)) return selection.annotation;
        const editedId = draft.edited?.id ?? null;
        const before = new Set(document.annotations.map(({id}) => id));
        if (!(await this.#workbench.accepting.acceptOpen())) return null;
        return document.get(editedId) ?? document.annotations.find(({id}) => !before.has(id)) ?? null;
    }
}

/**
 * @param {Annotation["bbox"]} bbox
 * @param {ImageSize} size of the image
 * @returns {ImageBox | null} null: nothing of it lies in the image
 */
function boxWithin([left, top, width, height], size) {
    const [x1, y1] = [Math.min(left + width, size.width), Math.min(top + height, size.height)];
    return x1 > left && y1 > top ? {x0: left, y0: top, x1, y1, frame: "image"} : null;
}
