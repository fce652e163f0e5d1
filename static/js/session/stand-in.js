/**
 * The small bundle that answers while an image's own embedding, which may take a minute, is still being made, and the change
 * to the image's own bundle when that has come.
 */

/** @import {Bundle, DecoderImage} from "../core/types.d.ts" */
/** @import {Answering, Replaced} from "./answering.js" */
/** @import {Decoder, LoadingImage, Scene} from "./ports.d.ts" */

/** What a bundle answers with. @typedef {{decoder: Decoder, image: DecoderImage}} Prepared */

export class StandIn {
    /** Of the bundle that answers now; "": it is the image's own. */
    name = "";
    #decoderFor;
    #answering;
    /** Kept from image to image. @type {Decoder | null} */
    #decoder = null;
    /** By images. @type {WeakMap<object, Promise<Prepared | null>>} */
    #calls = new WeakMap();
    /** The small bundle is being given the word. @type {Promise<unknown> | null} */
    #beginning = null;

    /**
     * @param {(bundle: Bundle) => Decoder} decoderFor
     * @param {Pick<Answering, "change">} answering
     */
    constructor(decoderFor, answering) {
        this.#decoderFor = decoderFor;
        this.#answering = answering;
    }

    /**
     * The embedding of an image is not there yet: once for each image, the small bundle's is fetched.
     *
     * @template Picture
     * @param {LoadingImage<Picture>} image
     * @param {Scene} scene of it
     * @returns {Promise<Prepared | null>} null: there is nothing to answer with
     */
    call(image, scene) {
        const known = this.#calls.get(image);
        if (known) return known;
        const calling = this.#prepare(image, scene);
        this.#calls.set(image, calling);
        return calling;
    }

    /** The small bundle answers from now on. @param {Prepared} prepared */
    async begin({decoder, image}) {
        this.name = decoder.bundle.name;
        this.#beginning = this.#answering.change(decoder, image);
        await this.#beginning;
    }

    /**
     * The image's own embedding has come: its decoder answers from now on.
     *
     * @param {Decoder} decoder
     * @param {DecoderImage} image
     * @returns {Promise<Replaced | null>} the mask that was on screen; null: none was
     */
    async end(decoder, image) {
        await this.#beginning;
        return this.#answering.change(decoder, image);
    }

    /**
     * @template Picture
     * @param {LoadingImage<Picture>} image
     * @param {Scene} scene
     * @returns {Promise<Prepared | null>}
     */
    async #prepare(image, {image: row, standIn}) {
        if (!standIn) return null;
        if (this.#decoder?.bundle.digest !== standIn.digest) {
            this.#decoder?.end();
            this.#decoder = this.#decoderFor(standIn);
        }
        const prepared = {decoder: this.#decoder, image: image.decoderImage(row, standIn, true)};
        try {
            await prepared.decoder.prepare(prepared.image);
        } catch {
            return null; // the image's own comes all the same
        }
        return prepared;
    }
}
