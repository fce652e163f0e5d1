/** Categories that were made on this page: scenes that were fetched ahead do not know them yet. */

/** @import {Category} from "../core/types.d.ts" */

export class AddedCategories {
    /** By project. @type {Map<number, Category[]>} */
    #added = new Map();

    /**
     * @param {number} projectId
     * @param {Category} category
     */
    add(projectId, category) {
        this.#added.set(projectId, [...(this.#added.get(projectId) ?? []), category]);
    }

    /**
     * @template {{readonly id: number, readonly categories: readonly Category[]}} P
     * @param {P} project
     * @returns {P} with the added categories behind its own
     */
    overlay(project) {
        const known = new Set(project.categories.map(({id}) => id));
        const missing = (this.#added.get(project.id) ?? []).filter(({id}) => !known.has(id));
        return missing.length === 0 ? project : {...project, categories: [...project.categories, ...missing]};
    }
}
