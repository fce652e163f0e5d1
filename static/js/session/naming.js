/** What the selected objects are besides a mask: a name of their own, a color of their own, a lock. Each change is one step. */

import {NO_CHANGES} from "../core/annotation-document.js";
import {objectName} from "../core/object-name.js";

/** @import {Annotation} from "../core/types.d.ts" */
/** @import {Turns} from "./turns.js" */
/** @import {Workbench} from "./workbench.js" */

export class Naming {
    #bench;
    #turns;
    #onSay;

    /**
     * @param {Pick<Workbench, "document" | "draft" | "selection" | "canChangeSaved">} bench
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
     * @param {readonly Annotation[]} annotations
     * @param {Partial<Pick<Annotation, "name" | "color" | "isLocked">>} change
     */
    #change(annotations, change) {
        this.#turns.after(() => {
            if (!this.#bench.canChangeSaved) return;
            const updated = annotations.flatMap(({id}) => {
                const before = this.#bench.document.get(id);
                return before ? [{before, after: {...before, ...change}}] : [];
            });
            if (updated.length > 0) this.#bench.draft.change({}, {...NO_CHANGES, updated});
        });
    }
}
