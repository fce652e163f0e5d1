/** Images and what their pages are made of. */

import {isBoxBetter} from "../core/quality.js";
import {whole} from "./http.js";

/** @import {Bundle, Category, OverlapPolicy, ImageMarks, ImageState, Outputs, Role} from "../core/types.d.ts" */
/** @import {Http} from "./http.js" */
/** @import {ImageRow, Scene} from "../session/ports.d.ts" */

/** As annotator/api/bundles.py writes it. @typedef {{name: string, family: string, title: string, digest: string, input_side: number, fit: "pad" | "stretch", mask_threshold: number, low_res_side: number, outputs: Outputs, quality: {one_click: number, box: number} | null, decoder_url: string, fast_decoder_url: string | null, session_url: string | null, takes_mask: boolean}} BundleWire */

/**
 * @typedef {object} SceneWire one image's page, as annotator/pages/annotate.py:_scene writes it
 * @property {{id: number, name: string, role: Role, url: string, overlap: OverlapPolicy, categories: {id: number, name: string, color: string, supercategory: string}[]}} project
 * @property {{id: number, name: string, width: number, height: number, state: ImageState, skip_reason: ImageMarks["skipReason"], skip_note: string, flagged: boolean, flagged_by: string | null, flagged_at: string | null, flag_note: string, digest: string, file_url: string, thumbnail_url: string, embedding_state: string,
 *   tiles: {url: string, side: number, levels: number} | null}} image
 * @property {{previous: number | null, next: number | null, next_open: number | null, position: number, total: number}} siblings
 * @property {BundleWire | null} bundle
 * @property {BundleWire | null} stand_in
 */

/**
 * @param {SceneWire} wire
 * @returns {Scene}
 */
export function sceneFromWire({project, image, siblings, bundle, stand_in: standIn}) {
    return {
        project: {...project, categories: project.categories.map(categoryFromWire)},
        image: imageFromWire(image),
        siblings: siblingsFromWire(siblings),
        bundle: bundle && bundleFromWire(bundle),
        standIn: standIn && bundleFromWire(standIn),
    };
}

/**
 * The page's address of an image, and where the same page's data is.
 *
 * @param {number} imageId
 * @param {string} list the query that says in which list it stands: "?state=done", or nothing
 */
export function annotateUrl(imageId, list) {
    return `/images/${imageId}/annotate/${list}`;
}

/**
 * @param {Http} http
 * @param {number} imageId
 * @param {string} list
 * @returns {Promise<Scene>}
 */
export async function fetchScene(http, imageId, list) {
    return sceneFromWire(await http.json(`/images/${imageId}/annotate/scene/${list}`));
}

/**
 * @param {Http} http
 * @param {Pick<ImageRow, "fileUrl">} image
 * @param {AbortSignal} [signal]
 * @returns {Promise<Blob>} its file; mostly from the browser's cache
 */
export async function fetchPicture(http, {fileUrl}, signal) {
    const response = await http.request(fileUrl, {signal});
    return whole(response.blob());
}

/**
 * @param {Http} http
 * @param {number} imageId
 * @param {Partial<ImageMarks>} marks
 * @returns {Promise<ImageRow>}
 */
export async function markImage(http, imageId, marks) {
    const body = marksToWire(marks);
    return imageFromWire(await http.json(`/api/images/${imageId}/`, {method: "PATCH", body}));
}

/**
 * @param {Http} http
 * @param {number} imageId
 * @returns {Promise<ImageRow>}
 */
export async function fetchImage(http, imageId) {
    return imageFromWire(await http.json(`/api/images/${imageId}/`));
}

/** @param {Partial<ImageMarks>} marks what is left out stays as it is */
export function marksToWire({state, skipReason, skipNote, isFlagged, flagNote}) {
    return {
        ...(state ? {state} : {}),
        ...(state === "skipped" ? {skip_reason: skipReason, skip_note: skipNote} : {}),
        ...(isFlagged === undefined ? {} : {flagged: isFlagged}),
        ...(isFlagged ? {flag_note: flagNote} : {}),
    };
}

/**
 * @param {SceneWire["siblings"]} wire
 * @returns {Scene["siblings"]}
 */
function siblingsFromWire({next_open: nextOpen, ...others}) {
    return {...others, nextOpen};
}

/**
 * @param {Pick<SceneWire["project"]["categories"][number], "id" | "name" | "color" | "supercategory">} wire
 * @returns {Category}
 */
function categoryFromWire({id, name, color, supercategory}) {
    return {id, name, color, supercategory};
}

/**
 * @param {SceneWire["image"]} wire
 * @returns {ImageRow}
 */
function imageFromWire(wire) {
    const tiles = wire.tiles && {...wire.tiles, query: `?digest=${wire.digest}`};
    return {
        id: wire.id,
        name: wire.name,
        size: {height: wire.height, width: wire.width},
        state: wire.state,
        skipReason: wire.skip_reason,
        skipNote: wire.skip_note,
        isFlagged: wire.flagged,
        flaggedBy: wire.flagged_by,
        flaggedAt: wire.flagged_at,
        flagNote: wire.flag_note,
        fileUrl: wire.file_url,
        pictureUrl: tiles ? `${tiles.url}${tiles.levels - 1}/0/0/${tiles.query}` : wire.file_url,
        tiles,
        thumbnailUrl: wire.thumbnail_url,
        isEmbeddingComing: wire.embedding_state === "queued" || wire.embedding_state === "running",
    };
}

/**
 * @param {BundleWire} wire
 * @returns {Bundle}
 */
function bundleFromWire(wire) {
    return {
        name: wire.name,
        family: wire.family,
        title: wire.title,
        digest: wire.digest,
        inputSide: wire.input_side,
        fit: wire.fit,
        takesMask: wire.takes_mask,
        maskThreshold: wire.mask_threshold,
        lowResSide: wire.low_res_side,
        outputs: wire.outputs,
        isBestByBox: wire.quality !== null && isBoxBetter(wire.quality.one_click, wire.quality.box),
        decoderUrl: new URL(wire.decoder_url, location.href).href,
        fastDecoderUrl: wire.fast_decoder_url && new URL(wire.fast_decoder_url, location.href).href,
        sessionUrl: wire.session_url && new URL(wire.session_url, location.href).href,
    };
}
