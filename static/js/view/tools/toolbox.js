/** The tools, of which one is chosen. A new tool is a file here, a line where the box is made, name and row in commands/table.js. */

/** @import {Tool} from "./tool.js" */

/** @template {string} Name */
export class Toolbox {
    #root;
    #tools;
    #onChange;
    /** @type {Name | null} */
    #chosen = null;

    /**
     * @param {HTMLElement} root the stage
     * @param {Record<Name, Tool>} tools
     * @param {() => void} onChange
     */
    constructor(root, tools, onChange) {
        this.#root = root;
        this.#tools = tools;
        this.#onChange = onChange;
    }

    get chosen() {
        return this.#chosen;
    }

    /** @param {Name} name */
    use(name) {
        if (this.#chosen) this.#tools[this.#chosen].disable();
        this.#chosen = name;
        this.#tools[name].enable();
        this.#root.style.setProperty("--tool-cursor", this.#tools[name].cursor);
        this.#onChange();
    }

    /** Gives up what the chosen tool has begun: it belongs to an image that is no longer on screen. */
    cancel() {
        if (this.#chosen) this.#tools[this.#chosen].cancel();
    }
}
