/** Several saved masks at once: which are selected. What is done to them is one step of the history. */

/** @import {Workbench} from "./workbench.js" */

export class Several {
    #bench;
    #afterEditing;

    /**
     * @param {Pick<Workbench, "document" | "draft" | "selection" | "visibility">} bench
     * @param {{afterEditing: (action: () => void) => void}} parts
     *   afterEditing: does it when no mask is being edited; changes of the one that is are accepted first
     */
    constructor(bench, {afterEditing}) {
        this.#bench = bench;
        this.#afterEditing = afterEditing;
    }

    /** @param {string | null} id selected beside the others, or no longer; null: nothing happens */
    toggle(id) {
        if (id === null) return;
        this.#select((ids) => (ids.includes(id) ? ids.filter((other) => other !== id) : [...ids, id]));
    }

    /** @param {string} id selects every mask from the primary one to this one, in the order they were made */
    extendTo(id) {
        this.#select(([first]) => {
            const order = this.#bench.document.annotations.map((annotation) => annotation.id);
            const [from, to] = [order.indexOf(first), order.indexOf(id)];
            if (from < 0) return [id];
            return [first, ...order.slice(Math.min(from, to), Math.max(from, to) + 1)];
        });
    }

    /** Selects every mask that is shown, the newest as the primary one if none was. */
    selectAll() {
        const {document, visibility} = this.#bench;
        const isShown = (/** @type {string} */ id) => !visibility.isHidden(id);
        const shown = document.annotations.map(({id}) => id).filter(isShown);
        this.#select((ids) => [...ids.filter(isShown), ...shown.toReversed()]);
    }

    /** @param {(ids: readonly string[]) => readonly string[]} change of what is selected, the primary one first */
    #select(change) {
        const {draft, selection} = this.#bench;
        const before = draft.edited ? [draft.edited.id] : null;
        this.#afterEditing(() => draft.select(change(before ?? selection.ids)));
    }
}
