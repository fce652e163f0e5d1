// What session/ asks of the world outside: pages hand it in, tests hand in their own. Nothing here knows DOM or URLs.
import type {
    Annotation,
    BaseMask,
    Bundle,
    Candidate,
    Category,
    DecoderImage,
    ImageMarks,
    ImageSize,
    OverlapPolicy,
    PromptStep,
    Role,
} from "../core/types.d.ts";

/** The browser's localStorage, or a Map in a test. */
export type KeyStore = {
    readonly length: number;
    key(index: number): string | null;
    getItem(key: string): string | null;
    /** Throws where it is full or switched off. */
    setItem(key: string, value: string): void;
    removeItem(key: string): void;
};

// --- what the browser keeps on this computer ---

/** A path of names, outermost first. */
export type ShelfKey = readonly (string | number)[];
export type ShelfChanges = {
    readonly put?: readonly (readonly [ShelfKey, unknown])[];
    /** With everything below them; before anything is put. */
    readonly remove?: readonly ShelfKey[];
};
/** Values that outlive the page: IndexedDB, or a Map in a test. Every method rejects where the browser keeps nothing. */
export type Shelf = {
    /** A key's value and all below it, in the order of their keys. */
    below(key: ShelfKey): Promise<{key: ShelfKey; value: unknown}[]>;
    keysBelow(key: ShelfKey): Promise<ShelfKey[]>;
    /**
     * All of it or nothing, after everything that was written before. Resolves when the browser has it; `isStrict`: when it
     * is on the disk. Rejects where the disk is full.
     */
    write(changes: ShelfChanges, options?: {isStrict?: boolean}): Promise<void>;
};

/** The tabs in which the workbench is open. */
export type Tabs = {
    /** This tab's, the same after a reload; empty before `begin`. */
    readonly id: string;
    begin(): Promise<void>;
    /** Does it if that tab is gone; nobody else does the same meanwhile. Resolves to whether it was gone. */
    ifGone(tab: string, work: () => Promise<void>): Promise<boolean>;
    /** Called when others have ended and have had time to come back, as after a reload. */
    onGone: () => void;
};

/** Milliseconds since some moment; never backwards. */
export type Clock = () => number;

export type Timers = {
    /** Calls once after that many milliseconds. */
    start(callback: () => void, delayMs: number): number;
    stop(timer: number): void;
};

// --- the server ---

/** An annotation as the server has it; each write raises the version. */
export type ServerAnnotation = {
    readonly annotation: Annotation;
    readonly version: number;
    /** By which people speak of it; the image gives it to no other. */
    readonly number: number;
    /** Who wrote last; null: nobody knows any more. */
    readonly changedBy: string | null;
    /** When, as ISO 8601. */
    readonly changedAt: string;
    /** When it was deleted, as ISO 8601; null: it was not. */
    readonly deletedAt: string | null;
};

/** Why a save failed. */
export type SaveProblem =
    /** The same request may succeed later. */
    | {readonly kind: "passing"; readonly reason: "offline" | "signed_out" | "server"}
    /** Somebody else wrote since the version that the save started from. */
    | {readonly kind: "conflict"; readonly current: ServerAnnotation; readonly isDeleted: boolean}
    /** The server will never take it as it is. */
    | {readonly kind: "refused"; readonly message: string};

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
export type FinishedMask = BaseMask;

/** The mask being worked on: made by hand, or a candidate of the prompt. */
export type DraftMask =
    | {readonly handMade: FinishedMask; readonly candidate: null}
    | {readonly handMade: null; readonly candidate: Candidate};

export type Decoder = {
    readonly bundle: Bundle;
    /** Gives it an image ahead of the first decode. */
    prepare(image: DecoderImage): Promise<void>;
    /** null: a newer decode took this one's place. */
    decode(image: DecoderImage, steps: readonly PromptStep[]): Promise<DecoderAnswer | null>;
    /** Of steps whose choices are all made. */
    finishMask(image: DecoderImage, steps: readonly PromptStep[]): Promise<FinishedMask>;
    /** Another one takes its place for good: nothing is asked of it any more. */
    end(): void;
};

// --- images ---

