/** The one kit for elements: finds those that the page has, makes new ones. Text is always text, never markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} type
 * @param {ParentNode} root
 * @returns {T}
 * @throws {Error} the page has no such element
 */
export function find(selector, type, root = document) {
    const found = root.querySelector(selector);
    if (!(found instanceof type)) throw new Error(`The page has no ${selector}.`);
    return found;
}

/**
 * As `find`, for elements that only some roles have.
 *
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} type
 * @param {ParentNode} root
 * @returns {T | null}
 */
export function findOptional(selector, type, root = document) {
    const found = root.querySelector(selector);
    return found instanceof type ? found : null;
}

/**
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} type
 * @param {ParentNode} root
 * @returns {T[]} those of another type are left out
 */
export function findAll(selector, type, root = document) {
    return /** @type {T[]} */ ([...root.querySelectorAll(selector)].filter((node) => node instanceof type));
}

/**
 * @param {string} id of a `json_script`
 * @returns {unknown}
 */
export function pageData(id) {
    return JSON.parse(find(`#${id}`, HTMLScriptElement).textContent ?? "null");
}

/**
 * @param {string} name a symbol of the sprite (scripts/vendor.mjs)
 * @returns {SVGSVGElement}
 */
export function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", `${document.documentElement.dataset.icons}#${name}`);
    svg.append(use);
    return svg;
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | boolean | null>} attributes null and false leave it out, true sets it empty
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === false) continue;
        node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children);
    return node;
}

/**
 * A button that leaves the focus where it is when it is clicked, so that Enter afterwards still saves the mask.
 *
 * @param {Record<string, string | boolean | null>} attributes
 * @param {(event: MouseEvent) => void} onClick
 * @param {...(Node | string)} children
 */
export function button(attributes, onClick, ...children) {
    return clickable(element("button", {type: "button", ...attributes}, ...children), onClick);
}

/**
 * As `button`, for one that the page has.
 *
 * @param {HTMLButtonElement} node
 * @param {(event: MouseEvent) => void} onClick
 */
export function clickable(node, onClick) {
    node.addEventListener("mousedown", (event) => event.preventDefault());
    node.addEventListener("click", onClick);
    return node;
}

/**
 * A button with a picture only; its label is its tooltip too.
 *
 * @param {string} className
 * @param {string} iconName
 * @param {string} label
 * @param {() => void} onClick
 */
export function iconButton(className, iconName, label, onClick) {
    return button({class: className, title: label, "aria-label": label}, onClick, icon(iconName));
}

/**
 * Its button, and a click beside it, close a dialog.
 *
 * @param {HTMLDialogElement} dialog
 */
export function closeByClick(dialog) {
    findOptional("[data-close]", HTMLElement, dialog)?.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
