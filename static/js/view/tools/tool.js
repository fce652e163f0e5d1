/** What pointer events on the stage mean while a tool is the chosen one. */

/** @import {Stage} from "../stage.js" */

/**
 * Listens on the stage until the tool is disabled.
 *
 * @typedef {<Type extends keyof HTMLElementEventMap>(type: Type, handler: (event: HTMLElementEventMap[Type]) => void) => void} Listen
 */

export class Tool {
    /** @type {AbortController | null} */
    #listeners = null;

    /** The mouse's over the stage while this tool is the chosen one, as CSS names it. */
    cursor = "default";

    /** @param {Stage} stage */
    constructor(stage) {
        this.stage = stage;
    }

    get isEnabled() {
        return this.#listeners !== null;
    }

    enable() {
        this.#listeners?.abort();
        this.#listeners = new AbortController();
        const {signal} = this.#listeners;
        this.listen((type, handler) => this.stage.root.addEventListener(type, handler, {signal}));
    }

    /** Takes away every listener that `enable` added, and ends what was begun. */
    disable() {
        this.cancel();
        this.#listeners?.abort();
        this.#listeners = null;
    }

    /**
     * Gives up what was begun and not finished.
     *
     * @returns {boolean} whether there was something
     */
    cancel() {
        return false;
    }

    /**
     * Each tool adds here what it listens to.
     *
     * @param {Listen} on
     */
    listen(on) {
        on("pointercancel", (event) => this.losePress(event));
    }

    /**
     * A pointer that was pressed belongs to somebody else now: with a second finger it moves the image. A tool gives up all that
     * was begun, unless it knows better.
     *
     * @type {(event: PointerEvent) => void}
     */
    losePress() {
        this.cancel();
    }
}
