// Copies from node_modules to static/vendor exactly the files the pages load: `npm run vendor`.
//
// The icons become one sprite, so that a page fetches one file and CSS colours every icon by currentColor:
// <svg class="icon" aria-hidden="true"><use href="/static/vendor/icons.svg#check"></use></svg>

import {cp, mkdir, readFile, rename, rm, writeFile} from "node:fs/promises";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PACKAGES = join(ROOT, "node_modules");
const VENDOR = join(ROOT, "static", "vendor");

/** Path in node_modules -> path in static/vendor. */
const FILES = {
    // WASM with SIMD and threads; runs on one thread where the page is not cross-origin isolated.
    "onnxruntime-web/dist/ort.wasm.min.mjs": "ort/ort.wasm.min.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.mjs": "ort/ort-wasm-simd-threaded.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm": "ort/ort-wasm-simd-threaded.wasm",
    // Fetched only where the browser offers a WebGPU adapter.
    "onnxruntime-web/dist/ort.webgpu.min.mjs": "ort/ort.webgpu.min.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.mjs": "ort/ort-wasm-simd-threaded.asyncify.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm": "ort/ort-wasm-simd-threaded.asyncify.wasm",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter/inter-latin-wght-normal.woff2",
    "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2":
        "inter/inter-latin-ext-wght-normal.woff2",
    "uplot/dist/uPlot.esm.js": "uplot/uPlot.esm.js",
    // Beside the module, so that `tsc` takes these types for it.
    "uplot/dist/uPlot.d.ts": "uplot/uPlot.esm.d.ts",
    "uplot/dist/uPlot.min.css": "uplot/uPlot.min.css",
    "sortablejs/modular/sortable.esm.js": "sortable/sortable.esm.js",
    "@types/sortablejs/index.d.ts": "sortable/sortable.esm.d.ts",
    "@types/sortablejs/plugins.d.ts": "sortable/plugins.d.ts",
};

/** Lucide's names of the icons in the sprite; one line adds one. */
const ICONS = [
    "ban",
    "brush",
    "chart-column",
    "check",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "chevron-up",
    "circle-alert",
    "circle-check",
    "circle-minus",
    "circle-dashed",
    "clock",
    "cloud-off",
    "copy",
    "copy-plus",
    "cpu",
    "crosshair",
    "download",
    "eraser",
    "eye",
    "eye-off",
    "file-archive",
    "flag",
    "grip-vertical",
    "list-plus",
    "hand",
    "image",
    "image-down",
    "image-plus",
    "images",
    "info",
    "keyboard",
    "lasso",
    "scissors",
    "vector-polygon",
    "layers",
    "list-checks",
    "loader-circle",
    "lock",
    "lock-open",
    "log-out",
    "maximize",
    "moon",
    "mouse-pointer-2",
    "paint-bucket",
    "panel-right",
    "pencil",
    "play",
    "plus",
    "redo-2",
    "refresh-cw",
    "scan-eye",
    "scan-search",
    "search",
    "settings",
    "sliders-horizontal",
    "sparkles",
    "split",
    "squares-intersect",
    "squares-subtract",
    "squares-unite",
    "step-forward",
    "sun",
    "text-cursor-input",
    "trash-2",
    "triangle-alert",
    "undo-2",
    "upload",
    "user",
    "user-plus",
    "users",
    "x",
];

/** @param {string} name a Lucide icon's; its drawing as one <symbol> */
async function symbol(name) {
    const svg = await readFile(join(PACKAGES, "lucide-static", "icons", `${name}.svg`), "utf8");
    const body = svg
        .slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"))
        .replace(/\s+/g, " ")
        .trim();
    // Lucide draws with strokes; the attributes stand on each symbol, because a page's <use> cannot see the sprite's root.
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${body}</symbol>`;
}

const fresh = `${VENDOR}.new`;
await rm(fresh, {recursive: true, force: true});
for (const [from, to] of Object.entries(FILES)) {
    await mkdir(dirname(join(fresh, to)), {recursive: true});
    await cp(join(PACKAGES, from), join(fresh, to));
}
const symbols = await Promise.all(ICONS.map(symbol));
await writeFile(
    join(fresh, "icons.svg"),
    `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`,
);
await rm(VENDOR, {recursive: true, force: true});
await rename(fresh, VENDOR);
