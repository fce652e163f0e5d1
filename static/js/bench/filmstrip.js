/** The filmstrip of the annotate page: there when the person wants it and the window has room, and out of the way of opening images. */

import {annotateUrl} from "../api/images.js";
import {fetchListed} from "../api/image-list.js";
import {ListedImages} from "../session/listed-images.js";
import {find} from "../view/elements.js";
import {Filmstrip} from "../view/panels/filmstrip.js";

/** @import {Http} from "../api/http.js" */
/** @import {ImageFlow} from "../session/image-flow.js" */
/** @import {KeptDrafts} from "../session/kept-drafts.js" */
/** @import {ImageRow} from "../session/ports.d.ts" */
/** @import {Preferences} from "../session/preferences.js" */

const ROOM = matchMedia("(min-height: 900px) and (min-width: 901px)"); // flow.css has the same

/**
 * @param {object} parts
 * @param {Http} parts.http
 * @param {string} parts.list
 * @param {ImageFlow<ImageBitmap>} parts.flow
 * @param {Preferences} parts.preferences
 * @param {Pick<KeptDrafts, "has">} parts.drafts
 */
export function filmstripOf({http, list, flow, preferences, drafts}) {
    const root = find("[data-filmstrip]", HTMLElement);
    const listed = new ListedImages(
        (window) => fetchListed(http, flow.scene.project.id, list, window),
        () => show(),
    );
    const strip = new Filmstrip(root, listed, {
        urlOf: (imageId) => annotateUrl(imageId, list),
        hasDraft: (imageId) => drafts.has(imageId),
        onOpen: (imageId) => void flow.open(imageId, true),
    });
    const isShown = () => ROOM.matches && preferences.settings.filmstrip;
    let hasBegun = false; // the first image comes first
    let isDraftKept = false;

    const show = () => {
        root.hidden = !preferences.settings.filmstrip;
        if (!hasBegun || !isShown()) return;
        const {image, siblings} = flow.scene;
        strip.show(image.id, listed.place(image.id, siblings));
    };
    ROOM.addEventListener("change", show);
    return {
        /** Whether the window has room for it. */
        get hasRoom() {
            return ROOM.matches;
        },
        toggle() {
            preferences.change({filmstrip: !preferences.settings.filmstrip});
            show();
        },
        /** The image on screen is ready, so that there is time for the strip. */
        show() {
            hasBegun = true;
            show();
        },
        /** The image on screen may have got, or lost, a mask that is not accepted. */
        noteDraft() {
            const isKept = drafts.has(flow.scene.image.id);
            if (isKept === isDraftKept) return;
            isDraftKept = isKept;
            if (hasBegun && isShown()) strip.drawSoon();
        },
        /** @param {number} imageId @param {Partial<ImageRow>} marks */
        mark(imageId, marks) {
            listed.mark(imageId, marks);
            if (hasBegun && isShown()) strip.drawSoon();
        },
    };
}
