/** A workbench without a decoder: for what is done to saved masks. */

import {columnsOf, rleOf} from "../../static/js/core/edit/columns.js";
import {CopiedMasks} from "../../static/js/session/copied-masks.js";
import {KeptDrafts} from "../../static/js/session/kept-drafts.js";
import {LastCategory} from "../../static/js/session/last-category.js";
import {Workbench} from "../../static/js/session/workbench.js";
import {HandMadeStorage, annotationOf, journalOf} from "./hand-made.js";

export const CATEGORIES = [
    {id: 1, name: "cup", color: "#000000", supercategory: ""},
    {id: 2, name: "person", color: "#ffffff", supercategory: ""},
];

/** On an image of eight by eight pixels, with these saved masks; the masks a to d where none are given. */
export function bench({
    mayAnnotate = true,
    masks = ["a", "b", "c", "d"].map((id) => annotationOf(id)),
    histories = null,
} = {}) {
    const said = {deleted: [], changes: [], why: [], history: []};
    const storage = new HandMadeStorage();
    const drafts = new KeptDrafts(journalOf());
    const clock = {ms: 0};
    let ids = 0;
    const workbench = new Workbench(
        "ann",
        {
            ...{now: () => clock.ms, newId: () => `made-${++ids}`},
            ...{drafts, histories, lastCategory: new LastCategory(storage, "ann")},
            copied: new CopiedMasks(storage, "ann"),
            settings: () => ({farClickAccepts: false, quickMode: false}),
        },
        {
            onDelete: (annotations) => said.deleted.push(annotations.map(({id}) => id)),
            onSay: (text) => said.why.push(text),
            onHistory: (ids) => said.history.push(ids),
            ...{onChange() {}, onProblem() {}, onMask() {}, onCategoryMissing() {}, onQuick() {}},
        },
    );
    const open = (imageId, size = {height: 8, width: 8}, more = {}) =>
        workbench.open({
            ...{projectId: 3, imageId, size, decoder: null, image: null},
            ...{categories: CATEGORIES, mayAnnotate, ...more},
        });
    open(7);
    workbench.arrivals.showSaved(masks);
    workbench.document.subscribe((changes, origin) => origin === "user" && said.changes.push(changes));
    return {workbench, said, open, storage, drafts, clock};
}

export const idsOf = ({document}) => document.annotations.map(({id}) => id);
export const categoriesOf = ({document}) => document.annotations.map(({categoryId}) => categoryId);

/** A saved mask that is drawn: eight rows of eight characters, a space is background. */
export function drawn(id, rows, more = {}) {
    const columns = Array.from({length: 8}, (_, x) =>
        rows.flatMap((row, y) => (row[x] && row[x] !== " " ? [[y, y + 1]] : [])).flat(),
    );
    return {...annotationOf(id), ...rleOf(columns, 8), prompt: {steps: []}, ...more};
}

/** What `drawn` was given, of the mask that the document has now. */
export function picture({document}, id) {
    const columns = columnsOf(document.get(id).segmentation);
    const isIn = (x, y) => columns[x].some((start, k) => k % 2 === 0 && y >= start && y < columns[x][k + 1]);
    const rows = Array.from({length: 8}, (_, y) =>
        Array.from({length: 8}, (_, x) => (isIn(x, y) ? "#" : " "))
            .join("")
            .trimEnd(),
    );
    while (rows.at(-1) === "") rows.pop();
    return rows;
}
