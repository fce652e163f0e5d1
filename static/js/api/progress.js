/** How far a project is, and what one has made oneself today. */

/** @import {Http} from "./http.js" */
/** @import {Progress} from "../session/ports.d.ts" */

/**
 * @param {Http} http
 * @param {number} projectId
 * @param {Date} since when the person's day began
 * @returns {Promise<Progress>}
 */
export async function fetchProgress(http, projectId, since) {
    const query = new URLSearchParams({since: since.toISOString()});
    const {mine, ...images} = await http.json(`/api/projects/${projectId}/progress/?${query}`);
    return {
        imageCount: images.image_count,
        doneCount: images.done_count,
        skippedCount: images.skipped_count,
        openCount: images.open_count,
        maskCount: mine.mask_count,
        medianSeconds: mine.median_seconds,
        medianClicks: mine.median_clicks,
    };
}
