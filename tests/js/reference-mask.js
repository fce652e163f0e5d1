/**
 * SAM's two interpolations done one after the other, value by value: what core/mask.js makes in one sum.
 * Source: segment-anything, modeling/sam.py, postprocess_masks, and torch's bilinear `interpolate`, align_corners=False.
 */

/**
 * @param {Float32Array} logits (lowResSide, lowResSide), row by row
 * @param {{height: number, width: number}} imageSize
 * @param {{lowResSide: number, inputSide: number, fit?: string}} grid
 * @returns {Float32Array} (height, width), row by row
 */
export function logitsAtImageSize(logits, {height, width}, {lowResSide, inputSide, fit}) {
    const stored = [lowResSide, lowResSide];
    // A stretched square in one step: sam2, utils/transforms.py.
    if (fit === "stretch") return Float32Array.from(interpolated(logits, stored, stored, [height, width]));
    const scale = inputSide / Math.max(height, width);
    const cut = [height, width].map((length) => Math.max(1, Math.floor(length * scale + 0.5)));
    const square = interpolated(logits, stored, stored, [inputSide, inputSide]);
    return Float32Array.from(interpolated(square, [inputSide, inputSide], cut, [height, width]));
}

/** Of the top-left part `from` of an array whose rows are `stored[1]` long, sizes as [height, width]. */
function interpolated(values, stored, from, to) {
    const rows = Array.from({length: to[0]}, (_, i) => tap(from[0], to[0], i));
    const columns = Array.from({length: to[1]}, (_, i) => tap(from[1], to[1], i));
    const out = new Float64Array(to[0] * to[1]);
    for (const [y, row] of rows.entries()) {
        for (const [x, column] of columns.entries()) {
            const [a, b, c, d] = [
                values[row.low * stored[1] + column.low],
                values[row.low * stored[1] + column.high],
                values[row.high * stored[1] + column.low],
                values[row.high * stored[1] + column.high],
            ];
            const above = a + (b - a) * column.share;
            out[y * to[1] + x] = above + (c + (d - c) * column.share - above) * row.share;
        }
    }
    return out;
}

function tap(sizeIn, sizeOut, i) {
    const scale = Math.fround(Math.fround(sizeIn) / Math.fround(sizeOut)); // torch counts in float32
    const centre = Math.max(0, Math.fround((i + 0.5) * scale - 0.5));
    const low = Math.min(Math.floor(centre), sizeIn - 1);
    return {low, high: Math.min(low + 1, sizeIn - 1), share: Math.min(Math.fround(centre - low), 1)};
}
