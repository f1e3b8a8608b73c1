// The view of a board stands in the page's address, so that copying the address shares exactly what is seen.
(() => {
  const DEFAULTS = { smoothing: "0.9", phases: "1" };
  const AXES = ["tokens", "step", "time"];

  class View {
    constructor(axis) {
      this.defaults = { ...DEFAULTS, x: AXES.includes(axis) ? axis : "tokens" };
      this.query = new URLSearchParams(location.search);
      this.said = new Map(); // what was looked up: an address may name hundreds of runs, and every line asks for the smoothing
      if (!AXES.includes(this.get("x")) && !this.get("x").startsWith("metric:")) this.forget("x");
      const smoothing = Number(this.get("smoothing"));
      if (!(smoothing >= 0 && smoothing <= 0.99)) this.forget("smoothing");
    }

    get(name) {
      if (!this.said.has(name)) this.said.set(name, this.query.get(name) ?? this.defaults[name] ?? "");
      return this.said.get(name);
    }

    forget(name) {
      this.query.delete(name);
      this.said.clear();
    }

    on(name) { return this.get(name) === "1"; }
    all(name) { return this.query.getAll(name); }
    number(name) { return Number(this.get(name)); }

    set(name, value) {
      if (value === (this.defaults[name] ?? "")) this.query.delete(name); else this.query.set(name, value);
      this.write();
    }

    setAll(name, values) {
      this.query.delete(name);
      values.forEach((value) => this.query.append(name, value));
      this.write();
    }

    // A range is "lo,hi"; null where there is none.
    range(name) {
      const ends = this.get(name).split(",").map(Number);
      return ends.length === 2 && ends.every(Number.isFinite) && ends[0] < ends[1] ? ends : null;
    }

    setRange(name, range) { this.set(name, range ? range.map((end) => Number(end.toPrecision(6))).join(",") : ""); }

    drop(prefix) {
      [...this.query.keys()].filter((name) => name === prefix || name.startsWith(`${prefix}.`)).forEach((name) => this.query.delete(name));
      this.write();
    }

    write() {
      this.said.clear();
      const url = new URL(location.href);
      url.search = this.query.toString();
      history.replaceState(history.state, "", url);
    }
  }

  window.chimera = Object.assign(window.chimera || {}, { View });
})();
