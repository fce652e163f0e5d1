/** The annotate page: puts session, stage, panels, decoder and API together. */

import {AnnotationServer} from "../api/annotations.js";
import {annotatePageFromWire, imageIdOf} from "../api/annotate-page.js";
import {Http, pause} from "../api/http.js";
import {LoadingImage} from "../api/loading-image.js";
import {signIn} from "../api/sign-in.js";
import {tileFetcher} from "../api/tiles.js";
import {categoryKeysOf} from "../bench/category-keys.js";
import {cutOutsOf} from "../bench/cut-outs.js";
import {tellDecodeTimes} from "../bench/decode-times.js";
import {dialogsOf, shownLater} from "../bench/dialogs.js";
import {flowEvents} from "../bench/flow-events.js";
import {goingOf} from "../bench/going.js";
import {handToolsOf} from "../bench/hand-tools.js";
import {beginKeeping, keptBy} from "../bench/keeping.js";
import {offerNewCategory} from "../bench/new-category.js";
import {keyPointsOf, promptToolOf, selectOnStage} from "../bench/prompting.js";
import {preferencesOf, savingOf} from "../bench/saving.js";
import {refiningOf, showRegion} from "../bench/refining.js";
import {DeletionMessages, trashOf} from "../bench/trash.js";
import {worldOf} from "../bench/world.js";
import {candidateCovers} from "../core/candidate-mask.js";
import {FAIR_FROM} from "../core/quality.js";
import {DecoderClient} from "../decoder/decoder-client.js";
import {ImageFlow} from "../session/image-flow.js";
import {Preview} from "../session/preview.js";
import {Repeating} from "../session/repeating.js";
import {Sight} from "../session/sight.js";
import {Workbench} from "../session/workbench.js";
import {BenchStage} from "../view/bench-stage.js";
import {BenchView} from "../view/bench-view.js";
import {Commands, usable} from "../view/commands/commands.js";
import {listenToKeys} from "../view/commands/keyboard.js";
import {COMMANDS} from "../view/commands/table.js";
import {find, pageData} from "../view/elements.js";
import {BenchNotices} from "../view/panels/bench-notices.js";
import {QuickUndo} from "../view/panels/quick-undo.js";
import {SidePanel} from "../view/panels/side-panel.js";
import {SightPanel} from "../view/panels/sight-panel.js";
import {SignInDialog} from "../view/panels/sign-in-dialog.js";
import {toast} from "../view/site/feedback.js";
import {measureUntilPainted} from "../view/timings.js";
import {HandTool} from "../view/tools/hand-tool.js";
import {SelectTool} from "../view/tools/select-tool.js";
import {Toolbox} from "../view/tools/toolbox.js";

/** @import {AnnotatePageWire} from "../api/annotate-page.js" */

const page = annotatePageFromWire(/** @type {AnnotatePageWire} */ (pageData("page-data")));
const http = new Http(page.csrfToken);
const list = location.search; // the gallery's filters and order, which going from image to image keeps
const first = new LoadingImage(http, page.scene.image.id, list, page.scene);
const settings = {...page.preferences, keys: usable(COMMANDS, page.preferences.keys)};
const preferences = preferencesOf(settings, http, render);

// --- what is shown ---

const notices = new BenchNotices(find("[data-notices]", HTMLElement));
const benchStage = new BenchStage(tileFetcher(http));
const {stage} = benchStage;
const quickUndo = new QuickUndo(stage.root);

const signInDialog = new SignInDialog(find("[data-sign-in]", HTMLDialogElement), (password) =>
    signIn(http, page.signInUrl, page.user, password),
);

// --- what the annotator does ---

const kept = keptBy(page.user, page.scene.image.id);
const world = worldOf(page.user, kept, preferences);
const deletions = new DeletionMessages(() => ({workbench, autosave, view}));
const workbench = new Workbench(page.user, world, {
    onChange: render,
    onProblem: (text) => {
        if (flow.embedding.state !== "failed") notices.showProblem(text); // else that is said already
    },
    onQuick: (annotation) => quickUndo.offer(view.nameOf(annotation), () => workbench.remove(annotation.id)),
    onCategoryMissing: () => view.flashCategories(),
    ...{onSay: toast, onRefuse: (text) => toast(text, "error")},
    onHistory: (ids) => autosave.expectDeleted(ids),
    onDelete: (annotations) => deletions.say(annotations),
    onMask: (pressedAt) => measureUntilPainted(stage, "click-to-mask", pressedAt),
});

