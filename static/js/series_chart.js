// One chart of a board: its history from the server (smoothed on the full data, thinned keeping extremes), continued by rows
// from the socket, and what it shows of the pointer. What it looks like is its mode's matter (lines.js).
(() => {
  const MAX_POINTS = 700;
  const { charts, marks, names, modes, lines: { span, decades, smoothed, brief } } = window.chimera;
  const TITLES = { tokens: "tokens", step: "steps", time: "seconds since the first step" };

  class Chart {
    constructor(board, figure) {
      Object.assign(this, { board, figure, series: [], seq: 0, queue: null, dirty: false, visible: false, loaded: false });
      this.slug = figure.id.replace(/^chart-/, "");
      this.title = figure.querySelector(".chart-title").textContent;
      this.patterns = JSON.parse(figure.dataset.patterns);
      this.planned = figure.dataset.planned || "";
      this.mode = modes[figure.dataset.mode] || modes.lines;
      this.plot = figure.querySelector(".plot");
      this.frame = this.plot.parentElement;
      this.keep = figure.querySelector(".note");
      figure.classList.toggle("is-large", board.view.all("large").includes(this.slug));
    }

    get smoothing() { return this.mode.smooth ? this.board.smoothing : 0; }
    get zoomName() { return this.board.view.on("sync") ? "zoom" : `zoom.${this.slug}`; }
    get window() { return this.board.view.range(this.zoomName); }
    get ywindow() { return this.board.view.range(`y.${this.slug}`); }

    x(line) { return line.x || line[this.board.axis] || []; }
    hides(line) { return this.board.hidden.has(line.key); }
    get drawn() { return this.series.filter((line) => this.x(line).length); }

    async load() {
      this.abort?.abort();
      const abort = this.abort = new AbortController(), queue = this.queue = [];
      charts.plotly().catch(() => {}); // fetched while the server reads; drawing says if it fails
      try {
        const { series, seq, start } = await this.board.reader.read(this, MAX_POINTS, abort.signal);
        Object.assign(this, { series, seq, start, loaded: true });
        queue.forEach((row) => this.apply(row));
        this.dirty = true;
        // A series whose first points came while the history was on its way is in neither: read once more.
        if (queue.some((row) => this.wants(Object.keys(row.points.values)))) this.stale = true;
        this.figure.querySelector(".chart-error")?.remove();
        this.board.next(this);
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
      const { step, tokens, time, values } = row.points, { smoothing } = this, { over } = this.board;
      const beside = over && new Map((values[over] || []).map(([index, value]) => [step[index], Number(value)]));
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
          if (over && !Number.isFinite(beside.get(step[index]))) continue; // drawn only where both were logged
          line.step.push(step[index]); line.tokens.push(tokens[index]); line.time.push(time[index] - this.start);
          line.raw.push(value); line.smooth.push(line.total / line.weight);
          if (over) line.x.push(beside.get(step[index]));
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

    async show() {
      try {
        if (this.dirty) await this.draw();
      } catch (error) {
        charts.fail(this.figure, error);
      }
    }

    async draw() {
      if (!this.visible || !this.loaded) return;
      this.dirty = false;
      const { drawn } = this;
      this.figure.classList.toggle("is-empty", !drawn.length);
      this.figure.dataset.empty = this.series.length && this.board.over ? "never logged at a step of both" : "no points yet";
      if (!drawn.length) { this.names?.remove(); this.namesAre = ""; return; }
      const { data, layout, ends } = this.look(drawn);
      const plot = await charts.draw(this.figure, data, layout, this.words(drawn), { doubleClick: false });
      if (!plot) return;
      if (!this.bound) this.bind(plot);
      names.show(this, ends);
      this.note(drawn);
      this.board.pin.place(this);
      charts.twin(this.figure, () => this.table(drawn), this.board.file(this, "csv"));
    }

    // Traces, layout and names of the chart as it now stands, for the page and for a picture to take away.
    look(drawn) {
      const { data, layout, ends } = this.mode.draw(this, drawn);
      const axes = this.axes(drawn);
      marks.draw(this, layout, axes.xaxis.range);
      return { data, layout: { ...axes, ...layout, margin: { ...axes.margin, ...layout.margin } }, ends };
    }

    axes(drawn) {
      const { board } = this, { log_x: log } = board, chosen = this.window;
      const full = span(drawn.map((line) => (board.over ? this.x(line) : [this.x(line)[0], this.x(line).at(-1)])), log, board.over ? 0.03 : 0);
      const range = chosen ? (log ? chosen.map((end) => Math.log10(Math.max(end, 1e-12))) : chosen) : full;
      return {
        showlegend: false, hoverdistance: -1,
        xaxis: { type: log ? "log" : "linear", tickformat: "~s", title: { text: TITLES[board.axis] || board.over, standoff: 2 }, nticks: Math.max(3, Math.round(this.plot.clientWidth / 75)), tickangle: 0, showgrid: false, range: range && range[0] < range[1] ? range : undefined, ...(log && range ? decades(range) : {}) },
        margin: { l: 42, r: 12, t: 8, b: 34 },
      };
    }

    bind(plot) {
      this.bound = true;
      const told = (event) => { const point = event.points?.[0]; return point && { x: point.x, step: point.customdata?.step ?? null, line: point.customdata?.key }; };
      plot.on("plotly_hover", (event) => this.board.point(this, told(event)));
      plot.on("plotly_unhover", () => this.board.point(this, null));
      plot.on("plotly_click", (event) => { const point = told(event); if (point) this.board.pin.at(this, point); });
      plot.on("plotly_doubleclick", () => this.whole());
      plot.on("plotly_afterplot", () => this.board.pin.place(this));
      plot.on("plotly_relayout", (change) => this.relayout(change));
      this.board.pin.keyboard(this);
    }

    // A frame drawn over the chart: its width is read anew in detail, its height becomes the vertical range.
    relayout(change) {
      const ends = (axis) => [change[`${axis}.range[0]`], change[`${axis}.range[1]`]];
      const plain = (range, log) => (log ? range.map((end) => 10 ** end) : range);
      const [x, y] = [ends("xaxis"), ends("yaxis")];
      if (y[0] !== undefined) this.board.view.setRange(`y.${this.slug}`, plain(y, this.board.log_y && this.mode.smooth));
      if (x[0] !== undefined) this.zoom(plain(x, this.board.log_x)); else if (y[0] !== undefined) this.dirty = true;
    }

    whole() {
      this.board.view.setRange(`y.${this.slug}`, null);
      this.zoom(null);
    }

    zoom(range) {
      this.board.view.setRange(this.zoomName, range);
      const moved = this.board.view.on("sync") ? this.board.charts : [this];
      clearTimeout(this.zooming);
      this.zooming = setTimeout(() => moved.forEach((chart) => { if (chart.loaded) chart.load(); }), 150); // the detail of what is now in the frame
    }

    note(drawn) {
      const lost = drawn.reduce((sum, line) => sum + line.non_finite.count, 0);
      const first = Math.min(...drawn.flatMap((line) => line.non_finite.steps));
      const binned = drawn.some((line) => line.binned), smooth = drawn.some((line) => !line.low && smoothed(this, line));
      const words = [binned ? "bin means" : "", smooth ? `EMA ${this.smoothing}` : ""].filter(Boolean).join(" · ");
      this.keep.classList.toggle("bad", lost > 0);
      this.keep.textContent = lost ? `${lost} not a number, first at step ${first}` : this.board.pin.words(this) || words;
    }

    words(drawn) {
      const parts = drawn.slice(0, 8).map((line) => {
        const low = line.raw.reduce((a, b) => Math.min(a, b)), high = line.raw.reduce((a, b) => Math.max(a, b));
        return `${line.short || line.label}: last ${brief(line.raw.at(-1))}${line.step.length ? ` at step ${line.step.at(-1)}` : ""}, lowest ${brief(low)}, highest ${brief(high)}`;
      });
      return `${this.title} over ${this.board.over || this.board.axis}. ${parts.join("; ")}.`;
    }

    table(drawn) {
      const named = drawn.some((line) => line.x) ? [this.board.over || this.board.axis] : [];
      const rows = drawn.flatMap((line) => this.x(line).map((x, i) => [line.step[i] ?? null, line.tokens[i] ?? null, ...(named.length ? [x] : []), line.short || line.label, line.raw[i], line.smooth[i]]));
      rows.sort((a, b) => b[0] - a[0]);
      return { columns: ["step", "tokens", ...named, "series", "value", "smoothed"], rows };
    }

    // The index of the last point of a line at or before a place: by step where it has steps, else by its axis.
    at(line, point) {
      const by = line.step.length && point.step !== null ? [line.step, point.step] : [this.x(line), point.x];
      let low = 0, high = by[0].length;
      while (low < high) { const middle = (low + high) >> 1; if (by[0][middle] <= by[1]) low = middle + 1; else high = middle; }
      return low - 1;
    }

    // What the lines of this chart say at a place, in words; empty where none has come that far.
    values(point) {
      if (this.mode.values) return this.mode.values(this, point);
      const found = this.drawn.filter((line) => !this.hides(line)).map((line) => [line, this.at(line, point)]).filter(([, at]) => at >= 0);
      if (!found.length) return "";
      const [first, at] = found[0];
      const where = first.step.length ? ` at step ${first.step[at]}` : "";
      return `${found.slice(0, 3).map(([line, place]) => brief(line.raw[place])).join(" · ")}${where}`;
    }

    // A vertical line at `x` of the axis; null takes it away.
    cross(className, x) {
      let node = this.frame.querySelector(`.${className}`);
      const axis = this.plot._fullLayout?.xaxis, px = x === null || !axis ? NaN : axis._offset + axis.d2p(x);
      if (!(px >= axis?._offset && px <= axis._offset + axis._length)) { node?.remove(); return; }
      if (!node) { node = Object.assign(document.createElement("div"), { className: `crosshair ${className}` }); this.frame.append(node); }
      node.style.left = `${px}px`;
    }

    // The pointer stands at a place of another chart: a line here, and the values there in the corner.
    hover(point) {
      if (!this.visible || !this.bound) return;
      this.cross("is-passing", point ? point.x : null);
      if (!point) { this.note(this.drawn); return; }
      this.keep.classList.remove("bad");
      this.keep.textContent = this.mode.aligned && !this.mode.values ? "" : this.values(point);
    }

    // Far out of view a chart gives back what it was drawn with; its points stay.
    rest() {
      if (!this.bound || this.visible) return;
      window.Plotly?.purge(this.plot);
      this.frame.replaceChildren(this.plot);
      Object.assign(this, { bound: false, dirty: true, namesAre: "" });
    }
  }

  window.chimera = Object.assign(window.chimera || {}, { Chart });
})();
