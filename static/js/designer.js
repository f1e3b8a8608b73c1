// The designer: joins drawing, tables and form. The text area with the policy's settings stays the field that is posted.
(() => {
  const { designer } = window.chimera, { Axis, Pen, History, Tables, mix, lanes, edits, curve, grid, listen, groupsTable, widestKnot } = designer;
  const PHASES = 26, GAP = 26, MOST_GROUPS = 40;
  const number = (text) => Number(String(text).replace(/[\s,_]/g, "")) || 0;

  class Designer {
    constructor(form) {
      Object.assign(this, { form, data: JSON.parse(form.querySelector("#design-data").textContent), svg: form.querySelector("[data-board]"), area: form.elements["policy.config"] });
      this.status = form.querySelector("[data-status]");
      this.editable = Boolean(this.area);
      this.log = new URLSearchParams(location.search).get("x") !== "linear";
      this.pen = new Pen(this.svg, ["areas", "grid", "ghosts", "phases", "lines", "labels", "handles"]);
      new ResizeObserver(() => this.render()).observe(this.svg.parentElement);
      form.addEventListener("input", ({ target }) => { if (!target.dataset.path && target !== this.area) this.later(); });
      form.elements.budget_tokens?.addEventListener("input", () => this.render());
      form.querySelectorAll("[data-axis]").forEach((button) => button.addEventListener("click", () => this.turn(button.dataset.axis === "log")));
      if (this.editable) this.open(); else this.check();
    }

    // The editor: state from the text area, buttons, settings, keys.
    open() {
      this.tables = new Tables(this.form.querySelector("[data-tables]"), this.form);
      this.history = new History(this.read());
      if (this.data.fresh && !this.config.knots.length && this.names.length) {
        this.history = new History(this.start());
        this.area.value = JSON.stringify(this.config, null, 1);
      }
      this.edit = (next, tag) => { this.history.set(next, tag); this.render(); this.write(); };
      const act = this.act = {
        undo: () => this.step("undo"), redo: () => this.step("redo"),
        add: () => this.edit(this.config.knots.length ? edits.add(this.config, this.names, this.natural, widestKnot(this.config, this.axis)) : this.start()),
        normalise: () => this.edit(edits.normalise(this.config, this.names)),
        phase: () => this.edit(lanes.addPhase(this.config)),
        lane: (name) => {
          const lane = lanes.LANES[name], track = lane.get(this.config);
          this.edit(track ? lanes.add(lane, this.config, track, designer.widest(track.knots.map((knot) => knot.at), this.axis)) : lane.put(this.config, lane.fresh(this.data)));
        },
        rate: () => act.lane("rate"), length: () => act.lane("length"),
      };
      this.form.querySelectorAll("[data-act]").forEach((button) => button.addEventListener("click", () => { act[button.dataset.act](); }));
      this.form.querySelectorAll("[data-setting]").forEach((field) => field.addEventListener("change", () => this.setting(field)));
      this.area.addEventListener("change", () => { const next = this.read(); if (next) this.edit(next); });
      this.form.addEventListener("keydown", (event) => this.keys(event));
      this.svg.addEventListener("dblclick", (event) => {
        if (event.target.closest(".handle")) return;
        this.edit(edits.add(this.config, this.names, this.natural, this.axis.at(event.clientX - this.svg.getBoundingClientRect().left)));
      });
      listen(this.svg, () => this.history.seal());
      this.render();
      this.tell(this.data.problems);
      if (!this.data.problems.length) this.check();
    }

    get config() { return this.history.state; }
    get groups() { return this.editable ? this.data.groupings[this.config.grouping] || [] : (this.preview?.names || []).map((name) => ({ name, tokens: 0 })); }
    get names() { return this.groups.map((group) => group.name); }
    get natural() { const sum = designer.total(this.groups.map((group) => group.tokens)) || 1; return this.groups.map((group) => group.tokens / sum); }
    get budget() { return number(this.form.elements.budget_tokens?.value) || this.data.tokens || 1; }

    // A drawing that begins as the corpus is.
    start() {
      const shares = Object.fromEntries(this.names.map((name, k) => [name, this.natural[k]]));
      return edits.normalise({ ...this.config, knots: [{ at: 0, shares }, { at: 1, shares }] }, this.names);
    }
    read() {
      try {
        const value = JSON.parse(this.area.value);
        return { ...value, knots: value.knots || [], tracks: { phases: [], ...value.tracks } };
      } catch { return null; }
    }
    write() {
      this.area.value = JSON.stringify(this.config, null, 1);
      this.later();
    }
    step(way) { this.history[way](); this.render(); this.write(); }
    turn(log) {
      this.log = log;
      const address = new URL(location.href);
      if (log) address.searchParams.delete("x"); else address.searchParams.set("x", "linear");
      history.replaceState(null, "", address);
      this.render();
    }
    setting(field) {
      const name = field.dataset.setting, value = field.type === "number" ? Number(field.value) : field.value;
      const next = { ...this.config, [name]: value };
      if (name !== "grouping") { this.edit(next); return; }
      this.history.set({ ...next, knots: [] });
      this.edit(this.start(), "grouping");
    }
    keys(event) {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" && event.key.toLowerCase() !== "y") return;
      if (event.target.matches("input[type=text], textarea, [name]")) return; // text has its own undo
      event.preventDefault();
      this.step(event.shiftKey || event.key.toLowerCase() === "y" ? "redo" : "undo");
    }

    render() {
      const width = Math.max(280, this.svg.parentElement.clientWidth), axis = this.axis = new Axis(width, this.log);
      this.form.querySelectorAll("[data-axis]").forEach((button) => button.setAttribute("aria-pressed", String((button.dataset.axis === "log") === this.log)));
      const height = width < 560 ? 240 : 330, top = (this.editable && lanes.phasesOf(this.config).length ? PHASES : 6) + 4;
      this.pen.begin();
      const bottom = this.editable ? this.drawing(axis, top, height) : this.planned(axis, top, height);
      axis.ticks(this.budget).forEach(([at, words], index) => {
        const x = axis.px(at);
        this.pen.draw("labels", `tick:${index}`, "text", { class: "tick", x, y: bottom + 14, "text-anchor": x > axis.right - 20 ? "end" : "middle" }, words);
      });
      this.pen.draw("labels", "unit", "text", { class: "tick", x: axis.right, y: bottom + 29, "text-anchor": "end" }, this.log ? "tokens, log" : "tokens");
      this.pen.end();
      this.svg.setAttribute("viewBox", `0 0 ${width} ${bottom + 34}`);
      this.svg.setAttribute("width", width);
      this.svg.setAttribute("height", bottom + 34);
    }

    board(axis, top, height) {
      const names = this.names;
      return { pen: this.pen, axis, top, height, names, natural: this.natural, budget: this.budget, colours: mix.colours(this.editable ? this.config.grouping : this.preview.grouping || "", names.length) };
    }

    drawing(axis, top, height) {
      const { config } = this, board = this.board(axis, top, height), drawable = this.names.length > 0 && this.names.length <= MOST_GROUPS;
      let bottom = top;
      if (drawable) {
        const at = curve(config, this.names, this.natural), positions = grid(config.knots);
        mix.scale(board);
        mix.areas(board, at, positions);
        mix.handles(board, config, this.edit);
        const short = groupsTable(this.form.querySelector("[data-groups]"), mix.account(at, positions, this.groups, this.budget, config.passes), board.colours, config, this.edit);
        this.form.querySelector("[data-short]").textContent = short.length ? `too much drawn: ${short.map((group) => `${group.name} by ${designer.brief(group.short)}`).join(", ")}` : "";
        bottom = top + height + 18;
      }
      for (const name of ["rate", "length"]) {
        if (!lanes.LANES[name].get(config)?.knots?.length) continue;
        lanes.draw(board, name, config, bottom + 8, this.edit);
        bottom += lanes.HEIGHT + GAP;
      }
      lanes.drawPhases(board, config, 2, bottom, this.edit);
      this.tables.show(board, config, this.names, this.edit, this.act);
      for (const field of this.form.querySelectorAll("[data-setting]")) if (document.activeElement !== field) field.value = config[field.dataset.setting];
      this.form.querySelector("[data-act=undo]").disabled = !this.history.past.length;
      this.form.querySelector("[data-act=redo]").disabled = !this.history.future.length;
      for (const name of ["rate", "length"]) { const button = this.form.querySelector(`[data-act=${name}]`); if (button) button.hidden = Boolean(lanes.LANES[name].get(config)); }
      return bottom;
    }

    // Another policy's plan as the server works it out.
    planned(axis, top, height) {
      const { preview } = this;
      if (!preview || preview.names.length > MOST_GROUPS) return top + 10;
      const board = this.board(axis, top, height), rows = new Map(preview.at.map((at, i) => [at, preview.shares[i]]));
      mix.scale(board);
      mix.areas({ ...board, natural: [] }, (at) => rows.get(at), preview.at);
      return top + height + 4;
    }

    later() {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.check(), 450);
    }

    // The server judges as it will when saving: the same words, before anything is saved.
    async check() {
      this.asking?.abort();
      const asking = this.asking = new AbortController();
      try {
        const answer = await fetch(this.form.dataset.check, { method: "POST", body: new FormData(this.form), signal: asking.signal });
        if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
        const { problems, preview, config } = await answer.json();
        Object.assign(this, { preview, checked: config });
        this.age();
        if (!this.editable) this.render();
        this.tell(problems, preview);
      } catch (error) {
        if (error.name !== "AbortError") this.status.textContent = `The check could not be made (${error.message}).`;
      }
    }

    // A dry run tells of the drawing it was made of.
    age() {
      document.querySelector("[data-stale]").hidden = !this.ran || this.ran === JSON.stringify(this.checked);
    }

    tell(problems, preview = null) {
      const left = this.tables ? this.tables.tell(problems) : problems;
      this.form.querySelectorAll("[data-live]").forEach((list) => list.remove());
      const away = left.filter((problem) => !this.atField(problem));
      const words = problems.length ? `${problems.length} to mend` : preview ? "can be given" : "";
      this.status.replaceChildren(Object.assign(document.createElement("strong"), { textContent: words, className: problems.length ? "bad" : "ok" }), ...away.map(({ field, message, hint }) => Object.assign(document.createElement("span"), { textContent: `${field.replace("policy.config.", "")}${field ? ": " : ""}${message}${hint ? ` - ${hint}` : ""}` })));
      this.status.dataset.state = problems.length ? "bad" : "ok";
    }

    // At its field of the form, with a mend where the hint names one.
    atField({ field, message, hint }) {
      const input = this.form.elements[field];
      if (!input || input === this.area || !input.closest) return false;
      const item = Object.assign(document.createElement("li"), { textContent: `${message}${hint ? ` - ${hint}` : ""}` }), most = /at most (\d+)/.exec(hint);
      if (field === "budget_tokens" && most) {
        const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-small", textContent: `Use ${Number(most[1]).toLocaleString("en").replace(/,/g, "\u202f")}` });
        button.addEventListener("click", () => { input.value = most[1]; if (this.editable) this.render(); this.check(); });
        item.append(" ", button);
      }
      const list = Object.assign(document.createElement("ul"), { className: "errors" });
      list.dataset.live = "";
      list.append(item);
      input.closest(".field").querySelectorAll(".errors").forEach((old) => old.remove());
      input.closest(".field").append(list);
      return true;
    }
  }

  // What is drawn, looked at by the worker before anything is saved; the part goes on by itself to its report.
  async function dryRun(button) {
    const { designer: drawn } = document.querySelector("[data-designer]");
    await drawn.check();
    if (!drawn.checked) { (drawn.form.querySelector("[data-live]") || drawn.status).scrollIntoView({ block: "center" }); return; }
    drawn.ran = JSON.stringify(drawn.checked);
    drawn.age();
    await window.htmx.ajax("POST", button.dataset.dryRun, { target: "#dry-run", swap: "innerHTML", values: { config: JSON.stringify(drawn.checked) } });
    document.querySelector("#dry-run").scrollIntoView({ block: "start" });
  }
  document.addEventListener("click", ({ target }) => { const button = target.closest("[data-dry-run]"); if (button) dryRun(button); });

  const begin = (root) => root.querySelectorAll?.("[data-designer]").forEach((form) => { form.designer ||= new Designer(form); });
  document.addEventListener("DOMContentLoaded", () => begin(document));
  document.addEventListener("htmx:load", ({ target }) => begin(target.matches("[data-designer]") ? target.parentElement : target));
})();
