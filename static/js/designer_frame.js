// The drawing board of the designer: one horizontal axis for all lanes, SVG parts kept by key, handles for every pointer and key.
(() => {
  const { designer } = window.chimera, { START, clamp } = designer;
  const NS = "http://www.w3.org/2000/svg", LEFT = 46, RIGHT = 14, STEP = 4;

  function brief(value) {
    if (!Number.isFinite(value)) return "–";
    const sizes = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]], [size, unit] = sizes.find(([least]) => Math.abs(value) >= least) || [1, ""];
    return `${Number((value / size).toPrecision(3))}${unit && `\u202f${unit}`}`;
  }
  const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}\u202f%`;

  // Pixels of positions (shares of the budget) and back, for a log or a linear axis.
  class Axis {
    constructor(width, log) { Object.assign(this, { width, log, left: LEFT, right: width - RIGHT }); }
    px(at) {
      const t = this.log ? 1 - Math.log(clamp(at, START, 1)) / Math.log(START) : clamp(at, 0, 1);
      return this.left + t * (this.right - this.left);
    }
    at(px) {
      const t = clamp((px - this.left) / (this.right - this.left), 0, 1);
      if (!this.log) return t;
      return t <= 0 ? 0 : START ** (1 - t);
    }
    // Positions with words, in tokens of the budget: 1, 2, 5 of every decade as far as there is room.
    ticks(budget) {
      if (!this.log) {
        const step = this.width < 560 ? 0.25 : 0.1, count = Math.round(1 / step);
        return Array.from({ length: count + 1 }, (_, i) => [i * step, brief(i * step * budget)]);
      }
      const found = [];
      for (let power = Math.ceil(Math.log10(START * budget)); 10 ** power <= budget * 1.0001; power++) found.push([10 ** power / budget, brief(10 ** power)]);
      if (!found.length || this.right - this.px(found.at(-1)[0]) > 60) found.push([1, brief(budget)]);
      return found;
    }
  }

  // SVG elements known by key: drawn again they keep focus and pointer, not drawn again they go.
  class Pen {
    constructor(svg, layers) {
      this.known = new Map();
      this.layers = Object.fromEntries(layers.map((name) => [name, svg.appendChild(document.createElementNS(NS, "g"))]));
      for (const [name, layer] of Object.entries(this.layers)) layer.setAttribute("class", `layer-${name}`);
    }
    begin() { this.used = new Set(); }
    draw(layer, key, tag, attributes, text) {
      let node = this.known.get(key);
      if (!node) {
        node = this.layers[layer].appendChild(document.createElementNS(NS, tag));
        this.known.set(key, node);
      }
      this.used.add(key);
      for (const [name, value] of Object.entries(attributes)) {
        if (name === "fill") node.style.fill = value;
        else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
      }
      if (text !== undefined && node.textContent !== text) node.textContent = text;
      return node;
    }
    // A thing to drag: `spec` is {x, y, label, text, low, high, now, drag(dx, dy, start), key(event) → handled, at}.
    handle(key, kind, spec) {
      const node = this.draw("handles", key, "g", { class: `handle handle-${kind}`, role: "slider", tabindex: 0, transform: `translate(${spec.x.toFixed(1)} ${spec.y.toFixed(1)})` });
      if (!node.firstChild) {
        const shape = (tag, attributes) => { const part = node.appendChild(document.createElementNS(NS, tag)); for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value); };
        shape("circle", { class: "reach", r: 13 });
        if (kind === "grip") shape("path", { class: "mark", d: "M0 -5L5 4H-5Z" });
        else if (kind === "edge") shape("rect", { class: "mark", x: -4, y: -8, width: 8, height: 16, rx: 2 });
        else shape("circle", { class: "mark", r: 5 });
      }
      const said = { "aria-label": spec.label, "aria-valuetext": spec.text, "aria-valuemin": spec.low, "aria-valuemax": spec.high, "aria-valuenow": spec.now };
      for (const [name, value] of Object.entries(said)) node.setAttribute(name, value);
      node.spec = spec;
    }
    end() {
      for (const [key, node] of this.known) if (!this.used.has(key)) { node.remove(); this.known.delete(key); }
    }
  }

  // Dragging and keys of all handles of an SVG. `done` is called when a drag ends.
  function listen(svg, done) {
    let held = null;
    svg.addEventListener("pointerdown", (event) => {
      const node = event.target.closest(".handle");
      if (!node || event.button > 0) return;
      event.preventDefault();
      node.focus({ preventScroll: true });
      svg.setPointerCapture(event.pointerId);
      held = { node, spec: node.spec, x: event.clientX, y: event.clientY, lock: "" };
      node.classList.add("is-held");
    });
    svg.addEventListener("pointermove", (event) => {
      if (!held) return;
      const dx = event.clientX - held.x, dy = event.clientY - held.y;
      if (!held.lock && Math.max(Math.abs(dx), Math.abs(dy)) < STEP) return;
      held.lock ||= Math.abs(dx) > Math.abs(dy) ? "x" : "y"; // a point goes the way it is first pulled
      held.spec.drag(held.spec.x + dx, held.spec.y + dy, held.lock);
    });
    const release = () => { held?.node.classList.remove("is-held"); if (held?.lock) done(); held = null; };
    svg.addEventListener("pointerup", release);
    svg.addEventListener("pointercancel", release);
    svg.addEventListener("keydown", (event) => {
      const node = event.target.closest(".handle");
      if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
      if (node.spec.key(event)) event.preventDefault();
    });
  }

  // What the arrow keys mean: [right, up], larger with Shift; Page Up and Page Down as well.
  function pulled(event) {
    const by = event.shiftKey ? 5 : 1;
    return { ArrowUp: [0, by], ArrowDown: [0, -by], ArrowRight: [by, 0], ArrowLeft: [-by, 0], PageUp: [0, 5], PageDown: [0, -5] }[event.key];
  }

  Object.assign(designer, { Axis, Pen, listen, pulled, brief, percent });
})();
