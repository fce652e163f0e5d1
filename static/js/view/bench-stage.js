/** The workbench's stage with its layers, and the figures beside it that say where the pointer is and how large it is shown. */

import {markAt, withMarkMoved} from "../core/prompt-marks.js";
import {find} from "./elements.js";
import {CandidateLayer} from "./layers/candidate-layer.js";
import {HandLayer} from "./layers/hand-layer.js";
import {ImageLayer} from "./layers/image-layer.js";
import {LogitsCanvas} from "./layers/logits-canvas.js";
import {MasksLayer} from "./layers/masks-layer.js";
import {PolygonLayer} from "./layers/polygon-layer.js";
import {PromptLayer} from "./layers/prompt-layer.js";
import {RegionLayer} from "./layers/region-layer.js";
import {TilesLayer} from "./layers/tiles-layer.js";
import {Minimap} from "./panels/minimap.js";
import {Readout} from "./panels/readout.js";
import {Stage} from "./stage.js";

/** @import {Dab, Place} from "../core/edit/strokes.js" */
/** @import {Mark} from "../core/prompt-marks.js" */
/** @import {LogitsGrid} from "../core/mask.js" */
/** @import {Annotation, Candidate, ImageBox, ImagePoint, Prompt, Region, ViewFrame, ViewPoint} from "../core/types.d.ts" */
/** @import {SightSettings} from "../session/sight.js" */
/** @import {FetchTile} from "./layers/tiles-layer.js" */
/** @import {DraftMask, ImageRow} from "../session/ports.d.ts" */
/** @import {PolygonDraft} from "./tools/polygon-tool.js" */
/** @import {ShownMask} from "./layers/masks-layer.js" */

export class BenchStage {
    stage;
    readout;
    /** @type {Minimap | null} null: while the stage is being made */
    minimap = null;
    /** The image was moved on the stage. @type {(view: ViewFrame) => void} */
    onView = () => {};
    /** The picture of the image has come. */
    onPicture = () => {};
    #region = new RegionLayer();
    #image = new ImageLayer();
    #tiles;
    #masks = new MasksLayer(() => this.stage.invalidate("masks"));
    #prompt = new PromptLayer();
    #hand = new HandLayer();
    #polygon = new PolygonLayer();
    #candidate;

