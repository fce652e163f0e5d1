/** The small bundle that answers while the image's own embedding, which may take a minute, is still being made. */

/** @import {Bundle, DecoderImage} from "../core/types.d.ts" */
/** @import {Decoder, LoadingImage, Scene} from "./ports.d.ts" */

/** What it answers with. @typedef {{decoder: Decoder, image: DecoderImage}} Prepared */

export class StandIn {
    /** Of the bundle that answers now; "": it is the image's own. */
    name = "";
    #decoderFor;
    /** Kept from image to image. @type {Decoder | null} */
    #decoder = null;
    /** By images. @type {WeakMap<object, Promise<Prepared | null>>} */
    #calls = new WeakMap();

    /** @param {(bundle: Bundle) => Decoder} decoderFor */
    constructor(decoderFor) {
        this.#decoderFor = decoderFor;
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
