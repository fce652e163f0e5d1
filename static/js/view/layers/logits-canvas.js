/**
 * Draws low-res logits at the view's resolution with WebGL2: the fragment shader interpolates them bilinearly, as the
 * first of SAM's two steps does, and takes the distance to the outline from their slope. Nothing is traced or upsampled on the CPU.
 */

import {inputSize} from "../../core/frames.js";
import {rgbOf} from "../color.js";

/** @import {ImageSize, ViewFrame} from "../../core/types.d.ts" */
/** @import {LogitsGrid} from "../../core/mask.js" */
/** @import {MaskStyle} from "./mask-drawing.js" */

const VERTEX = `#version 300 es
void main() { // one triangle that covers everything
    gl_Position = vec4(float((gl_VertexID << 1) & 2) * 2.0 - 1.0, float(gl_VertexID & 2) * 2.0 - 1.0, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2D;
uniform sampler2D logits;
uniform float height;     // of the canvas: its rows are counted from below here
uniform vec2 origin;      // where the image's corner is, in canvas pixels
uniform vec2 cells;       // logits to a canvas pixel
uniform float threshold;
uniform vec4 fill;        // colour and alpha, not premultiplied
uniform vec4 outline;
uniform vec4 casing;
uniform vec2 widths;      // of outline and casing, in canvas pixels
out vec4 color;

float band(float distance, float width) { return clamp(width / 2.0 + 0.5 - abs(distance), 0.0, 1.0); }
vec4 over(vec4 below, vec4 paint, float cover) {
    float alpha = paint.a * cover;
    return vec4(paint.rgb * alpha, alpha) + below * (1.0 - alpha);
}

void main() {
    vec2 place = (vec2(gl_FragCoord.x, height - gl_FragCoord.y) - origin) * cells - 0.5;
    ivec2 last = textureSize(logits, 0) - 1;
    ivec2 cell = ivec2(floor(place));
    vec2 share = place - vec2(cell);
    ivec2 low = clamp(cell, ivec2(0), last);
    ivec2 high = clamp(cell + 1, ivec2(0), last);
    float a = texelFetch(logits, low, 0).r;
    float b = texelFetch(logits, ivec2(high.x, low.y), 0).r;
    float c = texelFetch(logits, ivec2(low.x, high.y), 0).r;
    float d = texelFetch(logits, high, 0).r;
    float value = mix(mix(a, b, share.x), mix(c, d, share.x), share.y) - threshold;
    vec2 slope = vec2(mix(b - a, d - c, share.y), mix(c - a, d - b, share.x)) * cells;
    float distance = value / max(length(slope), 1e-6); // canvas pixels, positive inside
    color = over(vec4(0.0), fill, clamp(distance + 0.5, 0.0, 1.0));
    color = over(color, casing, band(distance, widths.y));
    color = over(color, outline, band(distance, widths.x));
}`;

const UNIFORMS = ["height", "origin", "cells", "threshold", "fill", "outline", "casing", "widths"];

/** @typedef {{logits: Float32Array, grid: LogitsGrid}} Logits */

export class LogitsCanvas {
    /** False after the GPU was lost. */
    isUsable = true;
    #gl;
    /** @type {Record<string, WebGLUniformLocation | null>} */
    #uniforms;
    /** What the texture holds. @type {Float32Array | null} */
    #uploaded = null;

    /**
     * @param {HTMLCanvasElement} canvas that has no context yet
     * @param {() => void} onLost the GPU is gone: draw otherwise
     * @returns {LogitsCanvas | null} null: there is no GPU that is quicker than a 2D canvas
     */
    static open(canvas, onLost) {
        const gl = canvas.getContext("webgl2", {
            antialias: false,
            depth: false,
            failIfMajorPerformanceCaveat: true,
        });
        const program = gl && !isSoftware(gl) && linked(gl);
        if (gl && program) return new LogitsCanvas(gl, program, onLost);
        gl?.getExtension("WEBGL_lose_context")?.loseContext(); // not needed, and large
        return null;
    }

