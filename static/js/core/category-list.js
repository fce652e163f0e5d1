/** Categories as people have them elsewhere: a line each, or two columns of a spreadsheet. */

/** @typedef {{name: string, supercategory: string}} ListedCategory */

/**
 * @param {string} text a category on each line; behind a tab, its supercategory
 * @returns {ListedCategory[]} each name once, in the order of the lines
 */
export function parseCategories(text) {
    /** @type {Map<string, ListedCategory>} */
    const byName = new Map();
    for (const line of text.split(/\r\n|\r|\n/)) {
        const [name = "", supercategory = ""] = line
            .split("\t")
            .map((part) => part.replace(/\s+/g, " ").trim());
        const key = name.toLowerCase();
        if (name !== "" && !byName.has(key)) byName.set(key, {name, supercategory});
    }
    return [...byName.values()];
}

/** @param {string} text that was pasted into the field of one name; whether it is a list instead */
export function isCategoryList(text) {
    return parseCategories(text).length > 1;
}
