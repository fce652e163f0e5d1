// What api/ hands out. How the same looks on the wire stands beside the functions that read it.
import type {Annotation, Bundle, Category, ImageSize, ImageState} from "../core/types.d.ts";

export type Role = "manager" | "annotator" | "viewer";

export type ImageRow = {
    readonly id: number;
    readonly name: string;
    readonly size: ImageSize;
    readonly state: ImageState;
    readonly fileUrl: string;
    readonly thumbnailUrl: string;
};

/** What an image's page is made of. */
export type Scene = {
    readonly project: {
        readonly id: number;
        readonly name: string;
        readonly role: Role;
        readonly categories: readonly Category[];
        readonly url: string;
    };
    readonly image: ImageRow;
    readonly siblings: {
        readonly previous: number | null;
        readonly next: number | null;
        readonly position: number;
        readonly total: number;
    };
    readonly bundle: Bundle | null;
};

export type EmbeddingProgress = {
    /** Of the embedding job; offline: the server is away. */
    readonly state: "queued" | "running" | "ready" | "failed" | "offline";
    /** Jobs before this one while it is queued. */
    readonly position: number | null;
    /** Why it failed. */
    readonly error: string;
};

/** An annotation as the server has it; each write raises the version. */
export type ServerAnnotation = {readonly annotation: Annotation; readonly version: number};

/** Why a save failed. */
export type SaveProblem =
    /** The same request may succeed later. */
    | {readonly kind: "passing"; readonly reason: "offline" | "signed_out" | "server"}
    /** Somebody else wrote since the version that the save started from. */
    | {readonly kind: "conflict"; readonly current: ServerAnnotation; readonly isDeleted: boolean}
    /** The server will never take it as it is. */
    | {readonly kind: "refused"; readonly message: string};

/** What the server says of one uploaded file. A zip gives several images. */
export type UploadAnswer = {
    readonly images: readonly {readonly id: number; readonly isDuplicate: boolean}[];
    readonly refused: readonly {readonly name: string; readonly message: string}[];
    /** Why nothing was taken; empty otherwise. */
    readonly message: string;
};
