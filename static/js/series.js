// Boards of live charts: one axis, smoothing, zoom, pointer and pin for all charts of a page; what is chosen stands in the
// address (view.js). News of a run come as rows over the socket (live.js).
(() => {
  const TICK = 500, REFRESH = 5000, KEPT = 32; // charts that stay drawn when they are out of view
  const EMPTY = { step: [], tokens: [], time: [] };
  const { Chart, Pin, Reader, View, marks, menu } = window.chimera;

  class Board {
    constructor(node) {
      this.node = node;
      this.topic = node.dataset.liveTopic;
      this.runs = node.dataset.runs !== undefined; // lines are runs, not series of one run
      this.namesAtEnds = this.runs ? 4 : 10;
      this.mostNames = this.runs ? 12 : Infinity;
      this.keys = new Set();
      this.charts = [];
      this.view = new View(node.dataset.defaultX);
      this.hidden = new Set(this.view.all("hide"));
      this.bands = marks.read();
      this.pin = new Pin(this);
      this.reader = new Reader(this);
      this.turn = Promise.resolve();
      this.seen = new IntersectionObserver((entries) => entries.forEach((entry) => this.look(entry)), { rootMargin: "150px" });
      this.adopt(node);
      this.controls();
      menu.bind(this);
      this.pin.show();
      setInterval(() => this.tick(), TICK);
      if (node.dataset.refresh !== undefined) setInterval(() => { if (!document.hidden) this.reload(); }, REFRESH);
    }

    get smoothing() { return this.view.number("smoothing"); }
    get x() { return this.view.get("x"); }
    get over() { return this.x.startsWith("metric:") ? this.x.slice(7) : ""; } // the metric on the horizontal axis
    get axis() { return this.over ? "metric" : this.x; }
    get log_x() { return this.view.on("log_x"); }
    get log_y() { return this.view.on("log_y"); }

    // Charts that came with the page or later (the metric browser) belong to the board; those that went are let go.
    adopt(root) {
      this.charts = this.charts.filter((chart) => chart.figure.isConnected || this.seen.unobserve(chart.figure));
      root.querySelectorAll("figure[data-patterns]").forEach((figure) => {
        if (figure.chart) return;
        figure.chart = new Chart(this, figure);
        this.charts.push(figure.chart);
        this.seen.observe(figure);
      });
    }

    change(name, value) {
      const { view } = this;
      if (name === "sync") this.share(value);
      view.set(name, value);
      if (name === "x" || name === "log_x") { if (name === "x") { view.drop("zoom"); this.charts.forEach((chart) => { chart.loaded = false; }); } this.reload(); }
      else if (name === "outliers") this.reload();
      else if (name === "smoothing") { clearTimeout(this.sliding); this.sliding = setTimeout(() => this.reload(), 120); }
      else this.repaint();
      this.mark();
    }

    // From one window for each chart to one for all, and back.
    share(value) {
      const own = this.charts.map((chart) => chart.window).find(Boolean) || null;
      this.view.drop("zoom");
      if (value) this.view.setRange("zoom", own);
      setTimeout(() => this.reload());
    }

    repaint() {
      this.charts.forEach((chart) => { chart.dirty = true; });
      this.tick();
    }

    hide(key) {
      if (!this.hidden.delete(key)) this.hidden.add(key);
      this.hid();
    }

    // One line alone among those of its chart; again: all of them.
    isolate(chart, key) {
      const others = chart.series.map((line) => line.key).filter((other) => other !== key);
      const alone = !this.hidden.has(key) && others.every((other) => this.hidden.has(other));
      others.forEach((other) => (alone ? this.hidden.delete(other) : this.hidden.add(other)));
      this.hidden.delete(key);
      this.hid();
    }

    hid() {
      this.view.setAll("hide", [...this.hidden]);
      this.mark();
      this.repaint();
    }

    controls() {
      this.node.addEventListener("click", (event) => {
        const axis = event.target.closest("[data-x]"), toggle = event.target.closest("[data-toggle]"), line = event.target.closest("[data-hide]");
        if (axis) this.change("x", axis.dataset.x);
        else if (toggle) this.change(toggle.dataset.toggle, this.view.on(toggle.dataset.toggle) ? "" : "1");
        else if (line) this.hide(line.dataset.hide);
        else if (event.target.closest("[data-copy-link]")) this.copy(event.target.closest("[data-copy-link]"));
      });
      this.node.querySelector("[data-smoothing]")?.addEventListener("input", (event) => this.change("smoothing", event.target.value));
      const metric = this.node.querySelector("[data-x-metric]");
      metric?.addEventListener("focus", () => this.offer(metric), { once: true });
      metric?.addEventListener("change", () => this.change("x", metric.value ? `metric:${metric.value}` : this.view.defaults.x));
      this.node.querySelector("[name=metrics]")?.addEventListener("input", (event) => this.view.set("metrics", event.target.value));
      this.mark();
    }

    // The names of all metrics are asked for when somebody wants to choose one.
    async offer(input) {
      const response = await fetch(`${this.node.dataset.keysUrl}?names=1&${this.node.dataset.query || ""}`);
      const { keys } = await response.json();
      input.list.replaceChildren(...keys.map((key) => new Option(key)));
    }

    copy(button) {
      const said = (word) => { const before = button.textContent; button.textContent = word; setTimeout(() => { button.textContent = before; }, 1500); };
      const done = navigator.clipboard?.writeText(location.href);
      if (done) done.then(() => said("Copied"), () => said("In the address bar")); else said("In the address bar");
    }

    mark() {
      const press = (node, on) => node.setAttribute("aria-pressed", String(on));
      this.node.querySelectorAll("[data-x]").forEach((button) => press(button, button.dataset.x === this.x));
      this.node.querySelectorAll("[data-toggle]").forEach((button) => press(button, this.view.on(button.dataset.toggle)));
      this.node.querySelectorAll("[data-hide]").forEach((button) => press(button, !this.hidden.has(button.dataset.hide)));
      const slider = this.node.querySelector("[data-smoothing]"), metric = this.node.querySelector("[data-x-metric]");
      if (slider) { slider.value = this.smoothing; slider.nextElementSibling.textContent = this.smoothing.toFixed(2); }
      if (metric) { metric.value = this.over; metric.classList.toggle("is-on", Boolean(this.over)); }
      marks.name(this);
    }

    look(entry) {
      const { chart } = entry.target;
      chart.visible = entry.isIntersecting;
      if (chart.visible && !chart.loaded && !chart.queue) chart.load();
      else if (chart.visible) chart.dirty = true;
      else if (this.charts.filter((other) => other.bound).length > KEPT) chart.rest();
    }

    // One chart after the other, with the page's own work in between.
    async tick() {
      if (document.hidden || this.drawing) return;
      this.drawing = true;
      for (const chart of this.charts) {
        if (chart.stale && !chart.queue) { chart.stale = false; chart.load(); }
        else if (chart.dirty && chart.visible) { await chart.draw(); await new Promise(requestAnimationFrame); }
      }
      this.drawing = false;
    }

    // Charts that were answered together are drawn one after the other, with the page's own work in between.
    next(chart) { this.turn = this.turn.then(() => chart.show()).then(() => new Promise(requestAnimationFrame)); }

    reload() { this.charts.forEach((chart) => { if (chart.visible) chart.load(); else chart.loaded = false; }); }

    rows(rows) {
      let unknown = false;
      for (const row of rows) {
        const fresh = Object.keys(row.points.values).filter((key) => !this.keys.has(key));
        fresh.forEach((key) => this.keys.add(key));
        unknown ||= fresh.length > 0;
        for (const chart of this.charts) {
          chart.take(row);
          if (fresh.length && chart.loaded && chart.wants(fresh)) chart.stale = true; // a series that the chart does not know yet
        }
      }
      if (unknown) this.node.dispatchEvent(new CustomEvent("chimera:newmetrics", { bubbles: true }));
    }

    keysOf(chart) { return [...chart.patterns, ...(chart.planned ? [chart.planned] : [])]; }

    // Where the series of a chart are, but for its keys.
    url(chart, most) {
      const query = new URLSearchParams(this.node.dataset.query || ""), lines = Number(this.node.dataset.runs || 1);
      query.set("x", this.x);
      query.set("smoothing", String(chart.smoothing));
      query.set("max_points", String(Math.max(80, Math.min(most, Math.round((most * 8) / lines)))));
      if (this.log_x) query.set("log_x", "1");
      if (this.view.on("outliers")) query.set("inner", "1");
      if (chart.mode.aligned) query.set("aligned", "1");
      if (chart.window) { query.set("lo", chart.window[0]); query.set("hi", chart.window[1]); }
      return `${this.node.dataset.seriesUrl}?${query}`;
    }

    // Every point of a chart as a file, at full precision; `ending` is csv or json.
    file(chart, ending) {
      const url = this.node.dataset[`${ending}Url`], query = new URLSearchParams(this.node.dataset.query || "");
      this.keysOf(chart).forEach((key) => query.append("key", key));
      query.set("chart", chart.title);
      return url ? `${url}?${query}` : "";
    }

    // The series logged most often: it knows where on the axis a step lies.
    densest() {
      const whole = this.charts.filter((chart) => !chart.window), all = (whole.some((chart) => chart.drawn.length) ? whole : this.charts).flatMap((chart) => chart.series);
      return all.reduce((a, b) => (b.step.length > a.step.length ? b : a), EMPTY);
    }

    // A line that has a point at exactly this step.
    lineWith(step) { return this.charts.flatMap((chart) => chart.drawn).find((line) => line.step.includes(step)); }

    // The place of a step on the axis; null where nothing was logged up to it, or it lies beyond the last point.
    placeOf(step) {
      const line = this.lineWith(step) || this.densest(), at = line.step.findIndex((logged) => logged >= step);
      return (at < 0 ? null : (line.x || line[this.axis])?.[at]) ?? null;
    }

    // The crosshair of one chart moves those of the others.
    point(source, point) {
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(() => {
        this.charts.forEach((chart) => { if (chart !== source) chart.hover(point); });
      });
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const boards = [...document.querySelectorAll("[data-board]")].map((node) => new Board(node));
    const of = (event, action) => boards.filter((board) => board.topic === event.detail.topic).forEach(action);
    document.body.addEventListener("chimera:rows", (event) => of(event, (board) => board.rows(event.detail.rows)));
    document.body.addEventListener("chimera:reset", (event) => of(event, (board) => board.reload()));
    document.documentElement.addEventListener("chimera:theme", () => boards.forEach((board) => board.repaint()));
    document.body.addEventListener("htmx:afterSettle", (event) => boards.forEach((board) => {
      if (event.target.id === "timeline") board.repaint();
      else if (board.node.contains(event.target)) board.adopt(board.node);
    }));
  });
})();
