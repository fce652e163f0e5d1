/** Which order the list of objects has, and whether it has pictures: as the person has set it in this browser. */

import {OBJECT_ORDERS} from "../../core/object-order.js";
import {element} from "../elements.js";

/** @import {ObjectOrder} from "../../core/object-order.js" */
/** @import {Sight} from "../../session/sight.js" */

export class ObjectOrderField {
    #field;
    #sight;

    /**
     * @param {HTMLSelectElement} field
     * @param {Sight} sight
     */
    constructor(field, sight) {
        this.#field = field;
        this.#sight = sight;
        field.append(
            ...Object.entries(OBJECT_ORDERS).map(([value, words]) => element("option", {value}, words)),
        );
        field.addEventListener("change", () => {
            sight.change({objectOrder: /** @type {ObjectOrder} */ (field.value)});
            field.blur(); // digits and letters are the workbench's again
        });
    }

    render() {
        const {objectOrder, hasPictures} = this.#sight.settings;
        if (this.#field.value !== objectOrder) this.#field.value = objectOrder;
        this.#field.closest(".bench-objects")?.toggleAttribute("data-plain", !hasPictures);
    }
}
