/** Fetches what an image's page is made of; the next image's ahead of time. */

import {AnnotationServer} from "./annotations.js";
import {fetchEmbedding} from "./embeddings.js";
import {NetworkError, withPatience} from "./http.js";
import {fetchScene} from "./images.js";

/** @import {Bundle, DecoderImage} from "../core/types.d.ts" */
/** @import {Http} from "./http.js" */
/** @import {EmbeddingProgress, ImageRow, Scene, ServerAnnotation} from "../session/ports.d.ts" */

/** One image on its way to the screen. */
export class LoadingImage {
    #http;
    #abort = new AbortController();
    /** @type {Promise<Scene>} */
    scene;
    /** @type {Promise<ImageBitmap> | null} */
    #picture = null;
    /** @type {DecoderImage | null} */
    #decoderImage = null;
    /** Told about the embedding while somebody looks at this image. @type {(progress: EmbeddingProgress) => void} */
    onProgress = () => {};

    /**
     * @param {Http} http
     * @param {number} imageId
     * @param {Scene | null} scene where the page brought it along
     */
    constructor(http, imageId, scene = null) {
        this.#http = http;
        this.imageId = imageId;
        const {signal} = this.#abort;
        this.scene = scene ? Promise.resolve(scene) : withPatience(() => fetchScene(http, imageId), {signal});
    }

    /** Nobody waits for it any more. */
    giveUp() {
        this.#abort.abort();
        this.#picture?.then(
            (picture) => picture.close(),
            () => {},
        );
    }

    /**
     * @param {ImageRow} image
     * @param {() => void} onWait called each time the server is not reached
     * @returns {Promise<ImageBitmap>}
     */
    async picture(image, onWait = () => {}) {
        this.#picture ??= withPatience(() => this.#fetchPicture(image.fileUrl), {
            signal: this.#abort.signal,
            onWait,
        });
        return this.#picture;
    }

    /**
     * Always asked anew: somebody else may have annotated since the image was fetched ahead.
     *
     * @param {() => void} onWait
     * @returns {Promise<ServerAnnotation[]>}
     */
    async annotations(onWait = () => {}) {
        return withPatience(() => new AnnotationServer(this.#http).list(this.imageId), {
            signal: this.#abort.signal,
            onWait,
        });
    }

    /**
     * @param {ImageRow} image
     * @param {Bundle} bundle
     * @returns {DecoderImage}
     */
    decoderImage(image, bundle) {
        this.#decoderImage ??= {
            key: String(image.id),
            size: image.size,
            fetchEmbedding: () =>
                fetchEmbedding(this.#http, image.id, bundle.digest, {
                    signal: this.#abort.signal,
                    onProgress: (progress) => this.onProgress(progress),
                }),
        };
        return this.#decoderImage;
    }

    /** @param {string} url */
    async #fetchPicture(url) {
        const response = await this.#http.request(url, {signal: this.#abort.signal});
        const blob = await response.blob().catch(() => {
            throw new NetworkError(); // cut off on the way
        });
        try {
            return await createImageBitmap(blob);
        } catch {
            throw new Error("This picture's file is damaged. Ask a manager to upload it again.");
        }
    }
}
