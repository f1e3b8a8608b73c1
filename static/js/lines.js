// How the series of one chart become plotly traces. `chimera.modes` holds the ways; a script that adds one there has added a mode:
// { smooth: whether lines are smoothed, aligned: whether series share their steps, draw(chart, drawn) → { data, layout, ends }, and if the
// first lines do not speak for all: values(chart, point) → words }.
(() => {
  const CROWD = 40; // of more lines than this the smoothed ones alone are drawn: what was logged would hide them
  const NAME = 24; // characters of a name at the end of a line
  // A scale of groups (easy to hard) in colours that are ordered for every eye (cividis).
  const RAMP = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];
  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const brief = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(4)).toString());
  const clip = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
  // Names as short as the room; where several would look the same, each word is its first letter.
  const shortened = (names, room) => {
    const cut = names.map((name) => clip(name, room));
    return new Set(cut).size === new Set(names).size ? cut : names.map((name) => clip(name.replace(/\p{L}{2,}/gu, (word) => word[0]), room));
  };
  const WHERE = "<br>step %{customdata.step:,} · %{customdata.tokens:,} tokens";
  const over = (chart) => (chart.board.over ? `<br>${escape(clip(chart.board.over, 40))} %{x:.5g}` : "");
  const hover = (chart, many, smooth) => `<b>%{y:.5g}</b>${smooth ? " · smoothed %{customdata.smooth:.5g}" : ""}${over(chart)}${WHERE}<br>%{customdata.clock}<extra>${many ? "%{customdata.name}" : ""}</extra>`;
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")} after the first step`;
  const custom = (line) => line.step.map((_, at) => new Spot(line, at));
  const last = (values) => values.findLast((value) => value !== null) ?? 0;

  // What the pointer says of a point, put into words when it gets there: most points it never meets.
  class Spot {
    constructor(line, at) { this.line = line; this.at = at; }
    get key() { return this.line.key; }
    get name() { return escape(clip(this.line.short || this.line.label, 40)); }
    get step() { return this.line.step[this.at]; }
    get tokens() { return this.line.tokens[this.at]; }
    get smooth() { return this.line.smooth[this.at]; }
    get clock() { return clock(this.line.time[this.at]); }
  }

  // A series logged so rarely that smoothing over steps leaves it as it is, is drawn as one line.
  function smoothed(chart, line) {
    const gap = (line.last_step - line.step[0]) / Math.max(1, line.count - 1);
    return chart.smoothing > 0 && chart.smoothing ** gap > 0.05;
  }

  function colourOf(chart, line) {
    if (line.colour !== undefined) return `--series-${(line.colour % 8) + 1}`;
    const family = chart.patterns.some((pattern) => pattern.includes("*")), index = chart.series.indexOf(line);
    if (family && chart.patterns.includes(line.key) && chart.series.length > 1) return "--ink"; // the overall value among a family's members
    return `--series-${((Number(chart.figure.dataset.colour || 1) - 1 + index * (family ? 1 : 5)) % 8) + 1}`;
  }

  // A filled area between two borders over the same places.
  const area = (base, x, low, high, fillcolor) => {
    const edge = { ...base, mode: "lines", x, hoverinfo: "skip", line: { width: 0 } };
    return [{ ...edge, y: low }, { ...edge, y: high, fill: "tonexty", fillcolor }];
  };

  // The mean of a group: nothing was logged exactly there, and the words say so.
  function groupTrace(chart, line, base, colour) {
    const how = line.binned ? "bin mean of" : "mean of", words = `${line.band_words || ""}`;
    return [
      ...area(base, base.x, line.low, line.high, `${colour}/0.16`),
      {
        ...base, name: line.short, y: line.raw, line: { width: 2.4, color: colour }, customdata: line.raw.map((_, i) => [line.low[i], null, null, line.high[i]]),
        hovertemplate: `<b>%{y:.5g}</b> ${how} ${line.members} runs<br>%{customdata[0]:.5g} to %{customdata[3]:.5g}: ${words}<br>at %{x:,}<extra>${escape(clip(line.short, 40))}</extra>`,
      },
    ];
  }

  function traces(chart, line, many) {
    const colour = colourOf(chart, line), base = { type: "scatter", mode: chart.x(line).length < 3 ? "lines+markers" : "lines", x: chart.x(line) };
    if (line.low) return groupTrace(chart, line, base, colour);
    const name = line.short || line.label, smooth = smoothed(chart, line), crowd = chart.series.length > CROWD, about = { name, customdata: custom(line), hovertemplate: hover(chart, many, smooth) };
    const band = line.band && !line.member && !crowd ? area({ type: "scatter" }, line.band.x, line.band.low, line.band.high, `${colour}/${smooth ? 0.16 : 0.3}`) : [];
    if (line.member) return [{ ...base, ...about, y: line.smooth, line: { width: 1, color: `${colour}/0.4` } }];
    if (smooth && crowd) return [{ ...base, ...about, y: line.smooth, line: { width: 1, color: colour } }];
    if (!smooth) return [...band, { ...base, ...about, y: line.raw, line: { width: 1.7, color: colour } }];
    return [...band, { ...base, ...about, y: line.raw, line: { width: 1, color: `${colour}/0.3` } }, { ...base, name, y: line.smooth, hoverinfo: "skip", line: { width: 1.8, color: colour } }];
  }

  // The lines of a crowd that look alike are one trace with gaps: plotly's work is by the trace, and the pointer is told by the point.
  function bundled(traces) {
    const bundles = new Map();
    for (const trace of traces) {
      const look = JSON.stringify([trace.mode, trace.line, trace.hovertemplate]), bundle = bundles.get(look);
      if (bundle) ["x", "y", "customdata"].forEach((name) => bundle[name].push(null, ...trace[name]));
      else bundles.set(look, { ...trace, name: "", x: [...trace.x], y: [...trace.y] });
    }
    return [...bundles.values()];
  }

  function strokes(chart, shown, many) {
    const of = (some) => some.flatMap((line) => traces(chart, line, many));
    if (chart.series.length <= CROWD) return of(shown);
    const crowd = of(shown.filter((line) => !line.low)), high = (i) => (i >> 3) % 4 === 3; // every fourth eight lies above, lest the last colour covers all others
    return [...bundled(crowd.filter((_, i) => !high(i))), ...bundled(crowd.filter((_, i) => high(i))), ...of(shown.filter((line) => line.low))];
  }

  // What the vertical axis must hold: everything, or with outliers left out the middle 98 % of the points of each line.
  function extent(chart, drawn) {
    const { log_y: log } = chart.board, inner = chart.board.view.on("outliers");
    if (chart.ywindow) return log ? chart.ywindow.map((end) => Math.log10(Math.max(end, 1e-12))) : chart.ywindow;
    const all = (line) => [line.raw, smoothed(chart, line) ? line.smooth : [], line.low || [], line.high || []]; // smoothed with points outside the frame
    return span(drawn.flatMap((line) => (inner && line.inner ? [line.inner] : all(line))), log);
  }

  function lines(chart, drawn) {
    const shown = drawn.filter((line) => !chart.hides(line)), many = drawn.length > 1;
    const data = strokes(chart, shown, many);
    const log = chart.board.log_y, range = extent(chart, shown.length ? shown : drawn);
    const layout = { yaxis: { type: log ? "log" : "linear", range, nticks: 5, tickformat: "~g", ...(log && range ? decades(range) : {}) } };
    const named = drawn.filter((line) => !line.member || drawn.every((other) => other.member));
    const ends = named.map((line) => {
      const y = last(line.low || !smoothed(chart, line) ? line.raw : line.smooth);
      return { key: line.key, name: line.short || line.label, hidden: chart.hides(line), colour: colourOf(chart, line), at: log ? Math.log10(y) : y };
    });
    return { data, layout, ends: many ? beside(chart, layout, ends, range) : [] };
  }

  // On a log axis: powers of ten over many of them, 1-2-5 over few, plotly's own choice within one.
  const decades = ([low, high]) => (high - low >= 2 ? { dtick: 1 } : high - low >= 0.5 ? { dtick: "D2" } : {});

  // From the lowest to the highest of the values in several lists, with some room.
  function span(lists, log, margin = 0.06) {
    let low = Infinity, high = -Infinity;
    for (const values of lists) {
      for (const value of values) {
        if (value === null || value === undefined || (log && value <= 0)) continue;
        low = Math.min(low, value); high = Math.max(high, value);
      }
    }
    if (low > high) return undefined;
    if (log) { low = Math.log10(low); high = Math.log10(high); }
    const pad = margin ? (high - low || Math.abs(high) || 1) * margin : 0;
    return [low - pad, high + pad];
  }

  // Names at the ends of their lines, pushed apart so that none covers another; hidden ones at the foot, struck through.
  function beside(chart, layout, ends, range) {
    if (ends.length > chart.board.mostNames) return []; // the page has a list of its own
    if (!range || !ends.length || ends.length > chart.board.namesAtEnds || chart.plot.clientWidth < 260) return ends;
    const height = (chart.plot.clientHeight || 200) - 42, line = window.chimera.names.LINE;
    const room = Math.min(NAME, Math.floor((chart.plot.clientWidth * 0.3) / 6.3));
    const words = shortened(ends.map((end) => end.name), room), told = new Map(ends.map((end, i) => [end.key, words[i]]));
    const right = 12 + Math.max(...words.map((word) => word.length)) * 6.3;
    const px = (end) => (end.hidden || !Number.isFinite(end.at) ? 0 : Math.min(height, Math.max(0, ((end.at - range[0]) / (range[1] - range[0])) * height)));
    const placed = ends.map((end) => ({ ...end, px: px(end) })).sort((a, b) => b.hidden - a.hidden || a.px - b.px);
    placed.forEach((end, i) => { end.to = Math.max(end.px, i ? placed[i - 1].to + line : 0); });
    const above = placed.at(-1).to - height;
    if (above > 0) for (let i = placed.length - 1, top = height; i >= 0; i -= 1, top -= line) placed[i].to = Math.min(placed[i].to, top);
    layout.margin = { r: right };
    layout.annotations = placed.map((end) => ({
      xref: "paper", x: 1, xanchor: "left", xshift: 4, yref: "paper", y: end.to / height, yanchor: "middle", showarrow: false,
      text: end.hidden ? `<s>${escape(told.get(end.key))}</s>` : escape(told.get(end.key)), font: { size: 11, color: end.hidden ? "--muted" : end.label || end.colour },
    }));
    return placed.map((end) => ({ ...end, top: 8 + height - end.to, left: chart.plot.clientWidth - right + 2 }));
  }

  function stack(chart, drawn) {
    const all = drawn.filter((line) => !line.key.includes("/planned/")), planned = drawn.filter((line) => line.key.includes("/planned/"));
    const ordered = chart.figure.dataset.ordered !== undefined, data = [], ends = [];
    const colour = (i) => (ordered ? RAMP[Math.round(((all.length - 1 - i) * (RAMP.length - 1)) / Math.max(1, all.length - 1))] : `--series-${(i % 8) + 1}`);
    let under = 0;
    all.forEach((line, i) => {
      const hidden = chart.hides(line), value = last(line.raw);
      ends.push({ key: line.key, name: line.short, hidden, colour: colour(i), label: "--muted", at: under + value / 2 });
      if (hidden) return;
      under += value;
      data.push({
        type: "scatter", mode: "lines", name: line.short, x: chart.x(line), y: line.raw, stackgroup: "share", line: { width: 0.5, color: colour(i) },
        fillcolor: ordered ? colour(i) : `${colour(i)}/0.75`, customdata: custom(line),
        hovertemplate: `<b>%{y:.1%}</b>${WHERE}<extra>${escape(line.short)}</extra>`,
      });
    });
    let below = null;
    const whole = all.every((line) => !chart.hides(line));
    planned.slice(0, whole ? -1 : 0).forEach((line) => { // borders between the planned shares
      below = line.raw.map((value, i) => value + (below ? below[i] ?? 0 : 0));
      data.push({ type: "scatter", mode: "lines", x: chart.x(line), y: below, hoverinfo: "skip", line: { width: 1, dash: "dot", color: "--ink" } });
    });
    const range = chart.ywindow || [0, 1], layout = { yaxis: { range, tickformat: ".0%", nticks: 5 } };
    return { data, layout, ends: beside(chart, layout, ends, range) };
  }

  const modes = {
    lines: { smooth: true, aligned: false, draw: lines },
    plain: { smooth: false, aligned: false, draw: lines },
    stack: { smooth: false, aligned: true, draw: stack },
  };
  window.chimera = Object.assign(window.chimera || {}, { modes, lines: { span, decades, smoothed, brief } });
})();
