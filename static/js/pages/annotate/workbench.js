/**
 * What the annotator is doing with one image: prompt, candidates, selection, history. It knows no DOM; whoever shows it
 * listens to `onChange`.
 */

import {AnnotationDocument, NO_CHANGES, inverse} from "../../core/annotation-document.js";
import {History} from "../../core/history.js";
import {
    EMPTY_PROMPT,
    FOREGROUND,
    decodeKey,
    isEmpty,
    withBox,
    withLastChoice,
    withMaskIndices,
    withPoint,
    withoutLastStep,
} from "../../core/prompt.js";

/** @import {Annotation, Candidate, Category, ChangeSet, ImageBox, ImagePoint, PointLabel, Prompt} from "../../core/types.d.ts" */
/** @import {DecoderClient, DecoderImage} from "../../decoder/decoder-client.js" */

/** What undo brings back besides the document. @typedef {{prompt: Prompt, selectedId: string | null}} Work */
/** @typedef {{changes: ChangeSet, before: Work, after: Work}} HistoryEntry */

/**
 * @typedef {object} WorkbenchEvents
 * @property {() => void} onChange something to show has changed
 * @property {(message: string) => void} onProblem a sentence for the person
 * @property {() => void} onCategoryMissing a mask cannot be saved without one
 * @property {(pressedAt: number) => void} onMask the mask for a pointer event (its timestamp) is there to be painted
 */

export class Workbench {
    document = new AnnotationDocument();
    /** @type {ReadonlySet<string>} masks that are not shown */
    hiddenIds = new Set();
    areMasksHidden = false;
    /** How long the last decode took. @type {number | null} */
    decodeMs = null;

    #events;
    #username;
    /** @type {DecoderClient | null} */
    #decoder = null;
    /** @type {DecoderImage | null} */
    #image = null;
    #imageId = 0;
    /** @type {readonly Category[]} */
    #categories = [];
    /** @type {number | null} */
    #categoryId = null;
    #mayAnnotate = false;

    /** @type {History<HistoryEntry>} */
    #history = new History();
    /** @type {Work} */
    #work = {prompt: EMPTY_PROMPT, selectedId: null};
    /** @type {readonly Candidate[]} */
    #candidates = [];
    #decodedKey = "";
    /** @type {Candidate | null} */
    #shown = null;
    #revision = 0;
    /** @type {Promise<void> | null} */
    #decoding = null;
    /** @type {Promise<void> | null} */
    #accepting = null;
    #startedAt = 0;
    #clicks = 0;

