// The queue: entries are dragged by their handle (mouse, pen, touch) or moved by arrow keys; the server decides.
(() => {
  let drag = null; // { list, entry, pointer, grabbed, before }

  const keys = (list) => [...list.querySelectorAll("[data-entry]")].map((node) => node.dataset.entry);

  function send(list, values) {
    const target = document.querySelector("#queue");
    window.htmx.ajax("POST", list.dataset.url, { target, swap: "innerHTML", values: { queue: list.dataset.queue, seen: list.dataset.seen, ...values } });
  }

  addEventListener("pointerdown", (event) => {
    const handle = event.target.closest?.(".queue-handle");
    if (!handle || event.button > 0) return;
    const entry = handle.closest("[data-entry]"), list = entry.closest("[data-queue]");
    event.preventDefault();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    drag = { list, entry, pointer: event.pointerId, grabbed: event.clientY, before: keys(list).join() };
    entry.classList.add("is-dragged");
  });

  addEventListener("pointermove", (event) => {
    if (!drag || event.pointerId !== drag.pointer) return;
    const { entry } = drag, up = entry.previousElementSibling, down = entry.nextElementSibling;
    const middle = (node) => { const box = node.getBoundingClientRect(); return box.top + box.height / 2; };
    if (up && event.clientY < middle(up)) shift(entry, () => up.before(entry));
    else if (down && event.clientY > middle(down)) shift(entry, () => down.after(entry));
    entry.style.transform = `translateY(${event.clientY - drag.grabbed}px)`;
    if (event.clientY < 60) scrollBy(0, -12);
    else if (event.clientY > innerHeight - 60) scrollBy(0, 12);
  });

  // The entry takes its new place in the list, and stays under the pointer.
  function shift(entry, place) {
    const was = entry.offsetTop;
    place();
    drag.grabbed += entry.offsetTop - was;
  }

  function drop(event, keep) {
    if (!drag || (event.pointerId !== undefined && event.pointerId !== drag.pointer)) return;
    const { list, entry, before } = drag, handle = entry.querySelector(".queue-handle");
    drag = null;
    entry.classList.remove("is-dragged");
    entry.style.transform = "";
    const order = keys(list).join();
    if (keep && order !== before) send(list, { order });
    else if (order !== before) before.split(",").forEach((key) => list.append(list.querySelector(`[data-entry="${key}"]`)));
    handle.focus();
  }
  addEventListener("pointerup", (event) => drop(event, true));
  addEventListener("pointercancel", (event) => drop(event, false));

  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && drag) { drop({}, false); return; }
    const handle = event.target.closest?.(".queue-handle");
    const by = { ArrowUp: "-1", ArrowDown: "1", Home: "top" }[event.key];
    if (!handle || !by) return;
    event.preventDefault();
    const entry = handle.closest("[data-entry]");
    send(entry.closest("[data-queue]"), { entry: entry.dataset.entry, by });
  });

  // The buttons are forms that work without this file; with it the page stays where it is.
  addEventListener("submit", (event) => {
    if (!event.target.matches("[data-moves]")) return;
    event.preventDefault();
    const entry = event.target.closest("[data-entry]");
    send(entry.closest("[data-queue]"), { entry: entry.dataset.entry, by: event.submitter.value });
  }, true);

  // While something is in the hand the list must not be replaced below it.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (drag && event.detail.target.id === "queue") event.detail.shouldSwap = false;
  });
})();
