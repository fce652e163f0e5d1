/** The panel at the side, shown or hidden; the browser remembers which. */

/** @import {KeyStore} from "../../session/ports.d.ts" */

const STORAGE_KEY = "maskwright.panel";
const CLOSED = "is-panel-closed";

export class SidePanel {
    #body;
    #storage;

    /**
     * @param {HTMLElement} body whose class says it
     * @param {KeyStore} storage
     */
    constructor(body, storage) {
        this.#body = body;
        this.#storage = storage;
        if (storage.getItem(STORAGE_KEY) === "closed") body.classList.add(CLOSED);
    }

    open() {
        if (this.#body.classList.contains(CLOSED)) this.toggle();
    }

    toggle() {
        const isClosed = this.#body.classList.toggle(CLOSED);
        this.#storage.setItem(STORAGE_KEY, isClosed ? "closed" : "open");
    }
}