export type ImageRow = ImageMarks & {
    readonly id: number;
    readonly name: string;
    readonly size: ImageSize;
    /** Who flagged it; null: nobody, or nobody knows any more. */
    readonly flaggedBy: string | null;
    /** When, as ISO 8601; null: it is not flagged. */
    readonly flaggedAt: string | null;
    readonly fileUrl: string;
    /** What is shown first: the file, or the overview of a large image. */
    readonly pictureUrl: string;
    /** Of a large image: it is shown from `{url}{level}/{column}/{row}/{query}`. */
    readonly tiles: {
        readonly url: string;
        readonly query: string;
        readonly side: number;
        readonly levels: number;
    } | null;
    readonly thumbnailUrl: string;
    /** Its embedding by the project's bundle was being made, or waited for, when the server was asked. */
    readonly isEmbeddingComing: boolean;
};

/** An image as a row of the list that the workbench goes through. */
export type ListedImage = {
    readonly id: number;
    readonly name: string;
    /** In the list, from 1. */
    readonly position: number;
    readonly state: ImageMarks["state"];
    readonly isFlagged: boolean;
    readonly thumbnailUrl: string;
};

/** How far a project is, and what the person has made today. */
export type Progress = {
    readonly imageCount: number;
    readonly doneCount: number;
    readonly skippedCount: number;
    /** Neither done nor skipped. */
    readonly openCount: number;
    /** The person's own of today. */
    readonly maskCount: number;
    /** Per mask; null: none was measured. */
    readonly medianSeconds: number | null;
    readonly medianClicks: number | null;
};

/** What an image's page is made of. */
export type Scene = {
    readonly project: {
        readonly id: number;
        readonly name: string;
        readonly role: Role;
        readonly categories: readonly Category[];
        readonly url: string;
        readonly overlap: OverlapPolicy;
    };
    readonly image: ImageRow;
    readonly siblings: {
        readonly previous: number | null;
        readonly next: number | null;
        /** The first one after it that is open, neither done nor skipped; else the list's first that is. */
        readonly nextOpen: number | null;
        readonly position: number;
        readonly total: number;
    };
    readonly bundle: Bundle | null;
    /** Answers while the bundle's embedding of the image is being made; null: nothing does. */
    readonly standIn: Bundle | null;
};

export type EmbeddingProgress = {
    /** Of the embedding job; offline: the server is away. */
    readonly state: "queued" | "running" | "ready" | "failed" | "offline";
    /** Jobs before this one while it is queued. */
    readonly position: number | null;
    /** Why it failed. */
    readonly error: string;
};

/** What a request waits for: a connection, the server, which answers with an error, or that the person signs in again. */
export type WaitReason = "offline" | "server" | "signed_out";

/** One image on its way to the screen. */
export type LoadingImage<Picture> = {
    readonly imageId: number;
    readonly scene: Promise<Scene>;
    /** Told about the embedding while somebody looks at this image. */
    onProgress: (progress: EmbeddingProgress) => void;
    /** What was told last; null: it was not asked for yet. */
    readonly progress: EmbeddingProgress | null;
    /** Told each time that a part of it has to wait. */
    onWait: (reason: WaitReason, part: "scene" | "picture" | "annotations") => void;
    picture(image: ImageRow): Promise<Picture>;
    /** Always asked anew: somebody else may have annotated since the image was fetched ahead. */
    annotations(): Promise<ServerAnnotation[]>;
    /** isStandIn: of the bundle that answers first; `onProgress` is not told of that one. */
    decoderImage(image: ImageRow, bundle: Bundle, isStandIn?: boolean): DecoderImage;
    /** Nobody waits for it any more; its picture must not be drawn again. */
    giveUp(): void;
};

// --- uploads ---

/** What the server says of one uploaded file. A zip gives several images. */
export type UploadAnswer = {
    readonly images: readonly {readonly id: number; readonly isDuplicate: boolean}[];
    /** trashedId: the deleted image of the same pixels, which could be restored instead. */
    readonly refused: readonly {
        readonly name: string;
        readonly message: string;
        readonly trashedId?: number;
    }[];
    /** Why nothing was taken; empty otherwise. */
    readonly message: string;
    /** Whether the same file would be refused again. */
    readonly isFinal?: boolean;
};
