// Structured editors in the place of JSON text areas: the text area stays the field that is posted.
(() => {
  let ids = 0;

  function make(tag, properties = {}, ...children) {
    const { attributes = {}, ...rest } = properties;
    const element = Object.assign(document.createElement(tag), rest);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...children);
    return element;
  }
  const option = (value, textContent) => make("option", { value, textContent });
  const button = (textContent, onclick, classes = "") => make("button", { type: "button", className: `btn btn-small ${classes}`, textContent, onclick });
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  const pairs = (item) => (Object.values(item).some((value) => typeof value === "object") ? "…" : Object.entries(item).map((pair) => pair.join(" ")).join(", "));
  const called = (item) => (isObject(item) ? item.name ?? item.column ?? item.key ?? pairs(item) : item);
  const say = (value) => ({ null: "empty", true: "on", false: "off" })[value] ?? [value].flat().map(called).join(", ");
  const join = (path, name) => (path ? `${path}.${name}` : `${name}`);
  const changed = (element) => element.dispatchEvent(new Event("change", { bubbles: true }));
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  function check(fits) { if (!fits) throw new TypeError("These values do not fit the form."); }

  // A control per plain shape: the element and how its value is read.
  const plain = (fits, box, read) => { check(fits); return [box, () => read(box)]; };
  const input = (type, properties) => make("input", { type, ...properties });
  const split = (text) => text.split(",").map((word) => word.trim()).filter(Boolean);
  const controls = {
    check: (shape, value) => plain(typeof value === "boolean", input("checkbox", { checked: value }), (box) => box.checked),
    number: (shape, value) => plain(value === null || typeof value === "number", input("number", { value: value ?? "", attributes: shape.attributes }),
      (box) => (box.value === "" ? null : Number(box.value))),
    text: (shape, value) => plain(value === null || typeof value === "string", shape.long ? make("textarea", { rows: 2, value: value ?? "" }) : input("text", { value: value ?? "" }),
      (box) => (box.value === "" && shape.optional ? null : box.value)),
    words: (shape, value) => plain(Array.isArray(value), input("text", { value: [value].flat().join(", ") }), (box) => split(box.value)),
    select(shape, value) {
      const box = make("select", {}, ...shape.options.map((item, index) => option(index, shape.labels?.[index] ?? String(item))));
      box.value = shape.options.indexOf(value);
      return plain(box.value !== "", box, () => shape.options[box.value]);
    },
  };

  // Every builder gives {element, read()}; what a list shows as a card also has name() and about().
  function leaf(shape, value, path) {
    const [control, read] = controls[shape.type](shape, value);
    control.id = `item-${++ids}`;
    const label = make("label", { htmlFor: control.id });
    const element = make("div", { className: "field", attributes: { "data-path": path } }, label);
    if (shape.type === "check") { label.className = "check"; label.append(control, shape.title); }
    else { label.textContent = shape.title; element.append(control); }
    element.append(make("p", { className: "help", id: `${control.id}-help`, textContent: shape.help ?? "" }));
    control.setAttribute("aria-describedby", `${control.id}-help`);
    return { element, read, control };
  }

  function object(shape, value, path) {
    check(isObject(value));
    const parts = shape.fields.map((field) => ({ field, node: build(field, field.name in value ? value[field.name] : field.value ?? EMPTY[field.type]?.() ?? null, join(path, field.name)) }));
    const element = make("div", { className: "fields fields-small", attributes: { "data-path": path } });
    element.append(...parts.map(({ field, node }) => (field.type in controls || field.type === "choice" ? node.element
      : make("fieldset", {}, make("legend", { textContent: field.title }), node.element))));
    const shown = shape.fields.map((field) => field.name);
    const rest = Object.keys(value).filter((name) => !shown.includes(name) && value[name]?.length !== 0);
    if (rest.length) element.append(make("p", { className: "help", textContent: `See JSON for: ${rest.map((name) => `${name} ${say(value[name])}`).join("; ")}` }));
    const named = parts.find(({ field }) => ["name", "group"].includes(field.name));
    const plainly = (field, node, besides) => (field.type in controls && field !== besides.field && !same(node.read(), field.value) ? [`${field.title}: ${say(node.read())}`] : []);
    const said = () => parts.filter(({ field, node }) => field.type in controls && node.read() !== null).map(({ field, node }) => `${field.title.toLowerCase()} ${say(node.read())}`).join(", ");
    return {
      element,
      read: () => ({ ...value, ...Object.fromEntries(parts.map(({ field, node }) => [field.name, node.read()])) }),
      name: () => (named ? named.node.read() : said()) || `new ${shape.noun}`,
      about: () => parts.filter(({ node }) => node.read() !== null).flatMap(({ field, node }) => (node.name ? [node.name(), ...(node.settings?.() ?? [])] : named ? plainly(field, node, named) : [])).join(" · "),
      settings: () => parts.filter(({ field, node }) => !same(node.read(), field.value)).map(({ field, node }) => `${field.title}: ${say(node.read())}`),
    };
  }

  // An object that may be left out.
  function maybe(shape, value, path) {
    const given = input("checkbox", { checked: value !== null }), body = make("div");
    let inner = null;
    const show = (item) => { inner = item && object(shape, item, path); body.replaceChildren(...(inner ? [inner.element] : [])); };
    given.addEventListener("change", () => show(given.checked ? {} : null));
    show(value);
    const label = make("label", { className: "check" }, given, `with ${shape.title.toLowerCase()}`);
    return { element: make("div", { className: "stack-tight" }, label, body), read: () => inner && inner.read(), about: () => inner?.settings().join(" · ") ?? "none" };
  }

  function choice(shape, value, path) {
    const select = make("select", { id: `item-${++ids}` }, ...shape.kinds.map((kind) => option(kind.key, kind.title)));
    if (shape.optional) select.prepend(option("", "none"));
    const summary = make("p", { className: "help" }), settings = make("div");
    let kind = null, inner = null;
    const show = (key, config) => {
      kind = shape.kinds.find((item) => item.key === key) ?? null;
      check(kind || (key === "" && shape.optional));
      select.value = key;
      inner = kind && object(kind, config, join(path, "config"));
      summary.textContent = kind?.summary ?? "";
      settings.replaceChildren(...(kind?.fields.length ? [inner.element] : []));
    };
    select.addEventListener("change", () => show(select.value, {}));
    show(value === null ? "" : value.key, value?.config ?? {});
    const field = make("div", { className: "field" }, make("label", { htmlFor: select.id, textContent: shape.title ?? "Kind" }), select, summary);
    return {
      element: make("div", { className: "stack-tight", attributes: { "data-path": path } }, field, settings),
      read: () => kind && { key: kind.key, config: inner.read() },
      name: () => kind?.title ?? "none",
      about: () => (kind?.fields.length ? inner.settings().join(" · ") || "default settings" : "no settings"),
      settings: () => inner?.settings() ?? [],
    };
  }

  // A plain value, or an object where more is to be said; its first field is what the plain value says.
  function either(shape, value, path) {
    const more = input("checkbox", { checked: isObject(value) }), body = make("div"), [first] = shape.more.fields;
    let inner = null;
    const show = (item) => {
      inner = isObject(item) ? object(shape.more, item, path) : leaf({ title: shape.title, ...shape.plain }, item, path);
      body.replaceChildren(inner.element);
    };
    more.addEventListener("change", () => show(more.checked ? { [first.name]: inner.read() || null } : inner.read()[first.name] ?? ""));
    show(value);
    return {
      element: make("div", { className: "stack-tight" }, body, make("label", { className: "check" }, more, "more than that")),
      read: () => inner.read(),
      about: () => (inner.settings ? inner.settings().join(" · ") : say(inner.read())),
    };
  }

  // Cards (lines where the values are plain) with buttons to move and remove them.
  function collection(path, movable, adder) {
    const list = make("ol", { className: "items" });
    const focus = (item) => (item?.querySelector("summary, input") ?? adder.querySelector("button")).focus();
    const moved = (item, tool) => { if (getComputedStyle(tool).visibility === "hidden") focus(item); else tool.focus(); changed(list); };
    const removed = (next, item) => { item.remove(); focus(next); changed(list); };
    const toolsOf = (item) => [
      ["Move up", button("↑", ({ target }) => { item.previousElementSibling.before(item); moved(item, target); }, "btn-quiet move-up")],
      ["Move down", button("↓", ({ target }) => { item.nextElementSibling.after(item); moved(item, target); }, "btn-quiet move-down")],
      ["Remove", button("×", () => removed(item.nextElementSibling ?? item.previousElementSibling, item), "btn-quiet")],
    ].slice(movable ? 0 : 2);
    const add = (node, open) => {
      const title = make("strong"), about = make("span", { className: "sub" });
      const card = node.line ? node.element : make("details", { open }, make("summary", {}, title, " ", about), node.element);
      const item = make("li", { className: "item", node }, card), tools = toolsOf(item);
      item.append(make("div", { className: "item-tools" }, ...tools.map(([, tool]) => tool)));
      item.refresh = () => {
        title.textContent = node.name();
        about.textContent = node.about?.() ?? "";
        tools.forEach(([verb, tool]) => { tool.ariaLabel = tool.title = `${verb}: ${node.name()}`; });
      };
      list.append(item);
      return item;
    };
    const added = (node) => { focus(add(node, true)); changed(list); };
    return { element: make("div", { attributes: { "data-path": path } }, list, adder), add, added, nodes: () => [...list.children].map((item) => item.node) };
  }

  // Where the items have a kind, what to add is asked for by kind.
  function array(shape, value, path) {
    check(Array.isArray(value));
    const { of } = shape, chosen = of.type === "object" ? of.fields.find((field) => field.type === "choice") : of;
    const kinds = make("select", { className: "control", ariaLabel: `Kind of the new ${of.noun}` }, ...(chosen?.kinds ?? []).map((kind) => option(kind.key, kind.title)));
    const suggest = () => { // the usual kind, or the first one that is not there yet
      if (chosen?.usual) { kinds.value = chosen.usual; return; }
      const used = all.nodes().map((node) => node.read()).map((item) => (of.type === "choice" ? item : item?.[chosen?.name])?.key);
      kinds.value = [...kinds.options].find(({ value: key }) => !used.includes(key))?.value ?? kinds.value;
    };
    const fresh = () => {
      const picked = { key: kinds.value, config: {} }, names = all.nodes().map((node) => node.read().name);
      const base = kinds.value.replaceAll("_", "-") || of.noun, name = names.includes(base) ? `${base}-${names.length + 1}` : base;
      return of.type === "choice" ? picked : { ...(of.fields.some((field) => field.name === "name") && { name }), ...(chosen && { [chosen.name]: picked }) };
    };
    const adder = make("div", { className: "row" }, ...(kinds.length ? [kinds] : []), button(`Add ${of.noun ?? "entry"}`, () => { all.added(build(of, fresh(), "")); suggest(); }));
    const all = collection(path, true, adder);
    value.forEach((item, index) => all.add(build(of, item, join(path, index)), false));
    suggest();
    return { element: all.element, read: () => all.nodes().map((node) => node.read()), about: () => all.nodes().map((node) => node.name()).join(" → ") || "empty" };
  }

  function dictionary(shape, value, path) {
    check(isObject(value));
    const title = shape.keyTitle, line = shape.of.type in controls;
    const entry = (key, item) => {
      const named = leaf({ title, type: "text" }, key, ""), inner = build({ title: shape.valueTitle, ...shape.of }, item, join(path, key));
      named.control.required = true;
      return {
        element: make("div", { className: line ? "item-line" : "stack-tight" }, named.element, inner.element),
        line, key: named.control, read: inner.read, about: inner.about,
        name: () => (named.control.value === "*" ? "Every other domain (*)" : named.control.value || `new ${title.toLowerCase()}`),
      };
    };
    const adder = make("div", { className: "row" }, button(`Add ${title.toLowerCase()}`, () => all.added(entry("", EMPTY[shape.of.type]?.() ?? null))));
    const all = collection(path, false, adder);
    Object.entries(value).forEach(([key, item]) => all.add(entry(key, item), false));
    const read = () => {
      const entries = all.nodes().map((node) => [node.key.value, node.read()]), keys = entries.map(([key]) => key);
      all.nodes().forEach(({ key }) => key.setCustomValidity(keys.filter((other) => other === key.value).length > 1 ? "Another entry has this name." : ""));
      return Object.fromEntries(entries);
    };
    return { element: all.element, read };
  }

  const EMPTY = { either: () => "", list: () => [], dict: () => ({}), words: () => [], check: () => false };
  const builders = { object, choice, either, list: array, dict: dictionary };
  const build = (shape, value, path) => (shape.type === "object" && shape.optional ? maybe : builders[shape.type] ?? leaf)(shape, value, path);

  // A message "1.policy.key: unknown …" of the server goes to the innermost part that it names.
  function place(message, host) {
    const text = message.textContent, parts = [...host.querySelectorAll("[data-path]")];
    const fits = parts.filter(({ dataset: { path } }) => path && (text.startsWith(`${path}:`) || text.startsWith(`${path}.`)));
    const part = fits.reduce((best, other) => (best && best.dataset.path.length >= other.dataset.path.length ? best : other), null);
    if (!part) return;
    message.textContent = text.slice(part.dataset.path.length).replace(/^[.:]\s*/, "");
    part.querySelector(":scope > :is(input, select)")?.setAttribute("aria-invalid", "true");
    part.append(make("ul", { className: "errors" }, message));
    for (let card = part; (card = card.parentElement.closest("details")) && host.contains(card);) card.open = true;
  }

  function mount(area, shape) {
    const field = area.closest(".field"), label = field.querySelector("label"), help = field.querySelector(":scope > .help");
    const note = make("p", { className: "help bad", role: "alert" }), host = make("div", { role: "group", ariaLabel: label.textContent });
    const errors = field.querySelector(":scope > .errors"), messages = [...errors?.children ?? []].map((message) => message.textContent);
    let root = null;
    const refresh = () => host.querySelectorAll("li.item").forEach((item) => item.refresh());
    const parse = () => build(shape, JSON.parse(area.value.trim() || "null") ?? EMPTY[shape.type]?.() ?? null, "");
    const show = (asForm) => {
      note.textContent = "";
      try { root = asForm && parse(); } catch (error) { note.textContent = `Stays JSON: ${error.message}`; asForm = false; }
      host.replaceChildren(...(asForm ? [root.element] : []));  // in the other mode no hidden input may hold the form up
      errors?.replaceChildren(...messages.map((textContent) => make("li", { textContent })));
      if (asForm) [...errors?.children ?? []].forEach((message) => place(message, host));
      area.hidden = asForm;
      [form, json].forEach((tab) => tab.setAttribute("aria-pressed", String((tab === form) === asForm)));
      refresh();
    };
    const [form, json] = ["Form", "JSON"].map((name) => make("button", { type: "button", textContent: name, ariaLabel: `${label.textContent} as ${name}`, onclick: () => show(name === "Form") }));
    const head = make("div", { className: "field-head" });
    label.replaceWith(head);
    head.append(label, make("div", { className: "segmented", role: "group", ariaLabel: `Edit ${label.textContent} as` }, form, json));
    if (help) head.after(help);
    area.after(note, host);
    for (const event of ["input", "change"]) host.addEventListener(event, () => { area.value = JSON.stringify(root.read(), null, 1); refresh(); });
    show(true);
  }

  function enhance(part) {
    for (const area of part.querySelectorAll("textarea")) {
      const shape = document.getElementById(`${area.id}-shape`);
      if (shape && !area.closest(".field").querySelector(".field-head")) mount(area, JSON.parse(shape.textContent));
    }
  }
  enhance(document);
  document.addEventListener("htmx:load", (event) => enhance(event.target));
})();
