/** The annotate page: puts session, stage, panels, decoder and API together. */

import {annotatePageFromWire, imageIdOf} from "../api/annotate-page.js";
import {AnnotationServer} from "../api/annotations.js";
import {EmbeddingFailed, retryEmbedding} from "../api/embeddings.js";
import {Http, pause, retryDelayMs, withPatience} from "../api/http.js";
import {annotateUrl, setImageState} from "../api/images.js";
import {LoadingImage} from "../api/loading-image.js";
import {covers} from "../core/mask.js";
import {DecoderClient} from "../decoder/decoder-client.js";
import {Autosave} from "../session/autosave.js";
import {ImageFlow} from "../session/image-flow.js";
import {Preview} from "../session/preview.js";
import {UnsavedRecords} from "../session/unsaved-records.js";
import {Workbench} from "../session/workbench.js";
import {BenchStage} from "../view/bench-stage.js";
import {BenchView} from "../view/bench-view.js";
import {Commands} from "../view/commands/commands.js";
import {listenToKeys} from "../view/commands/keyboard.js";
import {COMMANDS} from "../view/commands/table.js";
import {find, pageData} from "../view/elements.js";
import {BenchNotices} from "../view/panels/bench-notices.js";
import {KeysDialog} from "../view/panels/keys-dialog.js";
import {SidePanel} from "../view/panels/side-panel.js";
import {forgetTimings, measureUntilPainted} from "../view/timings.js";
import {HandTool} from "../view/tools/hand-tool.js";
import {PromptTool} from "../view/tools/prompt-tool.js";
import {SelectTool} from "../view/tools/select-tool.js";
import {Toolbox} from "../view/tools/toolbox.js";
import {sentence} from "../view/words.js";

/** @import {AnnotatePageWire} from "../api/annotate-page.js" */

const page = annotatePageFromWire(/** @type {AnnotatePageWire} */ (pageData("page-data")));
const http = new Http(page.csrfToken);
const first = new LoadingImage(http, page.scene.image.id, page.scene);
const now = () => performance.now();

// --- what is shown ---

const notices = new BenchNotices(find("[data-notices]", HTMLElement));
const benchStage = new BenchStage();
const {stage} = benchStage;

// --- what the annotator does ---

const workbench = new Workbench(
    page.user,
    {now, newId: () => crypto.randomUUID()},
    {
        onChange: render,
        onProblem: (text) => {
            if (flow.embedding.state !== "failed") notices.showProblem(text); // else that is said already
        },
        onCategoryMissing: () => view.flashCategories(),
        onMask: (pressedAt) => measureUntilPainted(stage, "click-to-mask", pressedAt),
    },
);

const autosave = new Autosave(
    new AnnotationServer(http),
    new UnsavedRecords(localStorage, page.user),
    (attempt) => pause(retryDelayMs(attempt)),
    {
        onStatus: ({reason}) => {
            if (reason === "signed_out") notices.showSignedOut(page.signInUrl);
            else notices.hideSignedOut();
            render();
        },
        onConflict: (conflict) =>
            notices.showConflict(conflict, (choice) => {
                if (choice === "theirs") workbench.replaceFromServer(conflict.id, conflict.theirs);
                autosave.resolveConflict(conflict.id, choice);
            }),
        onRefusal: (refusal) =>
            notices.showRefusal(refusal, {
                onRetry: () => autosave.retryRefused(refusal.id),
                onDiscard: () => {
                    autosave.discardRefused(refusal.id);
                    location.reload(); // to what the server has
                },
            }),
        onDamaged: (count) => notices.showDamaged(count),
    },
);
workbench.document.subscribe((changes, origin) => {
    if (origin === "user") autosave.submit(changes);
});

