/** Gives the picked category a key of one's own: the next key that is pressed. */

import {CategoryKeys} from "../view/commands/category-keys.js";
import {chordOf, isModifier} from "../view/commands/chords.js";
import {toast} from "../view/site/feedback.js";

/** @import {Preferences} from "../session/preferences.js" */
/** @import {ImageFlow} from "../session/image-flow.js" */
/** @import {Workbench} from "../session/workbench.js" */
/** @import {Commands} from "../view/commands/commands.js" */

/**
 * @param {Preferences} preferences
 * @param {Commands} commands
 * @param {Workbench} workbench
 * @param {() => {flow: Pick<ImageFlow<ImageBitmap>, "scene">, render: () => void}} later made after this
 */
export function categoryKeysOf(preferences, commands, workbench, later) {
    const keys = new CategoryKeys(preferences, commands);
    const categories = () => later().flow.scene.project.categories;

    return {
        keyOf: (/** @type {number} */ id) => keys.keyOf(id),

        /** @param {string} chord @returns {boolean} whether it picked a category */
        pick(chord) {
            const index = keys.indexOf(chord, categories());
            if (index >= 0) workbench.labelling.pick(index);
            return index >= 0;
        },

        /** Waits for the key. */
        listen() {
            const {category} = workbench.labelling;
            if (!category) return;
            toast(`Press a key for ${category.name}. Backspace takes its key away, Esc leaves all as it is.`);
            const end = new AbortController();
            const {signal} = end;
            addEventListener(
                "keydown",
                (event) => {
                    if (isModifier(event)) return;
                    event.preventDefault();
                    event.stopImmediatePropagation();
                    end.abort();
                    if (event.key === "Escape") return;
                    toast(keys.give(category, event.key === "Backspace" ? "" : chordOf(event), categories()));
                    later().render();
                },
                {capture: true, signal},
            );
            addEventListener("pointerdown", () => end.abort(), {capture: true, signal});
        },
    };
}
