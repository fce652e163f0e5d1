/** The annotate page: puts workbench, stage, panels, decoder and autosave together. */

import {AnnotationServer} from "../api/annotations.js";
import {EmbeddingFailed, retryEmbedding} from "../api/embeddings.js";
import {Http, pause, retryDelayMs, withPatience} from "../api/http.js";
import {LoadingImage} from "../api/loading-image.js";
import {annotateUrl, sceneFromWire, setImageState} from "../api/images.js";
import {covers} from "../core/mask.js";
import {isEmpty} from "../core/prompt.js";
import {DecoderClient} from "../decoder/decoder-client.js";
import {Autosave} from "../session/autosave.js";
import {UnsavedRecords} from "../session/unsaved-records.js";
import {find, icon, keepFocus} from "../view/elements.js";
import {listenToKeys} from "../view/keymap.js";
import {ImageLayer} from "../view/layers/image-layer.js";
import {CandidateLayer} from "../view/layers/candidate-layer.js";
import {LogitsCanvas} from "../view/layers/logits-canvas.js";
import {MasksLayer} from "../view/layers/masks-layer.js";
import {PromptLayer} from "../view/layers/prompt-layer.js";
import {CategoriesPanel} from "../view/panels/categories-panel.js";
import {KeysDialog} from "../view/panels/keys-dialog.js";
import {Notices} from "../view/panels/notices.js";
import {ObjectsPanel} from "../view/panels/objects-panel.js";
import {PromptBar} from "../view/panels/prompt-bar.js";
import {TopBar} from "../view/panels/top-bar.js";
import {Stage} from "../view/stage.js";
import {HandTool} from "../view/tools/hand-tool.js";
import {PromptTool} from "../view/tools/prompt-tool.js";
import {SelectTool} from "../view/tools/select-tool.js";
import {HoverPreview} from "./annotate/hover-preview.js";
import {hint, modelBadge, savingBadge} from "./annotate/wording.js";
import {Workbench} from "./annotate/workbench.js";

/** @import {Conflict, Refusal, SaveStatus} from "../session/autosave.js" */
/** @import {EmbeddingProgress} from "../api/types.d.ts" */
/** @import {SceneWire} from "../api/images.js" */
/** @import {Scene} from "../api/types.d.ts" */
/** @import {DecoderUrls} from "../decoder/protocol.js" */
/** @import {Situation} from "./annotate/wording.js" */

/** @typedef {"prompt" | "select" | "hand"} ToolName */

const UNNAMED_COLOR = "#4f46e5";
const MEASURES = ["decode", "click-to-mask", "ready-to-decode"];

/** @type {SceneWire & {urls: Record<string, string>, csrf_token: string, user: string}} */
const pageData = JSON.parse(find("#page-data", HTMLScriptElement).textContent ?? "");
const http = new Http(pageData.csrf_token);
/** @type {Scene} */
let scene = sceneFromWire(pageData);
let loading = new LoadingImage(http, scene.image.id, scene); // it begins to fetch

const coordinates = find("[data-coordinates]", HTMLElement);
const zoom = find("[data-zoom]", HTMLElement);
const decodeTime = find("[data-decode-time]", HTMLElement);

const notices = new Notices(find("[data-notices]", HTMLElement));
const workbench = new Workbench(pageData.user, {
    onChange: render,
    onProblem: (text) =>
        embedding.state !== "failed" && // that is said already
        notices.show({key: "problem", kind: "error", text, actions: [dismiss("problem")]}),
    onCategoryMissing: () => categoriesPanel.flash(),
    onMask: (pressedAt) =>
        stage.afterPaint(() =>
            performance.measure("click-to-mask", {start: pressedAt, end: performance.now()}),
        ),
});

const autosave = new Autosave(
    new AnnotationServer(http),
    new UnsavedRecords(localStorage, pageData.user),
    (attempt) => pause(retryDelayMs(attempt)),
    {
        onStatus: (status) => {
            if (status.reason === "signed_out") showSignedOut();
            else notices.hide("signed-out");
            render();
        },
        onConflict: showConflict,
        onRefusal: showRefusal,
    },
);
workbench.document.subscribe((changes, origin) => {
    if (origin === "user") autosave.submit(changes);
});

