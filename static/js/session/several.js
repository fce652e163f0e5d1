/** Several saved masks at once: which are selected. What is done to them is one step of the history. */

/** only: it alone; also: beside the others, or no longer; range: all up to it. @typedef {"only" | "also" | "range"} How */
/** @import {Workbench} from "./workbench.js" */

export class Several {
    #bench;
    #afterEditing;
    #onChange;
    #isAdding = false;

    /**
     * @param {Pick<Workbench, "document" | "draft" | "selection" | "visibility" | "select">} bench
     * @param {{afterEditing: (action: () => void) => void, onChange: () => void}} parts
     *   afterEditing: does it when no mask is being edited; changes of the one that is are accepted first
     */
    constructor(bench, {afterEditing, onChange}) {
        this.#bench = bench;
        this.#afterEditing = afterEditing;
        this.#onChange = onChange;
    }

    /** Whether a plain click selects beside the others: for fingers, which have neither Ctrl nor Shift. Ends with the selection. */
    get isAdding() {
        return this.#isAdding && this.#bench.selection.id !== null;
    }

    toggleAdding() {
        this.#isAdding = !this.isAdding;
        this.#onChange();
    }

    /**
     * A click on a mask, or on its row.
     *
     * @param {string | null} id null: no mask is there
     * @param {How} how
     * @param {readonly string[]} [order] of the list that shows the masks
     */
    pick(id, how, order) {
        this.#isAdding = this.isAdding && id !== null;
        if (how === "range" && id !== null) this.extendTo(id, order);
        else if (how === "also" || this.#isAdding) this.toggle(id);
        else this.#bench.select(id);
    }

    /** @param {string | null} id selected beside the others, or no longer; null: nothing happens */
    toggle(id) {
        if (id === null) return;
        this.#select((ids) => (ids.includes(id) ? ids.filter((other) => other !== id) : [...ids, id]));
    }

    /**
     * Selects every mask from the primary one to this one.
     *
     * @param {string} id
     * @param {readonly string[]} [order] left out: that in which they were made
     */
    extendTo(id, order = this.#bench.document.annotations.map((annotation) => annotation.id)) {
        this.#select(([first]) => {
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
