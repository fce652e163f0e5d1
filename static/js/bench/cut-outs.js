/** The cut-out of the selected objects: as a picture to the clipboard, or as a file. */

import {fetchPicture} from "../api/images.js";
import {unionOf} from "../core/edit/algebra.js";
import {columnsOf, rleOf} from "../core/edit/columns.js";
import {cutOutOf, download} from "../view/cut-out.js";
import {toast} from "../view/site/feedback.js";
import {sentence} from "../view/words.js";

/** @import {Http} from "../api/http.js" */
/** @import {Scene} from "../session/ports.d.ts" */
/** @import {Workbench} from "../session/workbench.js" */
/** @import {BenchView} from "../view/bench-view.js" */

/**
 * @param {Http} http
 * @param {Workbench} workbench
 * @param {() => {flow: {readonly scene: Scene}, view: BenchView}} later made after this
 */
export function cutOutsOf(http, workbench, later) {
    /** What is selected now; several objects are cut out together. */
    const chosen = () => {
        const {annotations} = workbench.selection;
        const [first, ...others] = annotations.map(({segmentation}) => columnsOf(segmentation));
        const {image} = later().flow.scene;
        const columns = unionOf(first, others);
        const what =
            others.length === 0 ? later().view.nameOf(annotations[0]) : `${annotations.length} objects`;
        return {
            what,
            fileName: `${image.name.replace(/\.[^.]*$/, "")} ${what}.png`.replace(/[\s/\\:]+/g, "-"),
            picture: async () =>
                cutOutOf(await fetchPicture(http, image), {
                    columns,
                    bbox: rleOf(columns, image.size.height).bbox,
                }),
        };
    };

    /** @param {{picture: () => Promise<Blob>, fileName: string, what: string}} cutOut */
    const save = async ({picture, fileName, what}) => {
        try {
            download(await picture(), fileName);
        } catch (error) {
            toast(`${what} could not be cut out: ${sentence(error)}`, "error");
        }
    };

    return {
        get canCutOut() {
            return workbench.selection.id !== null;
        },

        save: () => save(chosen()),

        async copy() {
            const cutOut = chosen();
            const asFile = {label: "Save as a file", do: () => void save(cutOut)};
            if (!navigator.clipboard || typeof ClipboardItem === "undefined") {
                toast("Pictures can be copied over HTTPS only.", "error", asFile);
                return;
            }
            const picture = cutOut.picture();
            try {
                // The clipboard is asked for within the key press; the picture may come later.
                await navigator.clipboard.write([new ClipboardItem({"image/png": picture})]);
                toast(`Copied the cut-out of ${cutOut.what}.`, "info", asFile);
            } catch {
                const problem = await picture.then(() => null, sentence);
                if (problem) toast(`${cutOut.what} could not be cut out: ${problem}`, "error");
                else toast("The browser does not let this page copy pictures.", "error", asFile);
            }
        },
    };
}
