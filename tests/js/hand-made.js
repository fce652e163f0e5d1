/** The world outside session/, made by hand: it answers when a test says so, and says no when a test wants that. */

import {ApiError, NetworkError} from "../../static/js/api/http.js";
import {Journal} from "../../static/js/session/journal.js";

/** Lets everything go on that waits for nothing but promises. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** The browser's storage; `limit` characters fit. */
export class HandMadeStorage {
    limit = Infinity;
    #values = new Map();

    get length() {
        return this.#values.size;
    }
    get keys() {
        return [...this.#values.keys()];
    }
    key(index) {
        return this.keys[index] ?? null;
    }
    getItem(key) {
        return this.#values.get(key) ?? null;
    }
    setItem(key, value) {
        if (value.length > this.limit) throw new Error("QuotaExceededError");
        this.#values.set(key, value);
    }
    removeItem(key) {
        this.#values.delete(key);
    }
}

/** What the browser keeps; `trouble`: it takes nothing more. It answers one turn later, in order. */
export class HandMadeShelf {
    trouble = "";
    /** @type {Map<string, {key: (string | number)[], value: unknown}>} */
    #values = new Map();

    /** The last names of all keys. */
    get ids() {
        return [...this.#values.values()].map(({key}) => key.at(-1));
    }
    async below(key) {
        if (this.trouble) throw new Error(this.trouble);
        return this.#found(key).map((each) => structuredClone(each));
    }
    async keysBelow(key) {
        return (await this.below(key)).map(({key}) => key);
    }
    async write({put = [], remove = []}) {
        if (this.trouble) throw new Error(this.trouble);
        for (const key of remove)
            for (const each of this.#found(key)) this.#values.delete(JSON.stringify(each.key));
        for (const [key, value] of put)
            this.#values.set(JSON.stringify(key), structuredClone({key: [...key], value}));
    }
    #found(key) {
        return [...this.#values.values()].filter((each) => key.every((name, k) => each.key[k] === name));
    }
}

/** A tab of a browser, which knows those that are open. */
export class HandMadeTabs {
    static #count = 0;
    onGone = () => {};

    constructor(browser = new Map(), id = `tab-${++HandMadeTabs.#count}`) {
        this.browser = browser;
        this.id = id;
    }
    async begin() {
        this.browser.set(this.id, this);
    }
    async ifGone(tab, work) {
        if (this.browser.has(tab)) return false;
        await work();
        return true;
    }
    /** Closed, or crashed; it does not come back. */
    end() {
        this.browser.delete(this.id);
        for (const tab of this.browser.values()) tab.onGone();
    }
}

/** Of ann's tab. */
export function journalOf(shelf = new HandMadeShelf(), tabs = new HandMadeTabs()) {
    return new Journal(shelf, tabs, "ann");
}

/** Somebody who waits for `pause` goes on when the test says so. */
export class HandMadePause {
    attempts = [];
    #waiting = [];

    pause = (attempt) => {
        this.attempts.push(attempt);
        return new Promise((resolve) => this.#waiting.push(resolve));
    };

    async over() {
        for (const resolve of this.#waiting.splice(0)) resolve();
        await settle();
    }
}

/**
 * The API of annotations, with the rules of annotator/annotations.py: a version for every write, deletes that can be
 * restored, a repeated save that is harmless. Takes the place of api/http.js under the real AnnotationServer.
 */
export class HandMadeServer {
    /** id -> the row as it goes over the wire, with `isDeleted` */
    rows = new Map();
    /** What was asked, "POST", "PATCH 1", ... */
    asked = [];
    /** "" or why no request gets through */
    trouble = "";
    /** Held back, each until the test answers it. @type {{answer: () => void, loseAnswer: () => void}[]} */
    held = [];
    isHolding = false;

    async json(url, {method = "GET", body} = {}) {
        const [path, query = ""] = url.split("?");
        const version = body?.version ?? (Number(query.split("=")[1]) || null);
        this.asked.push(
            [method, ...(path.endsWith("restore/") ? ["restore"] : version ? [version] : [])].join(" "),
        );
        if (!this.isHolding) return this.#answer(method, path, body, version);
        return new Promise((resolve, reject) => {
            this.held.push({
                answer: () => this.#answer(method, path, body, version).then(resolve, reject),
                loseAnswer: () =>
                    this.#answer(method, path, body, version).then(
                        () => reject(new NetworkError()),
                        () => reject(new NetworkError()),
                    ),
            });
        });
    }

    /** Answers the oldest request that is held back. */
    async answerNext() {
        this.held.shift().answer();
        await settle();
    }

    /** Somebody else writes. */
    change(id, fields) {
        const row = this.rows.get(id);
        Object.assign(row, fields, {version: row.version + 1});
    }

    async #answer(method, path, body, version) {
        if (this.trouble === "offline") throw new NetworkError();
        if (this.trouble === "signed out")
            throw new ApiError(401, "not_authenticated", "You are signed out.");
        if (this.trouble === "broken") throw new ApiError(502, "http_error", "The server answered 502.");
        const id = body?.id ?? path.split("/")[3];
        const row = this.rows.get(id);
        if (method === "POST" && path.endsWith("restore/")) {
            if (row.isDeleted) this.change(id, {isDeleted: false});
            return wire(row);
        }
        if (method === "POST") return this.#create(Number(path.split("/")[3]), body, row);
        if (!row) throw new ApiError(404, "not_found", "There is no such annotation.");
        if (method === "DELETE" && row.isDeleted) return null;
        if (row.isDeleted) throw conflict("annotation_deleted", row);
        const fields = {...body};
        delete fields.version;
        if (version !== null && version !== row.version) {
            const isRepeated = method === "PATCH" && row.version === version + 1 && holds(row, fields);
            if (isRepeated) return wire(row);
            throw conflict("version_conflict", row);
        }
        this.change(id, method === "DELETE" ? {isDeleted: true} : fields);
        return method === "DELETE" ? null : wire(row);
    }

    #create(image, body, row) {
        if (body.segmentation.counts === "refused")
            throw new ApiError(400, "invalid_mask", "The mask is malformed.");
        if (row?.isDeleted) throw conflict("annotation_deleted", row);
        if (row && !holds(row, body)) throw conflict("version_conflict", row);
        if (!row) {
            this.rows.set(body.id, {
                ...{image, area: 1, bbox: [0, 0, 1, 1], author: "ann", created_at: "2026-01-01T00:00:00Z"},
                ...{updated_at: "2026-01-01T00:00:00Z", updated_by: "ann"},
                ...body,
                ...{version: 1, isDeleted: false},
            });
        }
        return wire(this.rows.get(body.id));
    }
}

const wire = (row) => structuredClone({...row, isDeleted: undefined});
const holds = (row, fields) => Object.keys(fields).every((name) => same(row[name], fields[name]));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const conflict = (code, row) => new ApiError(409, code, "Somebody else wrote.", {}, {current: wire(row)});

/** An annotation as the workbench makes one. */
export function annotationOf(id, {imageId = 7, categoryId = 1, counts = "011", createdAt = id} = {}) {
    return {
        id,
        imageId,
        categoryId,
        segmentation: {size: [1, 2], counts},
        area: 1,
        bbox: [0, 0, 1, 1],
        prompt: null,
        predictedIou: 0.9,
        stabilityScore: 0.9,
        bundleDigest: "d",
        author: "ann",
        timeSpentS: 1.5,
        clicks: 1,
        createdAt,
    };
}

export const created = (...rows) => ({created: rows, updated: [], deleted: []});
export const updated = (before, after) => ({created: [], updated: [{before, after}], deleted: []});
export const deleted = (...rows) => ({created: [], updated: [], deleted: rows});
