// Theme: system | light | dark. Loaded without defer so that data-theme is set before the first paint.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try { return localStorage.getItem("chimera-theme") || "system"; } catch { return "system"; }
  };
  let choice = stored();

  const apply = () => {
    const theme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
    const changed = root.dataset.theme && root.dataset.theme !== theme;
    root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    }
    if (changed) root.dispatchEvent(new CustomEvent("chimera:theme", { detail: theme, bubbles: true }));
  };

  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (!button) return;
    choice = button.dataset.themeChoice;
    try { localStorage.setItem("chimera-theme", choice); } catch { /* private window: the choice lasts for this page */ }
    apply();
  });
})();
