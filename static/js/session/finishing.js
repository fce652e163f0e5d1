/** What is said of the image on screen (done, skipped, open again, flagged), and where one goes from there. */

import {FAIR_FROM} from "../core/quality.js";

/** @import {ImageMarks} from "../core/types.d.ts" */
/** @import {FlowEvents, FlowWorld, ImageFlow} from "./image-flow.js" */
/** @import {ImageRow} from "./ports.d.ts" */
/** @import {Workbench} from "./workbench.js" */

const NOT_SKIPPED = /** @type {const} */ ({skipReason: "", skipNote: ""});

/** @template Picture */
export class Finishing {
    #flow;
    #workbench;
    #world;
    #events;

    /**
     * @param {Pick<ImageFlow<Picture>, "scene" | "mayAnnotate" | "canGo" | "go" | "open">} flow
     * @param {Pick<Workbench, "shownMask" | "isOpen" | "accepting">} workbench
     * @param {Pick<FlowWorld<Picture>, "load" | "marks" | "closeShape">} world
     * @param {Pick<FlowEvents<Picture>, "onPoorAccepted" | "onListDone">} events
     */
    constructor(flow, workbench, world, events) {
        this.#flow = flow;
        this.#workbench = workbench;
        this.#world = world;
        this.#events = events;
    }

    /** Done, and on to the next image. A mask that is open is accepted first. */
    async finish() {
        if (!this.#flow.mayAnnotate) return;
        const {image} = this.#flow.scene;
        this.#world.closeShape?.();
        const {shownMask, isOpen} = this.#workbench;
        const isAccepted = await this.#workbench.accepting.acceptOpen();
        if (this.#flow.scene.image.id !== image.id) return; // another image was opened meanwhile
        if (!isAccepted) return; // why it cannot be accepted is said
        const predictedIou = shownMask?.candidate?.predictedIou ?? 1;
        if (isOpen && predictedIou < FAIR_FROM) this.#events.onPoorAccepted?.(image);
        if (image.state !== "done") this.mark(image, {state: "done", ...NOT_SKIPPED});
        await this.#goOn();
    }

    /**
     * The image is dealt with, though it is not done; on to the next.
     *
     * @param {Pick<ImageMarks, "skipReason" | "skipNote">} why
     */
    async skip(why) {
        if (!this.#flow.mayAnnotate) return;
        this.mark(this.#flow.scene.image, {state: "skipped", ...why});
        await this.#goOn();
    }

    /** An image that is done or skipped is in progress again. */
    reopen() {
        const {scene, mayAnnotate} = this.#flow;
        if (mayAnnotate && isFinished(scene.image))
            this.mark(scene.image, {state: "in_progress", ...NOT_SKIPPED});
    }

    /**
     * Says something of an image: here at once, and at the server.
     *
     * @param {ImageRow} image
     * @param {Partial<ImageMarks>} marks what is left out stays
     */
    mark(image, marks) {
        const shown = this.#flow.scene.image;
        this.#world.marks.send(shown.id === image.id ? shown : image, marks);
    }

    /** To the next image that is neither done nor skipped. */
    async goToOpen() {
        const {image} = this.#flow.scene;
        const imageId = await this.#findOpen();
        if (this.#flow.scene.image.id !== image.id) return; // the person went on
        if (imageId === null) this.#events.onListDone(null);
        else void this.#flow.open(imageId, true);
    }

    async #goOn() {
        if (this.#flow.canGo("next")) this.#flow.go("next");
        else this.#events.onListDone(await this.#findOpen());
    }

    /**
     * Asked anew: what the scene says of it is as old as the moment when the scene was fetched ahead.
     *
     * @returns {Promise<number | null>} the list's next image that is open; null: there is none
     */
    async #findOpen() {
        const {image, siblings} = this.#flow.scene;
        await this.#world.marks.settled;
        try {
            return (await this.#world.load(image.id).scene).siblings.nextOpen;
        } catch {
            return siblings.nextOpen;
        }
    }
}

/** Whether an image needs no more work. @param {Pick<ImageMarks, "state">} image */
function isFinished({state}) {
    return state === "done" || state === "skipped";
}
