/** Making elements: text is always text, never markup. */

const SVG = "http://www.w3.org/2000/svg";

let spriteUrl = "";

/** @param {string} url of the icon sprite; it comes from the template, because its name carries a hash */
export function setIconSprite(url) {
    spriteUrl = url;
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
    use.setAttribute("href", `${spriteUrl}#${name}`);
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
 * @param {() => void} onClick
 * @param {...(Node | string)} children
 */
export function button(attributes, onClick, ...children) {
    const node = element("button", {type: "button", ...attributes}, ...children);
    keepFocus(node);
    node.addEventListener("click", onClick);
    return node;
}

/** @param {HTMLElement} node */
export function keepFocus(node) {
    node.addEventListener("mousedown", (event) => event.preventDefault());
}

/**
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T}
 */
export function find(root, selector, type) {
    const found = root.querySelector(selector);
    if (!(found instanceof type)) throw new Error(`the page has no ${selector}`);
    return found;
}
