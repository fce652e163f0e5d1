/**
 * Working in a region at full resolution, so that small objects are as sharp as large ones: which region is asked for, when
 * it is used, and when the whole image is used again.
 *
 * Once begun it follows the view: another region is asked for when the view rests elsewhere, and it ends when the view
 * shows so much that a region would hardly be sharper. Until a region is there, prompts are answered as before.
 */

import {contains, isSame, regionOfView} from "../core/regions.js";

/** @import {ImageBox, ImageSize, Region} from "../core/types.d.ts" */
/** @import {Timers} from "./ports.d.ts" */
/** @import {Workbench} from "./workbench.js" */

/** What of the image is seen, in image pixels. @typedef {Pick<ImageBox, "x0" | "y0" | "x1" | "y1">} Seen */

const REST_MS = 350;
const AUTOMATIC_FROM_PIXELS = 2_000_000;
const TOO_COARSE = 2; // a region that is longer than the wanted one by this makes place for it
const MOVED_SHARE = 0.05; // of the view: less is a hand that trembles

export class Refining {
    #bench;
    #timers;
    #settings;
    #events;
    /** @type {ImageSize} */
    #size = {height: 1, width: 1};
    /** @type {Seen | null} */
    #seen = null;
    /** Where the view rested before. @type {Seen | null} */
    #before = null;
    /** Which way the view went last, in views: (1, 0) is to what lies to the right of it. @type {{x: number, y: number} | null} */
    #heading = null;
    #timer = 0;
    /** Begun by the person. */
    #isOn = false;
    /** Ended by the person: it does not begin by itself before the view was zoomed out. */
    #isStopped = false;
    /** Whether the person works like this: only then regions are asked for ahead. */
    #isInHabit = false;
    /** @type {Region | null} */
    #waitingFor = null;
    /** Raised when what is on its way is not wanted any more. */
    #visit = 0;

    /**
     * @param {Pick<Workbench, "canPrompt" | "prompts" | "moving">} bench
     * @param {{timers: Timers, settings: () => {refineAutomatically: boolean}}} world
     * @param {{onChange: () => void, onSay: (text: string) => void, onProblem: (text: string) => void}} events
     */
    constructor(bench, {timers, settings}, events) {
        this.#bench = bench;
        this.#timers = timers;
        this.#settings = settings;
        this.#events = events;
    }

    /** The region in use; null: the whole image is. */
    get region() {
        return this.#bench.prompts.region;
    }

    /** The region that is on its way; null: none is. */
    get waitingFor() {
        return this.#waitingFor;
    }

    /** Whether a region is in use or on its way. */
    get isOn() {
        return this.region !== null || this.#waitingFor !== null;
    }

    /** Another image. @param {ImageSize} size */
    open(size) {
        this.#size = size;
        this.#seen = this.#before = this.#heading = null;
        this.#isOn = this.#isStopped = false;
        this.#drop();
    }

    /** The view has changed. @param {Seen} seen */
    look(seen) {
        this.#seen = seen;
        this.#timers.stop(this.#timer);
        this.#timer = this.#timers.start(() => this.#rest(), REST_MS);
    }

    /** Begins with what is seen now, or ends. */
    toggle() {
        if (this.isOn) return this.stop();
        const wanted = this.#wanted;
        if (!wanted) {
            this.#events.onSay("Zoom in on a small object first: here the whole image is as sharp.");
            return;
        }
        this.#isOn = this.#isInHabit = true;
        this.#isStopped = false;
        void this.#ask(wanted, true);
    }

    /** Back to the whole image. A prompt that was made in a region stays there. */
    stop() {
        this.#isOn = false;
        this.#isStopped = true;
        this.#drop();
        this.#events.onChange();
    }

    /** Another decoder answers now: where a region was in use, or on its way, this one is asked for it. */
    again() {
        const was = this.#isOn || this.#isAutomatic || this.#waitingFor !== null;
        this.#drop();
        const wanted = this.#wanted;
        if (was && wanted) void this.#ask(wanted, false);
    }

