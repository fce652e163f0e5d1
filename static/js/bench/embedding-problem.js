/** An embedding that did not arrive: what is said, and how it is tried again. */

import {EmbeddingFailed, retryEmbedding} from "../api/embeddings.js";
import {withPatience} from "../api/http.js";
import {sentence} from "../view/words.js";

/** @import {Http} from "../api/http.js" */
/** @import {BenchNotices} from "../view/panels/bench-notices.js" */

/**
 * @param {unknown} error
 * @param {Http} http
 * @param {{scene: {image: {id: number}}, retry(): void}} flow
 * @param {BenchNotices} notices
 */
export function showEmbeddingProblem(error, http, flow, notices) {
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
