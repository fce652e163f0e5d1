// Loaded before the page is painted, so that a chosen theme does not flash. A classic script: modules come too late.
(() => {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
    addEventListener("click", (event) => {
        if (!(event.target instanceof Element) || !event.target.closest("[data-theme-switch]")) return;
        const now =
            document.documentElement.dataset.theme ??
            (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
        const next = now === "dark" ? "light" : "dark";
        document.documentElement.dataset.theme = next;
        localStorage.setItem("theme", next);
    });
})();
