/** Annotations on the wire. */

import {ApiError, troubleOf} from "./http.js";

/** @import {Annotation, Prompt, PromptStep, Region} from "../core/types.d.ts" */
/** @import {Http} from "./http.js" */
/** @import {SaveProblem, ServerAnnotation} from "../session/ports.d.ts" */

/**
 * @typedef {object} PromptWire
 * @property {number[][]} point_coords
 * @property {number[]} point_labels
 * @property {number[] | null} box
 * @property {number | null} box_step
 * @property {number[]} mask_indices
 * @property {[number, number, number, number] | null} [region] x, y, width, height
 */

/**
 * @typedef {object} AnnotationWire
 * @property {string} id
 * @property {number} image
 * @property {number} number
 * @property {number} category
 * @property {{size: [number, number], counts: string}} segmentation
 * @property {number} area
 * @property {[number, number, number, number]} bbox
 * @property {PromptWire | null} prompt
 * @property {number | null} predicted_iou
 * @property {number | null} stability_score
 * @property {string | null} bundle_digest
 * @property {string} name
 * @property {string} color
 * @property {boolean} is_locked
 * @property {number | null} rank
 * @property {boolean} to_check
 * @property {{import_id: number, file: string} | null} origin
 * @property {string | null} author
 * @property {number} time_spent_s
 * @property {number} clicks
 * @property {number} version
 * @property {string} created_at
 * @property {string} updated_at
 * @property {string | null} deleted_at
 * @property {string | null} updated_by
 */

const PAGE_SIZE = 500;

/** The annotations that the server has, one request a call. */
export class AnnotationServer {
    #http;

    /** @param {Http} http */
    constructor(http) {
        this.#http = http;
    }

    /**
     * @param {number} imageId
     * @returns {Promise<ServerAnnotation[]>}
     */
    async list(imageId) {
        return this.#pages(`${annotationsUrl(imageId)}?page_size=${PAGE_SIZE}`);
    }

    /**
     * @param {number} imageId
     * @returns {Promise<ServerAnnotation[]>} those that were deleted, the latest first
     */
    async listDeleted(imageId) {
        return this.#pages(`${annotationsUrl(imageId)}?deleted=true&page_size=${PAGE_SIZE}`);
    }

    /**
     * @param {string} first
     * @returns {Promise<ServerAnnotation[]>}
     */
    async #pages(first) {
        /** @type {ServerAnnotation[]} */
        const rows = [];
        /** @type {string | null} */
        let url = first;
        while (url) {
            const page = await this.#http.json(url);
            rows.push(...page.results.map(annotationFromWire));
            url = page.next && sameOrigin(page.next);
        }
        return rows;
    }

    /**
     * Harmless when repeated.
     *
     * @param {Annotation} annotation
     * @returns {Promise<ServerAnnotation>}
     */
    async create(annotation) {
        const body = {id: annotation.id, ...contentToWire(annotation)};
        return annotationFromWire(
            await this.#http.json(annotationsUrl(annotation.imageId), {method: "POST", body}),
        );
    }

    /**
     * @param {Annotation} annotation
     * @param {number} version the one this change starts from
     * @returns {Promise<ServerAnnotation>}
     */
    async update(annotation, version) {
        const body = {version, ...contentToWire(annotation)};
        return annotationFromWire(
            await this.#http.json(annotationUrl(annotation.id), {method: "PATCH", body}),
        );
    }

    /**
     * Harmless where the server never had it.
     *
     * @param {string} id
     * @param {number | null} version null deletes any
     */
    async remove(id, version) {
        const query = version === null ? "" : `?version=${version}`;
        try {
            await this.#http.json(annotationUrl(id) + query, {method: "DELETE"});
        } catch (error) {
            if (!(error instanceof ApiError && error.status === 404)) throw error;
        }
    }

    /**
     * @param {string} id
     * @returns {Promise<ServerAnnotation>}
     */
    async restore(id) {
        return annotationFromWire(await this.#http.json(`${annotationUrl(id)}restore/`, {method: "POST"}));
    }

    /**
     * What of an annotation is saved, as a text to compare.
     *
     * @param {Annotation} annotation
     */
    contentOf(annotation) {
        return JSON.stringify(contentToWire(annotation));
    }

    /**
     * Why a save failed, and whether trying again helps.
     *
     * @param {unknown} error of one of the methods above
     * @returns {SaveProblem}
     */
    problemOf(error) {
        const reason = troubleOf(error);
        if (reason) return {kind: "passing", reason};
        if (error instanceof ApiError && error.body.current) {
            const current = annotationFromWire(/** @type {AnnotationWire} */ (error.body.current));
            return {kind: "conflict", current, isDeleted: error.code === "annotation_deleted"};
        }
        return {kind: "refused", message: error instanceof Error ? error.message : String(error)};
    }
}

