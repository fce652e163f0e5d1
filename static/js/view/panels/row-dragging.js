/** Rows of the list of objects are dragged where the list has the order that people make by hand. */

/** What is used of the library's object. @typedef {{option(name: "disabled", value: boolean): unknown}} Draggable */

export class RowDragging {
    #list;
    #onDrop;
    /** @type {Promise<Draggable> | null} */
    #sortable = null;
    /** While a row is dragged, the list's rows stay where the library has put them. */
    isDragging = false;

    /**
     * @param {HTMLElement} list
     * @param {(id: string, belowId: string | null) => void} onDrop belowId: of the row that is right below; null: none is
     */
    constructor(list, onDrop) {
        this.#list = list;
        this.#onDrop = onDrop;
    }

    /** @param {boolean} isOn */
    async switch(isOn) {
        if (!isOn && !this.#sortable) return; // most people never need the library
        this.#sortable ??= this.#make();
        try {
            (await this.#sortable).option("disabled", !isOn);
        } catch {
            this.#sortable = null; // its file could not be fetched: the next rendering tries again
            return;
        }
        this.#list.toggleAttribute("data-movable", isOn);
    }

    /** @returns {Promise<Draggable>} */
    async #make() {
        const {default: Sortable} = await import("../../../vendor/sortable/sortable.esm.js");
        return new Sortable(this.#list, {
            draggable: "[data-annotation-id]",
            filter: ".bench-mini, .bench-rename",
            preventOnFilter: false,
            forceFallback: true, // the browsers' own dragging does not begin on a button everywhere
            fallbackTolerance: 4,
            delay: 250,
            delayOnTouchOnly: true, // a finger that moves at once scrolls
            ghostClass: "is-dragged",
            onStart: () => (this.isDragging = true),
            onEnd: ({item}) => {
                this.isDragging = false;
                const {annotationId} = item.dataset;
                const below = item.nextElementSibling;
                if (annotationId)
                    this.#onDrop(annotationId, below?.getAttribute("data-annotation-id") ?? null);
            },
        });
    }
}
