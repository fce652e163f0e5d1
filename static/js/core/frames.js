/**
 * The three frames a point can be in, and the ways between them.
 *
 * segmentation/frames.py is the same in Python; both are held to tests/data/frames_cases.json.
 */

/** @import {ImagePoint, ImageSize, ModelPoint, ModelSquare, ViewFrame, ViewPoint} from "./types.d.ts" */

const MAX_SCALE = 40; // CSS pixels per image pixel
const MIN_FITTED_SHARE = 0.2; // of the fitted scale: further out the image would be lost

/**
 * Size of the scaled image inside the model's square, in model pixels. Never below 1.
 * Source: segment-anything, utils/transforms.py, get_preprocess_shape; of a stretched image sam2, utils/transforms.py.
 *
 * @param {ImageSize} imageSize
 * @param {ModelSquare} square
 * @returns {ImageSize}
 */
export function inputSize(imageSize, {inputSide: side, fit}) {
    if (fit === "stretch") return {height: side, width: side};
    const scale = side / Math.max(imageSize.height, imageSize.width);
    return {
        height: Math.max(1, Math.floor(imageSize.height * scale + 0.5)),
        width: Math.max(1, Math.floor(imageSize.width * scale + 0.5)),
    };
}

/**
 * Each side is rounded by itself, so each axis has its own factor.
 *
 * @param {ImagePoint} point
 * @param {ImageSize} imageSize
 * @param {ModelSquare} square
 * @returns {ModelPoint}
 */
export function imageToModel(point, imageSize, square) {
    const input = inputSize(imageSize, square);
    return {
        x: point.x * (input.width / imageSize.width),
        y: point.y * (input.height / imageSize.height),
        frame: "model",
    };
}

/**
 * @param {ImagePoint} point
 * @param {ViewFrame} view
 * @returns {ViewPoint}
 */
export function imageToView(point, view) {
    return {x: view.offsetX + point.x * view.scale, y: view.offsetY + point.y * view.scale, frame: "view"};
}

/**
 * @param {ViewPoint} point
 * @param {ViewFrame} view
 * @returns {ImagePoint}
 */
export function viewToImage(point, view) {
    return {
        x: (point.x - view.offsetX) / view.scale,
        y: (point.y - view.offsetY) / view.scale,
        frame: "image",
    };
}

/**
 * The pixel under a point, as SAM counts them: whole numbers, inside the image.
 * (SAM's prompt encoder adds the half pixel to its centre itself.)
 *
 * @param {ImagePoint} point
 * @param {ImageSize} imageSize
 * @returns {ImagePoint}
 */
export function pixelAt(point, imageSize) {
    return {
        x: clamp(Math.floor(point.x), 0, imageSize.width - 1),
        y: clamp(Math.floor(point.y), 0, imageSize.height - 1),
        frame: "image",
    };
}

/**
 * @param {ImagePoint} point
 * @param {ImageSize} imageSize
 */
export function isInside(point, imageSize) {
    return point.x >= 0 && point.y >= 0 && point.x < imageSize.width && point.y < imageSize.height;
}

/**
 * The whole image, centred, with a margin around it.
 *
 * @param {ImageSize} imageSize
 * @param {ImageSize} stageSize in CSS pixels
 * @param {number} devicePixelRatio
 * @param {number} margin in CSS pixels
 * @returns {ViewFrame}
 */
export function fitView(imageSize, stageSize, devicePixelRatio, margin) {
    const width = Math.max(1, stageSize.width - 2 * margin);
    const height = Math.max(1, stageSize.height - 2 * margin);
    const scale = Math.min(width / imageSize.width, height / imageSize.height, MAX_SCALE);
    return {
        scale,
        offsetX: (stageSize.width - imageSize.width * scale) / 2,
        offsetY: (stageSize.height - imageSize.height * scale) / 2,
        devicePixelRatio,
    };
}

/**
 * Zooms and leaves the place under `point` where it is.
 *
 * @param {ViewFrame} view
 * @param {ViewPoint} point
 * @param {number} factor
 * @param {number} fittedScale the scale that fits the image, from which the limits follow
 * @returns {ViewFrame}
 */
export function zoomAt(view, point, factor, fittedScale) {
    const lowest = Math.min(1, fittedScale) * MIN_FITTED_SHARE;
    const scale = clamp(view.scale * factor, lowest, Math.max(MAX_SCALE, fittedScale));
    const place = viewToImage(point, view);
    return {...view, scale, offsetX: point.x - place.x * scale, offsetY: point.y - place.y * scale};
}

/**
 * Moves the image, but never so far that less than `keep` of it stays on the stage.
 *
 * @param {ViewFrame} view
 * @param {number} dx CSS pixels
 * @param {number} dy CSS pixels
 * @param {ImageSize} imageSize
 * @param {ImageSize} stageSize in CSS pixels
 * @param {number} keep CSS pixels
 * @returns {ViewFrame}
 */
export function panBy(view, dx, dy, imageSize, stageSize, keep = 64) {
    const width = imageSize.width * view.scale;
    const height = imageSize.height * view.scale;
    const keepX = Math.min(keep, width);
    const keepY = Math.min(keep, height);
    return {
        ...view,
        offsetX: clamp(view.offsetX + dx, keepX - width, stageSize.width - keepX),
        offsetY: clamp(view.offsetY + dy, keepY - height, stageSize.height - keepY),
    };
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
function clamp(value, low, high) {
    return Math.min(Math.max(value, low), high);
}
