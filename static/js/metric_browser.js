// The browser of all metrics keeps up with a run: groups that are new appear, counts grow, what is open stays open.
(() => {
  const WAIT = 2000; // ms: the run's own row lists new metrics within a second
  let waiting = 0;

  async function refresh(box) {
    const form = document.querySelector(".metric-browser form");
    const response = await fetch(`${form.getAttribute("hx-get")}?${new URLSearchParams(new FormData(form))}`);
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const group of fresh.querySelectorAll(".metric-group")) {
      const mine = [...box.querySelectorAll(".metric-group")].find((one) => one.dataset.group === group.dataset.group);
      if (mine) { mine.querySelector("[data-count]").textContent = group.querySelector("[data-count]").textContent; continue; }
      box.append(document.adoptNode(group));
      window.htmx.process(group);
    }
    box.querySelector("[role=status]").textContent = fresh.querySelector("[role=status]").textContent;
    [...box.children].filter((node) => node.matches("p:not([role])") && box.querySelector(".metric-group")).forEach((node) => node.remove());
  }

  document.addEventListener("chimera:newmetrics", () => {
    const box = document.getElementById("metric-groups");
    if (!box || waiting) return;
    waiting = setTimeout(() => { waiting = 0; refresh(box); }, WAIT);
  });
})();
