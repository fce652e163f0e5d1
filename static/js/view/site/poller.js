/** Asks again and again how something is doing, while somebody looks at the page. */

export class Poller {
    #ask;
    #timer = 0;

    /** @param {() => Promise<number | null>} ask gives the milliseconds until it is asked again; null: not by itself */
    constructor(ask) {
        this.#ask = ask;
        document.addEventListener("visibilitychange", () => {
            if (!document.hidden) this.after(0);
        });
    }

    /** @param {number} delayMs */
    after(delayMs) {
        clearTimeout(this.#timer);
        this.#timer = window.setTimeout(async () => {
            if (document.hidden) return; // goes on when the page is looked at again
            const nextMs = await this.#ask();
            if (nextMs !== null) this.after(nextMs);
        }, delayMs);
    }
}