    /** @param {FetchTile<ImageRow>} fetchTile */
    constructor(fetchTile) {
        const zoom = find("[data-zoom]", HTMLElement);
        this.stage = new Stage(find("[data-stage]", HTMLElement), (view) => {
            zoom.textContent = `${Math.round(view.scale * 100)} %`;
            this.minimap?.render();
            this.onView(view);
        });
        const canvas = this.stage.addCanvas("candidate");
        const logitsCanvas = LogitsCanvas.open(canvas, () => {
            canvas.remove();
            this.stage.invalidate("prompt");
        });
        if (!logitsCanvas) canvas.remove();
        this.#candidate = new CandidateLayer(logitsCanvas);
        this.#tiles = new TilesLayer(fetchTile, () => this.stage.invalidate("image"));
        this.stage.add("image", this.#image);
        this.stage.add("image", this.#tiles);
        this.stage.add("masks", this.#masks);
        this.stage.add("prompt", this.#region);
        this.stage.add("prompt", this.#candidate);
        this.stage.add("prompt", this.#hand);
        this.stage.add("prompt", this.#polygon);
        this.stage.add("prompt", this.#prompt);
        this.readout = new Readout(this.stage);
        this.minimap = new Minimap(this.stage);
    }

    /** @param {ImageRow} image another one, whose picture is on its way */
    open(image) {
        this.#image.clear();
        this.#tiles.open(image);
        this.minimap?.clear();
        this.stage.showImageOf(image.size);
    }

    /** @param {ImageBitmap} picture */
    showPicture(picture) {
        this.#image.show(picture, () => this.stage.invalidate("image"));
        this.stage.invalidate("image");
        this.minimap?.show(picture);
        this.onPicture();
    }

    /**
     * @param {Region | null} region that prompts are answered in
     * @param {boolean} isWaiting it is on its way
     */
    showRegion(region, isWaiting) {
        Object.assign(this.#region, {region, isWaiting});
        this.stage.invalidate("prompt");
    }

    /**
     * @param {Candidate | null} candidate what a click under the pointer would give
     * @param {LogitsGrid | null} grid
     */
    showPreview(candidate, grid) {
        this.#candidate.showPreview(candidate, grid);
        this.stage.invalidate("prompt");
    }

    /**
     * @param {ImageBox | null} box as it is drawn
     * @param {ImagePoint | null} pointer
     */
    showDraftBox(box, pointer) {
        this.#prompt.draft = box;
        this.#prompt.pointer = pointer;
        this.readout.showBox(box);
        this.stage.invalidate("prompt");
    }

    /** The prompt's mark there. @param {ViewPoint} place */
    markAt(place) {
        return markAt(this.#prompt.prompt, place, this.stage.view);
    }

    /**
     * @param {Mark} mark of the prompt
     * @param {ImagePoint | null} place that it is being dragged to; null: no longer
     */
    showDraggedMark(mark, place) {
        const {prompt} = this.#prompt;
        this.#prompt.dragged = place && withMarkMoved(prompt, mark, place, this.stage.imageSize);
        this.stage.invalidate("prompt");
    }

    /** @param {Dab | null} brush where it would paint */
    showBrush(brush) {
        this.#hand.brush = brush;
        this.stage.invalidate("prompt");
    }

    /** @param {ImagePoint | null} place of the keyboard's crosshair */
    showCrosshair(place) {
        this.#hand.crosshair = place;
        this.stage.invalidate("prompt");
    }

    /** @param {number} radius of the brush under the pointer, in image pixels */
    resizeBrush(radius) {
        if (this.#hand.brush) this.showBrush({...this.#hand.brush, radius});
    }

    /**
     * @param {readonly Dab[]} dabs of a stroke as it is drawn
     * @param {boolean} isErasing
     */
    showStroke(dabs, isErasing) {
        Object.assign(this.#hand, {stroke: dabs, isErasing});
        this.stage.invalidate("prompt");
    }

    /**
     * @param {readonly Place[]} corners of a shape as it is drawn
     * @param {boolean} isErasing
     */
    showShape(corners, isErasing) {
        Object.assign(this.#hand, {corners, isErasing});
        this.stage.invalidate("prompt");
    }

    /** @param {PolygonDraft} draft of the mask that is worked on */
    showPolygons(draft) {
        this.#polygon.draft = draft;
        this.stage.invalidate("prompt");
    }

    /**
     * @param {{left: number, top: number, right: number, bottom: number}} part in image pixels
     * @param {number} scale pixels to give for one of the image
     */
    partOfPicture(part, scale) {
        return this.#image.partOf(part, this.stage.imageSize, scale);
    }

    /**
     * @param {CanvasRenderingContext2D} context whose units are image pixels
     * @param {{left: number, top: number, right: number, bottom: number}} part in image pixels
     * @returns {boolean} whether there is a picture
     */
    drawPart(context, part) {
        return this.#image.drawPart(context, part, this.stage.imageSize);
    }

    /** The id of the smallest saved mask there. @param {ImagePoint} point */
    maskAt(point) {
        return this.#masks.hit(point);
    }

    /**
     * @param {object} content
     * @param {Prompt} content.prompt
     * @param {DraftMask | null} content.mask
     * @param {LogitsGrid | null} content.grid of a candidate's logits
     * @param {string} content.color
     * @param {number} content.opacity of the fill
     */
    renderDraft({prompt, mask, grid, color, opacity}) {
        this.#prompt.prompt = prompt;
        this.#candidate.color = this.#hand.color = this.#polygon.color = color;
        this.#candidate.opacity = opacity;
        this.#candidate.showMask(mask, grid, prompt);
        this.stage.invalidate("prompt");
    }

    /**
     * @param {readonly ShownMask[]} masks
     * @param {boolean} isDimmed another mask is being worked on
     * @param {number} opacity of the fill
     * @param {ReadonlySet<string>} ids of all saved masks, hidden ones too
     */
    renderMasks(masks, isDimmed, opacity, ids) {
        // While none of them is to stand out, the browser dims the sheet as it is: nothing is drawn anew.
        const hasSelected = masks.some(({isSelected}) => isSelected);
        this.stage.root.toggleAttribute("data-dimmed", isDimmed && !hasSelected);
        const isNew = this.#masks.show(masks, isDimmed && hasSelected, opacity);
        this.#masks.keepOnly(ids);
        if (isNew) this.stage.invalidate("masks");
    }

    /** @param {string | null} id of a saved mask that is to stand out; null: none */
    hover(id) {
        if (this.#masks.hover(id)) this.stage.invalidate("masks");
    }

    /** @param {readonly Annotation[]} annotations other people's versions of masks, drawn over all */
    renderTheirs(annotations) {
        if (this.#masks.showTheirs(annotations)) this.stage.invalidate("masks");
    }

    /** Where the mouse or the pen is; its place is null while it is not on the image. @returns {{place: ImagePoint | null}} */
    get pointer() {
        return this.readout;
    }

    /** @param {Pick<SightSettings, "wheel" | "hasMinimap">} settings what the person has set about moving the image */
    moveAs({wheel, hasMinimap}) {
        this.stage.wheel.habit = wheel;
        if (!this.minimap) return;
        this.minimap.isWanted = hasMinimap;
        this.minimap.render();
    }

    /** Shows the bare picture until the key that is down is released; called by a button, until something is pressed. */
    peek() {
        const {dataset} = this.stage.root;
        dataset.bare = "";
        const end = new AbortController();
        for (const type of ["keyup", "pointerdown", "blur"])
            addEventListener(type, () => (end.abort(), delete dataset.bare), {signal: end.signal});
    }
}
