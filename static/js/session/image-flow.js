/**
 * From image to image: the one on screen, the one being opened, the one fetched ahead. What arrives for an image that was
 * left meanwhile is dropped.
 */

import {Finishing} from "./finishing.js";
import {NewestCategories} from "./newest-categories.js";
import {StandIn} from "./stand-in.js";

/** @import {Annotation, Bundle, Category, DecoderImage} from "../core/types.d.ts" */
/** @import {Replaced} from "./answering.js" */
/** @import {MarksToSave} from "./image-marks.js" */
/** @import {Clock, Decoder, EmbeddingProgress, ImageRow, LoadingImage, Scene, ServerAnnotation, WaitReason} from "./ports.d.ts" */
/** @import {Workbench} from "./workbench.js" */

/**
 * @template Picture
 * @typedef {object} FlowWorld
 * @property {(imageId: number) => LoadingImage<Picture>} load begins to fetch
 * @property {(bundle: Bundle) => Decoder} decoderFor
 * @property {MarksToSave} marks
 * @property {() => number | null} acceptFrom a predicted IoU: an open mask that is estimated at least as well is accepted
 *   when its image is left; null: none is
 * @property {() => void} [closeShape] a shape that is being drawn becomes part of the open mask
 * @property {Clock} now
 * @property {(ms: number) => Promise<unknown>} pause
 */

/**
 * @template Picture
 * @typedef {object} FlowEvents
 * @property {() => void} onChange something to show has changed
 * @property {(scene: Scene) => void} onShow an image comes to the screen; so far only its scene is known
 * @property {(imageId: number, isNew: boolean) => void} onOpened another image than before; isNew: not by the browser's history
 * @property {(imageId: number) => void} onUnreachable it cannot be opened
 * @property {(picture: Picture) => void} onPicture
 * @property {(imageId: number, listed: ServerAnnotation[]) => void} onSaved
 * @property {(reason: WaitReason) => void} onWait something of the image has to wait; it is tried again
 * @property {(image: ImageRow) => void} onDraftKept an image was left with a mask that was not accepted
 * @property {(image: ImageRow) => void} [onOpenAccepted] an image was left, and its open mask accepted
 * @property {(image: ImageRow) => void} [onPoorAccepted] its open mask was accepted because it is done, though the mask is poor
 * @property {(image: ImageRow) => void} [onStayed] another image took long to come, and the person went on working on this one
 * @property {(error: unknown) => void} onPictureProblem
 * @property {(error: unknown) => void} onEmbeddingProblem
 * @property {(imageId: number, marks: Partial<ImageRow>) => void} onMarked an image is marked otherwise now
 * @property {(image: {id: number, name: string}, error: unknown) => void} onMarkRefused it is as it was before
 * @property {(openImageId: number | null) => void} onListDone the list's last image was finished; another one that is
 *   open, neither done nor skipped; null: none is
 * @property {(openedAt: number) => void} onReady the first mask is possible
 * @property {() => void} [onAnswering] another decoder answers for the image on screen: regions are its own
 * @property {(bundle: Bundle, replaced: Replaced) => void} [onReplaced] the image's own embedding has come, and its bundle
 *   has answered the open prompt anew
 */

/** @typedef {"next" | "previous"} Way */

/** @type {EmbeddingProgress} */
const NOT_ASKED = {state: "queued", position: null, error: ""};

const STAND_IN_FIRST_MS = 1000; // for so long the image's own decoder waits for the small one
const LATE_MS = 3000; // who waits so long may have gone on working
const MOST_FURTHER = 5; // so that a key held down does not run away

/** @template Picture */
export class ImageFlow {
    /** @type {Scene} */
    scene;
    /** The first mask is possible. */
    isReady = false;
    /** @type {"loading" | "shown" | "failed"} */
    pictureState = "loading";
    /** @type {EmbeddingProgress} */
    embedding = NOT_ASKED;
    /** The saved masks; missing: they could not be fetched so far. @type {"loading" | "shown" | "missing"} */
    masksState = "loading";
    /** What is said of the image on screen. */
    finishing;

    #workbench;
    #world;
    #events;
    /** @type {Decoder | null} */
    #decoder = null;
    /** @type {LoadingImage<Picture>} the image on screen */
    #shown;
    /** @type {LoadingImage<Picture> | null} the one that is to take its place */
    #opening = null;
    /** @type {LoadingImage<Picture> | null} */
    #ahead = null;
    /** How many images to go on, once the one on its way is there; below 0: back. */
    #further = 0;
    #isGoing = false;
    #marks;
    #standIn;
    #categories = new NewestCategories();
    /** The project's categories are being asked for. */
    #isAsking = false;
    /** They were asked for meanwhile. */
    #asksAgain = false;
    /** When each image was asked for. @type {WeakMap<LoadingImage<Picture>, number>} */
    #askedAt = new WeakMap();

