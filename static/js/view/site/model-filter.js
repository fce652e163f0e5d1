/** Of the published models those that a person looks for: by words, speed and licence. */

import {find, findAll} from "../elements.js";
import {plural} from "../words.js";

/** What is looked for; "" stands for anything. @typedef {{words: string, speed: string, licence: string}} Wish */

/**
 * Whether a model is one of those that are looked for.
 *
 * @param {{words?: string, speed?: string, free?: string}} model words: in small letters; free: "free" or "asks"
 * @param {Wish} wish each of its words has to occur
 */
export function fits({words = "", speed, free}, wish) {
    const asked = wish.words.toLowerCase().split(/\s+/).filter(Boolean);
    return (
        asked.every((word) => words.includes(word)) &&
        (!wish.speed || wish.speed === speed) &&
        (!wish.licence || wish.licence === free)
    );
}

/**
 * Hides what is not looked for, with the headings under which nothing is left.
 *
 * @param {HTMLFormElement} form of the filter
 * @returns {() => void} to be called after the cards were drawn anew
 */
export function filterModels(form) {
    const apply = () => {
        const data = new FormData(form);
        /** @param {string} name */
        const asked = (name) => String(data.get(name) ?? "");
        const wish = {words: asked("words"), speed: asked("speed"), licence: asked("licence")};
        const isAsked = Object.values(wish).some(Boolean);
        let [shown, all] = [0, 0];
        for (const group of findAll("[data-group]", HTMLDetailsElement)) {
            const cards = findAll("[data-model]", HTMLElement, group);
            for (const card of cards) card.hidden = !fits(card.dataset, wish);
            const left = cards.filter((card) => !card.hidden).length;
            group.hidden = left === 0;
            if (isAsked && left > 0) group.open = true; // what is found is seen
            shown += left;
            all += cards.length;
        }
        find("[data-filter-found]", HTMLElement, form).textContent = !isAsked
            ? plural(all, "model")
            : shown === 0
              ? "No model is like that. Ask for less."
              : `${shown} of ${plural(all, "model")}`;
    };
    form.addEventListener("input", apply);
    // A link to a model opens its group, whatever is looked for.
    document.addEventListener("click", ({target}) => {
        const link = target instanceof Element ? target.closest("a[data-goto]") : null;
        if (!(link instanceof HTMLAnchorElement)) return;
        form.reset();
        apply();
        const group = document.getElementById(link.hash.slice(1))?.closest("details");
        if (group) group.open = true;
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
    return apply;
}
