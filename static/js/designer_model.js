// A drawn mixture as plain values: its curve between knots, the edits of it, and undo. Nothing here touches the page.
(() => {
  const START = 1e-3, FLOOR = 1e-6, NOTHING = 1e-304; // as in the policy: where log tokens begin, and what a share of 0 is
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const round = (value, digits = 6) => Number(value.toFixed(digits));
  const total = (row) => row.reduce((sum, value) => sum + value, 0);

  // The shares of a knot in the order of the groups, made to sum to 1 for drawing; what is written may not.
  function row(knot, names) {
    const given = names.map((name) => Math.max(0, Number(knot.shares[name]) || 0)), sum = total(given);
    return given.map((value) => (sum > 0 ? value / sum : 1 / names.length));
  }

  const lerp = (a, b, t) => a.map((value, k) => value + (b[k] - value) * t);
  function softmax(logits) {
    const high = Math.max(...logits), powers = logits.map((value) => Math.exp(value - high)), sum = total(powers);
    return powers.map((value) => value / sum);
  }

  // A function of the position: as `drawn_curve` of the policy has it.
  function curve(config, names, natural) {
    const knots = config.knots.map((knot) => ({ at: clamp(Number(knot.at) || 0, 0, 1), row: row(knot, names) })).sort((a, b) => a.at - b.at);
    if (!knots.length) return () => natural;
    const log = config.scale === "log", ever = names.map((_, k) => knots.some((knot) => knot.row[k] > 0));
    const place = (at) => (log ? Math.log(Math.max(at, START)) : at);
    const value = (knot) => (log ? knot.row.map((share, k) => Math.log(Math.max(share, ever[k] ? FLOOR : NOTHING))) : knot.row);
    const places = knots.map((knot) => place(knot.at)), values = knots.map(value), back = log ? softmax : (shares) => shares;
    return (at) => {
      const x = place(at), after = places.findIndex((other) => other > x);
      if (after === 0) return back(values[0]);
      if (after < 0) return back(values.at(-1));
      return back(lerp(values[after - 1], values[after], (x - places[after - 1]) / (places[after] - places[after - 1] || 1)));
    };
  }

  // Positions close enough for a smooth line and for the integral, on both axes; the knots themselves are among them.
  function grid(knots = []) {
    const steps = Array.from({ length: 121 }, (_, i) => i / 120);
    const all = [...steps, ...steps.map((t) => START ** (1 - t)), ...knots.map((knot) => clamp(Number(knot.at) || 0, 0, 1))];
    return [...new Set(all)].sort((a, b) => a - b);
  }

  // The share of the whole run that each group gets.
  function planned(at, positions, count) {
    const sums = new Array(count).fill(0);
    let before = at(positions[0]);
    for (let i = 1; i < positions.length; i++) {
      const here = at(positions[i]), width = positions[i] - positions[i - 1];
      for (let k = 0; k < count; k++) sums[k] += width * (here[k] + before[k]) / 2;
      before = here;
    }
    return sums;
  }

  const replaced = (list, index, item) => list.map((old, i) => (i === index ? item : old));
  // As a user would write them: four digits, and the largest takes what rounding leaves, so that they add up to 1.
  function shares(names, values) {
    const short = values.map((value) => round(value, 4)), most = short.indexOf(Math.max(...short));
    short[most] = round(short[most] + 1 - total(short), 4);
    return Object.fromEntries(names.map((name, k) => [name, short[k]]));
  }
  const between = (list, index, at, gap = 1e-4) => round(clamp(at, index > 0 ? list[index - 1].at + gap : 0, index < list.length - 1 ? list[index + 1].at - gap : 1));

  const edits = {
    // The border above group `k` at a knot moves to a height; only the two groups that touch it change.
    border(config, names, index, k, height) {
      const values = row(config.knots[index], names), below = total(values.slice(0, k)), both = values[k] + values[k + 1];
      const share = round(clamp(height - below, 0, both), 4);
      const moved = values.map((value, i) => (i === k ? share : i === k + 1 ? both - share : value));
      return { ...config, knots: replaced(config.knots, index, { ...config.knots[index], shares: shares(names, moved) }) };
    },
    share(config, index, name, value) {
      const knot = config.knots[index];
      return { ...config, knots: replaced(config.knots, index, { ...knot, shares: { ...knot.shares, [name]: value } }) };
    },
    normalise(config, names) {
      return { ...config, knots: config.knots.map((knot) => ({ ...knot, shares: shares(names, row(knot, names)) })) };
    },
    knot(config, index, at) {
      return { ...config, knots: replaced(config.knots, index, { ...config.knots[index], at: between(config.knots, index, at) }) };
    },
    // A new knot holds what the curve shows there, so that adding one changes nothing.
    add(config, names, natural, at) {
      const place = round(clamp(at, 0, 1)), values = curve(config, names, natural)(place);
      if (config.knots.some((knot) => Math.abs(knot.at - place) < 1e-4)) return config;
      const knots = [...config.knots, { at: place, shares: shares(names, values) }].sort((a, b) => a.at - b.at);
      return { ...config, knots };
    },
    remove(config, index) {
      return { ...config, knots: config.knots.filter((_, i) => i !== index) };
    },
  };

  // The middle of the widest gap between positions, as wide as it looks on the axis.
  function widest(places, x) {
    const all = [...new Set([0, ...places, 1])].sort((a, b) => a - b);
    let best = 0.5, widest = -1;
    for (let i = 1; i < all.length; i++) {
      const gap = x.px(all[i]) - x.px(all[i - 1]);
      if (gap > widest) { widest = gap; best = x.at((x.px(all[i]) + x.px(all[i - 1])) / 2); }
    }
    return best;
  }

  // Undo and redo. Edits of the same thing in quick succession (a drag, a held key) are one step.
  class History {
    constructor(state) { Object.assign(this, { state, past: [], future: [], tag: "", time: 0 }); }
    set(state, tag = "") {
      if (JSON.stringify(state) === JSON.stringify(this.state)) return;
      const now = Date.now();
      if (!tag || tag !== this.tag || now - this.time > 1200) this.past.push(this.state);
      Object.assign(this, { state, tag, time: now, future: [] });
    }
    seal() { this.tag = ""; }
    undo() { if (this.past.length) { this.future.push(this.state); this.state = this.past.pop(); this.seal(); } }
    redo() { if (this.future.length) { this.past.push(this.state); this.state = this.future.pop(); this.seal(); } }
  }

  const designer = { START, clamp, round, total, row, curve, grid, planned, edits, widest, between, replaced, History };
  window.chimera = Object.assign(window.chimera || {}, { designer });
})();