    /**
     * @param {LoadingImage<Picture>} first
     * @param {Scene} scene its scene, which the page brought along
     * @param {Workbench} workbench
     * @param {FlowWorld<Picture>} world
     * @param {FlowEvents<Picture>} events
     */
    constructor(first, scene, workbench, world, events) {
        this.#shown = first;
        this.scene = scene;
        this.#workbench = workbench;
        this.#world = world;
        this.#events = events;
        this.#standIn = new StandIn((bundle) => world.decoderFor(bundle), workbench.answering);
        this.finishing = new Finishing(this, workbench, world, events);
        this.#marks = world.marks;
        this.#marks.onShown = (imageId, marks) => this.#showMarks(imageId, marks);
        this.#marks.onRefused = (image, error) => events.onMarkRefused(image, error);
    }

    /** Of the decoder that answers. */
    get bundle() {
        return this.#workbench.prompts.bundle ?? this.#decoder?.bundle ?? null;
    }

    /** The name of the bundle that answers while the image's own embedding is being made; "": none does. */
    get standInName() {
        return this.#standIn.name;
    }

    get mayAnnotate() {
        return this.scene.project.role !== "viewer";
    }

    /** @param {Way} way */
    canGo(way) {
        return this.scene.siblings[way] !== null;
    }

    /** Pressed again while an image is on its way, it goes on from that one. @param {Way} way */
    go(way) {
        if (this.#isGoing) {
            const further = this.#further + (way === "next" ? 1 : -1);
            this.#further = Math.min(MOST_FURTHER, Math.max(-MOST_FURTHER, further));
            return;
        }
        const imageId = this.scene.siblings[way];
        if (imageId === null) return;
        this.#isGoing = true;
        void this.open(imageId, true).finally(() => {
            this.#isGoing = false;
            if (this.scene.image.id === imageId) this.#goFurther();
            else this.#further = 0; // it could not be opened, or another one was chosen
        });
    }

    /** What was pressed while the image was on its way. */
    #goFurther() {
        if (this.#further === 0) return;
        const way = this.#further > 0 ? "next" : "previous";
        this.#further -= Math.sign(this.#further);
        if (this.canGo(way)) this.go(way);
        else this.#further = 0;
    }

