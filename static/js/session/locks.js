/** Locked objects are not to be changed, by whatever tool; whoever tries is told. */

/** @import {Annotation} from "../core/types.d.ts" */

export class Locks {
    #onSay;

    /** @param {(text: string) => void} onSay */
    constructor(onSay) {
        this.#onSay = onSay;
    }

    /**
     * @param {readonly Annotation[]} annotations that somebody wants to change
     * @returns {Annotation[]} those that may be changed; that there are others is said
     */
    free(annotations) {
        const free = annotations.filter(({isLocked}) => !isLocked);
        const locked = annotations.length - free.length;
        if (locked === 0) return free;
        if (annotations.length === 1) this.#onSay("This object is locked. Unlock it first.");
        else if (free.length === 0) this.#onSay("These objects are locked. Unlock them first.");
        else
            this.#onSay(
                locked === 1
                    ? `1 of the ${annotations.length} objects is locked and stays as it is.`
                    : `${locked} of the ${annotations.length} objects are locked and stay as they are.`,
            );
        return free;
    }

    /**
     * @param {readonly Annotation[]} annotations of which none may be left out
     * @returns {boolean} whether all of them may be changed; where not, that is said
     */
    areAllFree(annotations) {
        const locked = annotations.filter(({isLocked}) => isLocked);
        if (locked.length > 0 && annotations.length > 1)
            this.#onSay("One of these objects is locked. Unlock it first.");
        else this.free(locked);
        return locked.length === 0;
    }
}
