/** Work that is finished before what a person does next: after Enter, a click belongs to the next object. */

export class Turns {
    /** @type {Promise<void> | null} */
    #running = null;

    get isBusy() {
        return this.#running !== null;
    }

    /**
     * @param {() => Promise<void>} work
     * @param {() => void} onEnd
     */
    start(work, onEnd) {
        this.#running = work().finally(() => {
            this.#running = null;
            onEnd();
        });
    }

    /** Does it now, or as soon as nothing is running. @param {() => void} action */
    after(action) {
        if (this.#running) void this.#running.then(() => this.after(action));
        else action();
    }

    /** Resolves when nothing is running. */
    async settle() {
        await this.#running;
    }
}
