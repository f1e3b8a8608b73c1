// How the series of one chart become plotly traces: smoothed lines over faint raw ones, areas of shares, names at the ends.
(() => {
  const NAME = 24; // characters of a name at the end of a line
  // A scale of groups (easy to hard) in colours that are ordered for every eye (cividis).
  const RAMP = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];
  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const brief = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(4)).toString());
  const clip = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
  const WHERE = "<br>step %{customdata[1]:,} · %{customdata[2]:,} tokens<br>%{customdata[3]}";
  const hover = (name, smooth) => `<b>%{y:.5g}</b>${smooth ? " · smoothed %{customdata[0]:.5g}" : ""}${WHERE}<extra>${name ? escape(clip(name, 40)) : ""}</extra>`;
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")} after the first step`;
  const custom = (line) => line.step.map((step, i) => [line.smooth[i], step, line.tokens[i], clock(line.time[i])]);

  // A series logged so rarely that smoothing over steps leaves it as it is, is drawn as one line.
  function smoothed(chart, line) {
    const gap = (line.last_step - line.step[0]) / Math.max(1, line.count - 1);
    return chart.smoothing > 0 && chart.smoothing ** gap > 0.05;
  }

  function colourOf(chart, line, index) {
    if (line.colour !== undefined) return `--series-${(line.colour % 8) + 1}`;
    const family = chart.patterns.some((pattern) => pattern.includes("*"));
    if (family && chart.patterns.includes(line.key) && chart.series.length > 1) return "--ink"; // the overall value among a family's members
    return `--series-${((Number(chart.figure.dataset.colour || 1) - 1 + index * (family ? 1 : 5)) % 8) + 1}`;
  }

  function lines(chart, drawn) {
    const data = [], ends = [];
    drawn.forEach((line, index) => {
      const x = chart.x(line), colour = colourOf(chart, line, index), base = { type: "scatter", mode: line.step.length < 3 ? "lines+markers" : "lines", x };
      const name = line.short || line.label, few = { name, customdata: custom(line), hovertemplate: hover(drawn.length > 1 ? name : "", smoothed(chart, line)) };
      if (line.low) {
        const edge = { ...base, hoverinfo: "skip", line: { width: 0 } };
        data.push({ ...edge, y: line.low }, { ...edge, y: line.high, fill: "tonexty", fillcolor: `${colour}/0.16` });
      }
      if (line.member) data.push({ ...base, ...few, y: line.smooth, line: { width: 1, color: `${colour}/0.4` } });
      else if (line.low || !smoothed(chart, line)) data.push({ ...base, ...few, y: line.raw, line: { width: line.low ? 2.4 : 1.7, color: colour } });
      else {
        data.push({ ...base, ...few, y: line.raw, line: { width: 1, color: `${colour}/0.3` } });
        data.push({ ...base, name, y: line.smooth, hoverinfo: "skip", line: { width: 1.8, color: colour } });
      }
      if (!line.member) ends.push({ text: name, y: (line.low || !smoothed(chart, line) ? line.raw : line.smooth).at(-1), colour });
    });
    const log = chart.board.log_y, values = drawn.flatMap((line) => [...line.raw, ...(line.low || []), ...(line.high || [])]);
    const range = span(values, log);
    const layout = { yaxis: { type: log ? "log" : "linear", range, nticks: 5, tickformat: "~g", ...(log && range ? decades(range) : {}) } };
    if (drawn.length > 1 && ends.length <= (drawn[0].colour === undefined ? 8 : 4)) label(chart, layout, ends.map((end) => ({ ...end, at: log ? Math.log10(end.y) : end.y })), range);
    return { data, layout };
  }

  // On a log axis: powers of ten over many of them, 1-2-5 over few, plotly's own choice within one.
  const decades = ([low, high]) => (high - low >= 2 ? { dtick: 1 } : high - low >= 0.5 ? { dtick: "D2" } : {});

  function span(values, log, margin = 0.06) {
    let low = Infinity, high = -Infinity;
    for (const value of values) {
      if (value === null || (log && value <= 0)) continue;
      low = Math.min(low, value); high = Math.max(high, value);
    }
    if (low > high) return undefined;
    if (log) { low = Math.log10(low); high = Math.log10(high); }
    const pad = margin ? (high - low || Math.abs(high) || 1) * margin : 0;
    return [low - pad, high + pad];
  }

  // Names at the ends of their lines, pushed apart so that none covers another.
  function label(chart, layout, ends, range) {
    const height = (chart.plot.clientHeight || 200) - 42, line = 13;
    const room = Math.min(NAME, Math.floor((chart.plot.clientWidth * 0.3) / 6.3));
    const widest = Math.max(...ends.map((end) => clip(end.text, room).length));
    const placed = ends.map((end) => ({ ...end, px: ((end.at - range[0]) / (range[1] - range[0])) * height })).sort((a, b) => a.px - b.px);
    placed.forEach((end, i) => { end.to = Math.max(end.px, i ? placed[i - 1].to + line : 0); });
    const over = placed.at(-1).to - height;
    if (over > 0) for (let i = placed.length - 1, top = height; i >= 0; i -= 1, top -= line) placed[i].to = Math.min(placed[i].to, top);
    layout.margin = { r: 12 + widest * 6.3 };
    layout.annotations = placed.map((end) => ({
      xref: "paper", x: 1, xanchor: "left", xshift: 4, yref: "paper", y: end.to / height, yanchor: "middle", showarrow: false,
      text: escape(clip(end.text, room)), font: { size: 11, color: end.colour },
    }));
  }

  function stack(chart, drawn) {
    const delivered = drawn.filter((line) => !line.key.includes("/planned/")), planned = drawn.filter((line) => line.key.includes("/planned/"));
    const ordered = chart.figure.dataset.ordered !== undefined, data = [], ends = [];
    let under = 0;
    delivered.forEach((line, i) => {
      const colour = ordered ? RAMP[Math.round(((delivered.length - 1 - i) * (RAMP.length - 1)) / Math.max(1, delivered.length - 1))] : `--series-${(i % 8) + 1}`;
      data.push({
        type: "scatter", mode: "lines", name: line.short, x: chart.x(line), y: line.raw, stackgroup: "share", line: { width: 0.5, color: colour },
        fillcolor: ordered ? colour : `${colour}/0.75`, customdata: custom(line),
        hovertemplate: `<b>%{y:.1%}</b><br>step %{customdata[1]:,} · %{customdata[2]:,} tokens<extra>${escape(line.short)}</extra>`,
      });
      ends.push({ text: line.short, at: under + line.raw.at(-1) / 2, colour: "--muted" });
      under += line.raw.at(-1);
    });
    let below = null;
    planned.slice(0, -1).forEach((line) => { // borders between the planned shares
      below = line.raw.map((value, i) => value + (below ? below[i] ?? 0 : 0));
      data.push({ type: "scatter", mode: "lines", x: chart.x(line), y: below, hoverinfo: "skip", line: { width: 1, dash: "dot", color: "--ink" } });
    });
    const layout = { yaxis: { range: [0, 1], tickformat: ".0%", nticks: 5 } };
    if (ends.length <= 10) label(chart, layout, ends, [0, 1]);
    return { data, layout };
  }

  window.chimera = Object.assign(window.chimera || {}, { lines: { lines, stack, span, decades, smoothed, brief } });
})();
