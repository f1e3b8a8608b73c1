// Charts: plotly loaded late, as much as is needed of it; one theme from the CSS tokens, figures from JSON, a table and CSV beside each.
// figure.chart[data-chart-src] loads {data, layout, table: {columns, rows}, alt, config?}; a colour "--ink" is a token.
(() => {
  const { plotly: PART, plotlyWhole: WHOLE, traces: TRACES } = document.currentScript.dataset;
  const COARSE = matchMedia("(pointer: coarse)").matches;
  const CONFIG = { displayModeBar: false, displaylogo: false, responsive: true };
  const loading = {};

  // Fetched when the first chart comes into view. The part with the trace types of our own charts is a quarter of plotly's
  // 4.8 MB and starts in a tenth of the time (chimera/static_files.py); a chart with another type gets the whole.
  function plotly(data = []) {
    const known = TRACES.split(" "), src = data.every((trace) => known.includes(trace.type || "scatter")) ? PART : WHOLE;
    loading[src] ||= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = src;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => { delete loading[src]; reject(new Error("plotly did not load")); };
      document.head.append(script);
    });
    return loading[src];
  }

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const series = (index) => token(`--series-${(index % 8) + 1}`);

  // Colours given as token names ("--series-2") become the theme's colours; `{alpha}` variants: "--ink/0.3". What stands
  // in the arrays of points is no colour and is not looked through.
  const POINTS = new Set(["x", "y", "customdata"]);
  function resolved(value) {
    if (Array.isArray(value)) return value.map(resolved);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, POINTS.has(key) && Array.isArray(item) ? item : resolved(item)]));
    if (typeof value !== "string" || !value.startsWith("--")) return value;
    const [name, alpha] = value.split("/");
    return alpha ? faded(token(name), Number(alpha)) : token(name);
  }

  function faded(colour, alpha) {
    const parts = /^#(..)(..)(..)$/.exec(colour);
    return parts ? `rgba(${parts.slice(1).map((hex) => parseInt(hex, 16)).join(",")},${alpha})` : colour;
  }

  function themed(layout = {}) {
    const muted = token("--muted"), grid = token("--chart-grid");
    const axis = {
      gridcolor: grid, linecolor: grid, zeroline: false, zerolinecolor: token("--line-strong"), automargin: true,
      tickfont: { color: muted, size: 11 }, title: { font: { color: muted, size: 11 }, standoff: 6 }, ticks: "",
    };
    const base = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", colorway: Array.from({ length: 8 }, (_, i) => series(i)),
      font: { family: token("--font") || "sans-serif", size: 11, color: muted },
      margin: { l: 40, r: 10, t: 8, b: 30 }, hovermode: "closest", dragmode: COARSE ? false : "zoom",
      hoverlabel: { bgcolor: token("--surface"), bordercolor: token("--line-strong"), font: { color: token("--ink"), size: 11 }, align: "left" },
      legend: { orientation: "h", y: 1, yanchor: "bottom", x: 0, font: { size: 11, color: muted }, bgcolor: "rgba(0,0,0,0)" },
    };
    const own = resolved(layout), axes = {};
    for (const name of new Set(["xaxis", "yaxis", ...Object.keys(own).filter((key) => /^[xy]axis\d*$/.test(key))])) {
      const given = own[name] || {};
      axes[name] = { ...axis, ...given, title: { ...axis.title, ...(given.title || {}) }, tickfont: { ...axis.tickfont, ...(given.tickfont || {}) } };
    }
    return { ...base, ...own, ...axes, font: { ...base.font, ...(own.font || {}) }, margin: { ...base.margin, ...(own.margin || {}) } };
  }

  const titleOf = (figure) => figure.querySelector("h2, h3")?.textContent || "the chart";
  const number = (value) => (typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value);

  // The table twin: closed until asked for, built when opened.
  function twin(figure, table, csvUrl) {
    let box = figure.querySelector("details.twin");
    if (!box) {
      box = document.createElement("details");
      box.className = "twin small";
      box.append(Object.assign(document.createElement("summary"), { textContent: "Numbers" }), document.createElement("div"));
      figure.append(box);
      box.addEventListener("toggle", () => { if (box.open) fillTwin(figure, box); });
    }
    box.source = table;
    box.csvUrl = csvUrl;
    if (box.open) fillTwin(figure, box);
  }

  function fillTwin(figure, box) {
    const { columns, rows } = typeof box.source === "function" ? box.source() : box.source;
    const wrap = Object.assign(document.createElement("div"), { className: "table-wrap twin-table", tabIndex: 0 });
    wrap.setAttribute("role", "group");
    wrap.setAttribute("aria-label", `Numbers of ${titleOf(figure)}`);
    const html = document.createElement("table");
    html.className = "table";
    const head = html.createTHead().insertRow();
    columns.forEach((column, index) => head.append(Object.assign(document.createElement("th"), { textContent: column, scope: "col", className: index ? "num" : "" })));
    const body = html.createTBody();
    rows.slice(0, 200).forEach((row) => {
      const line = body.insertRow();
      row.forEach((cell, index) => { const place = line.insertCell(); place.textContent = cell === null ? "–" : number(cell); if (index) place.className = "num"; });
    });
    wrap.append(html);
    const link = Object.assign(document.createElement("a"), { textContent: rows.length > 200 ? `All ${rows.length} rows as CSV` : "CSV", download: "" });
    link.href = box.csvUrl || csvOf(columns, rows);
    box.lastElementChild.replaceChildren(wrap, link);
  }

  function csvOf(columns, rows) {
    const quote = (cell) => (/[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell ?? ""));
    const text = [columns, ...rows].map((row) => row.map(quote).join(",")).join("\n");
    return URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  }

  async function draw(figure, data, layout, alt, config = {}) {
    const plot = figure.querySelector(".plot"), library = await plotly(data);
    if (!plot.isConnected) return null;
    await library.react(plot, resolved(data), themed(layout), { ...CONFIG, ...config });
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", alt || titleOf(figure));
    return plot;
  }

  async function show(figure) {
    try {
      const response = await fetch(figure.dataset.chartSrc, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
      figure.content = await response.json();
      await paint(figure);
      if (figure.content.table) twin(figure, figure.content.table);
      figure.dispatchEvent(new CustomEvent("chimera:drawn", { bubbles: true }));
    } catch (error) {
      fail(figure, error);
    }
  }

  const paint = (figure) => draw(figure, figure.content.data, figure.content.layout, figure.content.alt, figure.content.config);

  function fail(figure, error) {
    const note = figure.querySelector(".chart-error") || Object.assign(document.createElement("p"), { className: "chart-error small bad" });
    note.textContent = `This chart could not be loaded (${error.message}).`;
    figure.append(note);
  }

  // Charts are drawn when they come near the window, and given back when htmx removes them.
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); show(entry.target); }
  }, { rootMargin: "200px" });

  const scan = (root) => {
    if (root.matches?.("figure.chart[data-chart-src]")) seen.observe(root);
    root.querySelectorAll?.("figure.chart[data-chart-src]").forEach((figure) => { if (!figure.content) seen.observe(figure); });
  };
  document.addEventListener("DOMContentLoaded", () => scan(document));
  document.addEventListener("htmx:load", (event) => scan(event.target));
  document.addEventListener("htmx:beforeCleanupElement", (event) => {
    if (event.target.matches?.(".plot.js-plotly-plot")) window.Plotly?.purge(event.target);
  });
  document.documentElement.addEventListener("chimera:theme", () => {
    document.querySelectorAll("figure.chart").forEach((figure) => { if (figure.content) paint(figure); });
  });

  window.chimera = Object.assign(window.chimera || {}, { charts: { plotly, draw, figure: (data, layout) => ({ data: resolved(data), layout: themed(layout) }), twin, fail, token, series, faded } });
})();
