// What session/ asks of the world outside: pages hand it in, tests hand in their own. Nothing here knows DOM or URLs.
import type {EmbeddingProgress, ImageRow, SaveProblem, Scene, ServerAnnotation} from "../api/types.d.ts";
import type {Annotation, Bbox, Bundle, Candidate, ImageSize, PromptStep, Rle} from "../core/types.d.ts";

/** The browser's localStorage, or a Map in a test. */
export type KeyStore = {
    readonly length: number;
    key(index: number): string | null;
    getItem(key: string): string | null;
    /** Throws where it is full or switched off. */
    setItem(key: string, value: string): void;
    removeItem(key: string): void;
};

/** Milliseconds since some moment; never backwards. */
export type Clock = () => number;

export type Timers = {
    /** Calls once after that many milliseconds. */
    start(callback: () => void, delayMs: number): number;
    stop(timer: number): void;
};

// --- the server ---

/** Every method rejects with an error that `problemOf` explains. */
export type AnnotationStore = {
    /** Harmless when repeated. */
    create(annotation: Annotation): Promise<ServerAnnotation>;
    update(annotation: Annotation, version: number): Promise<ServerAnnotation>;
    /** `version` null deletes any; deleting what is gone is harmless. */
    remove(id: string, version: number | null): Promise<void>;
    restore(id: string): Promise<ServerAnnotation>;
    /** Names what of an annotation is saved: equal texts need no request. */
    contentOf(annotation: Annotation): string;
    problemOf(error: unknown): SaveProblem;
};

// --- the decoder ---

/** An image the decoder can be asked about. */
export type DecoderImage = {
    readonly key: string;
    readonly size: ImageSize;
    readonly fetchEmbedding: () => Promise<ArrayBuffer>;
};

export type DecoderAnswer = {
    /** Best first. */
    readonly candidates: readonly Candidate[];
    /** The choice after every step: the prompt's own, else the best one. */
    readonly maskIndices: readonly number[];
    /** How often the network ran for it; 0: all was decoded before. */
    readonly runs: number;
    readonly durationMs: number;
};

/** A mask at image size, ready to be saved. Made by hand it has neither estimate nor score. */
export type FinishedMask = {
    readonly segmentation: Rle;
    readonly area: number;
    readonly bbox: Bbox;
    readonly predictedIou: number | null;
    readonly stabilityScore: number | null;
};

export type Decoder = {
    readonly bundle: Bundle;
    /** Gives it an image ahead of the first decode. */
    prepare(image: DecoderImage): Promise<void>;
    /** null: a newer decode took this one's place. */
    decode(image: DecoderImage, steps: readonly PromptStep[]): Promise<DecoderAnswer | null>;
    /** Of steps whose choices are all made. */
    finishMask(image: DecoderImage, steps: readonly PromptStep[]): Promise<FinishedMask>;
};

// --- images ---

/** One image on its way to the screen. */
export type LoadingImage<Picture> = {
    readonly imageId: number;
    readonly scene: Promise<Scene>;
    /** Told about the embedding while somebody looks at this image. */
    onProgress: (progress: EmbeddingProgress) => void;
    /** `onWait` is called each time the server is not reached. */
    picture(image: ImageRow, onWait?: () => void): Promise<Picture>;
    /** Always asked anew: somebody else may have annotated since the image was fetched ahead. */
    annotations(onWait?: () => void): Promise<ServerAnnotation[]>;
    decoderImage(image: ImageRow, bundle: Bundle): DecoderImage;
    /** Nobody waits for it any more; its picture must not be drawn again. */
    giveUp(): void;
};
