/** The image on screen, as the parts of the workbench share it. */

/** @import {ImageSize, OverlapPolicy} from "../core/types.d.ts" */

export class OpenImage {
    projectId = 0;
    imageId = 0;
    /** @type {ImageSize} */
    size = {height: 1, width: 1};
    /** @type {OverlapPolicy} */
    overlap = "allow";
    mayAnnotate = false;
    /** Whether no prompt may begin: the saved masks could not be fetched, and the object may be among them. */
    isHeld = false;
}