    /**
     * @param {number} imageId
     * @param {boolean} isNew not by the browser's history
     */
    async open(imageId, isNew) {
        const openedAt = this.#world.now();
        await this.#workbench.settle();
        if (imageId === (this.#opening ?? this.#shown).imageId) return; // it is there, or on its way
        this.#opening?.giveUp();
        this.#opening = null;
        if (imageId === this.#shown.imageId) return;
        const next = this.#ahead?.imageId === imageId ? this.#ahead : this.#load(imageId);
        if (this.#ahead !== next) this.#ahead?.giveUp();
        this.#ahead = null;
        this.#opening = next;
        const stepsBefore = this.#workbench.draft.history.end;
        next.onWait = (reason) => {
            if (this.#opening === next) this.#events.onWait(reason);
        };
        let scene;
        try {
            scene = await next.scene;
        } catch {
            if (this.#opening === next) this.#events.onUnreachable(imageId);
            return;
        }
        const isLate = this.#world.now() - openedAt > LATE_MS;
        if (isLate && this.#opening === next && this.#workbench.draft.history.end !== stepsBefore) {
            this.#opening = null;
            next.giveUp();
            this.#events.onStayed?.(this.scene.image);
            return;
        }
        this.#world.closeShape?.();
        const {isOpen} = this.#workbench;
        const from = this.#world.acceptFrom();
        if (from !== null) await this.#workbench.accepting.acceptOpen(from);
        await this.#workbench.settle(); // a mask that was accepted while the scene was on its way belongs to the old image
        if (this.#opening !== next) return;
        if (this.#workbench.isOpen) this.#events.onDraftKept(this.scene.image);
        else if (isOpen) this.#events.onOpenAccepted?.(this.scene.image);
        const before = this.#shown;
        this.#shown = next;
        this.#opening = null;
        const project = this.#categories.overlay(scene.project, this.#askedAt.get(next) ?? 0);
        this.scene = {...scene, project, image: this.#marks.overlay(scene.image)};
        this.#events.onOpened(imageId, isNew);
        void this.show(openedAt);
        before.giveUp(); // its picture has just left the stage
    }

    /**
     * A category was made on this page: it is there at once, and picked.
     *
     * @param {number} projectId
     * @param {Category} category
     */
    addCategory(projectId, category) {
        const {project} = this.scene;
        if (projectId === project.id)
            this.#takeCategories([...project.categories, category], this.#world.now(), category.id);
    }

    /** Masks of the image on screen came from the server: others may have made categories for them. @param {readonly Annotation[]} annotations */
    noticeCategories(annotations) {
        const known = new Set(this.scene.project.categories.map(({id}) => id));
        if (annotations.some(({categoryId}) => !known.has(categoryId))) void this.refreshCategories();
    }

    /** Asks once for the project's categories, which others may have made or deleted. */
    async refreshCategories() {
        if (this.#isAsking) {
            this.#asksAgain = true;
            return;
        }
        this.#isAsking = true;
        const {image, project} = this.scene;
        const at = this.#world.now();
        try {
            const {categories} = (await this.#world.load(image.id).scene).project;
            const known = this.scene.project;
            const isOther = JSON.stringify(categories) !== JSON.stringify(known.categories);
            // One that was made here meanwhile is not in the answer.
            if (known.id === project.id && known.categories !== project.categories) this.#asksAgain = true;
            else if (known.id === project.id && isOther) this.#takeCategories(categories, at);
        } catch {
            // The next occasion asks again.
        } finally {
            this.#isAsking = false;
        }
        if (!this.#asksAgain) return;
        this.#asksAgain = false;
        await this.refreshCategories();
    }

    /**
     * @param {readonly Category[]} categories all of the project on screen
     * @param {number} at when they were so
     * @param {number} [pickedId] for the next mask
     */
    #takeCategories(categories, at, pickedId) {
        const {project} = this.scene;
        this.#categories.note(project.id, categories, at);
        this.scene = {...this.scene, project: {...project, categories}};
        this.#workbench.labelling.take(categories, pickedId);
    }

    /** @param {number} imageId */
    #load(imageId) {
        const loading = this.#world.load(imageId);
        this.#askedAt.set(loading, this.#world.now());
        return loading;
    }

    /**
     * Brings `scene` to the screen: its picture, its masks, its embedding into the decoder.
     *
     * @param {number} openedAt for the timing
     */
    async show(openedAt) {
        const mine = this.#shown;
        const {image, bundle, project} = this.scene;
        this.isReady = false;
        this.pictureState = "loading";
        this.embedding = NOT_ASKED;
        this.masksState = "loading";
        this.#standIn.name = "";
        mine.onWait = (reason, part) => {
            if (this.#shown !== mine) return;
            if (part === "annotations") this.#setMasksState("missing");
            this.#events.onWait(reason);
        };
        if (bundle && this.#decoder?.bundle.digest !== bundle.digest) {
            this.#decoder?.end();
            this.#decoder = this.#world.decoderFor(bundle);
        }
        const decoder = bundle && this.#decoder;
        const decoderImage = bundle && this.mayAnnotate ? mine.decoderImage(image, bundle) : null;
        this.#events.onShow(this.scene);
        this.#workbench.open({
            projectId: project.id,
            imageId: image.id,
            size: image.size,
            decoder,
            image: decoderImage,
            categories: project.categories,
            overlap: project.overlap,
            mayAnnotate: this.mayAnnotate,
        });
        this.#showSaved(mine);
        const isPictureShown = this.#showPicture(mine, image);
        if (!decoder || !decoderImage) return;
        mine.onProgress = (progress) => {
            if (this.#shown !== mine) return;
            if (this.pictureState !== "failed") this.#setEmbedding(progress);
            if (progress.state === "queued" || progress.state === "running")
                void this.#callStandIn(mine, isPictureShown, openedAt);
        };
        if (mine.progress)
            mine.onProgress(mine.progress); // it was fetched ahead
        else if (image.isEmbeddingComing) {
            // Two decoders at once would each start slower.
            const called = this.#callStandIn(mine, isPictureShown, openedAt);
            await Promise.race([called, this.#world.pause(STAND_IN_FIRST_MS)]);
            if (this.#shown !== mine) return;
        }
        try {
            await decoder.prepare(decoderImage);
        } catch (error) {
            if (this.#shown !== mine) return;
            this.#events.onEmbeddingProblem(error);
            this.#setEmbedding({state: "failed", position: null, error: messageOf(error)});
            return;
        }
        if (!(await isPictureShown) || this.#shown !== mine) return;
        if (this.#standIn.name) await this.#takeOver(mine, decoder, decoderImage);
        else this.#begin(mine, openedAt);
        if (this.#shown === mine) this.#setEmbedding({state: "ready", position: null, error: ""});
    }

    /**
     * The image's own embedding has to be waited for: until it is there, the small bundle answers.
     *
     * @param {LoadingImage<Picture>} mine
     * @param {Promise<boolean>} isPictureShown
     * @param {number} openedAt
     */
    async #callStandIn(mine, isPictureShown, openedAt) {
        const prepared = await this.#standIn.call(mine, this.scene);
        if (!prepared || !(await isPictureShown) || this.#shown !== mine) return;
        if (this.isReady || this.#standIn.name) return;
        await this.#standIn.begin(prepared);
        if (this.#shown !== mine) return;
        this.#events.onAnswering?.();
        this.#begin(mine, openedAt);
    }

    /**
     * The image's own embedding has come: its decoder answers from now on.
     *
     * @param {LoadingImage<Picture>} mine
     * @param {Decoder} decoder
     * @param {DecoderImage} decoderImage
     */
    async #takeOver(mine, decoder, decoderImage) {
        const replaced = await this.#standIn.end(decoder, decoderImage);
        if (this.#shown !== mine) return;
        this.#standIn.name = "";
        this.#events.onAnswering?.();
        if (replaced) this.#events.onReplaced?.(decoder.bundle, replaced);
        void this.#prepareAhead(mine); // where fetching it ahead has failed meanwhile
    }

    /**
     * The first mask is possible.
     *
     * @param {LoadingImage<Picture>} mine
     * @param {number} openedAt
     */
    #begin(mine, openedAt) {
        this.isReady = true;
        this.#events.onChange();
        this.#events.onReady(openedAt);
        void this.#prepareAhead(mine);
    }

    /** Tries once more to get the image on screen ready. */
    retry() {
        void this.show(this.#world.now());
    }

    /** @param {LoadingImage<Picture>} mine */
    #showSaved(mine) {
        mine.annotations().then(
            (listed) => {
                if (this.#shown !== mine) return;
                this.#events.onSaved(mine.imageId, listed);
                this.#setMasksState("shown");
            },
            (error) => {
                if (this.#shown !== mine) return;
                this.#events.onPictureProblem(error);
                this.#setMasksState("missing");
            },
        );
    }

    /**
     * @param {LoadingImage<Picture>} mine
     * @param {ImageRow} image
     * @returns {Promise<boolean>} whether it is on the screen now
     */
    async #showPicture(mine, image) {
        let picture;
        try {
            picture = await mine.picture(image);
        } catch (error) {
            if (this.#shown !== mine) return false;
            this.#events.onPictureProblem(error);
            this.pictureState = "failed";
            this.#setEmbedding({state: "failed", position: null, error: messageOf(error)});
            return false;
        }
        if (this.#shown !== mine) return false;
        this.pictureState = "shown";
        this.#events.onPicture(picture);
        this.#events.onChange();
        return true;
    }

    /**
     * Fetches the next image while the annotator works on this one.
     *
     * @param {LoadingImage<Picture>} mine
     */
    async #prepareAhead(mine) {
        const {next} = this.scene.siblings;
        if (next === null || this.#ahead?.imageId === next || this.#opening) return;
        this.#ahead?.giveUp();
        const coming = this.#load(next);
        this.#ahead = coming;
        try {
            const scene = await coming.scene;
            const {image, bundle} = scene;
            if (this.#shown !== mine || this.#ahead !== coming) return;
            await coming.picture(image);
            if (this.#standIn.name) await this.#standIn.call(coming, scene);
            if (bundle && this.#decoder?.bundle.digest === bundle.digest)
                await this.#decoder?.prepare(coming.decoderImage(image, bundle));
        } catch {
            // What went wrong is said when the image is opened, if it is still wrong then.
            if (this.#ahead === coming) this.#ahead = null;
            coming.giveUp();
        }
    }

    /**
     * @param {number} imageId
     * @param {Partial<ImageRow>} marks
     */
    #showMarks(imageId, marks) {
        const {image} = this.scene;
        if (image.id === imageId) this.scene = {...this.scene, image: {...image, ...marks}};
        this.#events.onMarked(imageId, marks);
        this.#events.onChange();
    }

    /** @param {"loading" | "shown" | "missing"} state */
    #setMasksState(state) {
        this.masksState = state;
        this.#workbench.holdPrompts(state === "missing");
        this.#events.onChange();
    }

    /** @param {EmbeddingProgress} embedding */
    #setEmbedding(embedding) {
        this.embedding = embedding;
        this.#events.onChange();
    }
}

/** @param {unknown} error */
function messageOf(error) {
    return error instanceof Error ? error.message : String(error);
}
