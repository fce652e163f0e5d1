/** Brings a list drawn by the server up to date without disturbing what did not change: focus, ticks, pictures. */

/**
 * @param {HTMLElement} list
 * @param {string} html freshly drawn items
 * @param {string} key the data attribute that names an item, e.g. "imageId"
 * @param {{isWhole?: boolean}} [options] isWhole: items that are not among the fresh ones go
 */
export function syncItems(list, html, key, {isWhole = false} = {}) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const known = new Map(itemsOf(list, key).map((item) => [item.dataset[key], item]));
    /** @type {HTMLElement | null} */
    let previous = null;
    for (const fresh of itemsOf(template.content, key)) {
        const old = known.get(fresh.dataset[key]);
        known.delete(fresh.dataset[key]);
        const item = old ?? fresh;
        if (old) updateItem(old, fresh);
        else if (isWhole && previous) previous.after(fresh);
        else if (isWhole) list.prepend(fresh);
        else list.append(fresh);
        previous = item;
    }
    if (isWhole) for (const gone of known.values()) gone.remove();
}

/**
 * @param {ParentNode} parent
 * @param {string} key
 */
function itemsOf(parent, key) {
    return [...parent.children].filter((item) => item instanceof HTMLElement && key in item.dataset)
        .map((item) => /** @type {HTMLElement} */ (item));
}

/**
 * @param {HTMLElement} old
 * @param {HTMLElement} fresh
 */
function updateItem(old, fresh) {
    for (const {name, value} of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const focused = focusables(old).indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (old.childElementCount !== fresh.childElementCount) old.replaceChildren(...fresh.childNodes);
    else
        for (const [index, part] of [...fresh.children].entries())
            if (!part.isEqualNode(old.children[index])) old.children[index].replaceWith(part);
    if (focused >= 0 && !old.contains(document.activeElement)) focusables(old)[focused]?.focus();
}

/** @param {HTMLElement} item */
function focusables(item) {
    return /** @type {HTMLElement[]} */ ([...item.querySelectorAll("a[href], button, input, select")]);
}
