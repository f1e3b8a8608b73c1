// Small comforts for forms; every form works without this file.
(() => {
  // One click, one submit: the button is disabled after the first one (the server is idempotent as well).
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "dialog") return;
    if (form.dataset.confirm && !confirm(form.dataset.confirm)) { event.preventDefault(); return; }
    if (form.method === "post") {
      setTimeout(() => form.querySelectorAll("button[type=submit], button:not([type])").forEach((b) => { b.disabled = true; }));
    }
  });
  // Back and forward restore the page from memory: make its buttons usable again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form button:disabled").forEach((b) => { b.disabled = false; });
  });
  // A select or checkbox with data-autosubmit sends its form.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-autosubmit]")) event.target.form.requestSubmit();
  });
  // What keeps a form from being sent must be seen.
  document.addEventListener("invalid", (event) => {
    for (let box = event.target; (box = box.parentElement?.closest("details")); ) box.open = true;
  }, true);
  // A dialog loaded by htmx opens as soon as it has arrived; closing removes it.
  document.addEventListener("htmx:afterSettle", (event) => {
    const dialog = event.target.matches("dialog") ? event.target : event.target.querySelector("dialog.dialog:not([open])");
    if (!dialog || dialog.open) return;
    dialog.showModal();
    dialog.addEventListener("close", () => dialog.remove(), { once: true });
  });
  document.addEventListener("click", (event) => {
    const closer = event.target.closest("[data-close-dialog]");
    if (closer && closer.closest("dialog")) { event.preventDefault(); closer.closest("dialog").close(); return; }
    const copier = event.target.closest("[data-copy]");
    if (copier && navigator.clipboard) {
      navigator.clipboard.writeText(copier.dataset.copy).then(() => { copier.textContent = "copied"; });
    }
  });
})();