const stage = new Stage(find("[data-stage]", HTMLElement), (view) => {
    zoom.textContent = `${Math.round(view.scale * 100)} %`;
});
const imageLayer = new ImageLayer();
const masksLayer = new MasksLayer();
const candidateCanvas = stage.addCanvas("candidate");
const logitsCanvas = LogitsCanvas.open(candidateCanvas, () => {
    candidateCanvas.remove();
    stage.invalidate("prompt");
});
if (!logitsCanvas) candidateCanvas.remove();
const candidateLayer = new CandidateLayer(logitsCanvas);
const promptLayer = new PromptLayer();
stage.add("image", imageLayer);
stage.add("masks", masksLayer);
stage.add("prompt", candidateLayer);
stage.add("prompt", promptLayer);

const hoverPreview = new HoverPreview(
    workbench,
    ({logits}, point) => decoder !== null && covers(logits, point, stage.imageSize, decoder.bundle),
    (candidate) => {
        candidateLayer.showPreview(candidate, decoder?.bundle ?? null);
        stage.invalidate("prompt");
    },
);
const promptTool = new PromptTool(stage, {
    onHover: (point) =>
        point && isReady ? hoverPreview.move(point, stage.view.scale) : hoverPreview.leave(),
    onPress: (point, label) => {
        hoverPreview.press();
        workbench.anticipate(point, label);
    },
    onPoint: (point, label, timeStamp) => workbench.addPoint(point, label, timeStamp),
    onDraftBox: (box) => {
        promptLayer.draft = box;
        stage.invalidate("prompt");
    },
    onBox: (box, timeStamp) => workbench.setBox(box, timeStamp),
    onSelect: (point) => workbench.select(masksLayer.hit(point)),
});
/** @type {Record<ToolName, {enable(): void, disable(): void}>} */
const tools = {
    prompt: promptTool,
    select: new SelectTool(stage, (point) => workbench.select(masksLayer.hit(point))),
    hand: new HandTool(stage),
};
/** @type {ToolName} */
let tool = "prompt";

const body = document.body;
const mayAnnotate = pageData.project.role !== "viewer";
const topBar = new TopBar(find("[data-top-bar]", HTMLElement), perform);
const categoriesPanel = new CategoriesPanel(find("[data-panel]", HTMLElement), (index) =>
    workbench.pickCategory(index),
);
const objectsPanel = new ObjectsPanel(
    find("[data-panel]", HTMLElement),
    {
        onSelect: (id) => workbench.select(id === workbench.selected?.id ? null : id),
        onToggle: (id) => workbench.toggleHidden(id),
        onDelete: (id) => workbench.remove(id),
    },
    !mayAnnotate,
);
const promptBar = new PromptBar(
    find("[data-prompt-bar]", HTMLElement),
    (index) => workbench.chooseCandidate(index),
    () => workbench.accept(),
);
const keysDialog = new KeysDialog(find("[data-keys-dialog]", HTMLDialogElement));

/** @type {DecoderClient | null} */
let decoder = null;
/** @type {LoadingImage | null} */
let ahead = null;
/** @type {EmbeddingProgress} */
let embedding = {state: "queued", position: null, error: ""};
let isReady = false;
/** @type {"loading" | "shown" | "failed"} */
let pictureState = "loading";

