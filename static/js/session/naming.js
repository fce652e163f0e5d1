/**
 * What objects are besides a mask: a name of their own, a color of their own, a lock, a place in the list, whether they
 * are to be checked. Each change is one step.
 */

import {NO_CHANGES} from "../core/annotation-document.js";
import {objectName} from "../core/object-name.js";
import {inListOrder, ranksFor} from "../core/object-order.js";

/** @import {Annotation} from "../core/types.d.ts" */
/** @import {Turns} from "./turns.js" */
/** @import {Workbench} from "./workbench.js" */

/** @typedef {Partial<Pick<Annotation, "name" | "color" | "isLocked" | "isToCheck" | "rank">>} Change */

export class Naming {
    #bench;
    #turns;
    #onSay;

    /**
     * @param {Pick<Workbench, "document" | "draft" | "selection" | "numbers" | "canChangeSaved">} bench
     * @param {{turns: Turns, onSay: (text: string) => void}} parts
     */
    constructor(bench, {turns, onSay}) {
        this.#bench = bench;
        this.#turns = turns;
        this.#onSay = onSay;
    }

    get canChange() {
        return this.#bench.canChangeSaved && this.#bench.selection.id !== null;
    }

    /** Whether all of the selected objects are locked. */
    get areLocked() {
        const {annotations} = this.#bench.selection;
        return annotations.length > 0 && annotations.every(({isLocked}) => isLocked);
    }

    /** Locks the selected objects, or unlocks them where all are locked. */
    toggleLock() {
        const {annotations} = this.#bench.selection;
        const isLocked = !this.areLocked;
        this.#change(annotations, {isLocked});
        const subject = annotations.length === 1 ? "The object is" : `${annotations.length} objects are`;
        this.#onSay(`${subject} ${isLocked ? "locked" : "unlocked"}.`);
    }

    /**
     * Somebody has looked at objects that were imported, and leaves them as they are.
     *
     * @param {readonly string[]} ids
     */
    noteChecked(ids = this.#bench.selection.ids) {
        const annotations = ids.flatMap((id) => this.#bench.document.get(id) ?? []);
        this.#change(
            annotations.filter(({isToCheck}) => isToCheck),
            {isToCheck: false},
        );
    }

    /** @param {string} id */
    unlock(id) {
        const annotation = this.#bench.document.get(id);
        if (annotation?.isLocked) this.#change([annotation], {isLocked: false});
    }

    /**
     * @param {string} id
     * @param {string} text the name; empty: none any more
     */
    rename(id, text) {
        const annotation = this.#bench.document.get(id);
        const name = objectName(text);
        if (annotation && name !== (annotation.name ?? "")) this.#change([annotation], {name});
    }

    /** @param {string} color #rrggbb, for the selected objects; empty: by their numbers again */
    recolor(color) {
        this.#change(this.#bench.selection.annotations, {color});
    }

    /**
     * Moves an object in the order that people make by hand.
     *
     * @param {string} id
     * @param {string | null} belowId the object that comes right below it then; null: it is the last one
     */
    place(id, belowId) {
        const moved = this.#bench.document.get(id);
        if (!moved || id === belowId) return;
        const order = this.#ownOrder;
        const others = order.filter((annotation) => annotation !== moved);
        const below = others.findIndex((annotation) => annotation.id === belowId);
        others.splice(below < 0 ? others.length : below, 0, moved);
        if (others.every((annotation, place) => annotation === order[place])) return;
        const ranks = ranksFor(others, id, (each) => this.#bench.numbers.of(each));
        this.#change(
            others.filter((each) => ranks.has(each.id)),
            (each) => ({rank: ranks.get(each.id)}),
        );
    }

    /** Moves the selected object by one row. @param {-1 | 1} step -1: up */
    move(step) {
        const order = this.#ownOrder;
        const id = this.#bench.selection.id;
        const at = order.findIndex((annotation) => annotation.id === id);
        if (id === null || at + step < 0 || at + step >= order.length) return;
        this.place(id, order[at + (step < 0 ? -1 : 2)]?.id ?? null);
    }

    get #ownOrder() {
        return inListOrder(this.#bench.document.annotations, "own", {
            numberOf: (id) => this.#bench.numbers.of(id),
            placeOf: () => 0,
        });
    }

    /**
     * @param {readonly Annotation[]} annotations
     * @param {Change | ((before: Annotation) => Change)} change
     */
    #change(annotations, change) {
        this.#turns.after(() => {
            if (!this.#bench.canChangeSaved) return;
            const updated = annotations.flatMap(({id}) => {
                const before = this.#bench.document.get(id);
                const changed = before && (typeof change === "function" ? change(before) : change);
                return before ? [{before, after: {...before, ...changed}}] : [];
            });
            if (updated.length > 0) this.#bench.draft.change({}, {...NO_CHANGES, updated});
        });
    }
}
