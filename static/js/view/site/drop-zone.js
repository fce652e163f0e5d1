/** Files dropped anywhere on the page. */

/**
 * @param {HTMLElement} veil shown while files are held over the page
 * @param {(files: File[]) => void} onFiles
 * @param {(error: unknown) => void} onError a folder that could not be read
 */
export function acceptDrops(veil, onFiles, onError) {
    let depth = 0; // dragenter and dragleave come for every element on the way
    addEventListener("dragenter", (event) => {
        if (!hasFiles(event)) return;
        depth++;
        veil.hidden = false;
    });
    addEventListener("dragleave", (event) => {
        if (!hasFiles(event)) return;
        depth = Math.max(0, depth - 1);
        veil.hidden = depth === 0;
    });
    addEventListener("dragover", (event) => {
        if (hasFiles(event)) event.preventDefault();
    });
    addEventListener("drop", (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        depth = 0;
        veil.hidden = true;
        droppedFiles(event.dataTransfer).then(onFiles, onError);
    });
}

/** @param {DragEvent} event */
function hasFiles(event) {
    return event.dataTransfer?.types.includes("Files") ?? false;
}

/**
 * The files, and those inside dropped folders; hidden ones (.DS_Store) are left out.
 *
 * @param {DataTransfer | null} data
 */
async function droppedFiles(data) {
    // The entries must be taken before the first await: the browser empties the list after the event.
    const entries = [...(data?.items ?? [])]
        .map((item) => item.webkitGetAsEntry())
        .filter((entry) => entry !== null);
    if (!entries.length) return [...(data?.files ?? [])];
    /** @type {File[]} */
    const found = [];
    for (const entry of entries) await collect(entry, found);
    return found;
}

/**
 * @param {FileSystemEntry} entry
 * @param {File[]} found
 * @returns {Promise<void>}
 */
async function collect(entry, found) {
    if (entry.name.startsWith(".")) return;
    if (entry.isFile) {
        const file = /** @type {FileSystemFileEntry} */ (entry);
        found.push(await new Promise((resolve, reject) => file.file(resolve, reject)));
        return;
    }
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    for (;;) {
        /** @type {FileSystemEntry[]} */
        const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!batch.length) return; // at most 100 come at a time
        for (const inside of batch) await collect(inside, found);
    }
}
