/** A box as SAM 2 takes it: two points, which are padded as points are; SAM pads points only. */

const BOX_TOP_LEFT = 2;
const PADDING = -1;

/**
 * @param {{pointCoords: Float32Array, pointLabels: Float32Array}} tensors (N, 2) and (N,), of `buildPromptTensors`
 * @returns {{pointCoords: Float32Array, pointLabels: Float32Array}} with a padding point behind a box
 */
export function withPaddedBox({pointCoords, pointLabels}) {
    if (!pointLabels.includes(BOX_TOP_LEFT)) return {pointCoords, pointLabels};
    return {
        pointCoords: Float32Array.of(...pointCoords, 0, 0),
        pointLabels: Float32Array.of(...pointLabels, PADDING),
    };
}
