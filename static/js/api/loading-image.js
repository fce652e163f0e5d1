/** Fetches what an image's page is made of; the next image's ahead of time. */

import {AnnotationServer} from "./annotations.js";
import {fetchEmbedding} from "./embeddings.js";
import {troubleOf, withPatience} from "./http.js";
import {fetchPicture, fetchScene} from "./images.js";
import {RegionImages} from "./region-images.js";

/** @import {Bundle, DecoderImage, Region} from "../core/types.d.ts" */
/** @import {Http} from "./http.js" */
/** @import {EmbeddingProgress, ImageRow, Scene, ServerAnnotation, WaitReason} from "../session/ports.d.ts" */

/** @typedef {"scene" | "picture" | "annotations"} Part */

/** One image on its way to the screen. */
export class LoadingImage {
    #http;
    #abort = new AbortController();
    /** @type {Promise<Scene>} */
    scene;
    /** @type {Promise<ImageBitmap> | null} */
    #picture = null;
    /** By digests of bundles. @type {Map<string, DecoderImage>} */
    #decoderImages = new Map();
    /** Told about the embedding while somebody looks at this image. @type {(progress: EmbeddingProgress) => void} */
    onProgress = () => {};
    /** What was told last. @type {EmbeddingProgress | null} */
    progress = null;
    /** Told each time that a part has to wait. @type {(reason: WaitReason, part: Part) => void} */
    onWait = () => {};

    /**
     * @param {Http} http
     * @param {number} imageId
     * @param {string} list the query that says in which list it stands
     * @param {Scene | null} scene where the page brought it along
     */
    constructor(http, imageId, list, scene = null) {
        this.#http = http;
        this.imageId = imageId;
        this.scene = scene
            ? Promise.resolve(scene)
            : this.#patiently("scene", () => fetchScene(http, imageId, list));
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
     * @returns {Promise<ImageBitmap>}
     */
    async picture(image) {
        this.#picture ??= this.#patiently("picture", () => this.#fetchPicture(image));
        return this.#picture;
    }

    /**
     * Always asked anew: somebody else may have annotated since the image was fetched ahead.
     *
     * @returns {Promise<ServerAnnotation[]>}
     */
    async annotations() {
        return this.#patiently("annotations", () => new AnnotationServer(this.#http).list(this.imageId));
    }

    /**
     * @param {ImageRow} image
     * @param {Bundle} bundle
     * @param {boolean} isStandIn nobody is told how far its embedding is
     * @returns {DecoderImage}
     */
    decoderImage(image, bundle, isStandIn = false) {
        const known = this.#decoderImages.get(bundle.digest);
        if (known) return known;
        const regions = new RegionImages(this.#http, image, bundle.digest, this.#abort.signal);
        const decoderImage = {
            key: String(image.id),
            size: image.size,
            fetchEmbedding: (isAnew = false) =>
                fetchEmbedding(this.#http, image.id, bundle.digest, {
                    signal: this.#abort.signal,
                    isAnew,
                    onProgress: (progress) => {
                        if (isStandIn) return;
                        this.progress = progress;
                        this.onProgress(progress);
                    },
                }),
            partOf: (/** @type {Region} */ region) => regions.partOf(region),
            foresee: (/** @type {Region} */ region) => regions.foresee(region),
        };
        this.#decoderImages.set(bundle.digest, decoderImage);
        return decoderImage;
    }

    /**
     * @template T
     * @param {Part} part
     * @param {() => Promise<T>} work
     * @returns {Promise<T>}
     */
    async #patiently(part, work) {
        return withPatience(work, {
            signal: this.#abort.signal,
            isWorthWaiting: (error) => troubleOf(error) !== "",
            onWait: (error) => this.onWait(troubleOf(error) || "offline", part),
        });
    }

    /** @param {ImageRow} image */
    async #fetchPicture(image) {
        const blob = await fetchPicture(this.#http, {fileUrl: image.pictureUrl}, this.#abort.signal);
        try {
            return await createImageBitmap(blob);
        } catch {
            throw new Error("This picture's file is damaged. Ask a manager to upload it again.");
        }
    }
}
