/** The gallery: tiles that the server draws, kept up to date while embeddings are made and files come in. */

import {find} from "../elements.js";
import {sentence} from "../words.js";
import {act, toast} from "./feedback.js";
import {syncItems, syncLiveParts} from "./keyed-list.js";
import {Poller} from "./poller.js";
import {markTiles} from "./waiting-tiles.js";

const POLL_PENDING_MS = 1500;
const POLL_IDLE_MS = 15_000;
const POLL_AWAY_MS = 5000; // the server did not answer
const TILES_AT_ONCE = 200; // as many as the server draws in one answer
const NEW_TILES_DELAY_MS = 500; // uploads that end together are drawn together

/**
 * @typedef {object} GalleryServer
 * @property {(ids: number[]) => Promise<string>} drawTiles HTML of these images' tiles
 * @property {() => Promise<string>} drawPage HTML of the whole page
 * @property {(imageId: number) => Promise<void>} retryEmbedding
 * @property {(error: unknown) => boolean} isSignedOut
 */

export class Gallery {
    /** Its items are the tiles. */
    list = find("[data-gallery]", HTMLUListElement);
    #empty = find("[data-empty]", HTMLElement);
    #filters = find("[data-filters]", HTMLFormElement);
    #server;
    #poller = new Poller(() => this.#poll());
    #newTilesTimer = 0;
    /** How often the whole page was asked for. */
    #drawings = 0;

    /** @param {GalleryServer} server */
    constructor(server) {
        this.#server = server;
        this.#poller.after(POLL_PENDING_MS);
        this.list.addEventListener("click", (event) => {
            const button =
                event.target instanceof Element ? event.target.closest("[data-retry-embedding]") : null;
            const tile = button?.closest("li");
            if (button instanceof HTMLButtonElement && tile) this.#retry(button, idOf(tile));
        });
    }

    /** @param {number[]} ids of images whose tiles are drawn anew */
    async draw(ids) {
        for (let start = 0; start < ids.length; start += TILES_AT_ONCE) {
            const html = await this.#server.drawTiles(ids.slice(start, start + TILES_AT_ONCE));
            syncItems(this.list, html, "imageId");
        }
        markTiles();
        this.#showEmptiness();
    }

    /** Images came in: they are drawn at their places, those that come shortly after each other together. */
    drawWholeSoon() {
        // Not put off by the next ones: a long upload is seen as it goes.
        if (this.#newTilesTimer === 0)
            this.#newTilesTimer = window.setTimeout(() => this.#drawNew(), NEW_TILES_DELAY_MS);
    }

    /** @param {HTMLElement} tile */
    remove(tile) {
        tile.remove();
        this.#showEmptiness();
    }

    /** As `drawWhole`; that the server is away does no harm: the next change tries again. */
    async refresh() {
        await this.drawWhole().catch(() => {});
    }

    /** The page as it is now, in its order: what no longer belongs on it goes. */
    async drawWhole() {
        const drawing = ++this.#drawings;
        const html = await this.#server.drawPage();
        if (drawing !== this.#drawings) return; // a later search was faster
        const page = new DOMParser().parseFromString(html, "text/html");
        syncItems(this.list, page.querySelector("[data-gallery]")?.innerHTML ?? "", "imageId", {
            isWhole: true,
        });
        markTiles();
        syncLiveParts(html);
        this.#empty = find("[data-empty]", HTMLElement);
        this.#showEmptiness();
        this.#poller.after(POLL_PENDING_MS);
    }

    /** Counts and buttons around the gallery; that they are late does no harm, so an error does not show. */
    async drawCounts() {
        try {
            syncLiveParts(await this.#server.drawPage());
        } catch {
            // The next change of the gallery tries again.
        }
    }

    get #tiles() {
        return /** @type {HTMLElement[]} */ ([...this.list.children]);
    }

    #showEmptiness() {
        const isEmpty = this.#tiles.length === 0;
        this.#empty.hidden = !isEmpty;
        if (!isEmpty) this.#filters.hidden = false;
    }

    async #drawNew() {
        this.#newTilesTimer = 0;
        try {
            await this.drawWhole();
        } catch (error) {
            toast(`${sentence(error)} The uploaded images appear when you reload the page.`, "error");
        }
    }

    /** @returns {Promise<number | null>} */
    async #poll() {
        const pending = this.#tiles.filter(
            ({dataset}) => dataset.embeddingState === "queued" || dataset.embeddingState === "running",
        );
        const looked = pending.length ? pending : this.#tiles;
        try {
            // The first ones are the next to be done; what waits behind them need not be asked about each time.
            await this.draw(looked.slice(0, TILES_AT_ONCE).map(idOf));
        } catch (error) {
            if (!this.#server.isSignedOut(error)) return POLL_AWAY_MS;
            toast("You are signed out. Reload the page to sign in again.", "error");
            return null;
        }
        return pending.length ? POLL_PENDING_MS : POLL_IDLE_MS;
    }

    /**
     * @param {HTMLButtonElement} button
     * @param {number} imageId
     */
    #retry(button, imageId) {
        void act(button, async () => {
            await this.#server.retryEmbedding(imageId);
            await this.draw([imageId]);
            this.#poller.after(POLL_PENDING_MS);
        });
    }
}

/** @param {HTMLElement} tile */
export function idOf(tile) {
    return Number(tile.dataset.imageId);
}
