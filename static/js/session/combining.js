/**
 * Saved masks made of one another: merged, subtracted, intersected, split; and several mended alike. Each is one step of the
 * history.
 */

import {NO_CHANGES} from "../core/annotation-document.js";
import {differenceOf, intersectionOf, partsOf, unionOf} from "../core/edit/algebra.js";
import {columnsOf} from "../core/edit/columns.js";
import {newLike, withPixels} from "./by-hand.js";
import {RESHAPES} from "./reshaping.js";

/** @import {Columns} from "../core/edit/columns.js" */
/** @import {Annotation} from "../core/types.d.ts" */
/** @import {Locks} from "./locks.js" */
/** @import {Reshape} from "./reshaping.js" */
/** @import {Turns} from "./turns.js" */
/** @import {Workbench} from "./workbench.js" */

const MAX_PARTS = 100; // more of them are noise, which nobody wants as objects

export class Combining {
    #bench;
    #turns;
    #freshOnes;
    #locks;
    #onSay;

    /**
     * @param {Pick<Workbench, "draft" | "selection" | "canChangeSaved">} bench
     * @param {object} parts
     * @param {Turns} parts.turns
     * @param {Locks} parts.locks
     * @param {(count: number) => {id: string, author: string, createdAt: string}[]} parts.freshOnes for new masks
     * @param {(text: string) => void} parts.onSay why nothing was done
     */
    constructor(bench, {turns, locks, freshOnes, onSay}) {
        this.#bench = bench;
        this.#turns = turns;
        this.#locks = locks;
        this.#freshOnes = freshOnes;
        this.#onSay = onSay;
    }

    /** Whether several masks are selected that may be changed. */
    get canCombine() {
        return this.#bench.canChangeSaved && this.#bench.selection.isSeveral;
    }

    get canSplit() {
        return this.#bench.canChangeSaved && this.#bench.selection.id !== null;
    }

    /** The primary mask gets the pixels of the others and what was spent on them; the others are deleted. */
    merge() {
        if (!this.#locks.areAllFree(this.#bench.selection.annotations)) return;
        this.#combine(unionOf, ({before, after, others}) => {
            const all = [before, ...others];
            const timeSpentS = Math.round(10 * all.reduce((sum, each) => sum + each.timeSpentS, 0)) / 10;
            const clicks = all.reduce((sum, each) => sum + each.clicks, 0);
            this.#bench.draft.change(
                {selectedIds: [before.id]},
                {...NO_CHANGES, updated: [{before, after: {...after, timeSpentS, clicks}}], deleted: others},
            );
        });
    }

    /** The primary mask loses what belongs to the others, which stay. */
    subtract() {
        this.#combine(differenceOf, ({before, after}) => {
            if (after === before) this.#onSay("The masks do not overlap: there is nothing to subtract.");
            else if (after.area === 0)
                this.#onSay("Nothing of the first mask would be left. Delete it instead.");
            else this.#bench.draft.change({}, {...NO_CHANGES, updated: [{before, after}]});
        });
    }

    /** The primary mask keeps what belongs to the others too, which stay. */
    intersect() {
        this.#combine(intersectionOf, ({before, after}) => {
            if (after.area === 0) this.#onSay("The masks have no pixel in common.");
            else if (after === before) this.#onSay("The first mask lies inside the others: nothing changes.");
            else this.#bench.draft.change({}, {...NO_CHANGES, updated: [{before, after}]});
        });
    }

    /**
     * Every selected mask of several pieces becomes as many masks of its category: the largest piece stays the mask that
     * it was, the others are new. All of them are selected afterwards.
     */
    split() {
        this.#turns.after(() => {
            if (!this.canSplit) return;
            const {draft, selection} = this.#bench;
            const free = this.#locks.free(selection.annotations);
            if (free.length === 0) return;
            const masks = free.map((before) => ({
                before,
                parts: partsOf(columnsOf(before.segmentation)),
            }));
            const most = Math.max(...masks.map(({parts}) => parts.length));
            if (most > MAX_PARTS) {
                this.#onSay(
                    `This mask has ${most} pieces, most of them tiny. Edit it and drop its crumbs first.`,
                );
                return;
            }
            const inSeveral = masks.filter(({parts}) => parts.length > 1);
            if (inSeveral.length === 0) {
                const isOne = masks.length === 1;
                this.#onSay(
                    isOne ? "The mask is in one piece already." : "Each mask is in one piece already.",
                );
                return;
            }
            const updated = inSeveral.map(({before, parts}) => ({
                before,
                after: withPixels(before, parts[0]),
            }));
            const smaller = inSeveral.flatMap(({before, parts}) =>
                parts.slice(1).map((part) => withPixels(before, part)),
            );
            const fresh = this.#freshOnes(smaller.length);
            const created = smaller.map((part, k) => newLike(part, fresh[k]));
            const selectedIds = [...selection.ids, ...created.map(({id}) => id)];
            draft.change({selectedIds}, {...NO_CHANGES, updated, created});
        });
    }

    /** @param {Reshape} name changes each selected mask, unless nothing would be left of it */
    reshape(name) {
        this.#turns.after(() => {
            if (!this.canCombine) return;
            const free = this.#locks.free(this.#bench.selection.annotations);
            if (free.length === 0) return;
            const masks = free.map((before) => {
                const [height] = before.segmentation.size;
                return {
                    before,
                    after: withPixels(before, RESHAPES[name](columnsOf(before.segmentation), height)),
                };
            });
            const updated = masks.filter(({before, after}) => after !== before && after.area > 0);
            if (updated.length > 0) this.#bench.draft.change({}, {...NO_CHANGES, updated});
            else this.#onSay("The masks stay as they are.");
        });
    }

    /**
     * @param {(first: Columns, others: readonly Columns[]) => Columns} operation
     * @param {(result: {before: Annotation, after: Annotation, others: Annotation[]}) => void} use
     */
    #combine(operation, use) {
        this.#turns.after(() => {
            if (!this.canCombine) return;
            const [before, ...others] = this.#bench.selection.annotations;
            if (!this.#locks.areAllFree([before])) return;
            const columns = operation(
                columnsOf(before.segmentation),
                others.map(({segmentation}) => columnsOf(segmentation)),
            );
            use({before, after: withPixels(before, columns), others});
        });
    }
}
