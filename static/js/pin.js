// The pinned point of a board: one line over all charts, the values there in every corner, and the batch behind the step.
// By keyboard: a chart is a slider. Arrows move the point (with Shift by ten), Home and End go to the ends, Enter pins or goes
// to the batch, Escape unpins.
(() => {
  const WAIT = 250; // ms of rest before the batch is read
  const grouped = (number) => Number(number).toLocaleString("en").replaceAll(",", "\u202f");

  class Pin {
    constructor(board) {
      this.board = board;
      this.bar = board.node.querySelector(".pin-bar");
      const step = board.view.get("pin") || /^#step-(\d+)$/.exec(location.hash)?.[1] || "";
      this.point = /^\d+$/.test(step) ? { step: Number(step), x: null } : null;
      this.bar?.addEventListener("click", (event) => this.press(event));
    }

    press(event) {
      const to = event.target.closest("[data-pin]")?.dataset.pin;
      if (to === "clear") this.clear(); else if (to) this.move(this.chart || this.board.charts.find((chart) => chart.bound), Number(to));
      if (event.target.closest("[data-to-batch]")) document.getElementById("batch-title")?.focus({ preventScroll: true });
    }

    // A click on a chart, or a step by its keys.
    at(chart, point) {
      this.chart = chart;
      this.run = /^run-(\d+)$/.exec(point.line || "")?.[1] || this.run;
      this.point = { step: point.step, x: point.x, over: this.board.x };
      this.board.view.set("pin", point.step === null ? "" : String(point.step));
      this.show();
      if (point.step === null || !this.board.node.dataset.batchUrl || (this.board.runs && !this.run)) return;
      clearTimeout(this.reading);
      this.reading = setTimeout(() => window.htmx.ajax("GET", `${this.board.node.dataset.batchUrl.replace("/0/", `/${this.run}/`)}?step=${point.step}`, { target: "#batch", swap: "innerHTML" }), WAIT);
    }

    clear() {
      this.point = null;
      this.board.view.set("pin", "");
      this.show();
    }

    show() {
      this.board.charts.forEach((chart) => { if (chart.bound) { this.place(chart); chart.note(chart.drawn); } });
      this.say();
    }

    say() {
      if (!this.bar) return;
      this.bar.hidden = !this.point;
      if (!this.point) return;
      const { step } = this.point, line = step === null ? null : this.board.lineWith(step), at = line ? line.step.indexOf(step) : -1;
      const words = [step === null ? "A mean of runs" : `Step ${grouped(step)}`, at >= 0 ? `${grouped(line.tokens[at])} tokens` : "", this.chart ? `${this.chart.title}: ${this.chart.values(this.where())}` : ""];
      const node = this.bar.querySelector(".pin-words"), text = words.filter(Boolean).join(" · ");
      if (node.textContent !== text) node.textContent = text; // a screen reader reads what changes
      const link = this.bar.querySelector("[data-to-batch]");
      if (link) link.hidden = step === null || !this.board.node.dataset.batchUrl;
    }

    // The pinned point with its place on the axis, as far as that is known by now.
    where() {
      const { step, x, over } = this.point;
      return { step, x: over === this.board.x ? x : step === null ? null : this.board.placeOf(step) };
    }

    place(chart) {
      if (!chart.bound) return;
      const point = this.point && this.where();
      chart.cross("is-pinned", point ? point.x : null);
      this.tell(chart);
      this.say();
    }

    words(chart) { return this.point && (!chart.mode.aligned || chart.mode.values) ? chart.values(this.where()) : ""; }

    // A focusable slider over the drawing: the library's own drawing is one picture to a screen reader.
    keyboard(chart) {
      const node = document.createElement("div");
      node.className = "pin-cursor";
      node.tabIndex = 0;
      node.setAttribute("role", "slider");
      node.setAttribute("aria-label", `Point of ${chart.title}`);
      node.setAttribute("aria-orientation", "horizontal");
      node.addEventListener("keydown", (event) => this.key(chart, event));
      chart.frame.append(node);
      chart.cursor = node;
      this.tell(chart);
    }

    line(chart) {
      const shown = chart.drawn.filter((line) => !chart.hides(line) && line.step.length);
      return shown.reduce((a, b) => (a && a.step.length >= b.step.length ? a : b), null);
    }

    tell(chart) {
      const line = this.line(chart);
      if (!chart.cursor || !line) return;
      const step = this.point?.step ?? line.step.at(-1), words = chart.values({ step, x: null });
      chart.cursor.setAttribute("aria-valuemin", String(line.step[0]));
      chart.cursor.setAttribute("aria-valuemax", String(Math.max(line.step.at(-1), step)));
      chart.cursor.setAttribute("aria-valuenow", String(Math.max(step, line.step[0])));
      chart.cursor.setAttribute("aria-valuetext", this.point ? `pinned: ${words}` : `nothing pinned; last ${words}`);
    }

    key(chart, event) {
      const far = event.shiftKey ? 10 : 1, steps = { ArrowLeft: -far, ArrowDown: -far, ArrowRight: far, ArrowUp: far, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
      if (event.key in steps) this.move(chart, steps[event.key]);
      else if (event.key === "Escape") this.clear();
      else if (event.key === "Enter" && !this.point) this.move(chart, 0);
      else if (event.key === "Enter") document.getElementById("batch-title")?.focus();
      else return;
      event.preventDefault();
    }

    move(chart, by) {
      const line = chart && this.line(chart);
      if (!line) return;
      const end = line.step.length - 1, now = this.point && this.point.step !== null ? Math.max(0, chart.at(line, this.point)) : end;
      const to = Math.min(end, Math.max(0, this.point || !Number.isFinite(by) ? now + by : now));
      this.at(chart, { step: line.step[to], x: chart.x(line)[to], line: line.key });
    }
  }

  window.chimera = Object.assign(window.chimera || {}, { Pin });
})();
