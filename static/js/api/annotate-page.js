/** What the annotate page brings along: its first image, and where everything else is. */

import {sceneFromWire} from "./images.js";
import {preferencesFromWire} from "./preferences.js";

/** @import {DecoderUrls} from "../decoder/protocol.js" */
/** @import {PreferencesWire} from "./preferences.js" */
/** @import {Settings} from "../session/preferences.js" */
/** @import {SceneWire} from "./images.js" */
/** @import {Scene} from "../session/ports.d.ts" */

/** @typedef {SceneWire & {urls: Record<string, string>, csrf_token: string, user: string, preferences: PreferencesWire}} AnnotatePageWire */

/**
 * @typedef {object} AnnotatePage
 * @property {Scene} scene
 * @property {string} user
 * @property {Settings} preferences
 * @property {string} csrfToken
 * @property {string} signInUrl
 * @property {string} workerUrl
 * @property {DecoderUrls} decoderUrls
 */

/**
 * @param {AnnotatePageWire} wire the page-data of annotator/pages/annotate.py
 * @returns {AnnotatePage}
 */
export function annotatePageFromWire(wire) {
    const {urls, user, csrf_token: csrfToken, preferences} = wire;
    return {
        scene: sceneFromWire(wire),
        user,
        preferences: preferencesFromWire(preferences),
        csrfToken,
        signInUrl: urls.sign_in,
        workerUrl: absolute(urls.worker),
        decoderUrls: {
            kernelHelper: absolute(urls.kernel_helper),
            ortModule: absolute(urls.ort_module),
            ortWasmMjs: absolute(urls.ort_wasm_mjs),
            ortWasm: absolute(urls.ort_wasm),
            ortWebgpuModule: absolute(urls.ort_webgpu_module),
            ortWebgpuMjs: absolute(urls.ort_webgpu_mjs),
            ortWebgpuWasm: absolute(urls.ort_webgpu_wasm),
        },
    };
}

/** The image that a page of ours is about. @param {string} path @returns {number | null} */
export function imageIdOf(path) {
    return Number(path.match(/^\/images\/(\d+)\//)?.[1]) || null;
}

/** @param {string} url */
function absolute(url) {
    return new URL(url, location.href).href;
}
