// What runs a decoder in the worker: one graph for any family, or a family's own session.

import type {Bundle, ImageSize, PromptStep} from "../../core/types.d.ts";
import type {DecoderUrls} from "../protocol.js";

/** By name; each (C, h, w). */
export type Tensors = Map<string, {readonly shape: readonly number[]; readonly values: Float32Array}>;

/** An image as a decoder takes it. A session that makes more of it keeps that by this object. */
export interface ImageFeeds {
    readonly imageSize: ImageSize;
    readonly tensors: Tensors;
}

/** The decoder's answer: all its outputs, as many as the bundle's `outputs` says. */
export interface Decode {
    /** (outputs, lowResSide, lowResSide) */
    readonly logits: Float32Array;
    /** (outputs,) */
    readonly iouPredictions: Float32Array;
}

export interface Session {
    readonly executionProvider: "wasm" | "webgpu";
    readonly threads: number;

    /** Makes what no prompt changes, and refuses an image that is not the bundle's: embedding_invalid, decode_failed. */
    prepare(image: ImageFeeds): Promise<void>;

    /**
     * Decodes a prompt once; `maskInput` is the (lowResSide, lowResSide) logits of the step before.
     * Errors: embedding_invalid, decode_failed, not_finite.
     */
    decode(image: ImageFeeds, steps: readonly PromptStep[], maskInput: Float32Array | null): Promise<Decode>;
}

/** One that can be given up, as the GPU's. */
export interface ReleasableSession extends Session {
    release(): Promise<void>;
}

/** What a family's session.js exports as `loadSession`; null: this browser cannot run the bundle's package. */
export type LoadSession = (urls: DecoderUrls, bundle: Bundle) => Promise<Session | null>;
