// The numeric twin of the drawing: every point is also a number in a table, and every problem stands at its number.
(() => {
  const { designer } = window.chimera, { edits, lanes, replaced, brief, percent, round, widest, total } = designer;

  function make(tag, properties = {}, ...children) {
    const { attributes = {}, ...rest } = properties, element = Object.assign(document.createElement(tag), rest);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...children);
    return element;
  }

  // A table whose cells stay while only their numbers change, so that typing is not disturbed.
  class Twin {
    constructor(place, title) { Object.assign(this, { place, title, shape: "", updates: [] }); }

    // `columns` are titles; `rows` are lists of cells: {path, label, value, set(number), text?} or {say} or {act, title}.
    show(columns, rows, adder) {
      const shape = JSON.stringify([columns, rows.map((row) => row.map((cell) => cell.path || Object.keys(cell)[0]))]);
      if (shape !== this.shape) { this.shape = shape; this.build(columns, rows, adder); }
      this.live = rows;
      this.updates.forEach((update) => update());
    }

    build(columns, rows, adder) {
      this.updates = [];
      const head = make("tr", {}, ...columns.map((title, index) => make("th", { scope: "col", className: title === "Name" ? "" : "num", textContent: title })));
      const body = make("tbody", {}, ...rows.map((row, r) => make("tr", {}, ...row.map((cell, c) => this.cell(cell, r, c)))));
      const table = make("table", { className: "table design-table" }, make("thead", {}, head), body);
      const tools = make("div", { className: "row" }, ...adder.map(([words, act]) => make("button", { type: "button", className: "btn btn-small", textContent: words, onclick: act })));
      this.place.replaceChildren(make("h3", { textContent: this.title }), make("div", { className: "table-wrap", tabIndex: 0, attributes: { role: "group", "aria-label": this.title } }, table), make("ul", { className: "errors" }), tools);
    }

    cell(cell, r, c) {
      const now = () => this.live[r][c];
      if (cell.act) return make("td", {}, make("button", { type: "button", className: "btn btn-small btn-quiet", textContent: "×", title: cell.title, attributes: { "aria-label": cell.title }, onclick: () => now().act() }));
      if (!cell.path) {
        const place = make("td", { className: "num" });
        this.updates.push(() => { place.textContent = now().say; place.classList.toggle("bad", Boolean(now().bad)); });
        return place;
      }
      const input = make("input", { type: cell.text ? "text" : "number", className: "control", autocomplete: "off", attributes: { "aria-label": cell.label, "data-path": cell.path, ...(cell.text ? {} : { step: "any", inputmode: "decimal" }) } });
      input.addEventListener("input", () => { const value = cell.text ? input.value : input.value === "" ? null : Number(input.value); now().set(value); });
      this.updates.push(() => { if (document.activeElement !== input) input.value = now().value ?? ""; });
      return make("td", {}, input);
    }
  }

  function knotRows(board, config, names, edit) {
    return config.knots.map((knot, index) => {
      const sum = total(names.map((name) => Number(knot.shares[name]) || 0)), path = `policy.config.knots.${index}`;
      return [
        { path: `${path}.at`, label: `Position of knot ${index + 1}, share of the budget`, value: knot.at, set: (at) => edit({ ...config, knots: replaced(config.knots, index, { ...knot, at }) }, `${path}.at`) },
        { say: brief(knot.at * board.budget) },
        ...names.map((name) => ({ path: `${path}.shares.${name}`, label: `Share of ${name} at knot ${index + 1}`, value: knot.shares[name] ?? 0, set: (value) => edit(edits.share(config, index, name, value), `${path}.${name}`) })),
        { say: String(round(sum, 4)), bad: Math.abs(sum - 1) > 1e-6 },
        { act: () => edit(edits.remove(config, index)), title: `Remove knot ${index + 1}` },
      ];
    });
  }

  function laneRows(board, name, config, edit) {
    const lane = lanes.LANES[name], track = lane.get(config), root = name === "rate" ? "policy.config.tracks.learning_rate" : "policy.config.lengths";
    return track.knots.map((knot, index) => {
      const set = (key) => (value) => edit(lane.put(config, { ...track, knots: replaced(track.knots, index, { ...knot, [key]: value }) }), `${root}.${index}.${key}`);
      const cell = (key, title) => ({ path: `${root}.knots.${index}.${key}`, label: `${title} of knot ${index + 1}, ${lane.title}`, value: knot[key], set: set(key) });
      return [cell("at", "Position"), { say: brief(knot.at * board.budget) }, cell(lane.value, "Value"), { act: () => edit(lanes.remove(lane, config, track, index)), title: `Remove knot ${index + 1} of the ${lane.title}` }];
    });
  }

  function phaseRows(config, edit) {
    const phases = lanes.phasesOf(config);
    return phases.map((phase, index) => {
      const path = `policy.config.tracks.phases.${index}`, set = (key) => (value) => edit(lanes.withPhases(config, replaced(phases, index, { ...phase, [key]: value })), `${path}.${key}`);
      return [
        { path: `${path}.name`, label: `Name of phase ${index + 1}`, value: phase.name, text: true, set: set("name") },
        ...["start", "end"].map((key) => ({ path: `${path}.${key}`, label: `${key === "start" ? "Start" : "End"} of phase ${index + 1}, share of the budget`, value: phase[key], set: set(key) })),
        { act: () => edit(lanes.removePhase(config, index)), title: `Remove ${phase.name}` },
      ];
    });
  }

  class Tables {
    constructor(root, form) { Object.assign(this, { root, form, twins: {} }); }
    twin(name, title) {
      return this.twins[name] ||= new Twin(this.root.appendChild(make("section", { className: "design-twin" })), title);
    }
    show(board, config, names, edit, act) {
      this.twin("knots", "Mixture").show(["At", "Tokens", ...names, "Sum", ""], knotRows(board, config, names, edit), [["Add knot", act.add], ["Normalise", act.normalise]]);
      for (const name of ["rate", "length"]) {
        const lane = lanes.LANES[name], track = lane.get(config);
        if (track) this.twin(name, lane.title[0].toUpperCase() + lane.title.slice(1)).show(["At", "Tokens", name === "rate" ? "Rate" : "Length", ""], laneRows(board, name, config, edit), [["Add knot", () => act.lane(name)]]);
        else this.drop(name);
      }
      if (lanes.phasesOf(config).length) this.twin("phases", "Phases").show(["Name", "Start", "End", ""], phaseRows(config, edit), [["Add phase", act.phase]]);
      else this.drop("phases");
    }
    drop(name) { this.twins[name]?.place.remove(); delete this.twins[name]; }

    // Problems of the server at the inputs their path leads to; gives those that have no place here.
    tell(problems) {
      this.form.querySelectorAll("[data-path][aria-invalid]").forEach((input) => input.removeAttribute("aria-invalid"));
      this.root.querySelectorAll(".errors").forEach((list) => list.replaceChildren());
      return problems.filter(({ field, message, hint }) => {
        const path = field.replace(/\[(\d+)\]/g, ".$1"), inputs = [...this.form.querySelectorAll("[data-path]")].filter(({ dataset }) => dataset.path === path || dataset.path.startsWith(`${path}.`));
        if (!path.startsWith("policy.config.") || !inputs.length) return true;
        inputs.forEach((input) => input.setAttribute("aria-invalid", "true"));
        const list = inputs[0].closest(".design-twin")?.querySelector(".errors");
        if (!list) return true;
        const knot = /knots\.(\d+)/.exec(path), where = knot ? `knot ${Number(knot[1]) + 1}: ` : "";
        list.append(make("li", { textContent: `${where}${message}${hint ? ` - ${hint}` : ""}` }));
        return false;
      });
    }
  }

  // Groups: what there is, what the drawing takes, how often that shows each token, and how often it may.
  function groups(body, account, fills, config, edit) {
    const short = account.filter((group) => group.short > 0.5), shape = JSON.stringify(account.map((group) => group.name));
    if (body.dataset.shape !== shape) {
      body.dataset.shape = shape;
      body.replaceChildren(...account.map((group) => make("tr", {},
        make("th", { scope: "row", className: "nowrap" }, make("span", { className: "swatch" }), ` ${group.name}`),
        ...Array.from({ length: 5 }, () => make("td", { className: "num" })),
        make("td", { className: "num" }, make("input", { type: "number", className: "control", attributes: { step: "any", min: 0, placeholder: "1", "aria-label": `Passes over ${group.name} at most`, "data-path": `policy.config.passes.${group.name}` } })))));
    }
    account.forEach((group, k) => {
      const line = body.rows[k], input = line.querySelector("input"), tight = group.short > 0.5;
      const used = Number.isFinite(group.used) ? `${round(group.used, 2)}×` : "none there";
      line.className = tight ? "is-short" : "";
      line.querySelector(".swatch").style.background = fills[k];
      [brief(group.available), percent(group.natural), percent(group.share), brief(group.tokens), used].forEach((text, i) => { line.cells[i + 1].textContent = text; });
      line.cells[5].classList.toggle("warn", tight);
      if (document.activeElement !== input) input.value = config.passes?.[group.name] ?? "";
      input.oninput = () => {
        const { [group.name]: old, ...rest } = config.passes || {};
        edit({ ...config, passes: input.value === "" ? rest : { ...rest, [group.name]: Number(input.value) } }, `passes:${group.name}`);
      };
    });
    return short;
  }

  Object.assign(designer, { Tables, groupsTable: groups, widestKnot: (config, axis) => widest(config.knots.map((knot) => knot.at), axis) });
})();