/**
 * What a person can change about an annotation.
 *
 * @param {Annotation} annotation
 */
function contentToWire(annotation) {
    return {
        category: annotation.categoryId,
        segmentation: annotation.segmentation,
        prompt: annotation.prompt && promptToWire(annotation.prompt),
        predicted_iou: annotation.predictedIou,
        stability_score: annotation.stabilityScore,
        bundle_digest: annotation.bundleDigest,
        name: annotation.name ?? "",
        color: annotation.color ?? "",
        is_locked: annotation.isLocked ?? false,
        rank: annotation.rank ?? null,
        to_check: annotation.isToCheck ?? false,
        time_spent_s: annotation.timeSpentS,
        clicks: annotation.clicks,
    };
}

/**
 * @param {AnnotationWire} wire
 * @returns {ServerAnnotation}
 */
function annotationFromWire(wire) {
    return {
        version: wire.version,
        number: wire.number,
        changedBy: wire.updated_by,
        changedAt: wire.updated_at,
        deletedAt: wire.deleted_at,
        annotation: {
            id: wire.id,
            imageId: wire.image,
            categoryId: wire.category,
            segmentation: wire.segmentation,
            area: wire.area,
            bbox: wire.bbox,
            prompt: wire.prompt && promptFromWire(wire.prompt),
            predictedIou: wire.predicted_iou,
            stabilityScore: wire.stability_score,
            bundleDigest: wire.bundle_digest ?? "",
            name: wire.name,
            color: wire.color,
            isLocked: wire.is_locked,
            rank: wire.rank,
            isToCheck: wire.to_check,
            importedFrom: wire.origin?.file ?? "",
            author: wire.author,
            timeSpentS: wire.time_spent_s,
            clicks: wire.clicks,
            createdAt: wire.created_at,
        },
    };
}

/**
 * @param {Prompt} prompt
 * @returns {PromptWire | null}
 */
function promptToWire({steps, region}) {
    if (steps.length === 0) return null;
    const points = steps.filter((step) => step.kind === "point");
    const boxStep = steps.findIndex((step) => step.kind === "box");
    const box = boxStep < 0 ? null : steps[boxStep];
    return {
        point_coords: points.map(({point}) => [point.x, point.y]),
        point_labels: points.map(({label}) => label),
        box: box?.kind === "box" ? [box.box.x0, box.box.y0, box.box.x1, box.box.y1] : null,
        box_step: boxStep < 0 ? null : boxStep,
        mask_indices: steps.map((step) => step.maskIndex ?? 0),
        ...(region && {region: [region.x, region.y, region.width, region.height]}),
    };
}

/**
 * @param {PromptWire} wire
 * @returns {Prompt}
 */
function promptFromWire(wire) {
    /** @type {PromptStep[]} */
    const steps = wire.point_coords.map(([x, y], k) => ({
        kind: "point",
        point: {x, y, frame: "image"},
        label: wire.point_labels[k] === 1 ? 1 : 0,
        maskIndex: null,
    }));
    if (wire.box) {
        const [x0, y0, x1, y1] = wire.box;
        const box = /** @type {const} */ ({x0, y0, x1, y1, frame: "image"});
        steps.splice(wire.box_step ?? steps.length, 0, {kind: "box", box, maskIndex: null});
    }
    return {
        steps: steps.map((step, k) => ({...step, maskIndex: wire.mask_indices[k] ?? null})),
        ...(wire.region && {region: regionFromWire(wire.region)}),
    };
}

/** @param {[number, number, number, number]} wire @returns {Region} */
function regionFromWire([x, y, width, height]) {
    return {x, y, width, height};
}

/** @param {number} imageId */
function annotationsUrl(imageId) {
    return `/api/images/${imageId}/annotations/`;
}

/** @param {string} id */
function annotationUrl(id) {
    return `/api/annotations/${id}/`;
}

/** The server may believe in another host name than the browser (a proxy): only path and query count. @param {string} url */
function sameOrigin(url) {
    const {pathname, search} = new URL(url, location.href);
    return pathname + search;
}
