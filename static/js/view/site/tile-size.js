/** How large the gallery's tiles are. It belongs to the screen, so this browser keeps it. */

const KEY = "maskwright:tile-size";

/**
 * @param {HTMLInputElement} slider in CSS pixels
 * @param {HTMLElement} gallery
 * @param {Pick<Storage, "getItem" | "setItem">} storage
 */
export function offerTileSize(slider, gallery, storage) {
    const show = () => gallery.style.setProperty("--tile-size", `${slider.valueAsNumber}px`);
    const kept = storage.getItem(KEY);
    if (kept) slider.value = kept;
    show();
    slider.addEventListener("input", () => {
        show();
        storage.setItem(KEY, slider.value);
    });
    slider.addEventListener("change", (event) => event.stopPropagation()); // it is no filter
}