const flow = new ImageFlow(
    first,
    page.scene,
    workbench,
    {
        now,
        load: (imageId) => new LoadingImage(http, imageId),
        decoderFor: (bundle) =>
            new DecoderClient(page.workerUrl, page.decoderUrls, bundle, () =>
                workbench.prompts.decodeAgain(),
            ),
        saveState: (imageId, state) => withPatience(() => setImageState(http, imageId, state)),
    },
    {
        onChange: render,
        onShow: ({bundle}) => {
            preview.leave();
            notices.forgetImage();
            if (!bundle) notices.showNoModel();
            view.open();
        },
        onOpened: (imageId, isNew) => {
            forgetTimings();
            if (isNew) history.pushState(null, "", annotateUrl(imageId));
        },
        onUnreachable: (imageId) => location.assign(annotateUrl(imageId)), // the server says what is wrong with it
        onPicture: (picture) => {
            notices.hidePicture();
            benchStage.showPicture(picture);
        },
        onSaved: (imageId, listed) => workbench.showSaved(autosave.overlay(imageId, listed)),
        onOffline: () => notices.showOffline(),
        onPictureProblem: (error) => notices.showPictureProblem(sentence(error)),
        onEmbeddingProblem: showEmbeddingProblem,
        onStateRefused: ({name}, error) => notices.showProblem(`${name} was not marked: ${sentence(error)}`),
        onReady: (openedAt) => measureUntilPainted(stage, "ready-to-decode", openedAt),
    },
);

const preview = new Preview(
    workbench,
    ({logits}, point) => flow.bundle !== null && covers(logits, point, stage.imageSize, flow.bundle),
    (candidate) => benchStage.showPreview(candidate, flow.bundle),
    {
        storage: localStorage,
        timers: {start: (work, delayMs) => setTimeout(work, delayMs), stop: (timer) => clearTimeout(timer)},
    },
);

// --- tools and commands ---

const promptTool = new PromptTool(stage, {
    onHover: (point) => (point && flow.isReady ? preview.move(point, stage.view.scale) : preview.leave()),
    onPress: (point, label) => {
        preview.press();
        workbench.anticipate(point, label);
    },
    onPoint: (point, label, timeStamp) => workbench.addPoint(point, label, timeStamp),
    onDraftBox: (box) => benchStage.showDraftBox(box),
    onBox: (box, timeStamp) => workbench.setBox(box, timeStamp),
    onSelect: (point) => workbench.select(benchStage.maskAt(point)),
});
const tools = {
    prompt: promptTool,
    select: new SelectTool(stage, (point) => workbench.select(benchStage.maskAt(point))),
    hand: new HandTool(stage),
};
const toolbox = new Toolbox(stage.root, tools, render);
const sidePanel = new SidePanel(document.body, localStorage);
const commands = new Commands(COMMANDS, {
    ...{workbench, flow, preview, stage, promptTool, toolbox, notices, sidePanel},
    keysDialog: {show: () => keysDialog.show()},
});
const keysDialog = new KeysDialog(find("[data-keys-dialog]", HTMLDialogElement), commands);
const view = new BenchView({workbench, flow, autosave}, benchStage, commands);

start();

function start() {
    listenToKeys(commands, (index) => workbench.pickCategory(index));
    addEventListener("beforeunload", (event) => {
        if (autosave.status.state !== "saved" || workbench.isAccepting) event.preventDefault();
    });
    addEventListener("popstate", () => {
        const imageId = imageIdOf(location.pathname);
        if (imageId) void flow.open(imageId, false);
    });
    autosave.resume();
    toolbox.use(flow.mayAnnotate ? "prompt" : "select");
    void flow.show(0); // the page began to load at 0
}

function render() {
    view.render();
    if (!workbench.canPreview && !workbench.prompts.isDecoding) preview.leave();
}

/** @param {unknown} error */
function showEmbeddingProblem(error) {
    const again = () => {
        notices.hideEmbedding();
        flow.retry();
    };
    if (error instanceof EmbeddingFailed) {
        const text = `This image could not be prepared for the model: ${error.message}`;
        const start = () => withPatience(() => retryEmbedding(http, flow.scene.image.id));
        const retry = () => void start().then(again, again); // refused: another one may have started it
        notices.showEmbeddingProblem(text, retry, {mayReload: false});
    } else notices.showEmbeddingProblem(sentence(error), again, {mayReload: true});
}
