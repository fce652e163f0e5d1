/** A category added on the annotate page is there at once, and picked. */

import {createCategory} from "../api/projects.js";
import {findOptional} from "../view/elements.js";
import {NewCategory} from "../view/panels/new-category.js";

/** @import {Http} from "../api/http.js" */
/** @import {ImageFlow} from "../session/image-flow.js" */

/**
 * @param {Http} http
 * @param {ImageFlow<ImageBitmap>} flow
 * @param {() => void} render
 */
export function offerNewCategory(http, flow, render) {
    const root = findOptional("[data-new-category-part]", HTMLElement);
    if (!root) return; // for managers alone
    new NewCategory(root, async (name) => {
        const {id} = flow.scene.project;
        flow.addCategory(id, await createCategory(http, id, {name, supercategory: ""}));
        render();
    });
}