    get #wanted() {
        return this.#seen && regionOfView(this.#seen, this.#size);
    }

    get #isAutomatic() {
        const {height, width} = this.#size;
        return (
            this.#settings().refineAutomatically && height * width > AUTOMATIC_FROM_PIXELS && !this.#isStopped
        );
    }

    #rest() {
        if (!this.#bench.canPrompt) return;
        this.#heading = this.#moved ?? this.#heading;
        this.#before = this.#seen;
        const wanted = this.#wanted;
        if (!wanted) {
            const was = this.isOn;
            this.#isOn = this.#isStopped = false;
            this.#drop();
            if (was) this.#events.onChange();
        } else if (!this.#isOn && !this.#isAutomatic) {
            if (this.#isInHabit && !this.region) this.#bench.prompts.foresee(wanted);
        } else if (this.region && this.#suits(this.region, wanted)) this.#foresee();
        else void this.#ask(wanted, false);
    }

    /** Which way the view went since it rested before; null: it hardly moved. */
    get #moved() {
        const [before, seen] = [this.#before, this.#seen];
        if (!before || !seen) return null;
        const x = (seen.x0 + seen.x1 - before.x0 - before.x1) / 2 / (seen.x1 - seen.x0);
        const y = (seen.y0 + seen.y1 - before.y0 - before.y1) / 2 / (seen.y1 - seen.y0);
        if (Math.max(Math.abs(x), Math.abs(y)) < MOVED_SHARE) return null;
        return Math.abs(x) > Math.abs(y) ? {x: Math.sign(x), y: 0} : {x: 0, y: Math.sign(y)};
    }

    /**
     * Whether a region need not make place for the wanted one: all that is seen lies in it, and it is not much coarser.
     *
     * @param {Region} region
     * @param {Region} wanted
     */
    #suits(region, wanted) {
        const {x0, y0, x1, y1} = /** @type {Seen} */ (this.#seen);
        const {height, width} = this.#size;
        const first = {x: Math.max(0, x0), y: Math.max(0, y0)};
        const last = {x: Math.min(width, x1) - 1, y: Math.min(height, y1) - 1};
        const isCoarse = longer(region) >= TOO_COARSE * longer(wanted);
        return !isCoarse && contains(region, first) && contains(region, last);
    }

    /**
     * @param {Region} region
     * @param {boolean} isAsked the person asked for it just now: the mask on screen goes there too
     */
    async #ask(region, isAsked) {
        if (isSame(this.#waitingFor, region)) return;
        const visit = ++this.#visit;
        this.#waitingFor = region;
        this.#events.onChange();
        try {
            await this.#bench.prompts.prepare(region);
        } catch (error) {
            if (visit !== this.#visit) return;
            const reason = error instanceof Error ? error.message : String(error);
            this.#events.onProblem(`This part could not be made sharper: ${reason}`);
            this.stop();
            return;
        }
        if (visit !== this.#visit) return;
        this.#waitingFor = null;
        this.#bench.prompts.region = region;
        this.#bench.moving.moveTo(region, isAsked);
        this.#events.onChange();
        this.#foresee();
    }

    /** Asks ahead for the region that comes next if the view goes on as it went. */
    #foresee() {
        const [heading, seen] = [this.#heading, this.#seen];
        if (!heading || !seen) return;
        const [right, down] = [heading.x * (seen.x1 - seen.x0), heading.y * (seen.y1 - seen.y0)];
        const next = {x0: seen.x0 + right, x1: seen.x1 + right, y0: seen.y0 + down, y1: seen.y1 + down};
        const region = regionOfView(next, this.#size);
        if (region && !isSame(region, this.region)) this.#bench.prompts.foresee(region);
    }

    #drop() {
        this.#visit++;
        this.#waitingFor = null;
        this.#bench.prompts.region = null;
    }
}

/** @param {Region} region */
function longer({width, height}) {
    return Math.max(width, height);
}
