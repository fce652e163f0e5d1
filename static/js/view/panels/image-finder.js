/** Finds an image of the list by its number or a part of its name. */

import {closeByClick, element, find, icon} from "../elements.js";
import {sentence} from "../words.js";

/** @import {ListedImage} from "../../session/ports.d.ts" */

const TYPING_MS = 120; // after the last letter, before the server is asked
const MARKS = {done: "check", skipped: "ban", in_progress: "pencil", not_started: "circle-dashed"};

export class ImageFinder {
    #dialog;
    #field;
    #list;
    #text;
    #world;
    /** @type {readonly ListedImage[]} */
    #found = [];
    #at = 0;
    #timer = 0;
    /** What is being looked for, or was found. @type {string} */
    #asked = "";
    /** The last search, which Enter waits for. */
    #search = Promise.resolve();

    /**
     * @param {HTMLDialogElement} dialog
     * @param {object} world
     * @param {(text: string) => Promise<readonly ListedImage[]>} world.find
     * @param {(imageId: number) => void} world.onOpen
     */
    constructor(dialog, world) {
        this.#dialog = dialog;
        this.#world = world;
        this.#field = find("input", HTMLInputElement, dialog);
        this.#list = find("[data-found]", HTMLElement, dialog);
        this.#text = find("[data-text]", HTMLElement, dialog);
        this.#field.addEventListener("input", () => {
            clearTimeout(this.#timer);
            this.#timer = window.setTimeout(() => this.#look(), TYPING_MS);
        });
        this.#field.addEventListener("keydown", (event) => {
            const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
            if (step) this.#show(this.#at + step);
            else if (event.key === "Enter") void this.#openWhenFound();
            else return;
            event.preventDefault();
        });
        closeByClick(dialog);
    }

    /** @param {number} total how many images the list has */
    show(total) {
        this.#field.value = "";
        this.#found = [];
        this.#asked = "";
        this.#say(`A number from 1 to ${total}, or a part of the name.`);
        this.#dialog.showModal();
        this.#show(0);
    }

    /** What is typed: at once, and only if it is not what was asked for already. */
    #look() {
        clearTimeout(this.#timer);
        const text = this.#field.value.trim();
        if (text === this.#asked) return;
        this.#asked = text;
        this.#search = this.#find(text);
    }

    /** @param {string} text */
    async #find(text) {
        let found, problem;
        try {
            found = text ? await this.#world.find(text) : [];
        } catch (error) {
            problem = sentence(error);
        }
        if (text !== this.#asked) return; // something else was typed meanwhile
        if (problem !== undefined) this.#asked = ""; // the same text may be asked for again
        this.#found = found ?? [];
        this.#say(problem ?? (text && this.#found.length === 0 ? "No image of this list has this." : ""));
        this.#show(0);
    }

    /** @param {string} text */
    #say(text) {
        this.#text.textContent = text;
    }

    /** @param {number} at of those found: the one that Enter opens */
    #show(at) {
        this.#at = Math.min(Math.max(at, 0), Math.max(0, this.#found.length - 1));
        this.#list.replaceChildren(...this.#found.map((row, k) => this.#row(row, k)));
        this.#list.hidden = this.#found.length === 0;
        this.#field.setAttribute("aria-expanded", String(this.#found.length > 0));
        this.#list.children[this.#at]?.scrollIntoView({block: "nearest"});
        if (this.#found.length > 0) this.#field.setAttribute("aria-activedescendant", `image-${this.#at}`);
        else this.#field.removeAttribute("aria-activedescendant");
    }

    /**
     * @param {ListedImage} row
     * @param {number} k
     */
    #row({id, name, position, state, isFlagged, thumbnailUrl}, k) {
        const node = element(
            "li",
            {role: "option", id: `image-${k}`, "aria-selected": String(k === this.#at)},
            element("img", {src: thumbnailUrl, alt: ""}),
            element("span", {class: "number quiet"}, String(position)),
            element("span", {class: "finder-name"}, name),
            ...(isFlagged ? [element("span", {class: "badge flagged", title: "Flagged"}, icon("flag"))] : []),
            element("span", {class: "badge", title: state.replace("_", " ")}, icon(MARKS[state])),
        );
        node.addEventListener("click", () => this.#open(id));
        return node;
    }

    async #openWhenFound() {
        this.#look();
        await this.#search;
        const row = this.#found[this.#at];
        if (row && this.#dialog.open) this.#open(row.id);
    }

    /** @param {number} imageId */
    #open(imageId) {
        this.#dialog.close();
        this.#world.onOpen(imageId);
    }
}