    /**
     * @param {string} username
     * @param {WorkbenchEvents} events
     */
    constructor(username, events) {
        this.#username = username;
        this.#events = events;
        this.document.subscribe(() => this.#forgetWhatIsGone());
    }

    get prompt() {
        return this.#work.prompt;
    }

    get selected() {
        return this.document.get(this.#work.selectedId) ?? null;
    }

    get candidates() {
        return this.#candidates;
    }

    /** The candidate on screen. */
    get shown() {
        return this.#shown;
    }

    get isDecoding() {
        return this.#decoding !== null;
    }

    /** Whether a mask is on its way into the document. */
    get isAccepting() {
        return this.#accepting !== null;
    }

    get canUndo() {
        return this.#history.canUndo;
    }

    get canRedo() {
        return this.#history.canRedo;
    }

    /** Of the selected mask, else of the next one. */
    get category() {
        const id = this.selected?.categoryId ?? this.#categoryId;
        return this.#categories.find((category) => category.id === id) ?? null;
    }

    /**
     * Another image, with what is known of it so far.
     *
     * @param {object} options
     * @param {number} options.imageId
     * @param {DecoderClient | null} options.decoder
     * @param {DecoderImage | null} options.image
     * @param {readonly Category[]} options.categories
     * @param {boolean} options.mayAnnotate
     */
    open({imageId, decoder, image, categories, mayAnnotate}) {
        this.#imageId = imageId;
        this.#decoder = decoder;
        this.#image = image;
        this.#categories = categories;
        this.#mayAnnotate = mayAnnotate;
        if (!categories.some(({id}) => id === this.#categoryId)) this.#categoryId = categories[0]?.id ?? null;
        this.#history.clear();
        this.#work = {prompt: EMPTY_PROMPT, selectedId: null};
        this.hiddenIds = new Set();
        this.document.reset([]);
        this.#decode();
    }

    /** @param {readonly Annotation[]} annotations the image's, as saved */
    showSaved(annotations) {
        this.document.reset(annotations);
        this.#events.onChange();
    }

    /**
     * Somebody else's change, or the end of a conflict: the history before it no longer fits.
     *
     * @param {string} id
     * @param {Annotation | null} annotation null: deleted
     */
    replaceFromServer(id, annotation) {
        const before = this.document.get(id);
        this.#history.clear();
        if (before && annotation) {
            this.document.apply({...NO_CHANGES, updated: [{before, after: annotation}]}, "server");
        } else if (before) this.document.apply({...NO_CHANGES, deleted: [before]}, "server");
        else if (annotation) this.document.apply({...NO_CHANGES, created: [annotation]}, "server");
        if (this.#work.selectedId === id) this.#work = {prompt: EMPTY_PROMPT, selectedId: null};
        this.#decode();
    }

    /** Resolves when a mask that is being accepted is in the document. */
    async settle() {
        await this.#accepting;
    }

    // --- the prompt ---

    /**
     * Decodes ahead for a button that went down: if it becomes a click, its mask is (nearly) there.
     *
     * @param {ImagePoint} point
     * @param {PointLabel} label
     */
    anticipate(point, label) {
        if (!this.#canPrompt() || this.#decoding || this.#accepting || !this.#image) return;
        this.#decoder?.decode(this.#image, withPoint(this.prompt, point, label).steps).catch(() => {}); // the click will tell
    }

    /** Whether a click now would begin a prompt, and the decoder is free to say what it would give. */
    get canPreview() {
        return (
            this.#canPrompt() &&
            isEmpty(this.prompt) &&
            !this.#work.selectedId &&
            !this.#decoding &&
            !this.#accepting
        );
    }

    /**
     * @param {ImagePoint} point
     * @returns {Promise<Candidate | null>} the mask that a click there would show; null: unknown
     */
    async preview(point) {
        if (!this.canPreview || !this.#image || !this.#decoder) return null;
        const {steps} = withPoint(EMPTY_PROMPT, point, FOREGROUND);
        const reply = await this.#decoder.decode(this.#image, steps).catch(() => null); // the click will tell
        return reply?.candidates[0] ?? null;
    }

    /**
     * @param {ImagePoint} point
     * @param {PointLabel} label
     * @param {number} timeStamp of the pointer event
     */
    addPoint(point, label, timeStamp) {
        this.#afterAccepting(() => this.#addStep(withPoint(this.prompt, point, label), timeStamp));
    }

    /**
     * @param {ImageBox} box
     * @param {number} timeStamp of the pointer event
     */
    setBox(box, timeStamp) {
        this.#afterAccepting(() => this.#addStep(withBox(this.prompt, box), timeStamp));
    }

    removeLastStep() {
        if (!this.#canPrompt() || isEmpty(this.prompt)) return false;
        this.#afterAccepting(() => {
            this.#change({prompt: withoutLastStep(this.prompt)});
            this.#decode();
        });
        return true;
    }

    /** Clears the prompt; for a selected mask: lets go of it as it was saved. */
    cancel() {
        if (isEmpty(this.prompt) && !this.#work.selectedId) return false;
        this.#afterAccepting(() => {
            this.#leavePrompt(null);
            this.#decode();
        });
        return true;
    }

    /** @param {number} direction 1 the next candidate, -1 the one before */
    cycleCandidate(direction) {
        const at = this.#candidates.findIndex((candidate) => candidate === this.#shown);
        if (at < 0 || this.#candidates.length < 2) return false;
        const count = this.#candidates.length;
        this.chooseCandidate(this.#candidates[(at + direction + count) % count].index);
        return true;
    }

    /** @param {number} index of the decoder's output */
    chooseCandidate(index) {
        if (!this.#canPrompt() || !this.#candidates.some((candidate) => candidate.index === index)) return;
        this.#change({prompt: withLastChoice(this.prompt, index)});
        this.#decode();
    }

    // --- masks ---

    /** Saves the mask on screen; the prompt is free for the next object. */
    accept() {
        if (!this.#canPrompt()) return false;
        if (isEmpty(this.prompt)) return this.cancel();
        this.#afterAccepting(() => {
            this.#accepting = this.#accept().finally(() => {
                this.#accepting = null;
                this.#events.onChange();
            });
            this.#events.onChange();
        });
        return true;
    }

    /** @param {number} index of the category: changes the selected mask's, else picks the next one's */
    pickCategory(index) {
        const category = this.#categories[index];
        if (!category || !this.#mayAnnotate) return;
        this.#afterAccepting(() => {
            this.#categoryId = category.id;
            const before = this.selected;
            if (before && before.categoryId !== category.id) {
                this.#change(
                    {},
                    {...NO_CHANGES, updated: [{before, after: {...before, categoryId: category.id}}]},
                );
            }
            this.#events.onChange();
        });
    }

    /** @param {string | null} id selects a saved mask, whose prompt can then be continued; null selects none */
    select(id) {
        if (id === this.#work.selectedId) return;
        this.#afterAccepting(() => {
            this.#leavePrompt(id);
            this.#decode();
        });
    }

    /** @param {string | null} id deletes a mask; null the selected one */
    remove(id = this.#work.selectedId) {
        const annotation = this.document.get(id);
        if (!annotation || !this.#mayAnnotate) return false;
        this.#afterAccepting(() => {
            const isSelected = annotation.id === this.#work.selectedId;
            const work = isSelected ? {prompt: EMPTY_PROMPT, selectedId: null} : {};
            this.#change(work, {...NO_CHANGES, deleted: [annotation]});
            this.#decode();
        });
        return true;
    }

    undo() {
        this.#afterAccepting(() => {
            const entry = this.#history.undo();
            if (!entry) return;
            this.#work = entry.before;
            this.document.apply(inverse(entry.changes));
            this.#decode();
        });
        return true;
    }

    redo() {
        this.#afterAccepting(() => {
            const entry = this.#history.redo();
            if (!entry) return;
            this.#work = entry.after;
            this.document.apply(entry.changes);
            this.#decode();
        });
        return true;
    }

    // --- what is shown ---

    /** @param {string} id */
    toggleHidden(id) {
        const hidden = new Set(this.hiddenIds);
        if (!hidden.delete(id)) hidden.add(id);
        this.hiddenIds = hidden;
        this.#events.onChange();
    }

    toggleMasks() {
        this.areMasksHidden = !this.areMasksHidden;
        this.#events.onChange();
    }

    /** Asks the decoder once more for what is on screen. */
    decodeAgain() {
        this.#decodedKey = "";
        this.#decode();
    }

    // --- helpers, in call order ---

    #canPrompt() {
        return this.#mayAnnotate && this.#image !== null;
    }

    /**
     * A mask that is being accepted is finished first: what a person does after Enter belongs to the next object.
     *
     * @param {() => void} action
     */
    #afterAccepting(action) {
        if (this.#accepting) void this.#accepting.then(() => this.#afterAccepting(action));
        else action();
    }

    /**
     * @param {Prompt} prompt
     * @param {number} timeStamp
     */
    #addStep(prompt, timeStamp) {
        if (!this.#canPrompt()) return;
        if (isEmpty(this.prompt)) this.#startedAt = performance.now();
        this.#clicks++;
        this.#change({prompt});
        this.#decode(timeStamp);
    }

    /**
     * @param {string | null} selectedId what is selected instead
     */
    #leavePrompt(selectedId) {
        const stored = this.document.get(selectedId)?.prompt ?? EMPTY_PROMPT;
        const next = {prompt: stored, selectedId};
        // A prompt that was worked on can be brought back by undo; looking at saved masks is nothing to undo.
        if (this.#isWorkedOn()) this.#change(next);
        else this.#work = next;
        this.#startEffort();
    }

    #isWorkedOn() {
        const stored = this.selected?.prompt ?? EMPTY_PROMPT;
        return JSON.stringify(stored.steps) !== JSON.stringify(this.prompt.steps);
    }

    #startEffort() {
        this.#startedAt = performance.now();
        this.#clicks = 0;
    }

    /**
     * One user action.
     *
     * @param {Partial<Work>} work
     * @param {ChangeSet} changes
     */
    #change(work, changes = NO_CHANGES) {
        const before = this.#work;
        const after = {...before, ...work};
        this.#history.push({changes, before, after});
        this.#work = after;
        if (changes !== NO_CHANGES) this.document.apply(changes);
    }

    /** @param {number | null} timeStamp of the pointer event that changed the prompt */
    #decode(timeStamp = null) {
        const revision = ++this.#revision;
        const {steps} = this.prompt;
        const key = steps.length === 0 ? "" : decodeKey(steps);
        if (key === "" || key === this.#decodedKey) {
            this.#decoding = null;
            if (key === "") this.#show([], "");
            else this.#show(this.#candidates, key);
            return;
        }
        if (!this.#decoder || !this.#image) return;
        const decoding = this.#decodeSteps(this.#decoder, this.#image, revision, timeStamp).finally(() => {
            if (this.#decoding === decoding) this.#decoding = null;
        });
        this.#decoding = decoding;
        this.#events.onChange();
    }

    /**
     * @param {DecoderClient} decoder
     * @param {DecoderImage} image
     * @param {number} revision
     * @param {number | null} timeStamp
     */
    async #decodeSteps(decoder, image, revision, timeStamp) {
        let reply;
        try {
            reply = await decoder.decode(image, this.prompt.steps);
        } catch (error) {
            if (revision !== this.#revision) return;
            this.#decoding = null;
            this.#show([], "");
            this.#events.onProblem(error instanceof Error ? error.message : String(error));
            return;
        }
        if (!reply || revision !== this.#revision) return; // the prompt has changed since
        this.#decoding = null;
        if (reply.runs > 0) this.decodeMs = reply.durationMs;
        this.#work = {...this.#work, prompt: withMaskIndices(this.prompt, reply.maskIndices)};
        // With the choices filled in, the same decode has another key.
        this.#show(reply.candidates, decodeKey(this.prompt.steps));
        if (timeStamp !== null) this.#events.onMask(timeStamp);
    }

    /**
     * @param {readonly Candidate[]} candidates
     * @param {string} key
     */
    #show(candidates, key) {
        this.#candidates = candidates;
        this.#decodedKey = key;
        const chosen = this.prompt.steps.at(-1)?.maskIndex;
        const shown = candidates.find(({index}) => index === chosen) ?? candidates[0] ?? null;
        this.#shown = shown;
        if (shown && chosen === null) {
            this.#work = {...this.#work, prompt: withLastChoice(this.prompt, shown.index)};
        }
        this.#events.onChange();
    }

    async #accept() {
        await this.#decoding;
        const {prompt, selectedId} = this.#work;
        const before = this.document.get(selectedId) ?? null;
        if (!this.#image || !this.#decoder || !this.#shown) return;
        if (before && !this.#isWorkedOn()) {
            this.#leavePrompt(null);
            this.#decode();
            return;
        }
        const {category} = this;
        if (!category) {
            this.#events.onCategoryMissing();
            return;
        }
        let mask;
        try {
            mask = await this.#decoder.finishMask(this.#image, prompt.steps);
        } catch (error) {
            this.#events.onProblem(error instanceof Error ? error.message : String(error));
            return;
        }
        if (mask.area === 0) {
            this.#events.onProblem("This mask is empty; add a point on the object.");
            return;
        }
        const effort = {
            timeSpentS:
                Math.round((before?.timeSpentS ?? 0) * 10 + (performance.now() - this.#startedAt) / 100) / 10,
            clicks: (before?.clicks ?? 0) + this.#clicks,
        };
        /** @type {Annotation} */
        const after = {
            id: before?.id ?? crypto.randomUUID(),
            imageId: this.#imageId,
            categoryId: category.id,
            segmentation: mask.segmentation,
            area: mask.area,
            bbox: mask.bbox,
            prompt,
            predictedIou: mask.predictedIou,
            stabilityScore: mask.stabilityScore,
            bundleDigest: this.#decoder.bundle.digest,
            author: before?.author ?? this.#username,
            createdAt: before?.createdAt ?? new Date().toISOString(),
            ...effort,
        };
        const changes = before
            ? {...NO_CHANGES, updated: [{before, after}]}
            : {...NO_CHANGES, created: [after]};
        this.#change({prompt: EMPTY_PROMPT, selectedId: null}, changes);
        this.#startEffort();
        this.#decode();
    }

    #forgetWhatIsGone() {
        if (this.#work.selectedId && !this.document.get(this.#work.selectedId)) {
            this.#work = {...this.#work, selectedId: null};
        }
    }
}
