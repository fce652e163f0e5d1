/** Requests to our own API: CSRF, errors one can show, and patience while the server is away. */

const RETRY_FIRST_MS = 1000;
const RETRY_LONGEST_MS = 30_000;
const SIGNED_IN = "maskwright:signed-in";
// Browsers let this many bytes go on being sent after the page has gone.
const KEEPALIVE_MAX_BYTES = 60_000;

/** The server refused: `code` for programs, `message` for people, `fields` for forms. */
export class ApiError extends Error {
    /**
     * @param {number} status
     * @param {string} code
     * @param {string} message
     * @param {Record<string, string[]>} fields
     * @param {Record<string, unknown>} body the whole answer
     */
    constructor(status, code, message, fields = {}, body = {}) {
        super(message);
        this.name = "ApiError";
        this.status = status;
        this.code = code;
        this.fields = fields;
        this.body = body;
    }

    /** Whether the same request may succeed later. */
    get isPassing() {
        return this.status >= 500 || this.status === 429 || this.status === 408;
    }
}

/** The server was not reached: no network, or it is restarting. */
export class NetworkError extends Error {
    constructor() {
        super("The server cannot be reached.");
        this.name = "NetworkError";
    }
}

export class Http {
    #csrfToken;

    /** @param {string} csrfToken the page's, for a browser whose cookie is gone */
    constructor(csrfToken = "") {
        this.#csrfToken = csrfToken;
    }

    /**
     * @param {string} url
     * @param {{method?: string, body?: unknown, signal?: AbortSignal, cache?: RequestCache}} options body is sent as JSON, or
     *   as the form it is
     * @returns {Promise<Response>} any answer below 400
     * @throws {ApiError | NetworkError}
     */
    async request(url, {method = "GET", body, signal, cache} = {}) {
        /** @type {Record<string, string>} */
        const headers = {Accept: "application/json"};
        if (method !== "GET") Object.assign(headers, csrfHeader(this.#csrfToken));
        const isForm = body instanceof URLSearchParams;
        if (isForm) headers["Content-Type"] = "application/x-www-form-urlencoded";
        else if (body !== undefined) headers["Content-Type"] = "application/json";
        const content = body === undefined ? undefined : isForm ? String(body) : JSON.stringify(body);
        let response;
        try {
            response = await fetch(url, {
                method,
                headers,
                body: content,
                keepalive: method !== "GET" && isShort(content),
                credentials: "same-origin",
                signal,
                cache,
            });
        } catch (error) {
            if (signal?.aborted) throw error;
            throw new NetworkError();
        }
        if (!response.ok) throw await apiError(response);
        return response;
    }

    /**
     * @param {string} url
     * @param {{method?: string, body?: unknown, signal?: AbortSignal}} options
     */
    async json(url, options = {}) {
        const response = await this.request(url, options);
        return response.status === 204 ? null : whole(response.json());
    }
}

/** The page that is shown, as the server draws it now. @param {Http} http @returns {Promise<string>} HTML */
export async function thisPage(http) {
    const response = await http.request(location.pathname + location.search);
    return whole(response.text());
}

/**
 * @template T
 * @param {Promise<T>} body that is being read
 * @returns {Promise<T>}
 * @throws {NetworkError} it was cut off on the way
 */
export async function whole(body) {
    return body.catch(() => {
        throw new NetworkError();
    });
}

/** Whether the browser goes on sending it when its page has gone. @param {unknown} body as JSON */
export function outlivesPage(body) {
    return isShort(JSON.stringify(body));
}

/** @param {unknown} error whether the same request may succeed later */
export function isPassing(error) {
    return error instanceof NetworkError || (error instanceof ApiError && error.isPassing);
}

/** @param {unknown} error whether the same request may succeed once the person has signed in again */
export function isSignedOut(error) {
    return error instanceof ApiError && error.status === 401;
}

/**
 * Why the same request may succeed later; "": it will not.
 *
 * @param {unknown} error
 * @returns {"offline" | "signed_out" | "server" | ""}
 */
export function troubleOf(error) {
    if (isSignedOut(error)) return "signed_out";
    if (error instanceof NetworkError) return "offline";
    return isPassing(error) ? "server" : "";
}

/** The person has signed in again: whoever waits goes on at once. */
export function tellSignedIn() {
    dispatchEvent(new Event(SIGNED_IN));
}

/**
 * Repeats what fails for a passing reason, at growing intervals, at once when the browser is online again.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {object} options
 * @param {AbortSignal} [options.signal]
 * @param {(error: unknown) => void} [options.onWait]
 * @param {(error: unknown) => boolean} [options.isWorthWaiting]
 * @returns {Promise<T>}
 */
export async function withPatience(work, {signal, onWait, isWorthWaiting = isPassing} = {}) {
    for (let attempt = 0; ; attempt++) {
        try {
            return await work();
        } catch (error) {
            if (!isWorthWaiting(error) || signal?.aborted) throw error;
            onWait?.(error);
            await pause(retryDelayMs(attempt), signal);
        }
    }
}

/** @param {number} attempt counted from 0 */
export function retryDelayMs(attempt) {
    return Math.min(RETRY_FIRST_MS * 2 ** attempt, RETRY_LONGEST_MS);
}

/**
 * Resolves after a time, or when the browser comes online, or when the person comes back to the page: from signing in
 * in another tab, for example.
 *
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function pause(ms, signal) {
    return new Promise((resolve, reject) => {
        const done = () => {
            clearTimeout(timer);
            removeEventListener("online", done);
            removeEventListener("focus", done);
            removeEventListener(SIGNED_IN, done);
            signal?.removeEventListener("abort", done);
            if (signal?.aborted) reject(signal.reason);
            else resolve();
        };
        const timer = setTimeout(done, ms);
        addEventListener("online", done);
        addEventListener("focus", done);
        addEventListener(SIGNED_IN, done);
        signal?.addEventListener("abort", done);
        if (signal?.aborted) done();
    });
}

/** @param {Response} response */
async function apiError(response) {
    const body = await response.json().catch(() => ({}));
    const {code, message, fields} = body.error ?? {};
    return new ApiError(
        response.status,
        code ?? "http_error",
        message ?? `The server answered ${response.status}.`,
        fields ?? {},
        body,
    );
}

/**
 * What a request that changes something has to carry. The cookie is newer than the page's token when somebody signed in again
 * in another tab.
 *
 * @param {string} pageToken for a browser whose cookie is gone; "": the page has none
 * @returns {Record<string, string>}
 */
export function csrfHeader(pageToken = "") {
    const cookie = document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/)?.[1];
    return {"X-CSRFToken": cookie ?? pageToken};
}

/** @param {string | undefined} content in ASCII: masks are, and what is not is short */
function isShort(content = "") {
    return content.length < KEEPALIVE_MAX_BYTES;
}
