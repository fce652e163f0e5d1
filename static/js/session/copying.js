/** Copies of saved masks: beside themselves, or on another image. New masks each time, made by hand as it were. */

import {NO_CHANGES} from "../core/annotation-document.js";
import {columnsOf, pixelsOf, rleOf} from "../core/edit/columns.js";
import {fitted, moved, offsetFor} from "../core/edit/placing.js";

/** @import {Annotation} from "../core/types.d.ts" */
/** @import {Columns} from "../core/edit/columns.js" */
/** @import {CopiedMask, CopiedMasks} from "./copied-masks.js" */
/** @import {OpenImage} from "./open-image.js" */
/** @import {Turns} from "./turns.js" */
/** @import {Workbench} from "./workbench.js" */

const OFFSET_SHARE = 0.02; // of the image's longer side
const MAX_TRIES = 20; // so many copies of one mask lie beside each other at most

export class Copying {
    #bench;
    #turns;
    #freshOnes;
    #copied;
    #opened;
    #events;

    /**
     * @param {Pick<Workbench, "document" | "draft" | "selection" | "labelling" | "canChangeSaved" | "canDraw">} bench
     * @param {object} parts
     * @param {Turns} parts.turns
     * @param {(count: number) => {id: string, author: string, createdAt: string}[]} parts.freshOnes for new masks
     * @param {CopiedMasks} parts.copied
     * @param {OpenImage} parts.opened
     * @param {{onSay: (text: string) => void, onCategoryMissing: () => void}} parts.events
     */
    constructor(bench, {turns, freshOnes, copied, opened, events}) {
        this.#bench = bench;
        this.#turns = turns;
        this.#freshOnes = freshOnes;
        this.#copied = copied;
        this.#opened = opened;
        this.#events = events;
    }

    get canDuplicate() {
        return this.#bench.canChangeSaved && this.#bench.selection.id !== null;
    }

    get canCopy() {
        return this.#bench.selection.id !== null;
    }

    get canPaste() {
        return this.#bench.canChangeSaved && this.#bench.canDraw;
    }

    /** A copy of each selected mask, a little beside it; the copies are selected afterwards. */
    duplicate() {
        this.#turns.after(() => {
            if (!this.canDuplicate) return;
            this.#create(
                this.#bench.selection.annotations.map(({segmentation, categoryId}) => ({
                    columns: this.#beside(columnsOf(segmentation), 1),
                    categoryId,
                })),
            );
        });
    }

    /** Notes the selected masks, to be pasted. */
    copy() {
        const {annotations} = this.#bench.selection;
        if (annotations.length === 0) return;
        const {projectId} = this.#opened;
        const {categories} = this.#bench.labelling;
        const masks = annotations.map(({segmentation, categoryId}) => ({
            ...{segmentation, categoryId},
            categoryName: categories.find(({id}) => id === categoryId)?.name ?? "",
        }));
        this.#copied.keep({projectId, masks});
        this.#events.onSay(masks.length === 1 ? "Copied 1 object." : `Copied ${masks.length} objects.`);
    }

    /**
     * Puts what was copied where it was; on an image that has the same mask already, a little beside it. What lies outside
     * this image is cut off. The pasted masks are selected afterwards.
     */
    paste() {
        this.#turns.after(() => {
            if (!this.canPaste) return;
            const {projectId, masks} = this.#copied.get() ?? {projectId: 0, masks: []};
            if (masks.length === 0) return this.#events.onSay("Nothing was copied so far.");
            const {size} = this.#opened;
            /** @type {{columns: Columns, categoryId: number}[]} */
            const pasted = [];
            let cut = 0;
            for (const mask of masks) {
                const copied = columnsOf(mask.segmentation);
                const columns = fitted(copied, size);
                const categoryId = this.#categoryFor(mask, projectId);
                if (categoryId === null) return this.#events.onCategoryMissing();
                if (pixelsOf(columns) < pixelsOf(copied)) cut++;
                if (pixelsOf(columns) > 0) pasted.push({columns: this.#beside(columns, 0), categoryId});
            }
            const outside = masks.length - pasted.length;
            if (pasted.length > 0) this.#create(pasted);
            if (outside > 0) this.#events.onSay(`${count(outside)} outside this image: not pasted.`);
            else if (cut > 0) this.#events.onSay(`${count(cut)} partly outside this image: cut off there.`);
        });
    }

    /**
     * Where no saved mask has these very pixels.
     *
     * @param {Columns} columns
     * @param {number} first 0: where it is, if it is the only one there
     * @returns {Columns}
     */
    #beside(columns, first) {
        const {size} = this.#opened;
        const taken = new Set(this.#bench.document.annotations.map(({segmentation}) => segmentation.counts));
        const step = Math.max(1, Math.round(OFFSET_SHARE * Math.max(size.height, size.width)));
        const {bbox} = rleOf(columns, size.height);
        let placed = columns;
        for (let k = first; k < MAX_TRIES; k++) {
            const there = moved(columns, size, offsetFor(bbox, size, k * step));
            const {area, segmentation} = rleOf(there, size.height);
            if (area === 0) break;
            placed = there;
            if (!taken.has(segmentation.counts)) break;
        }
        return placed;
    }

    /**
     * The one that it had, as far as this project has it; else the next mask's.
     *
     * @param {CopiedMask} mask
     * @param {number} projectId of the mask
     * @returns {number | null} null: this project has no category
     */
    #categoryFor({categoryId, categoryName}, projectId) {
        const {projectId: here} = this.#opened;
        const {categories} = this.#bench.labelling;
        const same = categories.find(({id, name}) =>
            projectId === here ? id === categoryId : name === categoryName,
        );
        return (same ?? this.#bench.labelling.category)?.id ?? null;
    }

    /** @param {readonly {columns: Columns, categoryId: number}[]} masks */
    #create(masks) {
        const {imageId, size} = this.#opened;
        const fresh = this.#freshOnes(masks.length);
        /** @type {Annotation[]} */
        const created = masks.map(({columns, categoryId}, k) => ({
            ...fresh[k],
            ...{imageId, categoryId, ...rleOf(columns, size.height)},
            ...{prompt: null, predictedIou: null, stabilityScore: null, bundleDigest: ""},
            ...{timeSpentS: 0, clicks: 0},
        }));
        this.#bench.draft.change({selectedIds: created.map(({id}) => id)}, {...NO_CHANGES, created});
    }
}

/** @param {number} number of masks */
function count(number) {
    return number === 1 ? "1 mask lies" : `${number} masks lie`;
}
