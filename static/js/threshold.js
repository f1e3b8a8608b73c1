// The threshold of a classifier: a line to drag over precision, recall and the share that passes.
(() => {
  const card = document.querySelector("[data-thresholds]");
  if (!card) return;
  const svg = card.querySelector("svg"), slider = card.querySelector("input[type=range]"), shown = card.querySelector("output");
  const field = document.querySelector("input[name=threshold]");
  const W = Math.max(300, svg.clientWidth), H = 220, LEFT = 36, RIGHT = 12, TOP = 16, BOTTOM = 24;
  const x = (t) => LEFT + t * (W - LEFT - RIGHT), y = (v) => TOP + (1 - v) * (H - TOP - BOTTOM);
  svg.setAttribute("viewBox", `0 0 ${W} ${H}`);
  const make = (name, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return svg.appendChild(node);
  };
  const path = (rows, value) => rows.map((row, i) => [row, value(row), i]).filter(([, v]) => Number.isFinite(v))
    .map(([row, v], i) => `${i ? "L" : "M"}${x(row.threshold).toFixed(1)} ${y(v).toFixed(1)}`).join("");
  const grouped = (n) => Math.round(n).toLocaleString("en").replace(/,/g, "\u202f");
  const size = (n) => { const u = ["B", "kB", "MB", "GB"]; let i = 0; while (n >= 1000 && i < 3) { n /= 1000; i++; } return `${n.toFixed(i ? 1 : 0)} ${u[i]}`; };

  fetch(card.dataset.thresholds).then((answer) => answer.json()).then(({ rows, documents, bytes }) => {
    const precision = (r) => (r.passed ? r.true_positives / r.passed : NaN), recall = (r) => r.true_positives / r.positives;
    const kept = (r) => r.documents / documents;
    for (const v of [0, 0.25, 0.5, 0.75, 1]) {
      make("line", { class: "axis", x1: x(0), x2: x(1), y1: y(v), y2: y(v) });
      make("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, String(v));
      make("text", { x: x(v), y: H - 6, "text-anchor": "middle" }, String(v));
    }
    const known = rows.filter((r) => r.passed);
    make("path", { class: "band", d: path(known, (r) => r.high) + path([...known].reverse(), (r) => r.low).replace("M", "L") + "Z" });
    for (const [name, value] of [["precision", precision], ["recall", recall], ["kept", kept]]) {
      make("path", { class: name, d: path(rows, value) });
    }
    [["precision", "precision"], ["recall", "recall"], ["kept", "share kept"]].forEach(([name, title], i) => {
      make("line", { class: name, x1: LEFT + 8 + i * 92, x2: LEFT + 26 + i * 92, y1: 8, y2: 8, "stroke-width": 2 });
      make("text", { x: LEFT + 31 + i * 92, y: 12 }, title);
    });
    const cut = make("line", { class: "cut", y1: TOP, y2: H - BOTTOM });
    const say = (name, text) => { card.querySelector(`[data-say=${name}]`).textContent = text; };
    const number = (v) => (Number.isFinite(v) ? v.toFixed(3) : "–");
    let waiting;
    const set = (value, refresh) => {
      const row = rows[Math.round(value * (rows.length - 1))], f1 = (2 * row.true_positives) / (row.passed + row.positives);
      slider.value = row.threshold; shown.textContent = row.threshold.toFixed(3);
      slider.setAttribute("aria-valuetext", `${row.threshold.toFixed(3)}: ${row.documents} of ${documents} documents pass`);
      cut.setAttribute("x1", x(row.threshold)); cut.setAttribute("x2", x(row.threshold));
      say("precision", number(precision(row)) + (row.passed ? ` (${row.low.toFixed(2)} to ${row.high.toFixed(2)})` : ""));
      say("recall", number(recall(row))); say("f1", number(f1));
      say("documents", `${grouped(row.documents)} (${((100 * row.documents) / documents).toFixed(1)} %)`);
      say("bytes", `${size(row.bytes)} of ${size(bytes)}`);
      if (field) field.value = row.threshold;
      if (!refresh) return;
      clearTimeout(waiting);
      waiting = setTimeout(() => htmx.ajax("GET", `${card.dataset.around}?threshold=${row.threshold}`, "#around"), 200);
    };
    slider.addEventListener("input", () => set(Number(slider.value), true));
    if (field) field.addEventListener("change", () => set(Math.min(1, Math.max(0, Number(field.value) || 0)), true));
    const drag = (event) => {
      const box = svg.getBoundingClientRect(), at = ((event.clientX - box.left) / box.width) * W;
      set(Math.min(1, Math.max(0, (at - LEFT) / (W - LEFT - RIGHT))), true);
    };
    svg.addEventListener("pointerdown", (event) => { svg.setPointerCapture(event.pointerId); drag(event); });
    svg.addEventListener("pointermove", (event) => { if (event.buttons) drag(event); });
    set(Number(card.dataset.threshold), true);
  });
})();
