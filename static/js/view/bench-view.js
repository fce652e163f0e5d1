/** Shows what the session holds: the stage, the panels, the bars. */

import {candidateShare, partSize} from "../core/candidate-mask.js";
import {isEmpty} from "../core/prompt.js";
import {qualityOf} from "../core/quality.js";
import {inListOrder} from "../core/object-order.js";
import {afterNextFrame} from "./after-next-frame.js";
import {instanceColor} from "./color.js";
import {find} from "./elements.js";
import {drawObject} from "./object-picture.js";
import {ObjectOrderField} from "./panels/object-order-field.js";
import {CategoriesPanel} from "./panels/categories-panel.js";
import {labelOf} from "./panels/object-row.js";
import {ObjectsPanel} from "./panels/objects-panel.js";
import {SelectedBar} from "./panels/selected-bar.js";
import {PromptBar} from "./panels/prompt-bar.js";
import {Toolbar} from "./panels/toolbar.js";
import {TopBar} from "./panels/top-bar.js";
import {hint, modelBadge, savingBadge} from "./bench-status.js";

/** @import {EmbeddingProgress, Scene} from "../session/ports.d.ts" */
/** @import {Annotation, Bundle, Candidate} from "../core/types.d.ts" */
/** @import {DraftMask} from "../session/ports.d.ts" */
/** @import {Autosave, Conflict, SaveStatus} from "../session/autosave.js" */
/** @import {Sight} from "../session/sight.js" */
/** @import {Workbench} from "../session/workbench.js" */
/** @import {BenchStage} from "./bench-stage.js" */
/** @import {Commands} from "./commands/commands.js" */
/** @import {Situation} from "./bench-status.js" */

/**
 * What of the session is shown.
 *
 * @typedef {object} Session
 * @property {Workbench} workbench
 * @property {{scene: Scene, bundle: Bundle | null, standInName: string, mayAnnotate: boolean, isReady: boolean, pictureState: string,
 *   masksState: "loading" | "shown" | "missing", embedding: EmbeddingProgress}} flow
 * @property {Autosave} autosave
 * @property {{readonly status: SaveStatus}} saving of masks and marks
 * @property {Sight} sight
 * @property {{readonly chosen: string | null}} toolbox
 * @property {{readonly isDrawing: boolean}} lasso
 * @property {{keyOf: (categoryId: number) => string}} categoryKeys
 */

const UNNAMED_COLOR = "#4f46e5";

export class BenchView {
    #session;
    #stage;
    #commands;
    #topBar = new TopBar(find("[data-top-bar]", HTMLElement));
    #categories;
    #objects;
    #objectOrder;
    #promptBar;
    #selectedBar;
    #toolbar;
    #fillOpacity = 0;
    #announcement = find("[data-announcement]", HTMLElement);
    /** @type {Candidate | null} */
    #announced = null;
    /** @type {(() => void) | null} shows what the prompt bar is about to show */
    #nextBar = null;

