// The recipe workbench: a tile for each rule with a histogram and a cut to drag; counting is in rules_counts.js.
(() => {
  const root = document.getElementById("workbench");
  if (!root) return;
  const { prepare, move, count, interval, axis, nearest, recipe, cutOf, keyOf } = window.chimera.rules;
  const SVG = "http://www.w3.org/2000/svg", WIDTH = 320, HEIGHT = 62, BINS = 54, NEAREST = 4, OPEN_FIXED = 3;
  const form = root.querySelector("form"), panel = root.querySelector("[data-steps]"), tabs = root.querySelector("[data-domains]");
  let said = null, domain = null, result = null, tiles = [], selected = null, frame = 0, wait = 0, asked = 0;

  const make = (tag, properties = {}, ...children) => {
    const { attributes = {}, ...rest } = properties, element = Object.assign(document.createElement(tag), rest);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...children);
    return element;
  };
  const draw = (tag, attributes = {}, ...children) => {
    const element = document.createElementNS(SVG, tag);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...children);
    return element;
  };
  const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const plain = (value) => (Number.isInteger(value) ? grouped(value) : String(Number(value.toPrecision(4))));
  const ofSample = (hits) => `${percent(hits / domain.documents)} (${grouped(hits)} of ${grouped(domain.documents)})`;
  const sideOf = (rule) => `${rule.strict ? (rule.side === "least" ? "more than" : "less than") : `at ${rule.side}`}`;
  const ask = (address, query) => `${address}?${new URLSearchParams(query)}`;

  // -- cuts ------------------------------------------------------------------------------------------------------------

  // Numbers are rounded to what a pixel can tell; every bound of the setting holds.
  function snapped(rule, place) {
    const value = rule.axis.from(place), pixel = Math.abs(rule.axis.from(place + 0.5 / WIDTH) - rule.axis.from(place - 0.5 / WIDTH));
    const unit = rule.whole ? 1 : 10 ** Math.floor(Math.log10(pixel || 1e-9));
    const round = rule.whole ? Math.round(value) : Number((Math.round(value / unit) * unit).toPrecision(12));
    return limited(rule, round);
  }
  const limited = (rule, value) => Math.min(rule.max ?? Infinity, Math.max(rule.min ?? -Infinity, value));

  function change(rule, value) {
    if (cutOf(domain, rule) === value) return;
    move(domain, rule, value);
    later();
  }
  function later() {
    frame ||= requestAnimationFrame(() => { frame = 0; refresh(); });
    clearTimeout(wait);
    wait = setTimeout(settle, 200);
  }
  // What need not follow every pixel: the address, and examples.
  function settle() {
    flush();
    remember();
    if (selected) showExamples();
  }
  const flush = () => {
    if (frame) { cancelAnimationFrame(frame); frame = 0; refresh(); }
    form.elements.config.value = JSON.stringify(config());
  };

  // -- tiles -----------------------------------------------------------------------------------------------------------

  function bars(rule) {
    const bins = new Array(BINS).fill(0);
    rule.values.forEach((value) => { if (!Number.isNaN(value)) bins[Math.min(BINS - 1, Math.max(0, Math.floor(rule.axis.to(value) * BINS)))] += 1; });
    const most = Math.sqrt(Math.max(...bins, 1)), width = WIDTH / BINS;
    return bins.map((hits, bin) => (hits ? `M${(bin * width + 0.5).toFixed(1)} ${HEIGHT}v${(-Math.sqrt(hits) / most * (HEIGHT - 8)).toFixed(1)}h${(width - 1).toFixed(1)}V${HEIGHT}z` : "")).join("");
  }

  function histogram(rule, tile) {
    const path = bars(rule), clip = `clip-${rule.index}`;
    tile.lost = draw("rect", { y: 0, height: HEIGHT });
    tile.line = draw("line", { y1: 0, y2: HEIGHT });
    tile.grip = draw("rect", { y: 0, width: 9, height: 18, rx: 3 });
    tile.slider = draw("g", { class: "cut", role: "slider", tabindex: 0, "aria-label": `${rule.title}, ${rule.reason}`, "aria-valuemin": rule.axis.low, "aria-valuemax": rule.axis.high }, draw("rect", { class: "reach", y: 0, width: 24, height: HEIGHT }), tile.line, tile.grip);
    tile.svg = draw("svg", { class: "histogram", viewBox: `-6 0 ${WIDTH + 12} ${HEIGHT + 14}`, "aria-hidden": "false" },
      draw("defs", {}, draw("clipPath", { id: clip }, tile.lost)),
      draw("path", { class: "kept", d: path }), draw("path", { class: "lost", d: path, "clip-path": `url(#${clip})` }),
      draw("line", { class: "base", x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }),
      Object.assign(draw("text", { x: 0, y: HEIGHT + 11 }), { textContent: plain(rule.axis.low) }),
      Object.assign(draw("text", { x: WIDTH, y: HEIGHT + 11, "text-anchor": "end" }), { textContent: plain(rule.axis.high) }), tile.slider);
    draggable(rule, tile);
    return tile.svg;
  }

  function draggable(rule, tile) {
    const to = (event) => {
      const box = tile.svg.getBoundingClientRect(), x = ((event.clientX - box.left) / box.width) * (WIDTH + 12) - 6;
      change(rule, snapped(rule, Math.min(1, Math.max(0, x / WIDTH))));
    };
    tile.svg.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      tile.svg.setPointerCapture(event.pointerId);
      tile.slider.focus({ preventScroll: true });
      select(rule);
      to(event);
    });
    tile.svg.addEventListener("pointermove", (event) => { if (tile.svg.hasPointerCapture(event.pointerId)) to(event); });
    tile.slider.addEventListener("keydown", (event) => {
      const far = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -20, PageUp: 20 }[event.key];
      const now = cutOf(domain, rule) ?? rule.usual ?? rule.axis.high, place = rule.axis.to(now);
      let next = null;
      if (far) {
        next = snapped(rule, Math.min(1, Math.max(0, place + far / WIDTH)));
        if (next === now) next = limited(rule, rule.whole ? now + Math.sign(far) : Number((now + Math.sign(far) * 1e-4).toPrecision(12)));
      } else if (event.key === "Home") next = limited(rule, snapped(rule, 0));
      else if (event.key === "End") next = limited(rule, snapped(rule, 1));
      else return;
      event.preventDefault();
      change(rule, next);
    });
    tile.slider.addEventListener("focus", () => select(rule));
  }

  function control(rule, tile) {
    if (rule.kind === "switch") {
      tile.box = make("input", { type: "checkbox", onchange: () => { select(rule); change(rule, tile.box.checked ? 0 : null); } });
      return make("label", { className: "check" }, tile.box, " rule is on");
    }
    if (rule.kind === "fixed") return make("span", { className: "sub", textContent: rule.field ? `set by ${rule.field}` : "has no threshold" });
    const limits = { ...(rule.min !== null && { min: rule.min }), ...(rule.max !== null && { max: rule.max }), step: rule.whole ? 1 : "any" };
    tile.input = make("input", { type: "number", className: "control", ariaLabel: `${rule.title}, number`, attributes: limits, placeholder: "off" });
    tile.input.addEventListener("change", () => {
      const value = tile.input.value === "" ? null : Number(tile.input.value);
      if (value === null && !rule.optional) { refresh(); return; }
      change(rule, value === null ? null : limited(rule, value));
    });
    tile.input.addEventListener("focus", () => select(rule));
    const off = make("button", { type: "button", className: "btn btn-small btn-quiet", textContent: "off", ariaLabel: `Switch off: ${rule.title}` });
    off.addEventListener("click", () => { select(rule); change(rule, cutOf(domain, rule) === null ? rule.start : null); });
    tile.off = rule.optional ? off : null;
    return make("span", { className: "cut-field" }, make("span", { className: "sub", textContent: sideOf(rule) }), tile.input, ...(tile.off ? [off] : []));
  }

  function tileOf(rule) {
    const tile = { rule }, fixed = rule.kind === "fixed";
    rule.axis = axis(rule.values, cutOf(domain, rule));
    rule.start = cutOf(domain, rule) ?? (typeof rule.usual === "number" ? rule.usual : rule.axis.high);
    tile.alone = make("output", { className: "alone" });
    tile.first = make("span", { className: "sub" });
    const open = make("button", { type: "button", className: "btn btn-small btn-quiet push", textContent: "examples", ariaLabel: `Examples: ${rule.reason}` });
    open.addEventListener("click", () => select(rule, true));
    tile.element = make("section", { className: `rule is-${rule.kind}`, ariaLabel: `${rule.title}, step ${rule.step + 1}`, attributes: { "data-reason": rule.reason, "data-step": rule.step } },
      make("header", {}, make("h3", { textContent: rule.title || rule.reason.replaceAll("_", " ") }), make("code", { textContent: rule.reason })),
      ...(rule.kind === "number" ? [histogram(rule, tile)] : []),
      make("div", { className: "row" }, control(rule, tile), open),
      make("p", { className: "counts" }, tile.alone, tile.first));
    if (fixed && !rule.alone) tile.element.hidden = true;
    return tile;
  }

  function update(tile) {
    const { rule } = tile, cut = cutOf(domain, rule), hits = result.byRule[rule.index], shown = `${cut} ${rule.alone} ${hits}`;
    if (tile.shown === shown && document.activeElement !== tile.input) return;
    tile.shown = shown;
    tile.alone.replaceChildren("would drop ", make("strong", { textContent: percent(rule.alone / domain.documents) }), ` (${grouped(rule.alone)} of ${grouped(domain.documents)})`);
    tile.first.textContent = hits ? `first to drop ${grouped(hits)}` : (rule.alone ? "all dropped earlier" : "");
    Object.assign(tile.element.dataset, { alone: rule.alone, first: hits, cut: cut ?? "" });
    if (tile.box) tile.box.checked = cut !== null;
    tile.element.classList.toggle("is-off", cut === null);
    tile.element.classList.toggle("is-moved", rule.kind !== "fixed" && cut !== domain.start[keyOf(rule)]);
    if (!tile.svg) return;
    if (document.activeElement !== tile.input || tile.input.value === "") tile.input.value = cut ?? "";
    else if (cut !== null && Number(tile.input.value) !== cut) tile.input.value = cut;
    if (tile.off) tile.off.textContent = cut === null ? "switch on" : "off";
    const x = Math.min(1, Math.max(0, rule.axis.to(cut ?? (rule.side === "least" ? rule.axis.low : rule.axis.high)))) * WIDTH;
    const [start, end] = cut === null ? [0, 0] : (rule.side === "least" ? [0, x] : [x, WIDTH]);
    tile.lost.setAttribute("x", start);
    tile.lost.setAttribute("width", Math.max(0, end - start));
    tile.slider.setAttribute("transform", `translate(${x.toFixed(2)} 0)`);
    tile.slider.setAttribute("aria-valuenow", cut ?? rule.axis.high);
    tile.slider.setAttribute("aria-valuetext", cut === null ? "off, drops nothing" : `${sideOf(rule)} ${plain(cut)}, would drop ${ofSample(rule.alone)}`);
  }

  // -- examples --------------------------------------------------------------------------------------------------------

  function select(rule, opened = false) {
    if (selected === rule && !opened) return;
    selected = rule;
    tiles.forEach((tile) => tile.element.classList.toggle("is-selected", tile.rule === rule));
    clearTimeout(wait);
    wait = setTimeout(settle, opened ? 0 : 200);
  }

  async function showExamples() {
    const rule = selected, turn = asked += 1, { dropped, kept } = nearest(rule, NEAREST), { step, reason } = rule;
    const box = panel.querySelector(`[data-examples="${step}"]`);
    const query = [["step", step], ["reason", reason], ...[...dropped, ...kept].map((document) => ["document", domain.first + document])];
    const answer = dropped.length + kept.length ? await fetch(ask(root.dataset.examplesUrl, query)) : null;
    if (answer && !answer.ok) { box.textContent = `The examples could not be loaded (${answer.status}).`; return; }
    const found = answer ? await answer.json() : { examples: [] };
    if (turn !== asked || rule !== selected) return;
    const byNumber = new Map(found.examples.map((item) => [item.document - domain.first, item]));
    const column = (title, documents, none) => make("div", {}, make("h4", { textContent: title }), ...(documents.length ? documents.map((number) => example(rule, number, byNumber.get(number))) : [make("p", { className: "muted", textContent: none })]));
    panel.querySelectorAll("[data-examples]").forEach((other) => { if (other !== box) other.replaceChildren(); });
    box.replaceChildren(make("div", { className: "card-head" }, make("h3", { textContent: rule.title || rule.reason }), make("span", { className: "sub", textContent: rule.kind === "number" ? "texts nearest to the cut, with what the rule speaks of marked" : "with what the rule speaks of marked" })),
      make("div", { className: "examples" }, column("Dropped", dropped, "This rule drops nothing in the sample."), column("Kept", kept, "This rule keeps nothing of the sample.")));
  }

  function example(rule, number, item) {
    const earlier = result.first[number], by = earlier >= 0 && earlier !== rule.index ? `dropped by ${domain.rules[earlier].reason}` : "";
    const title = make("button", { type: "button", className: "btn-link", textContent: item.title });
    title.addEventListener("click", () => window.htmx.ajax("GET", ask(root.dataset.documentUrl, { document: item.document, step: rule.step, reason: rule.reason }), { target: "body", swap: "beforeend" }));
    return make("article", { className: "example" }, make("header", {}, title, make("span", { className: "sub", textContent: by }), make("strong", { className: "push", textContent: plain(rule.values[number]) })),
      make("p", {}, ...item.pieces.map(([text, hit]) => (hit ? make("mark", { textContent: text }) : text))));
  }

  function changes(place, step) {
    const where = make("div"), label = make("span", { className: "sub" });
    let index = 0;
    const show = (by) => {
      index = (index + by + step.changed.length) % step.changed.length;
      label.textContent = `${grouped(index + 1)} of ${grouped(step.changed.length)} changed`;
      window.htmx.ajax("GET", ask(root.dataset.changeUrl, { document: domain.first + step.changed[index], step: place }), { target: where, swap: "innerHTML" });
    };
    const turn = (text, by, name) => make("button", { type: "button", className: "btn btn-small", textContent: text, ariaLabel: name, onclick: () => show(by) });
    const details = make("details", { className: "changes" }, make("summary", {}, "Before and after", make("span", { className: "sub", textContent: ` changed ${grouped(step.changed.length)} of ${grouped(domain.documents)} documents` })),
      make("div", { className: "row" }, turn("←", -1, "Document before"), turn("→", 1, "Next document"), label), where);
    details.addEventListener("toggle", () => { if (details.open && !where.childElementCount) show(0); });
    return details;
  }

  // -- the page --------------------------------------------------------------------------------------------------------

  // Rules that no cut belongs to (a language each, say) may be many: the most frequent stand open, the rest is folded.
  function grids(own) {
    const grid = (some) => make("div", { className: "rules-grid" }, ...some.map((tile) => tile.element));
    const fixed = own.filter(({ rule }) => rule.kind === "fixed" && rule.alone).sort((a, b) => b.rule.alone - a.rule.alone);
    const folded = new Set(fixed.length > OPEN_FIXED + 1 ? fixed.slice(OPEN_FIXED) : []);
    const open = grid(own.filter((tile) => !folded.has(tile)));
    if (!folded.size) return [open];
    return [open, make("details", {}, make("summary", { className: "muted small", textContent: `${folded.size} more without a threshold` }), grid([...folded]))];
  }

  function build() {
    selected = null;
    tiles = domain.rules.map(tileOf);
    const cards = domain.steps.map((step, place) => {
      const own = tiles.filter((tile) => tile.rule.step === place), shown = own.filter((tile) => !tile.element.hidden);
      step.left = make("span", { className: "note" });
      step.bar = draw("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, draw("rect", { height: 10 }), draw("rect", { class: "loss", height: 10 }));
      return make("section", { className: "card step-card", ariaLabel: step.title },
        make("div", { className: "card-head" }, make("h2", { textContent: `${place + 1}. ${step.title}` }), make("span", { className: "sub", textContent: step.final ? "at the end, in all domains" : "" }), step.left), step.bar,
        ...(shown.length ? grids(own) : [make("p", { className: "muted small", textContent: step.changed.length ? "Changes texts and drops nothing here." : "Neither changes nor drops anything in this sample." })]),
        ...(step.changed.length ? [changes(place, step)] : []), make("div", { attributes: { "data-examples": place } }));
    });
    panel.replaceChildren(...(cards.length ? cards : [make("p", { className: "card muted", textContent: "The recipe of this domain is empty: everything is kept. Change filters adds some." })]));
    [...tabs.children].forEach((tab, index) => { tab.setAttribute("aria-selected", String(said.domains[index] === domain)); tab.tabIndex = said.domains[index] === domain ? 0 : -1; });
    refresh();
  }

  function refresh() {
    result = domain.result = count(domain);
    tiles.forEach(update);
    let left = domain.documents;
    domain.steps.forEach((step, place) => {
      const lost = result.byStep[place], share = (hits) => (100 * hits) / (domain.documents || 1);
      const [rest, loss] = step.bar.children;
      rest.setAttribute("width", share(left - lost));
      loss.setAttribute("x", share(left - lost));
      loss.setAttribute("width", share(lost));
      left -= lost;
      step.left.textContent = `${lost ? `−${grouped(lost)}, ` : ""}${grouped(left)} left`;
    });
    totals();
  }

  const config = () => ({ datasets: said.datasets, recipes: Object.fromEntries(said.domains.map((item) => [item.name, recipe(item)])), final_filters: said.finals });

  function totals() {
    const body = root.querySelector("[data-totals]"), row = body.querySelector("tr.is-selected");
    if (row?.dataset.domain === domain.name) row.replaceWith(total(domain));
    else body.replaceChildren(...said.domains.map(total));
  }

  function total(item) {
    const { kept, byRule } = item.result, range = interval(kept, item.documents, item.population), worst = byRule.indexOf(Math.max(...byRule, 0));
    const bar = draw("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, draw("rect", { width: (100 * kept) / (item.documents || 1), height: 10 }), ...(range ? [draw("rect", { class: "range", x: 100 * range[0], width: 100 * (range[1] - range[0]), y: 4, height: 2 })] : []));
    const cell = (textContent, className = "num") => make("td", { textContent, className });
    const name = make("button", { type: "button", className: "btn-link", textContent: item.name, onclick: () => open(item) });
    return make("tr", { className: item === domain ? "is-selected" : "", attributes: { "data-domain": item.name, "data-kept": kept } }, make("th", { attributes: { scope: "row" } }, name), cell(grouped(item.population)), cell(grouped(item.documents)), cell(grouped(kept)),
      cell(percent(kept / (item.documents || 1))), cell(range ? `${percent(range[0])} – ${percent(range[1])}` : "all documents"), make("td", { className: "wide" }, bar),
      cell(byRule[worst] ? `${item.rules[worst].reason} −${grouped(byRule[worst])}` : "nothing", "nowrap"));
  }

  function open(item) {
    flush();
    domain = item;
    build();
    remember();
  }

  // -- the address: the domain and every cut that was moved ------------------------------------------------------------

  function remember() {
    const query = new URLSearchParams([["domain", domain.name]]);
    said.domains.forEach((item) => Object.entries(item.cuts).forEach(([key, cut]) => { if (cut !== item.start[key]) query.append("cut", JSON.stringify([item.name, key, cut])); }));
    history.replaceState(null, "", `#${query}`);
  }

  function recall() {
    const query = new URLSearchParams(location.hash.slice(1));
    query.getAll("cut").forEach((text) => {
      try {
        const [name, key, cut] = JSON.parse(text), item = said.domains.find((other) => other.name === name);
        const rule = item?.rules.find((other) => other.kind !== "fixed" && keyOf(other) === key);
        if (rule && (cut === null || typeof cut === "number")) move(item, rule, cut);
      } catch { /* a link that was cut short: what can be read counts */ }
    });
    return said.domains.find((item) => item.name === query.get("domain")) ?? said.domains[0];
  }

  const actions = {
    "[data-download]": () => {
      const link = make("a", { href: URL.createObjectURL(new Blob([JSON.stringify({ name: form.elements.name?.value ?? "Corpus", ...config() }, null, 1)], { type: "application/json" })), download: "curate.json" });
      link.click();
      URL.revokeObjectURL(link.href);
    },
    "[data-link]": (button) => { remember(); navigator.clipboard?.writeText(location.href).then(() => { button.textContent = "copied"; }); },
    "[data-reset]": () => { Object.assign(domain.cuts, domain.start); domain.rules.forEach((rule) => { if (rule.kind !== "fixed") move(domain, rule, domain.start[keyOf(rule)]); }); refresh(); settle(); },
  };
  Object.entries(actions).forEach(([where, act]) => { const button = root.querySelector(where); button.addEventListener("click", () => act(button)); });
  form.addEventListener("submit", flush);
  tabs.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    const next = (said.domains.indexOf(domain) + by + said.domains.length) % said.domains.length;
    open(said.domains[next]);
    tabs.children[next].focus();
  });

  async function load() {
    const answer = await fetch(root.dataset.rulesUrl);
    if (!answer.ok) throw new Error(`the statistics could not be loaded (${answer.status})`);
    said = await answer.json();
    said.domains.forEach(prepare);
    domain = recall();
    said.domains.forEach((item) => { item.result = count(item); });
    tabs.replaceChildren(...said.domains.map((item) => make("button", { type: "button", textContent: item.name, onclick: () => open(item), attributes: { role: "tab", "aria-controls": "rules-panel" } })));
    build();
    flush();
    root.querySelectorAll("[data-ready]").forEach((button) => { button.disabled = false; });
    root.setAttribute("aria-busy", "false");
  }
  load().catch((error) => { root.querySelector("[data-totals] td").textContent = error.message; root.setAttribute("aria-busy", "false"); });
})();
