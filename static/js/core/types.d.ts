// The shapes that more than one module speaks of. Sizes are {height, width}; a point says its frame.

export type ImageSize = {readonly height: number; readonly width: number};

/** Upright stored pixels: (0, 0) is the first pixel. */
export type ImagePoint = {readonly x: number; readonly y: number; readonly frame: "image"};
/** Pixels of the square that the image encoder sees. */
export type ModelPoint = {readonly x: number; readonly y: number; readonly frame: "model"};
/** CSS pixels from the stage's top-left corner. */
export type ViewPoint = {readonly x: number; readonly y: number; readonly frame: "view"};

/** view = offset + image * scale, canvas = view * devicePixelRatio. */
export type ViewFrame = {
    readonly scale: number;
    readonly offsetX: number;
    readonly offsetY: number;
    readonly devicePixelRatio: number;
};

/** box_xyxy in image pixels, x0 <= x1 and y0 <= y1. */
export type ImageBox = {
    readonly x0: number;
    readonly y0: number;
    readonly x1: number;
    readonly y1: number;
    readonly frame: "image";
};

/** 1 foreground, 0 background. */
export type PointLabel = 0 | 1;

export type PointStep = {readonly kind: "point"; readonly point: ImagePoint; readonly label: PointLabel};
export type BoxStep = {readonly kind: "box"; readonly box: ImageBox};
/** A mask that was not made by the steps before: drawn by hand, or imported. */
export type BaseMask = {
    readonly segmentation: Rle;
    readonly area: number;
    readonly bbox: Bbox;
    readonly predictedIou: number | null;
    readonly stabilityScore: number | null;
};
/**
 * What a person told the model, one thing at a time; `maskIndex` is the decoder output chosen after this step. The first
 * step may have a base: the mask that the prompt goes on from.
 */
export type PromptStep = (PointStep | BoxStep) & {
    readonly maskIndex: number | null;
    readonly base?: BaseMask;
};
/** A part of an image, in whole image pixels, that an embedding is made of in place of the whole. */
export type Region = {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
};
/** Immutable: every change makes a new one. With a region it is answered there; its steps are in image pixels all the same. */
export type Prompt = {readonly steps: readonly PromptStep[]; readonly region?: Region};

/** The masks that one decode gives: how many, which answers a prompt that is not ambiguous, which are offered for one that is. */
export type Outputs = {
    readonly count: number;
    /** Null where none is kept for a clear prompt: the best rated candidate answers it. */
    readonly single: number | null;
    readonly candidates: readonly number[];
};

/**
 * The square that the image encoder sees, and how an image is brought into it: scaled until its longer side is as long,
 * the rest padding; or stretched over all of it.
 */
export type ModelSquare = {readonly inputSide: number; readonly fit: "pad" | "stretch"};

/** What a decoder and its embeddings have in common. */
export type Bundle = ModelSquare & {
    readonly name: string;
    readonly family: string;
    readonly title: string;
    readonly digest: string;
    readonly maskThreshold: number;
    readonly lowResSide: number;
    readonly outputs: Outputs;
    /** Whether its benchmark says that a first box gives better masks than a first click. */
    readonly isBestByBox: boolean;
    /** Whether a prompt can go on from a mask that was drawn or imported. */
    readonly takesMask: boolean;
    readonly decoderUrl: string;
    /** A decoder package that answers several times faster; only some families have one. */
    readonly fastDecoderUrl: string | null;
    /** The module that runs the package; without one the decoder runs as one graph. */
    readonly sessionUrl: string | null;
};

/** An image, or a region of one, that the decoder can be asked about. Prompts and masks are in pixels of the whole image. */
export type DecoderImage = {
    readonly key: string;
    /** Of the whole image. */
    readonly size: ImageSize;
    readonly region?: Region;
    /** Asked again after a crash of the decoder. isAnew: what came was damaged, and caches may hold it. */
    readonly fetchEmbedding: (isAnew?: boolean) => Promise<ArrayBuffer>;
    /** Of a whole image: a part of it at full resolution. */
    readonly partOf?: (region: Region) => DecoderImage;
    /** Of a whole image: this part may be needed soon. */
    readonly foresee?: (region: Region) => void;
};

/** COCO's compressed RLE: size is [height, width]. */
export type Rle = {readonly size: readonly [number, number]; readonly counts: string};
/** x, y, width, height in image pixels. */
export type Bbox = readonly [number, number, number, number];