    /**
     * @param {Session} session
     * @param {BenchStage} stage
     * @param {Commands} commands
     */
    constructor(session, stage, commands) {
        const {workbench, flow} = session;
        this.#session = session;
        this.#stage = stage;
        this.#commands = commands;
        this.#toolbar = new Toolbar(document, commands);
        const panel = find("[data-panel]", HTMLElement);
        this.#categories = new CategoriesPanel(
            panel,
            (index) => workbench.labelling.pick(index),
            () => workbench.labelling.recent,
            session.categoryKeys.keyOf,
        );
        this.#objects = new ObjectsPanel(
            panel,
            {
                onSelect: (id, how, order) => workbench.several.pick(id, how, order),
                onZoom: (id) => this.#zoomTo(id),
                onEdit: (id) =>
                    workbench.draft.edited?.id === id ? workbench.accepting.accept() : workbench.edit(id),
                onToggle: (id) => workbench.visibility.toggle(id),
                onDelete: (id) => workbench.remove(id),
                onRename: (id, name) => workbench.naming.rename(id, name),
                onUnlock: (id) => workbench.naming.unlock(id),
                onChecked: (id) => workbench.naming.noteChecked([id]),
                onPlace: (id, belowId) => workbench.naming.place(id, belowId),
                onHover: (id) => stage.hover(id),
            },
            {
                isReadOnly: !flow.mayAnnotate,
                tips: {
                    edit: () => withKey("Edit this mask", commands.keyOf("edit")),
                    delete: () => withKey("Delete this mask", commands.keyOf("delete")),
                    unlock: () => withKey("Locked. Unlock", commands.keyOf("lock")),
                    check: () => withKey("Mark as checked", commands.keyOf("checked")),
                },
                drawPicture: (annotation) => drawObject(stage, annotation),
            },
        );
        this.#objectOrder = new ObjectOrderField(
            find("[data-object-order]", HTMLSelectElement),
            session.sight,
        );
        stage.onPicture = () => this.#objects.redraw();
        this.#selectedBar = new SelectedBar(find("[data-selected]", HTMLElement), (color) =>
            workbench.naming.recolor(color),
        );
        this.#promptBar = new PromptBar(
            find("[data-prompt-bar]", HTMLElement),
            (index) => workbench.prompting.chooseCandidate(index),
            {
                onSave: () => workbench.accepting.accept(),
                tip: () => commands.tipOf("accept"),
                key: () => commands.keyOf("accept"),
            },
        );
    }

    /** Another image comes to the screen. */
    open() {
        const {scene} = this.#session.flow;
        this.#topBar.showImage(scene);
        this.#stage.open(scene.image);
    }

    /** Draws the eye to the categories: one has to be picked first. */
    flashCategories() {
        this.#categories.flash();
    }

    /** Begins to find a category by its name. */
    findCategory() {
        this.#categories.find();
    }

    /** Opens a field for the name of the selected object. */
    renameObject() {
        this.#objects.rename(this.#session.workbench.selection.id);
    }

    /** @param {string | null} id a mask under the pointer: its row and itself stand out; null: none does */
    hover(id) {
        this.#objects.hover(id);
        this.#stage.hover(id);
    }

    /** What a conflict is about: "cup 2 on kitchen.jpg". @param {Conflict} conflict */
    placeOf({id, imageId, mine, theirs}) {
        const {image} = this.#session.flow.scene;
        const shown = this.#session.workbench.document.get(id);
        const mask = mine ?? theirs;
        const name = shown ? this.nameOf(shown) : mask ? `a ${this.categoryOf(mask).name}` : "a mask";
        return imageId === image.id ? `${name} on ${image.name}` : `${name} on another image`;
    }

    /** As the list of objects names it. @param {Annotation} annotation */
    nameOf(annotation) {
        const category = this.categoryOf(annotation).name;
        return labelOf({annotation, category, number: this.#session.workbench.numbers.of(annotation.id)});
    }

    render() {
        const {workbench, flow} = this.#session;
        const {prompt, candidates} = workbench.prompts;
        const {shownMask} = workbench;
        const {scene, bundle} = flow;
        const color = workbench.labelling.category?.color ?? UNNAMED_COLOR;
        const situation = this.#situation();
        const {opacity, isOutlineOnly} = this.#session.sight.settings;
        this.#fillOpacity = isOutlineOnly ? 0 : opacity;
        this.#stage.renderDraft({
            ...{prompt, mask: shownMask, grid: bundle, color},
            opacity: this.#fillOpacity,
        });
        this.#renderMasks();
        this.#stage.renderTheirs(this.#session.autosave.theirsOn(scene.image.id));
        this.#categories.render(scene.project.categories, workbench.labelling.category?.id ?? null);
        const bar = {
            candidates: isEmpty(prompt) ? [] : candidates,
            shown: shownMask?.candidate ?? null,
            grid: bundle,
            imageSize: candidates[0]
                ? partSize(candidates[0], this.#stage.stage.imageSize)
                : this.#stage.stage.imageSize,
            color,
            save: workbench.savedAs,
            edited: workbench.draft.edited ? this.nameOf(workbench.draft.edited) : "",
            hint: hint(situation, (action) => this.#commands.keyOf(action)),
        };
        // A new answer's mask comes first: pictures and names of the candidates are for the frame after it.
        const isNewAnswer = shownMask?.candidate && !this.#promptBar.holds(shownMask.candidate);
        const isAwaited = this.#nextBar !== null;
        this.#nextBar = () => {
            this.#promptBar.render(bar);
            this.#announce(shownMask);
        };
        if (!isNewAnswer) this.#renderBar();
        else if (!isAwaited) afterNextFrame(() => this.#renderBar());
        this.#topBar.showModel(modelBadge(situation));
        this.#renderSaving();
        this.#topBar.showMarks(scene.image);
        this.#toolbar.render();
        this.#stage.stage.root.dataset.state = flow.pictureState;
    }

    #renderBar() {
        this.#nextBar?.();
        this.#nextBar = null;
    }

    /**
     * Tells assistive tools what a prompt gave.
     *
     * @param {DraftMask | null} shown
     */
    #announce(shown) {
        const {workbench, flow} = this.#session;
        const candidate = shown?.candidate ?? null;
        if (candidate === this.#announced || workbench.prompts.isDecoding) return;
        this.#announced = candidate;
        const {imageSize} = this.#stage.stage;
        if (!candidate || !flow.bundle) {
            this.#announcement.textContent = "";
            return;
        }
        const share = 100 * candidateShare(candidate, imageSize, flow.bundle);
        this.#announcement.textContent =
            `The mask covers ${share.toFixed(1)} % of the image; ` +
            `predicted IoU ${candidate.predictedIou.toFixed(2)}, ${qualityOf(candidate.predictedIou)}.`;
    }

    #renderMasks() {
        const {workbench, flow, autosave, sight} = this.#session;
        const {draft, selection, visibility, numbers, shownMask} = workbench;
        const isByInstance = sight.settings.colorBy === "instance";
        const rows = workbench.document.annotations.map((annotation) => ({
            annotation,
            ...this.categoryOf(annotation),
            ...(isByInstance ? {color: instanceColor(numbers.of(annotation.id))} : {}),
            ...(annotation.color ? {color: annotation.color} : {}),
            isSelected: selection.has(annotation.id),
            isPrimary: annotation.id === selection.id,
            isEdited: annotation.id === draft.edited?.id,
            isHidden: visibility.isHidden(annotation.id),
        }));
        this.#stage.readout.showObject(selection.isSeveral ? null : (selection.annotation?.bbox ?? null));
        this.#stage.renderMasks(
            // While a saved mask is edited, the new one is drawn in its place.
            rows.filter(({isEdited, isHidden}) => !isHidden && !(isEdited && shownMask)),
            shownMask !== null || selection.id !== null,
            this.#fillOpacity,
            new Set(rows.map(({annotation}) => annotation.id)),
        );
        const shown = new Map(rows.map((row) => [row.annotation.id, row]));
        const {categories} = flow.scene.project;
        const objects = inListOrder(workbench.document.annotations, sight.settings.objectOrder, {
            numberOf: (id) => numbers.of(id),
            placeOf: (categoryId) => categories.findIndex(({id}) => id === categoryId),
        }).flatMap(({id}) => {
            const row = shown.get(id);
            if (!row) return [];
            const {annotation, name, color, isSelected, isPrimary, isEdited} = row;
            return {
                ...{annotation, color, isSelected, isPrimary, isEdited},
                category: name,
                number: numbers.of(id),
                isHidden: visibility.isSwitchedOff(id),
                isSaved: autosave.isSaved(id),
            };
        });
        this.#objects.render(objects, flow.masksState);
        this.#objects.makeMovable(sight.settings.objectOrder === "own");
        this.#objectOrder.render();
        this.#selectedBar.render(selection.annotations);
    }

    #renderSaving() {
        const {workbench, saving} = this.#session;
        const known = saving.status;
        // A mask counts from the moment Enter was pressed, not only when it has been made.
        const isMaking = known.state === "saved" && workbench.accepting.isBusy;
        /** @type {SaveStatus} */
        const status = isMaking ? {...known, state: "saving", count: 1} : known;
        this.#topBar.showSaving(
            status.state,
            savingBadge(status, workbench.isOpen || this.#session.lasso.isDrawing),
        );
    }

    /** @param {string} id */
    #zoomTo(id) {
        const annotation = this.#session.workbench.document.get(id);
        if (annotation) this.#stage.stage.fitTo(annotation.bbox);
    }

    /** @param {Annotation} annotation @returns {{name: string, color: string}} */
    categoryOf({categoryId}) {
        const category = this.#session.flow.scene.project.categories.find(({id}) => id === categoryId);
        return {name: category?.name ?? "(removed category)", color: category?.color ?? UNNAMED_COLOR};
    }

    /** @returns {Situation} */
    #situation() {
        const {workbench, flow} = this.#session;
        const {prompts} = workbench;
        return {
            mayAnnotate: flow.mayAnnotate,
            bundleName: titleOf(flow.scene.bundle),
            standInName: flow.standInName && (titleOf(flow.bundle) ?? ""),
            isBestByBox: flow.bundle?.isBestByBox ?? false,
            embedding: flow.embedding,
            isReady: flow.isReady,
            isDecoding: prompts.isDecoding,
            isDraftEmpty: workbench.draft.isEmpty,
            isMaskShown: workbench.shownMask !== null,
            areMasksMissing: flow.masksState === "missing",
            selectedCount: workbench.selection.ids.length,
            areLocked: workbench.naming.areLocked,
            isEditing: workbench.draft.edited !== null,
            hasCategory: workbench.labelling.category !== null,
            candidateCount: prompts.candidates.length,
            tool: this.#session.toolbox.chosen,
            isShapeBegun: this.#session.lasso.isDrawing,
            isTouch: matchMedia("(pointer: coarse)").matches,
            isNothingFound:
                workbench.shownMask !== null && !workbench.draft.handMade && prompts.isNothingFound,
            isPoorFirstClick: isPoorFirstClick(prompts),
        };
    }
}

/** @param {Workbench["prompts"]} prompts whether a single click found nothing that is likely to be right */
function isPoorFirstClick({prompt, shown}) {
    const isClick = prompt.steps.length === 1 && prompt.steps[0].kind === "point";
    return isClick && shown !== null && qualityOf(shown.predictedIou) === "poor";
}

/**
 * @param {string} words
 * @param {string} key empty: the person took it away
 */
function withKey(words, key) {
    return key ? `${words} (${key})` : words;
}

/**
 * What people call a model.
 *
 * @param {{title: string, name: string} | null} bundle
 */
function titleOf(bundle) {
    return bundle && (bundle.title || bundle.name);
}
