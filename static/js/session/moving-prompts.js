/** Takes the mask that is being worked on along into a region. */

import {candidateExtent} from "../core/candidate-mask.js";
import {EMPTY_PROMPT, isEmpty} from "../core/prompt.js";
import {contains, holdsSteps, isSame, movedTo} from "../core/regions.js";

/** @import {Region} from "../core/types.d.ts" */
/** @import {OpenImage} from "./open-image.js" */
/** @import {Turns} from "./turns.js" */
/** @import {Workbench} from "./workbench.js" */

export class MovingPrompts {
    #bench;
    #turns;
    #opened;
    #onChange;

    /**
     * @param {Pick<Workbench, "draft" | "prompts">} bench
     * @param {{turns: Turns, opened: OpenImage, onChange: () => void}} parts
     */
    constructor(bench, {turns, opened, onChange}) {
        this.#bench = bench;
        this.#turns = turns;
        this.#opened = opened;
        this.#onChange = onChange;
    }

    /**
     * The prompt on screen is answered anew in a region, if it and its mask lie there: one step of the history. A mask that
     * reaches beyond the region becomes what the next points go on from, so that nothing of it is lost.
     *
     * @param {Region} region
     * @param {boolean} isAsked the person asked for it just now; else only a prompt of the whole image that lies in the
     *   region goes there
     */
    moveTo(region, isAsked) {
        const {prompt} = this.#bench.prompts;
        void this.#bench.prompts.settle().then(() =>
            this.#turns.after(() => {
                const {draft, prompts} = this.#bench;
                const isSameWork = prompts.prompt.steps.length === prompt.steps.length && !draft.handMade;
                if (!isSameWork || isEmpty(prompts.prompt) || isSame(prompts.prompt.region, region)) return;
                if (prompts.prompt.region && !isAsked) return;
                if (this.#liesIn(region)) draft.change({prompt: movedTo(prompts.prompt, region)});
                else if (isAsked) this.#turns.start(() => this.#keepAsBase(), this.#onChange);
            }),
        );
    }

    /** @param {Region} region */
    #liesIn(region) {
        const {prompt, shown, bundle} = this.#bench.prompts;
        if (!holdsSteps(region, prompt.steps)) return false;
        const extent = shown && bundle && candidateExtent(shown, this.#opened.size, bundle);
        if (!extent) return true;
        const [x, y, width, height] = extent;
        // The extent is as coarse as the logits: its last pixel is that of a whole cell.
        return contains(region, {x, y}) && contains(region, {x: x + width - 1, y: y + height - 1});
    }

    async #keepAsBase() {
        const {draft, prompts} = this.#bench;
        const finished = await prompts.finishOrTell();
        if (finished && finished.area > 0) draft.change({prompt: EMPTY_PROMPT, handMade: finished});
    }
}