const {autosave, marks, saving} = savingOf(http, kept.journal, workbench, notices, {
    onStatus: render,
    ...{onSignedOut: askToSignIn, flow: () => flow},
    onSignedIn: () => notices.hideSignedOut(),
    onConflict: (conflict, onChoice) => {
        notices.showConflict(conflict, view.placeOf(conflict), page.user, (choice) => {
            onChoice(choice);
            render();
        });
    },
});

/** @type {ImageFlow<ImageBitmap>} */
const flow = new ImageFlow(
    first,
    page.scene,
    workbench,
    {
        ...{marks, pause, now: world.now, closeShape: () => lasso.close()},
        load: (imageId) => new LoadingImage(http, imageId, list),
        decoderFor: (bundle) =>
            new DecoderClient(page.workerUrl, page.decoderUrls, bundle, () =>
                workbench.prompts.decodeAgain(),
            ),
        acceptFrom: () => (preferences.settings.acceptOnLeave ? FAIR_FROM : null),
    },
    flowEvents({
        ...{list, http, workbench, autosave, notices, benchStage, render, askToSignIn},
        later: () => ({flow, going, preview, refining, repeating, view, toolbox}),
    }),
);

tellDecodeTimes(http);
const going = goingOf({http, list, flow, preferences, drafts: world.drafts});
const repeating = new Repeating(workbench, flow, {...world, onSay: toast});
const preview = new Preview(
    workbench.prompting,
    (candidate, point) =>
        flow.bundle !== null && candidateCovers(candidate, point, stage.imageSize, flow.bundle),
    (candidate) => benchStage.showPreview(candidate, flow.bundle),
    {storage: localStorage, timers: world.timers},
);
const refining = refiningOf(benchStage, workbench, {world, preferences, notices, render});

// --- tools and commands ---

const promptTool = promptToolOf(benchStage, workbench, preview, {
    isReady: () => flow.isReady,
    onMode: render,
});
const {tools: handTools, shape: lasso, polygon, brushSize} = handToolsOf(benchStage, workbench, render);
const tools = {
    prompt: promptTool,
    select: new SelectTool(stage, {
        onSelect: selectOnStage(benchStage, workbench),
        onEdit: (point) => workbench.edit(benchStage.maskAt(point)),
        onHover: (point) => view.hover(point && benchStage.maskAt(point)),
    }),
    hand: new HandTool(stage),
    ...handTools,
};
const toolbox = new Toolbox(stage.root, tools, render);
const sidePanel = new SidePanel(document.body, localStorage);
const sight = new Sight(localStorage, render);
const sightPanel = new SightPanel(find("[data-sight]", HTMLElement), stage.root, sight, (settings) =>
    benchStage.moveAs(settings),
);
const commands = new Commands(
    COMMANDS,
    {
        ...{workbench, flow, preview, stage, promptTool, toolbox, lasso, brushSize, notices, sidePanel},
        ...{repeating, refining, sight, sightPanel},
        cutOuts: cutOutsOf(http, workbench, () => ({flow, view})),
        keyPoints: keyPointsOf(benchStage, workbench),
        ...shownLater(benchStage, () => ({dialogs, view})),
        categoryKeys: {listen: () => categoryKeys.listen()},
        ...{pointer: benchStage.pointer, polygon: polygon.tool},
        ...going,
    },
    preferences.settings.keys,
);
const dialogs = dialogsOf(commands, preferences, () =>
    trashOf(flow.scene.image.id, new AnnotationServer(http), {workbench, autosave, view}),
);
const categoryKeys = categoryKeysOf(preferences, commands, workbench, () => ({flow, render}));
const shown = {workbench, flow, autosave, saving, sight, toolbox, lasso, categoryKeys};
const view = new BenchView(shown, benchStage, commands);

void start();

async function start() {
    listenToKeys(commands, (index) => workbench.labelling.pick(index), categoryKeys.pick);
    addEventListener("popstate", () => {
        const imageId = imageIdOf(location.pathname);
        if (imageId) void flow.open(imageId, false);
    });
    toolbox.use(flow.mayAnnotate ? "prompt" : "select");
    offerNewCategory(http, flow, render);
    await beginKeeping(kept, {workbench, autosave, marks, saving, notices, flow, lasso});
    void flow.show(0); // the page began to load at 0
}

function render() {
    for (const part of [view, sightPanel, polygon, deletions]) part.render();
    showRegion(benchStage, workbench, refining);
    going.filmstrip.noteDraft();
    if (!workbench.canPreview && !workbench.prompts.isDecoding) preview.leave();
}

/** The page goes on as it stands; what waits for the sign-in goes on by itself. */
function askToSignIn() {
    notices.showSignedOut(() => signInDialog.show());
    signInDialog.show();
}
