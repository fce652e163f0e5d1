/** Measures of a candidate's mask on its image, to the nearest logit, wherever on the image it was decoded. */

import {covers, extentOf, shareOf} from "./mask.js";
import {contains, pointIn} from "./regions.js";

/** @import {LogitsGrid} from "./mask.js" */
/** @import {Bbox, Candidate, ImagePoint, ImageSize} from "./types.d.ts" */

/**
 * The size of what its logits lie over: of its region, or of the image.
 *
 * @param {Candidate} candidate
 * @param {ImageSize} imageSize
 * @returns {ImageSize}
 */
export function partSize({region}, imageSize) {
    return region ?? imageSize;
}

/**
 * Whether it covers a pixel.
 *
 * @param {Candidate} candidate
 * @param {ImagePoint} pixel
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 */
export function candidateCovers(candidate, pixel, imageSize, grid) {
    const {logits, region} = candidate;
    if (region && !contains(region, pixel)) return false;
    return covers(logits, pointIn(pixel, region), partSize(candidate, imageSize), grid);
}

/**
 * How much of the image it covers, 0 to 1.
 *
 * @param {Candidate} candidate
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 */
export function candidateShare(candidate, imageSize, grid) {
    const part = partSize(candidate, imageSize);
    const partShare = (part.height * part.width) / (imageSize.height * imageSize.width);
    return partShare * shareOf(candidate.logits, part, grid);
}

/**
 * The box around it in image pixels.
 *
 * @param {Candidate} candidate
 * @param {ImageSize} imageSize
 * @param {LogitsGrid} grid
 * @returns {Bbox | null} null: it is empty
 */
export function candidateExtent(candidate, imageSize, grid) {
    const extent = extentOf(candidate.logits, partSize(candidate, imageSize), grid);
    if (!extent || !candidate.region) return extent;
    const [x, y, width, height] = extent;
    return [x + candidate.region.x, y + candidate.region.y, width, height];
}
