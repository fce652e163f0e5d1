/** A project's categories as this page has learnt them last: a scene that was fetched before knows them as they were. */

/** @import {Category} from "../core/types.d.ts" */

export class NewestCategories {
    /** By project. @type {Map<number, {categories: readonly Category[], at: number}>} */
    #known = new Map();

    /**
     * @param {number} projectId
     * @param {readonly Category[]} categories all that there are
     * @param {number} at when that was so
     */
    note(projectId, categories, at) {
        this.#known.set(projectId, {categories, at});
    }

    /**
     * @template {{readonly id: number, readonly categories: readonly Category[]}} P
     * @param {P} project
     * @param {number} askedAt when it was asked for
     * @returns {P} with the categories that are newer than it
     */
    overlay(project, askedAt) {
        const known = this.#known.get(project.id);
        return known && known.at >= askedAt ? {...project, categories: known.categories} : project;
    }
}
