/** What a person has set for the workbench. The server keeps it, so that it is there at every machine. */

/**
 * @typedef {object} Settings
 * @property {boolean} acceptOnLeave a decent mask that is open is accepted when its image is left
 * @property {boolean} farClickAccepts a click or a box far from a finished mask accepts it and begins the next object
 * @property {boolean} quickMode one click or box is one saved mask
 * @property {boolean} filmstrip the images' thumbnails are shown, in a window that has room for them
 * @property {boolean} refineAutomatically zoomed in on a large image, prompts are answered at full resolution unasked
 * @property {Readonly<Record<string, readonly string[]>>} keys the person's own, by action
 * @property {Readonly<Record<string, number>>} lastCategories the id of the category that was used last, by the id of the project
 * @property {Readonly<Record<string, string>>} categoryKeys chords by the id of the category that they pick
 */

export class Preferences {
    /** @type {Readonly<Settings>} */
    settings;
    #save;
    #onChange;
    #onProblem;
    /** What the server has not been told yet. @type {Partial<Settings>} */
    #changed = {};
    /** @type {Promise<unknown>} */
    #saving = Promise.resolve();

    /**
     * @param {Readonly<Settings>} settings
     * @param {(changes: Partial<Settings>) => Promise<unknown>} save
     * @param {{onChange: () => void, onProblem: (error: unknown) => void}} events
     */
    constructor(settings, save, {onChange, onProblem}) {
        this.settings = settings;
        this.#save = save;
        this.#onProblem = onProblem;
        this.#onChange = onChange;
    }

    /** @param {Partial<Settings>} changes kept at once here, and one after the other at the server */
    change(changes) {
        this.settings = {...this.settings, ...changes};
        this.#changed = {...this.#changed, ...changes};
        this.#saving = this.#saving.then(() => this.#saveChanges());
        this.#onChange();
    }

    async #saveChanges() {
        const changes = this.#changed;
        if (Object.keys(changes).length === 0) return; // an earlier turn took them along
        this.#changed = {};
        try {
            await this.#save(changes);
        } catch (error) {
            this.#changed = {...changes, ...this.#changed}; // the next change takes them along
            this.#onProblem(error);
        }
    }
}
