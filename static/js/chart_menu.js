// The menu of a chart (⋯): its points as CSV or JSON, its picture as PNG or SVG, its vertical axis, its size.
(() => {
  const WIDE = 960, HIGH = 480; // of a picture, in px
  const { charts } = window.chimera;
  const slug = (text) => text.normalize("NFKD").replace(/[^\w]+/g, "-").replace(/^-+|-+$/g, "").toLowerCase();

  // The picture is drawn anew: with title, run and a paper of its own, whatever the screen shows around it.
  async function picture(chart, format) {
    const { data, layout } = chart.look(chart.drawn), library = await charts.plotly(data);
    const who = chart.board.node.dataset.title || "", name = slug(`${who} ${chart.title}`);
    const notes = (layout.annotations || []).map((note) => (note.xref === "paper" ? { ...note, y: Math.min(1, Math.max(0, note.y)) } : note));
    const figure = charts.figure(data, {
      ...layout, annotations: notes, paper_bgcolor: "--surface", margin: { ...layout.margin, t: 56, l: 64, b: 48 },
      title: { text: `${chart.title} <span style="font-size:12px">${who.replaceAll("<", "&lt;")}</span>`, x: 0.02, xanchor: "left", font: { size: 16, color: "--ink" } },
    });
    const url = await library.toImage(figure, { format, width: WIDE, height: HIGH, scale: format === "png" ? 2 : 1 });
    Object.assign(document.createElement("a"), { href: url, download: `${name}.${format}` }).click();
  }

  function fill(menu, chart) {
    const { board } = chart;
    menu.chart = chart;
    menu.querySelectorAll("a[data-get]").forEach((link) => { link.href = board.file(chart, link.dataset.get); });
    const [low, high] = chart.ywindow || ["", ""];
    menu.querySelector("[name=lo]").value = low;
    menu.querySelector("[name=hi]").value = high;
    menu.querySelector("[data-larger]").textContent = chart.figure.classList.contains("is-large") ? "Smaller" : "Larger";
  }

  function open(menu, button) {
    const chart = button.closest("figure").chart, box = button.getBoundingClientRect();
    fill(menu, chart);
    menu.showPopover();
    menu.style.top = `${Math.min(box.bottom + 4, innerHeight - menu.offsetHeight - 8)}px`;
    menu.style.left = `${Math.max(8, Math.min(box.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 8))}px`;
    menu.querySelector("a, button").focus();
  }

  function larger(chart) {
    const { board } = chart, on = chart.figure.classList.toggle("is-large"), others = board.view.all("large").filter((name) => name !== chart.slug);
    board.view.setAll("large", on ? [...others, chart.slug] : others);
    chart.namesAre = "";
    window.Plotly?.Plots.resize(chart.plot);
    board.repaint();
  }

  function vertical(chart, range) {
    chart.board.view.setRange(`y.${chart.slug}`, range);
    chart.board.repaint();
  }

  function bind(board) {
    const menu = board.node.querySelector(".chart-menu");
    if (!menu) return;
    board.node.addEventListener("click", (event) => {
      const button = event.target.closest(".chart-more");
      if (button) open(menu, button);
    });
    menu.addEventListener("click", (event) => {
      const { chart } = menu, button = event.target.closest("button");
      if (!button || button.type === "submit") return;
      if (button.dataset.get) picture(chart, button.dataset.get);
      else if (button.matches("[data-larger]")) larger(chart);
      else if (button.matches("[data-whole]")) chart.whole();
      else if (button.matches("[data-y-auto]")) vertical(chart, null);
      menu.hidePopover();
    });
    menu.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      const ends = ["lo", "hi"].map((name) => Number.parseFloat(event.target.elements[name].value));
      if (ends.every(Number.isFinite) && ends[0] < ends[1]) { vertical(menu.chart, ends); menu.hidePopover(); }
      else event.target.elements.lo.focus();
    });
    addEventListener("scroll", () => { if (menu.matches(":popover-open")) menu.hidePopover(); }, { passive: true });
  }

  window.chimera = Object.assign(window.chimera || {}, { menu: { bind } });
})();