/** What keys and buttons do. False: it does not apply now, the key keeps its usual meaning. @type {Record<string, () => boolean | void>} */
const ACTIONS = {
    accept: () => workbench.accept(),
    "next-candidate": () => workbench.cycleCandidate(1),
    "previous-candidate": () => workbench.cycleCandidate(-1),
    "remove-step": () => workbench.removeLastStep(),
    cancel: () => {
        notices.hide("problem");
        return promptTool.cancel() || workbench.cancel();
    },
    "leave-out": () => {
        if (!mayAnnotate) return false;
        promptTool.isLeavingOut = !promptTool.isLeavingOut;
        find("[data-action=leave-out]", HTMLElement).setAttribute(
            "aria-pressed",
            String(promptTool.isLeavingOut),
        );
        return true;
    },
    preview: () => {
        if (!mayAnnotate) return false;
        hoverPreview.toggle();
        return true;
    },
    undo: () => workbench.undo(),
    redo: () => workbench.redo(),
    delete: () => workbench.remove(),
    "hide-masks": () => workbench.toggleMasks(),
    "next-image": () => goTo(scene.siblings.next),
    "previous-image": () => goTo(scene.siblings.previous),
    done: () => void markDone(),
    fit: () => stage.fit(),
    "zoom-in": () => stage.zoomByKey(1),
    "zoom-out": () => stage.zoomByKey(-1),
    panel: () => {
        body.classList.toggle("is-panel-closed");
        localStorage.setItem(
            "maskwright.panel",
            body.classList.contains("is-panel-closed") ? "closed" : "open",
        );
    },
    "tool-prompt": () => useTool("prompt"),
    "tool-select": () => useTool("select"),
    "tool-hand": () => useTool("hand"),
    keys: () => keysDialog.show(),
};

start();

