/** Shows what the session holds: the stage, the panels, the bars. */

import {isEmpty} from "../core/prompt.js";
import {find} from "./elements.js";
import {CategoriesPanel} from "./panels/categories-panel.js";
import {ObjectsPanel} from "./panels/objects-panel.js";
import {PromptBar} from "./panels/prompt-bar.js";
import {Toolbar} from "./panels/toolbar.js";
import {TopBar} from "./panels/top-bar.js";
import {hint, modelBadge, savingBadge} from "./bench-status.js";

/** @import {EmbeddingProgress, Scene} from "../session/ports.d.ts" */
/** @import {Annotation, Bundle} from "../core/types.d.ts" */
/** @import {Autosave, SaveStatus} from "../session/autosave.js" */
/** @import {Workbench} from "../session/workbench.js" */
/** @import {BenchStage} from "./bench-stage.js" */
/** @import {Commands} from "./commands/commands.js" */
/** @import {Situation} from "./bench-status.js" */

/**
 * What of the session is shown.
 *
 * @typedef {object} Session
 * @property {Workbench} workbench
 * @property {{scene: Scene, bundle: Bundle | null, mayAnnotate: boolean, isReady: boolean, pictureState: string,
 *   embedding: EmbeddingProgress}} flow
 * @property {Autosave} autosave
 */

const UNNAMED_COLOR = "#4f46e5";

export class BenchView {
    #session;
    #stage;
    #commands;
    #topBar = new TopBar(find("[data-top-bar]", HTMLElement));
    #decodeTime = find("[data-decode-time]", HTMLElement);
    #categories;
    #objects;
    #promptBar;
    #toolbar;

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
        commands.onPerformed = () => this.#toolbar.render();
        const panel = find("[data-panel]", HTMLElement);
        this.#categories = new CategoriesPanel(panel, (index) => workbench.pickCategory(index));
        this.#objects = new ObjectsPanel(
            panel,
            {
                onSelect: (id) => workbench.select(id === workbench.selection.id ? null : id),
                onToggle: (id) => workbench.visibility.toggle(id),
                onDelete: (id) => workbench.remove(id),
            },
            {isReadOnly: !flow.mayAnnotate, deleteTip: `Delete this mask (${commands.keyOf("delete")})`},
        );
        this.#promptBar = new PromptBar(
            find("[data-prompt-bar]", HTMLElement),
            (index) => workbench.chooseCandidate(index),
            {onSave: () => workbench.accept(), tip: commands.tipOf("accept"), key: commands.keyOf("accept")},
        );
    }

    /** Another image comes to the screen. */
    open() {
        const {scene} = this.#session.flow;
        this.#topBar.showImage(scene);
        this.#stage.open(scene.image.size);
    }

    /** Draws the eye to the categories: one has to be picked first. */
    flashCategories() {
        this.#categories.flash();
    }

    render() {
        const {workbench, flow} = this.#session;
        const {prompt, candidates, decodeMs} = workbench.prompts;
        const {shownMask} = workbench;
        const {scene, bundle} = flow;
        const color = workbench.category?.color ?? UNNAMED_COLOR;
        const situation = this.#situation();
        this.#stage.renderDraft({prompt, mask: shownMask, grid: bundle, color});
        this.#renderMasks();
        this.#categories.render(scene.project.categories, workbench.category?.id ?? null);
        this.#promptBar.render({
            candidates: isEmpty(prompt) ? [] : candidates,
            shown: shownMask?.candidate ?? null,
            grid: bundle,
            imageSize: this.#stage.stage.imageSize,
            color,
            save: workbench.savedAs,
            hint: hint(situation, (action) => this.#commands.keyOf(action)),
        });
        this.#topBar.showModel(modelBadge(situation));
        this.#renderSaving();
        this.#topBar.showState(scene.image.state);
        this.#toolbar.render();
        this.#decodeTime.textContent = decodeMs === null ? "" : `decode ${Math.round(decodeMs)} ms`;
        this.#stage.stage.root.dataset.state = flow.pictureState;
    }

    #renderMasks() {
        const {workbench, autosave} = this.#session;
        const {selection, visibility, shownMask} = workbench;
        const rows = workbench.document.annotations.map((annotation) => ({
            annotation,
            ...this.#categoryOf(annotation),
            isSelected: annotation.id === selection.id,
            isHidden: visibility.isHidden(annotation.id),
        }));
        this.#stage.renderMasks(
            // While a saved mask is worked on, the new one is drawn in its place.
            rows.filter(({isSelected, isHidden}) => !isHidden && !(isSelected && shownMask)),
            shownMask !== null,
            new Set(rows.map(({annotation}) => annotation.id)),
        );
        const objects = rows.map(({annotation, name, color, isSelected, isHidden}, k) => ({
            id: annotation.id,
            name,
            color,
            number: k + 1,
            predictedIou: annotation.predictedIou,
            isSelected,
            isHidden,
            isSaved: autosave.isSaved(annotation.id),
        }));
        this.#objects.render(objects.reverse());
    }

    #renderSaving() {
        const {workbench, autosave} = this.#session;
        const known = autosave.status;
        // A mask counts from the moment Enter was pressed, not only when it has been made.
        const isMaking = known.state === "saved" && workbench.isAccepting;
        /** @type {SaveStatus} */
        const status = isMaking ? {state: "saving", count: 1, reason: ""} : known;
        this.#topBar.showSaving(status.state, savingBadge(status));
    }

    /** @param {Annotation} annotation */
    #categoryOf({categoryId}) {
        const category = this.#session.flow.scene.project.categories.find(({id}) => id === categoryId);
        return {name: category?.name ?? "(removed category)", color: category?.color ?? UNNAMED_COLOR};
    }

    /** @returns {Situation} */
    #situation() {
        const {workbench, flow} = this.#session;
        const {prompts} = workbench;
        return {
            mayAnnotate: flow.mayAnnotate,
            bundleName: flow.scene.bundle?.name ?? null,
            embedding: flow.embedding,
            isReady: flow.isReady,
            isDecoding: prompts.isDecoding,
            isDraftEmpty: workbench.draft.isEmpty,
            isMaskShown: workbench.shownMask !== null,
            isObjectSelected: workbench.selection.id !== null,
            hasCategory: workbench.category !== null,
            candidateCount: prompts.candidates.length,
        };
    }
}
