/** Brings a list drawn by the server up to date without disturbing what did not change: focus, ticks, pictures. */

/**
 * @param {HTMLElement} list
 * @param {string} html freshly drawn items
 * @param {string} key the data attribute that names an item, e.g. "imageId"
 * @param {{isWhole?: boolean}} [options] isWhole: the list is to have these items in this order, and no others; else items
 *   that it has are brought up to date
 */
export function syncItems(list, html, key, {isWhole = false} = {}) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const known = new Map(itemsOf(list, key).map((item) => [item.dataset[key], item]));
    const items = itemsOf(template.content, key).map((fresh) => {
        const old = known.get(fresh.dataset[key]);
        known.delete(fresh.dataset[key]);
        if (old) updateItem(old, fresh);
        return old ?? fresh;
    });
    if (!isWhole) return;
    for (const gone of known.values()) gone.remove();
    // An item that is where it belongs is not moved: it would lose the focus.
    for (const [index, item] of items.entries())
        if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
}

/**
 * Exchanges the parts named by [data-live] for those of a freshly drawn page, where they differ.
 *
 * @param {string} html the whole page
 */
export function syncLiveParts(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const fresh of page.querySelectorAll("[data-live]")) {
        const old = document.querySelector(
            `[data-live="${/** @type {HTMLElement} */ (fresh).dataset.live}"]`,
        );
        if (old && !old.isEqualNode(fresh) && !old.contains(document.activeElement)) old.replaceWith(fresh);
    }
}

/**
 * @param {ParentNode} parent
 * @param {string} key
 */
function itemsOf(parent, key) {
    return [...parent.children]
        .filter((item) => item instanceof HTMLElement && key in item.dataset)
        .map((item) => /** @type {HTMLElement} */ (item));
}

/**
 * @param {HTMLElement} old
 * @param {HTMLElement} fresh
 */
function updateItem(old, fresh) {
    for (const {name} of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const {name, value} of fresh.attributes)
        if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const ticked = ticksOf(old).map(({checked}) => checked);
    const focused = focusables(old).indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (old.childElementCount !== fresh.childElementCount) old.replaceChildren(...fresh.childNodes);
    else
        for (const [index, part] of [...fresh.children].entries())
            if (!part.isEqualNode(old.children[index])) old.children[index].replaceWith(part);
    // A part that was exchanged, for whatever difference, keeps what the person ticked in it.
    for (const [index, box] of ticksOf(old).entries()) if (index in ticked) box.checked = ticked[index];
    if (focused >= 0 && !old.contains(document.activeElement)) focusables(old)[focused]?.focus();
}

/** @param {HTMLElement} item */
function focusables(item) {
    return /** @type {HTMLElement[]} */ ([...item.querySelectorAll("a[href], button, input, select")]);
}

/** @param {HTMLElement} item */
function ticksOf(item) {
    return /** @type {HTMLInputElement[]} */ ([...item.querySelectorAll("input[type=checkbox]")]);
}
