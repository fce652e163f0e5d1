/**
 * When the annotate page looks for what others have made of its image: another tab has saved, the person comes back, or some
 * time has gone by. The server answers in a few bytes where nothing has changed.
 */

import {AnnotationServer} from "../api/annotations.js";
import {News} from "../session/news.js";

/** @import {Http} from "../api/http.js" */
/** @import {Autosave} from "../session/autosave.js" */
/** @import {ImageFlow} from "../session/image-flow.js" */
/** @import {Workbench} from "../session/workbench.js" */
/** @import {SavedChannel} from "../storage/saved-channel.js" */

const TOGETHER_MS = 300; // an act over many masks is saved one by one
const LOOK_MS = 20_000;

/**
 * @param {Http} http
 * @param {SavedChannel} tabs
 * @param {{workbench: Workbench, autosave: Autosave, flow: () => ImageFlow<ImageBitmap>}} bench
 */
export function listenForNews(http, tabs, {workbench, autosave, flow}) {
    const isShown = (/** @type {number} */ imageId) =>
        flow().masksState === "shown" && flow().scene.image.id === imageId;
    const news = new News(new AnnotationServer(http), autosave, workbench, isShown, (taken) =>
        flow().noticeCategories(taken),
    );
    let timer = 0;
    const lookSoon = () => {
        clearTimeout(timer);
        timer = window.setTimeout(() => void news.look(flow().scene.image.id), TOGETHER_MS);
    };
    tabs.onSaved = (imageId) => {
        if (isShown(imageId)) lookSoon();
    };
    const lookIfSeen = () => {
        if (document.visibilityState === "visible") lookSoon();
    };
    addEventListener("focus", () => {
        lookSoon();
        void flow().refreshCategories();
    });
    document.addEventListener("visibilitychange", lookIfSeen);
    setInterval(lookIfSeen, LOOK_MS);
}