function start() {
    body.classList.toggle("is-read-only", !mayAnnotate);
    if (localStorage.getItem("maskwright.panel") === "closed") body.classList.add("is-panel-closed");
    for (const node of document.querySelectorAll("[data-tool]")) {
        if (!(node instanceof HTMLElement)) continue;
        keepFocus(node);
        node.addEventListener("click", () => useTool(/** @type {ToolName} */ (node.dataset.tool)));
    }
    for (const node of document.querySelectorAll("[data-rail] [data-action]")) {
        if (!(node instanceof HTMLElement)) continue;
        keepFocus(node);
        node.addEventListener("click", () => perform(node.dataset.action ?? ""));
    }
    listenToKeys(perform, (index) => workbench.pickCategory(index));
    listenToPointerPosition();
    addEventListener("beforeunload", (event) => {
        if (autosave.status.state !== "saved" || workbench.isAccepting) event.preventDefault();
    });
    addEventListener("popstate", () => {
        const id = Number(location.pathname.match(/\/images\/(\d+)\//)?.[1]);
        if (id && id !== scene.image.id) void openImage(id, {push: false});
    });
    autosave.resume();
    useTool(mayAnnotate ? "prompt" : "select");
    void show(0);
}

/**
 * @param {string} action
 * @returns {boolean} false: it does not apply now
 */
function perform(action) {
    return ACTIONS[action]?.() !== false;
}

// --- images ---

/** @param {number | null} imageId */
function goTo(imageId) {
    if (imageId !== null) void openImage(imageId, {push: true});
}

/**
 * @param {number} imageId
 * @param {{push: boolean}} options push: a new entry in the browser's history
 */
async function openImage(imageId, {push}) {
    const openedAt = performance.now();
    await workbench.settle();
    if (imageId === scene.image.id || imageId === loading.imageId) return; // it is there, or on its way
    loading.giveUp();
    const next = ahead?.imageId === imageId ? ahead : new LoadingImage(http, imageId);
    if (ahead !== next) ahead?.giveUp();
    const before = loading;
    [loading, ahead] = [next, null];
    let opened;
    try {
        opened = await next.scene;
    } catch {
        if (loading === next) location.assign(annotateUrl(imageId)); // the server says what is wrong with it
        return;
    }
    if (loading !== next) return;
    // The timings are those of the image on screen.
    for (const name of MEASURES) performance.clearMeasures(name);
    scene = opened;
    if (push) history.pushState(null, "", annotateUrl(imageId));
    void show(openedAt);
    before.giveUp(); // its picture has just left the stage
}

/**
 * Brings `scene` to the screen: its picture, its masks, its embedding into the decoder.
 *
 * @param {number} openedAt for the timing; 0 is when the page began to load
 */
async function show(openedAt) {
    const mine = loading;
    const {image, bundle, project} = scene;
    isReady = false;
    pictureState = "loading";
    hoverPreview.leave();
    embedding = {state: "queued", position: null, error: ""};
    for (const key of ["embedding", "problem", "picture"]) notices.hide(key);
    if (!bundle) {
        notices.show({
            key: "embedding",
            kind: "error",
            text: "No model is installed, so masks cannot be made. An administrator installs one.",
            actions: [],
        });
    } else if (!decoder || decoder.bundle.digest !== bundle.digest) {
        decoder = new DecoderClient(absolute(pageData.urls.worker), decoderUrls(), bundle, () =>
            workbench.decodeAgain(),
        );
    }
    const decoderImage = bundle && mine.decoderImage(image, bundle);
    workbench.open({
        imageId: image.id,
        decoder,
        image: mayAnnotate ? decoderImage : null,
        categories: project.categories,
        mayAnnotate,
    });
    topBar.showImage(scene);
    imageLayer.clear();
    stage.showImageOf(image.size);
    render();

    const offline = () =>
        notices.show({
            key: "picture",
            kind: "info",
            text: "The server cannot be reached; trying again.",
            actions: [],
        });
    const picture = mine.picture(image, offline).then(async (bitmap) => {
        if (loading !== mine) return;
        pictureState = "shown";
        notices.hide("picture");
        imageLayer.show(bitmap, () => stage.invalidate("image"));
        stage.invalidate("image");
        render();
    });
    const saved = mine.annotations(offline).then((listed) => {
        if (loading === mine) workbench.showSaved(autosave.overlay(image.id, listed));
    });
    const problem = (/** @type {unknown} */ error) => {
        if (loading === mine)
            notices.show({key: "picture", kind: "error", text: textOf(error), actions: [reload()]});
    };
    saved.catch(problem);
    picture.catch((error) => {
        if (loading !== mine) return;
        problem(error);
        pictureState = "failed";
        embedding = {state: "failed", position: null, error: textOf(error)};
        render();
    });
    if (!decoderImage || !decoder || !mayAnnotate) return;

    mine.onProgress = (progress) => {
        if (loading !== mine || pictureState === "failed") return;
        embedding = progress;
        render();
    };
    try {
        await decoder.prepare(decoderImage);
    } catch (error) {
        if (loading === mine) showEmbeddingProblem(error);
        return;
    }
    const isShown = await picture.then(
        () => true,
        () => false,
    ); // that it failed is said already
    if (loading !== mine || !isShown) return;
    isReady = true;
    embedding = {state: "ready", position: null, error: ""};
    render();
    stage.afterPaint(() => {
        if (loading === mine)
            performance.measure("ready-to-decode", {start: openedAt, end: performance.now()});
    });
    void prepareAhead(mine);
}

/**
 * Fetches the next image while the annotator works on this one.
 *
 * @param {LoadingImage} mine
 */
async function prepareAhead(mine) {
    const {next} = scene.siblings;
    if (next === null || ahead?.imageId === next) return;
    ahead?.giveUp();
    const coming = new LoadingImage(http, next);
    ahead = coming;
    try {
        const {image, bundle} = await coming.scene;
        if (loading !== mine || ahead !== coming) return;
        await coming.picture(image);
        if (bundle && decoder?.bundle.digest === bundle.digest)
            await decoder.prepare(coming.decoderImage(image, bundle));
    } catch {
        // What went wrong is said when the image is opened, if it is still wrong then.
        if (ahead === coming) ahead = null;
    }
}

/** @param {unknown} error */
function showEmbeddingProblem(error) {
    const again = () => {
        notices.hide("embedding");
        void show(performance.now());
    };
    if (error instanceof EmbeddingFailed) {
        const retry = async () => {
            await withPatience(() => retryEmbedding(http, scene.image.id)).catch(() => {}); // another one may have retried
            again();
        };
        const text = `This image could not be prepared for the model: ${error.message}`;
        notices.show({
            key: "embedding",
            kind: "error",
            text,
            actions: [{label: "Try again", do: () => void retry()}],
        });
        embedding = {state: "failed", position: null, error: error.message};
        render();
        return;
    }
    embedding = {state: "failed", position: null, error: textOf(error)};
    notices.show({
        key: "embedding",
        kind: "error",
        text: textOf(error),
        actions: [{label: "Try again", do: again}, reload()],
    });
    render();
}

/** Done, and on to the next image; an image that is done is opened again. */
async function markDone() {
    if (!mayAnnotate) return;
    await workbench.settle();
    const {image, siblings} = scene;
    const state = image.state === "done" ? "in_progress" : "done";
    scene = {...scene, image: {...image, state}};
    render();
    withPatience(() => setImageState(http, image.id, state)).catch((error) =>
        notices.show({
            key: "problem",
            kind: "error",
            text: `${image.name} was not marked: ${textOf(error)}`,
            actions: [dismiss("problem")],
        }),
    );
    if (state === "done") goTo(siblings.next);
}

// --- what is shown ---

/** @param {ToolName} name */
function useTool(name) {
    if (name === "prompt" && !mayAnnotate) return;
    tools[tool].disable();
    tool = name;
    tools[tool].enable();
    stage.root.dataset.tool = name;
    for (const node of document.querySelectorAll("[data-tool]")) {
        if (node instanceof HTMLElement && node !== stage.root)
            node.setAttribute("aria-pressed", String(node.dataset.tool === name));
    }
    render();
}

function render() {
    const {selected, prompt, shown} = workbench;
    const annotations = workbench.document.annotations;
    const color = workbench.category?.color ?? UNNAMED_COLOR;

    promptLayer.prompt = prompt;
    candidateLayer.color = color;
    candidateLayer.showCandidate(shown, decoder?.bundle ?? null);
    if (!workbench.canPreview && !workbench.isDecoding) hoverPreview.leave();
    stage.invalidate("prompt");

    const hasNewMasks = masksLayer.show(
        annotations
            // While a saved mask is worked on, the new one is drawn in its place.
            .filter(({id}) => !(id === selected?.id && shown))
            .filter(({id}) => !workbench.hiddenIds.has(id) && !workbench.areMasksHidden)
            .map((annotation) => ({
                annotation,
                color: colorOf(annotation.categoryId),
                isSelected: annotation.id === selected?.id,
            })),
        shown !== null && !isEmpty(prompt),
    );
    masksLayer.keepOnly(new Set(annotations.map(({id}) => id)));
    if (hasNewMasks) stage.invalidate("masks");

    categoriesPanel.render(scene.project.categories, workbench.category?.id ?? null);
    objectsPanel.render(
        annotations
            .map((annotation, k) => ({
                id: annotation.id,
                name: categoryOf(annotation.categoryId)?.name ?? "(removed category)",
                color: colorOf(annotation.categoryId),
                number: k + 1,
                predictedIou: annotation.predictedIou,
                isSelected: annotation.id === selected?.id,
                isHidden: workbench.areMasksHidden || workbench.hiddenIds.has(annotation.id),
                isSaved: autosave.isSaved(annotation.id),
            }))
            .reverse(),
    );
    promptBar.render({
        candidates: isEmpty(prompt) ? [] : workbench.candidates,
        shown,
        grid: decoder?.bundle ?? null,
        imageSize: stage.imageSize,
        color,
        save: isEmpty(prompt) || !shown ? null : workbench.category,
        hint: hint(situation()),
    });
    topBar.showModel(modelBadge(situation()));
    showSaving();
    topBar.showDone(scene.image.state, scene.siblings.next !== null);
    showHideMasks(workbench.areMasksHidden);
    setDisabled("undo", !workbench.canUndo);
    setDisabled("redo", !workbench.canRedo);
    decodeTime.textContent = workbench.decodeMs === null ? "" : `decode ${Math.round(workbench.decodeMs)} ms`;
    stage.root.dataset.state = pictureState;
}

/** @returns {Situation} */
function situation() {
    return {
        mayAnnotate,
        bundleName: scene.bundle?.name ?? null,
        embedding,
        isReady,
        isDecoding: workbench.isDecoding,
        isPromptEmpty: isEmpty(workbench.prompt),
        isMaskShown: workbench.shown !== null,
        isObjectSelected: workbench.selected !== null,
        hasCategory: workbench.category !== null,
        candidateCount: workbench.candidates.length,
    };
}

function showSaving() {
    const known = autosave.status;
    // A mask counts from the moment Enter was pressed, not only when it has been made.
    const isMaking = known.state === "saved" && workbench.isAccepting;
    /** @type {SaveStatus} */
    const status = isMaking ? {state: "saving", count: 1, reason: ""} : known;
    topBar.showSaving(status.state, savingBadge(status));
}

/** The way back in, in another tab: this one keeps what is not saved yet and sends it by itself. */
function showSignedOut() {
    if (notices.has("signed-out")) return;
    notices.show({
        key: "signed-out",
        kind: "error",
        text: "You are signed out. Unsaved masks are kept here until you sign in again.",
        actions: [
            {label: "Sign in", do: () => void window.open(pageData.urls.sign_in, "_blank", "noopener")},
        ],
    });
}

/** @param {Conflict} conflict */
function showConflict({id, theirs}) {
    const key = `conflict-${id}`;
    const settle = (/** @type {"mine" | "theirs"} */ choice) => {
        notices.hide(key);
        if (choice === "theirs") workbench.replaceFromServer(id, theirs);
        autosave.resolveConflict(id, choice);
    };
    const text = theirs
        ? "Somebody else changed this mask while you worked on it."
        : "Somebody else deleted this mask while you worked on it.";
    notices.show({
        key,
        kind: "error",
        text,
        actions: [
            {label: "Keep mine", do: () => settle("mine")},
            {label: "Take theirs", do: () => settle("theirs")},
        ],
    });
}

/** @param {Refusal} refusal */
function showRefusal({id, message}) {
    const key = `refusal-${id}`;
    notices.show({
        key,
        kind: "error",
        text: `A mask could not be saved: ${message}`,
        actions: [
            {
                label: "Try again",
                do: () => {
                    notices.hide(key);
                    autosave.retryRefused(id);
                },
            },
            {
                label: "Discard",
                do: () => {
                    notices.hide(key);
                    autosave.discardRefused(id);
                    location.reload(); // to what the server has
                },
            },
        ],
    });
}

function listenToPointerPosition() {
    stage.root.addEventListener("pointermove", (event) => {
        const {x, y} = stage.imagePoint(event);
        const isOn = x >= 0 && y >= 0 && x < stage.imageSize.width && y < stage.imageSize.height;
        coordinates.textContent = isOn ? `x ${Math.floor(x)}  y ${Math.floor(y)}` : "";
    });
    stage.root.addEventListener("pointerleave", () => (coordinates.textContent = ""));
}

/** @param {boolean} areHidden */
function showHideMasks(areHidden) {
    const node = find("[data-action=hide-masks]", HTMLElement);
    if (node.getAttribute("aria-pressed") === String(areHidden)) return;
    node.setAttribute("aria-pressed", String(areHidden));
    node.replaceChildren(icon(areHidden ? "eye-off" : "eye"));
}

/**
 * @param {string} action
 * @param {boolean} isDisabled
 */
function setDisabled(action, isDisabled) {
    const node = document.querySelector(`[data-action="${action}"]`);
    if (node instanceof HTMLButtonElement) node.disabled = isDisabled;
}

/** @param {number} categoryId */
function categoryOf(categoryId) {
    return scene.project.categories.find(({id}) => id === categoryId);
}

/** @param {number} categoryId */
function colorOf(categoryId) {
    return categoryOf(categoryId)?.color ?? UNNAMED_COLOR;
}

/** @returns {DecoderUrls} */
function decoderUrls() {
    const {urls} = pageData;
    return {
        kernelHelper: absolute(urls.kernel_helper),
        ortModule: absolute(urls.ort_module),
        ortWasmMjs: absolute(urls.ort_wasm_mjs),
        ortWasm: absolute(urls.ort_wasm),
        ortWebgpuModule: absolute(urls.ort_webgpu_module),
        ortWebgpuMjs: absolute(urls.ort_webgpu_mjs),
        ortWebgpuWasm: absolute(urls.ort_webgpu_wasm),
    };
}

/** @param {string} url */
function absolute(url) {
    return new URL(url, location.href).href;
}

/** @param {string} key */
function dismiss(key) {
    return {label: "Dismiss", do: () => notices.hide(key)};
}

function reload() {
    return {label: "Reload", do: () => location.reload()};
}

/** @param {unknown} error */
function textOf(error) {
    return error instanceof Error ? error.message : String(error);
}
