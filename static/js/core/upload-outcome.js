/** What came of an upload, from its state and the server's answer. */

/**
 * @typedef {object} Outcome
 * @property {string} state
 * @property {{images: readonly {isDuplicate: boolean}[], refused: readonly unknown[], isFinal?: boolean}} answer isFinal: the same file would be refused again
 */

/** Whether there is nothing to say but that it is done. @param {Outcome} upload */
export function isPlainSuccess(upload) {
    return upload.state === "done" && upload.answer.refused.length === 0 && !isAllKnown(upload);
}

/** @param {Outcome} upload */
export function canRetry({state, answer}) {
    return state === "cancelled" || (state === "failed" && !answer.isFinal);
}

/**
 * @param {Outcome} upload
 * @returns {boolean} whether it went well and brought no new image
 */
export function isAllKnown({state, answer: {images}}) {
    return state === "done" && images.length > 0 && images.every(({isDuplicate}) => isDuplicate);
}