    /**
     * @param {WebGL2RenderingContext} gl
     * @param {WebGLProgram} program
     * @param {() => void} onLost
     */
    constructor(gl, program, onLost) {
        this.#gl = gl;
        this.#uniforms = Object.fromEntries(
            UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]),
        );
        gl.useProgram(program);
        gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
        gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST); // floats are interpolated by the shader
        gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
        gl.canvas.addEventListener("webglcontextlost", () => {
            this.isUsable = false;
            onLost();
        });
    }

    /**
     * @param {Logits | null} shown null: nothing
     * @param {MaskStyle} style
     * @param {ViewFrame} view
     * @param {ImageSize} imageSize
     * @param {ImageSize} canvasSize what the canvas is to have, in its pixels
     */
    draw(shown, style, view, imageSize, {width, height}) {
        const gl = this.#gl;
        if (gl.canvas.width !== width) gl.canvas.width = width;
        if (gl.canvas.height !== height) gl.canvas.height = height;
        gl.viewport(0, 0, width, height);
        gl.disable(gl.SCISSOR_TEST);
        gl.clearColor(0, 0, 0, 0);
        gl.clear(gl.COLOR_BUFFER_BIT);
        if (!shown) return;
        const {lowResSide: side, inputSide, maskThreshold} = shown.grid;
        this.#upload(shown.logits, side);
        const ratio = view.devicePixelRatio;
        const [left, top] = [view.offsetX * ratio, view.offsetY * ratio];
        const [across, down] = [imageSize.width * view.scale * ratio, imageSize.height * view.scale * ratio];
        const input = inputSize(imageSize, shown.grid);
        const step = inputSide / side; // model pixels from one logit to the next
        gl.enable(gl.SCISSOR_TEST); // to the image
        const [x0, x1, y0, y1] = [left, left + across, top, top + down].map(Math.round);
        gl.scissor(x0, height - y1, Math.max(0, x1 - x0), Math.max(0, y1 - y0));
        const at = this.#uniforms;
        gl.uniform1f(at.height, height);
        gl.uniform2f(at.origin, left, top);
        gl.uniform2f(at.cells, input.width / step / across, input.height / step / down);
        gl.uniform1f(at.threshold, maskThreshold);
        gl.uniform4f(at.fill, ...shares(style.color), style.fillAlpha);
        gl.uniform4f(at.outline, ...shares(style.color), style.outlineAlpha);
        gl.uniform4f(at.casing, ...shares(style.casingColor), style.casingAlpha);
        gl.uniform2f(at.widths, style.outlinePx * ratio, style.casingPx * ratio);
        gl.drawArrays(gl.TRIANGLES, 0, 3);
    }

    /**
     * @param {Float32Array} logits (side, side)
     * @param {number} side
     */
    #upload(logits, side) {
        if (this.#uploaded === logits) return;
        this.#uploaded = logits;
        const gl = this.#gl;
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, side, side, 0, gl.RED, gl.FLOAT, logits);
    }
}

/**
 * Chromium gives WebGL on the CPU although a "major performance caveat" was refused; only the renderer's name tells.
 *
 * @param {WebGL2RenderingContext} gl
 */
function isSoftware(gl) {
    const info = gl.getExtension("WEBGL_debug_renderer_info");
    const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
    return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

/**
 * @param {WebGL2RenderingContext} gl
 * @returns {WebGLProgram | null} null: this driver does not take the shaders
 */
function linked(gl) {
    const program = gl.createProgram();
    for (const [kind, source] of /** @type {const} */ ([
        [gl.VERTEX_SHADER, VERTEX],
        [gl.FRAGMENT_SHADER, FRAGMENT],
    ])) {
        const shader = gl.createShader(kind);
        if (!shader) return null;
        gl.shaderSource(shader, source);
        gl.compileShader(shader);
        gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (gl.getProgramParameter(program, gl.LINK_STATUS)) return program;
    console.warn("WebGL is not used:", gl.getProgramInfoLog(program));
    return null;
}

/**
 * @param {string} color #rrggbb
 * @returns {[number, number, number]} 0..1
 */
function shares(color) {
    const [red, green, blue] = rgbOf(color);
    return [red / 255, green / 255, blue / 255];
}
