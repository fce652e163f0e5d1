/** The category of the next mask, and of those that are there. */

import {NO_CHANGES} from "../core/annotation-document.js";

/** @import {Annotation, Category} from "../core/types.d.ts" */
/** @import {LastCategory} from "./last-category.js" */
/** @import {Locks} from "./locks.js" */
/** @import {OpenImage} from "./open-image.js" */
/** @import {Turns} from "./turns.js" */
/** @import {Workbench} from "./workbench.js" */

export class Labelling {
    /** The project's. @type {readonly Category[]} */
    categories = [];
    /** Of the next mask; null: the project has none. @type {number | null} */
    nextId = null;

    #bench;
    #turns;
    #locks;
    #opened;
    #lastCategory;
    #onChange;

    /**
     * @param {Pick<Workbench, "draft" | "selection">} bench
     * @param {{turns: Turns, locks: Locks, opened: OpenImage, lastCategory: LastCategory, onChange: () => void}} parts
     */
    constructor(bench, {turns, locks, opened, lastCategory, onChange}) {
        this.#bench = bench;
        this.#turns = turns;
        this.#locks = locks;
        this.#opened = opened;
        this.#lastCategory = lastCategory;
        this.#onChange = onChange;
    }

    /** Another image. @param {readonly Category[]} categories @param {boolean} isOtherProject than before */
    open(categories, isOtherProject) {
        this.categories = categories;
        if (isOtherProject) this.nextId = this.#lastCategory.of(this.#opened.projectId);
        if (!this.has(this.nextId)) this.nextId = categories[0]?.id ?? null;
    }

    /** Ids of the categories that were used last in this project, the last one first. */
    get recent() {
        return this.#lastCategory.recentOf(this.#opened.projectId);
    }

    /** Of the mask being edited, else of the draft, else of the selected mask, else of the next one. */
    get category() {
        const id = this.#labelled[0]?.categoryId ?? this.nextId;
        return this.categories.find((category) => category.id === id) ?? null;
    }

    /**
     * The project's categories are others now.
     *
     * @param {readonly Category[]} categories all of them
     * @param {number} [pickedId] a new one, which is picked for the next mask
     */
    take(categories, pickedId) {
        this.categories = categories;
        if (pickedId !== undefined) this.#pickNext(pickedId);
        // Another one would be taken unseen: it is asked for when a mask is accepted.
        else if (!this.has(this.nextId)) this.nextId = null;
        this.#onChange();
    }

    /**
     * Changes the category of all selected masks; where none is, picks that of the next one. Correcting an old mask says
     * nothing about what is drawn next.
     *
     * @param {number} index of the category
     */
    pick(index) {
        const category = this.categories[index];
        if (!category || !this.#opened.mayAnnotate) return;
        this.#turns.after(() => {
            const {draft, selection} = this.#bench;
            // Several that were selected beside an open draft are meant, not the draft.
            const isBeside = selection.isSeveral && !draft.edited && !draft.isEmpty;
            const labelled = isBeside ? selection.annotations : this.#labelled;
            if (labelled.length === 0) this.#pickNext(category.id);
            const others = labelled.filter(({categoryId}) => categoryId !== category.id);
            const updated = this.#locks
                .free(others)
                .map((before) => ({before, after: {...before, categoryId: category.id}}));
            if (updated.length > 0) draft.change({}, {...NO_CHANGES, updated});
            else this.#onChange();
        });
    }

    /** @param {number | null} id */
    has(id) {
        return this.categories.some((category) => category.id === id);
    }

    /** The saved masks that a category is picked for; none: it is for the next one. @returns {readonly Annotation[]} */
    get #labelled() {
        const {draft, selection} = this.#bench;
        if (draft.edited) return [draft.edited];
        return draft.isEmpty ? selection.annotations : [];
    }

    /** @param {number} id */
    #pickNext(id) {
        this.nextId = id;
        this.#lastCategory.note(this.#opened.projectId, id);
    }
}
