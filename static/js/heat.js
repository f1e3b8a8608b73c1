// Heat maps of a family of series: one row a layer in order of depth, the first on top; one column a measured step; blank where
// nothing was logged. A mode of charts (lines.js says what a mode is).
(() => {
  const { modes, lines: { brief } } = window.chimera;
  // cividis: ordered by lightness, the same for eyes that see fewer colours.
  const RAMP = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];
  const SCALE = RAMP.map((colour, i) => [i / (RAMP.length - 1), colour]);
  const PLACES = ["embed", "q_proj", "k_proj", "v_proj", "o_proj", "out_proj", "attn", "conv", "gate_proj", "up_proj", "down_proj", "mlp", "feed_forward"];
  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

  // "model.layers.3.mlp.up_proj.lora_A.default" → block 3, "3 up_proj A".
  function placed(line) {
    const name = line.short || line.label, numbers = (name.match(/\d+/g) || []).map(Number);
    const place = PLACES.findIndex((part) => name.includes(part)), block = numbers.length ? numbers[0] : -1;
    const matrix = /\.lora_([AB])/.exec(name)?.[1] || "";
    const part = name.replace(/\.(weight|default|base_layer)\b/g, "").replace(/\.lora_[AB]/, "").split(".").at(-1);
    const label = /^[\d.]+$/.test(name) ? name : [block < 0 ? "" : block, part, matrix].filter((word) => word !== "").join(" ");
    return { line, label, block, order: [block, place < 0 ? PLACES.length : place, ...numbers.slice(1), matrix] };
  }

  function before(a, b) {
    for (let i = 0; i < Math.max(a.order.length, b.order.length); i += 1) {
      if (a.order[i] !== b.order[i]) return (a.order[i] ?? -1) < (b.order[i] ?? -1) ? -1 : 1;
    }
    return a.label.localeCompare(b.label, "en", { numeric: true });
  }

  // The measured steps of all rows together, in order, with their places on the axis.
  function columns(chart, rows) {
    const found = new Map();
    for (const { line } of rows) {
      const x = chart.x(line);
      line.step.forEach((step, i) => { if (!found.has(step)) found.set(step, { step, x: x[i], tokens: line.tokens[i] }); });
    }
    return [...found.values()].sort((a, b) => a.step - b.step);
  }

  // A name at every row while there is room, else at the first row of each block, and of every n-th block if they are many.
  function ticks(chart, rows) {
    const room = Math.max(2, Math.floor((chart.plot.clientHeight - 42) / 13));
    if (rows.length <= room) return { tickvals: rows.map((_, i) => i), ticktext: rows.map((row) => escape(row.label)) };
    const starts = rows.map((_, i) => i).filter((i) => rows[i].block >= 0 && rows[i].block !== rows[i - 1]?.block);
    const every = Math.ceil(starts.length / room), shown = starts.filter((_, i) => i % every === 0);
    return { tickvals: shown, ticktext: shown.map((i) => `layer ${rows[i].block}`) };
  }

  // The colours span the middle 98 % of the values, so that a few outliers do not take the contrast of all others.
  function bounds(z) {
    const values = z.flat().filter((value) => value !== null).sort((a, b) => a - b), at = (share) => values[Math.round(share * (values.length - 1))];
    return { zmin: at(0.01), zmax: at(0.99) };
  }

  function heat(chart, drawn) {
    const rows = drawn.map(placed).sort(before), steps = columns(chart, rows), at = new Map(steps.map(({ step }, i) => [step, i]));
    const z = rows.map(({ line }) => {
      const row = new Array(steps.length).fill(null);
      line.step.forEach((step, i) => { row[at.get(step)] = line.raw[i]; });
      return row;
    });
    const custom = steps.map(({ step, tokens }) => ({ step, tokens })), unit = drawn[0].unit ? ` ${escape(drawn[0].unit)}` : "";
    const trace = {
      type: "heatmap", name: "", x: steps.map((column) => column.x), y: rows.map((_, i) => i), z, text: rows.map((row) => steps.map(() => row.label)), customdata: rows.map(() => custom),
      colorscale: SCALE, ...bounds(z), hoverongaps: false, xgap: 0, ygap: rows.length > 12 ? 0 : 1, colorbar: { thickness: 8, outlinewidth: 0, nticks: 4, tickformat: "~g", tickfont: { size: 10, color: "--muted" }, len: 1.06, xpad: 4 },
      hovertemplate: `<b>%{z:.6g}</b>${unit} · %{text}<br>step %{customdata.step:,} · %{customdata.tokens:,} tokens<extra></extra>`,
    };
    const layout = { yaxis: { range: [rows.length - 0.5, -0.5], showgrid: false, fixedrange: true, ...ticks(chart, rows) }, margin: { l: 60, r: 46 } };
    return { data: [trace], layout, ends: [] };
  }

  // What a step says in words: the lowest and the highest row.
  function values(chart, point) {
    const found = chart.drawn.map((line) => [line, chart.at(line, point)]).filter(([, at]) => at >= 0).map(([line, at]) => ({ label: placed(line).label, value: line.raw[at], step: line.step[at] }));
    if (!found.length) return "";
    const low = found.reduce((a, b) => (b.value < a.value ? b : a)), high = found.reduce((a, b) => (b.value > a.value ? b : a));
    return `${brief(low.value)} (${low.label}) to ${brief(high.value)} (${high.label}) at step ${low.step}`;
  }

  modes.heat = { smooth: false, aligned: true, draw: heat, values };
})();
