// Charts of series on a board: one axis switch, smoothing and crosshair for all of them.
// History comes from [data-series-url] (smoothed on the full data, thinned keeping extremes); news of a run come as
// rows over the socket (live.js) and continue that history point by point. The view is in the page's query string.
(() => {
  const MAX_POINTS = 700, TICK = 500, REFRESH = 5000;
  const DEFAULTS = { x: "tokens", log_x: "", log_y: "", smoothing: "0.9" };
  const { charts, lines: { lines, stack, span, decades, smoothed, brief } } = window.chimera;

  class Chart {
    constructor(board, figure) {
      Object.assign(this, { board, figure, series: [], seq: 0, queue: null, window: null, zooms: 0, dirty: false, visible: false, loaded: false });
      this.patterns = JSON.parse(figure.dataset.patterns);
      this.planned = figure.dataset.planned || "";
      this.stacked = figure.dataset.mode === "stack";
      this.plain = this.stacked || figure.dataset.mode === "plain";
      this.plot = figure.querySelector(".plot");
    }

    async load() {
      this.abort?.abort();
      const abort = this.abort = new AbortController(), queue = this.queue = [];
      try {
        const response = await fetch(this.board.url(this), { signal: abort.signal });
        if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
        const { series, seq, start } = await response.json();
        Object.assign(this, { series, seq, start, loaded: true });
        queue.forEach((row) => this.apply(row));
        this.dirty = true;
        // A series whose first points came while the history was on its way is in neither: read once more.
        if (queue.some((row) => this.wants(Object.keys(row.points.values)))) this.stale = true;
        this.figure.querySelector(".chart-error")?.remove();
        await this.draw();
      } catch (error) {
        if (error.name !== "AbortError") charts.fail(this.figure, error);
      } finally {
        if (this.queue === queue) this.queue = null;
      }
    }

    // Rows that arrive while the history is on its way wait for it, so that none falls between the two.
    take(row) {
      if (this.queue) this.queue.push(row);
      if (this.loaded) this.apply(row);
    }

    apply(row) {
      if (row.seq <= this.seq) return;
      this.seq = row.seq;
      const { step, tokens, time, values } = row.points, { smoothing } = this;
      for (const line of this.series) {
        for (const [index, stored] of values[line.key] || []) {
          const value = Number(stored), decay = smoothing ** (step[index] - line.last_step);
          const finite = Number.isFinite(value);
          line.total = line.total * decay + (finite ? value : 0);
          line.weight = line.weight * decay + (finite ? 1 : 0);
          line.last_step = step[index];
          line.count += 1;
          if (!finite) { line.non_finite.count += 1; line.non_finite.steps.push(step[index]); continue; }
          if (this.window) continue; // a zoomed chart stands still; its full view is read anew
          line.step.push(step[index]); line.tokens.push(tokens[index]); line.time.push(time[index] - this.start);
          line.raw.push(value); line.smooth.push(line.total / line.weight);
        }
        if (line.step.length > 3 * MAX_POINTS) this.stale = true;
      }
      this.dirty = true;
    }

    // Whether one of these keys is a series of this chart that it does not know yet.
    wants(fresh) {
      const known = new Set(this.series.map((line) => line.key));
      const heads = [...this.patterns, this.planned].filter(Boolean).map((pattern) => pattern.split("*")[0]);
      return fresh.some((key) => !known.has(key) && heads.some((head) => key.startsWith(head)));
    }

    get smoothing() { return this.plain ? 0 : this.board.smoothing; }

    x(line) { return line[this.board.x]; }

    async draw() {
      if (!this.visible || !this.loaded) return;
      this.dirty = false;
      const drawn = this.series.filter((line) => line.step.length);
      this.figure.classList.toggle("is-empty", !drawn.length);
      if (!drawn.length) return;
      const { data, layout } = this.stacked ? stack(this, drawn) : lines(this, drawn);
      this.marks(layout, drawn);
      const plot = await charts.draw(this.figure, data, { ...this.board.axes(this, drawn), ...layout }, this.words(drawn), { doubleClick: false });
      if (plot && !this.bound) this.bind(plot);
      this.note(drawn);
      charts.twin(this.figure, () => this.table(drawn), this.board.csv(this));
    }

    // Alerts and resumptions stand at their step on every chart; only an alert is spelt out, one line below the other.
    marks(layout, drawn) {
      const longest = this.board.densest(), ends = drawn.reduce((a, b) => (b.step.length > a.step.length ? b : a));
      let alerts = 0;
      for (const mark of this.board.marks()) {
        const at = longest.step.findIndex((step) => step >= mark.step);
        if (at < 0) continue;
        const x = this.x(longest)[at], scale = this.board.log_x ? Math.log10 : Number, [low, high] = [scale(this.x(ends)[0]), scale(this.x(ends).at(-1))];
        const late = scale(x) > low + 0.6 * (high - low), colour = mark.alert ? "--warn" : "--muted/0.6";
        (layout.shapes ||= []).push({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { dash: mark.alert ? "dash" : "dot", width: 1, color: colour } });
        if (!mark.alert || this.stacked || alerts > 3) continue;
        (layout.annotations ||= []).push({
          x: scale(x), yref: "paper", y: 1, yshift: -13 * alerts, xanchor: late ? "right" : "left", yanchor: "top", showarrow: false,
          text: `${mark.word} · step ${mark.step}`, font: { size: 10, color: colour }, xshift: late ? -2 : 2,
        });
        alerts += 1;
      }
    }

    bind(plot) {
      this.bound = true;
      plot.on("plotly_hover", (event) => this.board.point(this, event.points[0]?.customdata?.[1]));
      plot.on("plotly_unhover", () => this.board.point(this, null));
      plot.on("plotly_click", (event) => this.board.pick(event.points[0]?.customdata?.[1]));
      plot.on("plotly_doubleclick", () => { this.zooms += 1; this.zoom(null); });
      plot.on("plotly_relayout", (change) => {
        const lo = change["xaxis.range[0]"], hi = change["xaxis.range[1]"];
        if (lo !== undefined) this.zoom(this.board.log_x ? [10 ** lo, 10 ** hi] : [lo, hi]);
      });
    }

    zoom(range) {
      this.window = range;
      clearTimeout(this.zooming);
      this.zooming = setTimeout(() => this.load(), 150); // the detail of what is now in the frame
    }

    note(drawn) {
      const node = this.figure.querySelector(".note");
      const lost = drawn.reduce((sum, line) => sum + line.non_finite.count, 0);
      const first = Math.min(...drawn.flatMap((line) => line.non_finite.steps));
      node.classList.toggle("bad", lost > 0);
      if (lost) node.textContent = `${lost} not a number, first at step ${first}`;
      else node.textContent = drawn.some((line) => smoothed(this, line)) ? `EMA ${this.smoothing}` : "";
    }

    words(drawn) {
      const parts = drawn.slice(0, 8).map((line) => {
        const low = line.raw.reduce((a, b) => Math.min(a, b)), high = line.raw.reduce((a, b) => Math.max(a, b));
        return `${line.short || line.label}: last ${brief(line.raw.at(-1))} at step ${line.step.at(-1)}, lowest ${brief(low)}, highest ${brief(high)}`;
      });
      return `${this.figure.querySelector("h2").textContent} over ${this.board.x}. ${parts.join("; ")}.`;
    }

    table(drawn) {
      const rows = drawn.flatMap((line) => line.step.map((step, i) => [step, line.tokens[i], line.short || line.label, line.raw[i], line.smooth[i]]));
      rows.sort((a, b) => b[0] - a[0]);
      return { columns: ["step", "tokens", "series", "value", "smoothed"], rows };
    }

    // The pointer stands at `step` on another chart: a line here, and the values there in the corner.
    hover(step) {
      this.line?.remove();
      const lines = this.series.filter((line) => line.step.length), axis = this.plot._fullLayout?.xaxis;
      if (step === null || !this.visible || !axis || !lines.length) { this.note(lines); return; }
      const found = lines.map((line) => [line, line.step.findIndex((at) => at >= step)]).filter(([, at]) => at >= 0);
      if (!found.length) return;
      const [first, at] = found[0], x = this.x(first)[at], px = axis._offset + axis.d2p(x);
      this.line = Object.assign(document.createElement("div"), { className: "crosshair" });
      this.line.style.left = `${px}px`;
      this.plot.append(this.line);
      const node = this.figure.querySelector(".note");
      node.classList.remove("bad");
      node.textContent = this.stacked ? "" : `${found.slice(0, 3).map(([line, place]) => brief(line.raw[place])).join(" · ")} at step ${first.step[at]}`;
    }
  }

  class Board {
    constructor(node) {
      this.node = node;
      this.topic = node.dataset.liveTopic;
      this.keys = new Set();
      this.read();
      this.charts = [...node.querySelectorAll("figure[data-patterns]")].map((figure) => new Chart(this, figure));
      const seen = new IntersectionObserver((entries) => entries.forEach((entry) => this.look(entry)), { rootMargin: "150px" });
      this.charts.forEach((chart) => { chart.figure.chart = chart; seen.observe(chart.figure); });
      this.controls();
      setInterval(() => this.tick(), TICK);
      if (node.dataset.refresh !== undefined) setInterval(() => { if (!document.hidden) this.reload(); }, REFRESH);
    }

    get smoothing() { return Number(this.view.smoothing); }
    get x() { return this.view.x; }
    get log_x() { return this.view.log_x === "1"; }
    get log_y() { return this.view.log_y === "1"; }

    read() {
      const query = new URLSearchParams(location.search);
      this.view = Object.fromEntries(Object.entries(DEFAULTS).map(([name, value]) => [name, query.get(name) ?? value]));
      if (!["tokens", "step", "time"].includes(this.view.x)) this.view.x = DEFAULTS.x;
      if (!(this.smoothing >= 0 && this.smoothing <= 0.99)) this.view.smoothing = DEFAULTS.smoothing;
    }

    // The view belongs to the address: copying it shares exactly what is seen.
    change(name, value) {
      this.view[name] = value;
      const url = new URL(location.href);
      for (const [key, item] of Object.entries(this.view)) {
        if (item === DEFAULTS[key]) url.searchParams.delete(key); else url.searchParams.set(key, item);
      }
      history.replaceState(history.state, "", url);
      this.mark();
      if (name === "log_y") this.charts.forEach((chart) => { chart.dirty = true; });
      else if (name !== "smoothing") { this.charts.forEach((chart) => { chart.window = null; }); this.reload(); }
      else { clearTimeout(this.sliding); this.sliding = setTimeout(() => this.reload(), 120); }
      this.tick();
    }

    controls() {
      this.node.addEventListener("click", (event) => {
        const axis = event.target.closest("[data-x]"), toggle = event.target.closest("[data-toggle]");
        if (axis) this.change("x", axis.dataset.x);
        else if (toggle) this.change(toggle.dataset.toggle, this.view[toggle.dataset.toggle] === "1" ? "" : "1");
      });
      this.node.querySelector("[data-smoothing]")?.addEventListener("input", (event) => this.change("smoothing", event.target.value));
      this.mark();
    }

    mark() {
      this.node.querySelectorAll("[data-x]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.x === this.x)));
      this.node.querySelectorAll("[data-toggle]").forEach((button) => button.setAttribute("aria-pressed", String(this.view[button.dataset.toggle] === "1")));
      const slider = this.node.querySelector("[data-smoothing]");
      if (slider) { slider.value = this.view.smoothing; slider.nextElementSibling.textContent = Number(this.view.smoothing).toFixed(2); }
    }

    look(entry) {
      const { chart } = entry.target;
      chart.visible = entry.isIntersecting;
      if (chart.visible && !chart.loaded && !chart.queue) chart.load(); else if (chart.visible) chart.dirty = true;
    }

    tick() {
      if (document.hidden) return;
      for (const chart of this.charts) {
        if (chart.stale && !chart.queue) { chart.stale = false; chart.load(); }
        else if (chart.dirty && chart.visible) chart.draw();
      }
    }

    reload() { this.charts.forEach((chart) => { if (chart.loaded || chart.visible) chart.load(); }); }

    rows(rows) {
      for (const row of rows) {
        const fresh = Object.keys(row.points.values).filter((key) => !this.keys.has(key));
        fresh.forEach((key) => this.keys.add(key));
        for (const chart of this.charts) {
          chart.take(row);
          if (fresh.length && chart.loaded && chart.wants(fresh)) chart.stale = true; // a series that the chart does not know yet
        }
      }
    }

    url(chart) {
      const query = new URLSearchParams(this.node.dataset.query || "");
      [...chart.patterns, ...(chart.planned ? [chart.planned] : [])].forEach((pattern) => query.append("key", pattern));
      query.set("x", this.x);
      query.set("smoothing", String(chart.smoothing));
      query.set("max_points", String(MAX_POINTS));
      if (this.log_x) query.set("log_x", "1");
      if (chart.stacked) query.set("aligned", "1");
      if (chart.window) { query.set("lo", chart.window[0]); query.set("hi", chart.window[1]); }
      return `${this.node.dataset.seriesUrl}?${query}`;
    }

    csv(chart) {
      if (!this.node.dataset.csvUrl) return "";
      const query = new URLSearchParams();
      [...chart.patterns, ...(chart.planned ? [chart.planned] : [])].forEach((pattern) => query.append("key", pattern));
      return `${this.node.dataset.csvUrl}?${query}`;
    }

    axes(chart, drawn) {
      const range = span(drawn.flatMap((line) => [chart.x(line)[0], chart.x(line).at(-1)]), this.log_x, 0);
      const title = { tokens: "tokens", step: "steps", time: "seconds since the first step" }[this.x];
      return {
        uirevision: `${this.x} ${this.log_x} ${this.log_y} ${chart.zooms}`, showlegend: false,
        xaxis: { type: this.log_x ? "log" : "linear", tickformat: "~s", title: { text: title, standoff: 2 }, nticks: Math.max(3, Math.round(chart.plot.clientWidth / 75)), tickangle: 0, showgrid: false, range: range && range[0] < range[1] ? range : undefined, ...(this.log_x && range ? decades(range) : {}) },
        margin: { l: 42, r: 12, t: 8, b: 34 },
      };
    }

    marks() {
      return [...document.querySelectorAll("[data-mark-step]")].map((node) => ({
        step: Number(node.dataset.markStep), word: node.dataset.markWord, alert: node.dataset.markWord !== "resumed",
      }));
    }

    // The series logged most often: it knows where on the axis a step lies.
    densest() {
      return this.charts.flatMap((chart) => (chart.window ? [] : chart.series)).reduce((a, b) => (b.step.length > a.step.length ? b : a), { step: [], tokens: [], time: [] });
    }

    // The crosshair of one chart moves those of the others.
    point(source, step) {
      if (step === undefined) return;
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(() => {
        this.charts.forEach((chart) => { if (chart !== source) chart.hover(step); });
      });
    }

    pick(step) {
      const { batchUrl } = this.node.dataset;
      if (batchUrl && step) window.htmx.ajax("GET", `${batchUrl}?step=${step}`, { target: "#batch", swap: "innerHTML" });
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const boards = [...document.querySelectorAll("[data-board]")].map((node) => new Board(node));
    const of = (event, action) => boards.filter((board) => board.topic === event.detail.topic).forEach(action);
    document.body.addEventListener("chimera:rows", (event) => of(event, (board) => board.rows(event.detail.rows)));
    document.body.addEventListener("chimera:reset", (event) => of(event, (board) => board.reload()));
    document.documentElement.addEventListener("chimera:theme", () => boards.forEach((board) => { board.charts.forEach((chart) => { chart.dirty = true; }); board.tick(); }));
    document.body.addEventListener("htmx:afterSettle", (event) => { if (event.target.id === "timeline") boards.forEach((board) => board.charts.forEach((chart) => { chart.dirty = true; })); });
  });
})();
