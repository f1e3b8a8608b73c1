// The stacked area of the designer: shares of the groups over the run, with a point to drag on every border at every knot.
(() => {
  const { designer } = window.chimera, { edits, total, brief, percent, pulled, clamp } = designer;
  const RAMP = ["#fee838", "#e1cc55", "#c3b369", "#a59c74", "#8a8678", "#707173", "#575d6d", "#3b496c", "#123570", "#00224e"];
  const NAMED = 0.055; // a thinner band has no room for its name

  // Groups of a scale take cividis, which is ordered for every eye; others take the series colours.
  function colours(grouping, count) {
    if (!/^(difficulty|quality)/.test(grouping)) return Array.from({ length: count }, (_, k) => `var(--series-${(k % 8) + 1})`);
    return Array.from({ length: count }, (_, k) => RAMP[count < 2 ? 0 : Math.round((k / (count - 1)) * (RAMP.length - 1))]);
  }
  const dark = (colour) => /^#/.test(colour) && parseInt(colour.slice(1, 3), 16) < 0x70;

  const sums = (row) => { let sum = 0; return row.map((value) => (sum += value)); };

  // Areas, ghost of the natural shares, names. `board` is {pen, axis, top, height, names, colours, natural}.
  function areas(board, curve, positions) {
    const { pen, axis, top, height, names } = board, y = (share) => top + height * (1 - share);
    const points = positions.filter((at) => !axis.log || at >= designer.START).map((at) => [axis.px(at), sums(curve(at))]);
    const line = (k) => points.map(([x, ends]) => `${x.toFixed(1)} ${y(k < 0 ? 0 : ends[k]).toFixed(1)}`);
    names.forEach((name, k) => {
      pen.draw("areas", `area:${k}`, "path", { class: "mix-area", d: `M${line(k).join("L")}L${line(k - 1).reverse().join("L")}Z`, fill: board.colours[k] });
    });
    const ghost = sums(board.natural);
    ghost.slice(0, -1).forEach((share, k) => pen.draw("ghosts", `ghost:${k}`, "line", { class: "mix-ghost", x1: axis.left, x2: axis.right, y1: y(share), y2: y(share) }));
    labels(board, points, y);
  }

  // Each name where its band is thickest, and not over another; a name without room for it has only its colour.
  function labels({ pen, axis, names, colours: fills }, points, y) {
    const taken = [];
    names.forEach((name, k) => {
      const half = name.length * 3.4 + 6, inner = points.filter(([x]) => x > axis.left + half && x < axis.right - half);
      const thick = (ends) => ends[k] - (k ? ends[k - 1] : 0), middle = (ends) => y(ends[k] - thick(ends) / 2);
      const free = ([x, ends]) => thick(ends) >= NAMED && !taken.some((other) => Math.abs(other.x - x) < other.half + half && Math.abs(other.y - middle(ends)) < 15);
      const best = inner.sort((one, other) => thick(other[1]) - thick(one[1])).find(free);
      if (!best) return;
      taken.push({ x: best[0], y: middle(best[1]), half });
      pen.draw("labels", `name:${k}`, "text", { class: `mix-name${dark(fills[k]) ? " on-dark" : ""}`, x: best[0].toFixed(1), y: (middle(best[1]) + 4).toFixed(1), "text-anchor": "middle" }, name);
    });
  }

  function scale({ pen, axis, top, height }) {
    [0, 0.25, 0.5, 0.75, 1].forEach((share) => {
      const y = top + height * (1 - share);
      pen.draw("labels", `share:${share}`, "text", { class: "tick", x: axis.left - 6, y: y + 4, "text-anchor": "end" }, percent(share).replace(".0", ""));
      pen.draw("grid", `line:${share}`, "line", { class: "grid-line", x1: axis.left, x2: axis.right, y1: y, y2: y });
    });
  }

  // A point per border and knot, and a grip under each knot that moves it along the axis.
  function handles(board, config, edit) {
    const { pen, axis, top, height, names, budget } = board;
    config.knots.forEach((knot, index) => {
      const row = designer.row(knot, names), ends = sums(row), x = axis.px(knot.at);
      const when = `knot ${index + 1} of ${config.knots.length}, at ${brief(knot.at * budget)} tokens`;
      const move = (at) => edit(edits.knot(config, index, at), `at:${index}`);
      const nudge = (right) => move(axis.at(clamp(x + right * 6, axis.left, axis.right)));
      const common = (event) => {
        if (event.key === "Delete" || event.key === "Backspace" || event.key === "-") { edit(edits.remove(config, index)); return true; }
        if (event.key !== "+" && event.key !== "=") return false;
        const next = index < config.knots.length - 1 ? axis.px(config.knots[index + 1].at) : axis.right, before = index ? axis.px(config.knots[index - 1].at) : axis.left;
        edit(edits.add(config, names, board.natural, axis.at(next - x > 8 ? (x + next) / 2 : (x + before) / 2)));
        return true;
      };
      pen.draw("grid", `knot:${index}`, "line", { class: "knot-line", x1: x, x2: x, y1: top, y2: top + height });
      pen.handle(`grip:${index}`, "grip", {
        x, y: top + height + 6, label: when, text: `${percent(knot.at)} of the budget`, low: 0, high: 1, now: knot.at,
        drag: (px) => move(axis.at(px)),
        key: (event) => { const by = pulled(event); if (by) nudge(by[0] || by[1]); return Boolean(by) || common(event); },
      });
      names.slice(0, -1).forEach((name, k) => {
        const border = (height01) => edit(edits.border(config, names, index, k, height01), `border:${index}:${k}`);
        pen.handle(`border:${index}:${k}`, "point", {
          x, y: top + height * (1 - ends[k]), label: `${name} against ${names[k + 1]}, ${when}`, text: `${name} ${percent(row[k])}, ${names[k + 1]} ${percent(row[k + 1])}`,
          low: 0, high: 1, now: row[k],
          drag: (px, py, lock) => (lock === "x" ? move(axis.at(px)) : border(1 - (py - top) / height)),
          key: (event) => {
            const by = pulled(event);
            if (by?.[0]) nudge(by[0]); else if (by) border(ends[k] + by[1] / 100);
            return Boolean(by) || common(event);
          },
        });
      });
    });
  }

  // What the whole run takes of each group, beside what there is.
  function account(curve, positions, groups, budget, passes = {}) {
    const shares = designer.planned(curve, positions, groups.length), available = total(groups.map((group) => group.tokens)) || 1;
    return groups.map((group, k) => {
      const tokens = shares[k] * budget, times = Number(passes[group.name] ?? 1);
      return { name: group.name, tokens, available: group.tokens, natural: group.tokens / available, share: shares[k], used: group.tokens ? tokens / group.tokens : tokens > 0.5 ? Infinity : 0, short: Math.max(0, tokens - group.tokens * times) };
    });
  }

  Object.assign(designer, { mix: { areas, scale, handles, account, colours } });
})();
