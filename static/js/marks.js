// What stands behind and across the lines of every chart: phases of the run as bands, events at their step.
(() => {
  const STILL = ["stable", "constant"]; // where the rate does not move, nothing is shaded
  const shade = (band) => (band.name.startsWith("warm") ? 2 : 7);
  const FAINT = { 2: 0.12, 7: 0.05 };
  const STRIP = 0.022; // height of the strip of the mixture's phases, of the chart
  const strip = (band) => (band.place % 8) + 1;
  const colour = (band) => (band.kind === "rate" ? shade(band) : strip(band));
  const FORM = { // where a band stands, and how dense it is
    curriculum: (band) => ({ y0: 1 - STRIP, y1: 1, fillcolor: `--series-${strip(band)}/0.9`, layer: "above" }),
    rate: (band) => ({ y0: 0, y1: 1, fillcolor: `--series-${shade(band)}/${FAINT[shade(band)]}`, layer: "below" }),
    mixture: (band) => ({ y0: 0, y1: STRIP, fillcolor: `--series-${strip(band)}/0.6`, layer: "above" }),
  };

  const still = (band) => band.kind === "rate" && STILL.includes(band.name);

  const read = () => JSON.parse(document.getElementById("phase-bands")?.textContent || "[]");

  // Where on the axis the run had seen so many tokens; beyond what is logged, in proportion to the last point.
  function place(board, tokens) {
    if (board.axis === "tokens") return tokens;
    const line = board.densest(), last = line.tokens.length - 1;
    if (last < 0) return null;
    const at = line.tokens.findIndex((seen) => seen >= tokens);
    return at < 0 ? (line[board.axis][last] * tokens) / line.tokens[last] : line[board.axis][at];
  }

  function phases(chart, layout, range) {
    const { board } = chart;
    if (!board.view.on("phases") || board.over || !range) return;
    const [low, high] = board.log_x ? range.map((end) => 10 ** end) : range;
    for (const band of board.bands) {
      const x0 = Math.max(place(board, band.lo) ?? NaN, low), x1 = Math.min(place(board, band.hi) ?? NaN, high);
      if (!(x0 < x1) || still(band)) continue;
      (layout.shapes ||= []).push({ type: "rect", x0, x1, yref: "paper", line: { width: 0 }, ...FORM[band.kind](band) });
      if (band.kind === "curriculum" && x0 > low) layout.shapes.push({ type: "line", x0, x1: x0, yref: "paper", y0: 0, y1: 1, line: { width: 1, dash: "dot", color: `--series-${strip(band)}/0.9` } });
    }
  }

  // The names of the bands, once for all charts.
  function name(board) {
    const node = board.node.querySelector(".phase-names");
    if (!node) return;
    const seen = new Map();
    for (const band of board.bands) if (!still(band)) seen.set(`${band.kind} ${band.name}`, band);
    node.hidden = !seen.size || !board.view.on("phases") || Boolean(board.over);
    const entry = (band) => {
      const item = document.createElement("span"), swatch = document.createElement("i");
      swatch.className = `swatch series-${colour(band)}`;
      item.append(swatch, ` ${band.name}`);
      return item;
    };
    const words = (kind, text) => {
      const found = [...seen.values()].filter((band) => band.kind === kind).map(entry);
      return found.length ? [Object.assign(document.createElement("span"), { className: "muted", textContent: text }), ...found] : [];
    };
    node.replaceChildren(...words("curriculum", "Curriculum, strip at the head:"), ...words("rate", "Learning rate, shaded:"), ...words("mixture", "Planned mixture, strip at the foot:"));
  }

  const happened = () => [...document.querySelectorAll("[data-mark-step]")].map(({ dataset }) => ({
    step: Number(dataset.markStep), word: dataset.markWord, alarm: dataset.markAlarm || "", key: dataset.markKey || "",
  }));

  // An edit of the plan is a dashed line with its name through all charts.
  // An alarm is a dashed line through the charts of its series (of no series: through all), where it is spelt out, one name
  // below the other; elsewhere it is faint. All else is dotted, checkpoints at the foot alone, as there may be many.
  function events(chart, layout, range) {
    const { board } = chart;
    if (board.over || !range) return;
    let named = 0;
    for (const mark of happened()) {
      const x = board.placeOf(mark.step);
      if (x === null) continue;
      const at = board.log_x ? Math.log10(x) : x, late = at > range[0] + 0.6 * (range[1] - range[0]);
      if (!(at >= range[0] && at <= range[1])) continue;
      const own = mark.alarm && (!mark.key || chart.series.some((line) => line.key === mark.key));
      const edit = mark.word === "plan_edited", color = own ? "--warn" : mark.alarm ? "--warn/0.4" : edit ? "--ink" : "--muted/0.6";
      (layout.shapes ||= []).push({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: mark.word === "checkpoint" ? 0.08 : 1, line: { dash: own || edit ? "dash" : "dot", width: 1, color } });
      if (!(own || edit) || chart.mode.aligned || named > 3) continue;
      (layout.annotations ||= []).push({
        x: at, yref: "paper", y: 1, yshift: -13 * named, xanchor: late ? "right" : "left", yanchor: "top", showarrow: false,
        text: `${own ? mark.alarm.replaceAll("<", "&lt;") : "plan edited"} · step ${mark.step}`, font: { size: 10, color }, xshift: late ? -2 : 2,
      });
      named += 1;
    }
  }

  window.chimera = Object.assign(window.chimera || {}, { marks: { read, name, draw(chart, layout, range) { phases(chart, layout, range); events(chart, layout, range); } } });
})();