export type Annotation = {
    readonly id: string;
    readonly imageId: number;
    readonly categoryId: number;
    readonly segmentation: Rle;
    readonly area: number;
    readonly bbox: Bbox;
    readonly prompt: Prompt | null;
    readonly predictedIou: number | null;
    readonly stabilityScore: number | null;
    readonly bundleDigest: string;
    /** What people call this one object; left out or empty: it has no name of its own. */
    readonly name?: string;
    /** Its own, #rrggbb, where objects are told apart by color; left out or empty: by its number. */
    readonly color?: string;
    /** Whether it is not to be changed. */
    readonly isLocked?: boolean;
    /** Where people put it in the list of objects, from the top; left out or null: by its number, the latest first. */
    readonly rank?: number | null;
    /** It was imported, and nobody has looked at it yet. */
    readonly isToCheck?: boolean;
    /** Name of the file it was imported from; left out or empty: it was made here. */
    readonly importedFrom?: string;
    readonly author: string | null;
    readonly timeSpentS: number;
    readonly clicks: number;
    readonly createdAt: string;
};

/** One user action on the document. */
export type ChangeSet = {
    readonly created: readonly Annotation[];
    readonly updated: readonly {readonly before: Annotation; readonly after: Annotation}[];
    readonly deleted: readonly Annotation[];
};

export type Category = {
    readonly id: number;
    readonly name: string;
    readonly color: string;
    readonly supercategory: string;
};

/** What somebody may do in a project. */
export type Role = "manager" | "annotator" | "viewer";

/** Images by their ids, or all of a project that fit filters of the API. */
export type WhichImages =
    | {readonly ids: readonly number[]}
    /** expected: how many fit them as far as the person knows; otherwise nothing is done. */
    | {readonly filters: Readonly<Record<string, string>>; readonly expected: number};

/** Images of a project's trash: by their ids, those deleted together at a moment, or all deleted until a moment (ISO 8601). */
export type WhichTrash = {
    readonly ids?: readonly number[];
    readonly deletedAt?: string;
    readonly deletedBefore?: string;
};

/** Which of two masks gets the pixels that both have. */
export type OverlapPolicy = "allow" | "newest" | "oldest";

/** How far the annotating of an image is. */
export type ImageState = "not_started" | "in_progress" | "done" | "skipped";

/** Why an image is skipped. */
export type SkipReason = "blurred" | "nothing" | "unsure" | "other";

/** What people say of an image. */
export type ImageMarks = {
    readonly state: ImageState;
    /** Of a skipped image; empty otherwise. */
    readonly skipReason: SkipReason | "";
    /** The reason in words. */
    readonly skipNote: string;
    /** Somebody is asked to look at it. */
    readonly isFlagged: boolean;
    /** What the look is asked for. */
    readonly flagNote: string;
};

/** One decoder output: (lowResSide, lowResSide) logits, row by row. */
export type Candidate = {
    /** What the logits lie over; without one, the whole image. */
    readonly region?: Region;
    /** Which decoder output, see the bundle's `outputs`. */
    readonly index: number;
    readonly logits: Float32Array;
    readonly predictedIou: number;
    readonly stabilityScore: number;
};

/** How many annotations came, changed and went. */
export interface Change {
    added: number;
    changed: number;
    removed: number;
}

/** What changed between two states of a dataset, as the API gives it. */
export interface Difference {
    images_added: number;
    images_changed: number;
    images_removed: number;
    annotations: Change;
    categories: (Change & {name: string})[];
    categories_added: string[];
    categories_removed: string[];
    /** The first some hundred. */
    images: (Change & {id: number; file_name: string; what: "added" | "changed" | "removed"})[];
}

/** What is chosen of a project for an export, as the API takes it; what is left out leaves nothing out. */
export interface ExportSelectionBody {
    authors?: string[];
    /** Digests; "": masks that no model drew. */
    bundles?: string[];
    created_from?: string;
    created_until?: string;
    min_area_px?: number;
    min_predicted_iou?: number;
    only_annotated?: boolean;
    /** In this order, and no others; `name`: what it is called in the file. */
    categories?: {id: number; name?: string}[];
    renumber?: boolean;
    /** Shares in per cent. */
    split?: {by: string; train: number; val: number; test: number; seed: number};
}

export interface ExportChoices {
    format: string;
    /** null: the project as it is now. */
    version: number | null;
    /** The format's own. */
    options: Record<string, string | boolean>;
    /** Only images in these; empty: all. */
    states: ImageState[];
    selection: ExportSelectionBody;
}

/** What we use of the report of what a file holds and what it does not. */
export interface ExportReport {
    images: number;
    annotations: number;
    /** Images in each part of the dataset. */
    splits: Record<string, number>;
    losses: string[];
    /** What lies beside the format's files in a zip. */
    notes: string[];
    measured: {sentences: string[]};
}
