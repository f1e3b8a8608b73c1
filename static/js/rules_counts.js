// Counting for the recipe workbench: what cuts on the statistics of a sample would drop. No DOM in here.
(() => {
  const keyOf = (rule) => `${rule.step}.${rule.field}`;
  const movable = (rule) => rule.kind !== "fixed";

  // Statistics become typed arrays; a rule that was not asked at a document has NaN there, which fails nothing.
  function prepare(domain) {
    domain.cuts = {};
    domain.rules.forEach((rule, index) => {
      rule.index = index;
      rule.values = Float64Array.from(rule.values, (value) => value ?? NaN);
      if (movable(rule)) domain.cuts[keyOf(rule)] = rule.bound;
    });
    domain.orders = new Map(domain.orders);
    domain.usual = domain.rules.map((_, index) => index);
    domain.start = { ...domain.cuts };
    domain.rules.forEach((rule) => measure(domain, rule));
    return domain;
  }

  const cutOf = (domain, rule) => (movable(rule) ? domain.cuts[keyOf(rule)] : rule.bound);

  function measure(domain, rule) {
    const bound = cutOf(domain, rule), { values, side, strict } = rule;
    const failing = new Uint8Array(values.length);
    rule.alone = 0;
    if (bound !== null) {
      for (let i = 0; i < values.length; i += 1) {
        const value = values[i];
        const fails = side === "least" ? (strict ? value <= bound : value < bound) : (strict ? value >= bound : value > bound);
        if (fails) { failing[i] = 1; rule.alone += 1; }
      }
    }
    rule.failing = failing;
  }

  // A cut may bind two rules of a step: both are measured again.
  function move(domain, rule, value) {
    domain.cuts[keyOf(rule)] = value;
    domain.rules.filter((other) => movable(other) && keyOf(other) === keyOf(rule)).forEach((other) => measure(domain, other));
  }

  // Which rule each document fails first; -1 for a document that is kept.
  function count(domain) {
    const first = new Int16Array(domain.documents).fill(-1), byRule = new Array(domain.rules.length).fill(0), byStep = domain.steps.map(() => 0);
    for (let document = 0; document < domain.documents; document += 1) {
      for (const index of domain.orders.get(document) ?? domain.usual) {
        if (!domain.rules[index].failing[document]) continue;
        first[document] = index;
        byRule[index] += 1;
        byStep[domain.rules[index].step] += 1;
        break;
      }
    }
    const dropped = byStep.reduce((sum, part) => sum + part, 0);
    return { first, byRule, byStep, dropped, kept: domain.documents - dropped };
  }

  // Wilson's interval for a share; of a sample that is the whole domain the share is exact.
  function interval(hits, size, population) {
    if (!size || size >= population) return null;
    const z = 1.959963984540054, share = hits / size, z2 = (z * z) / size;
    const middle = (share + z2 / 2) / (1 + z2), half = (z * Math.sqrt((share * (1 - share)) / size + z2 / (4 * size))) / (1 + z2);
    return [Math.max(0, middle - half), Math.min(1, middle + half)];
  }

  // Where a statistic stands between 0 and 1: linear, or logarithmic from a typical small value on if it spans a lot.
  function axis(values, bound) {
    const found = Array.from(values).filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
    const ends = [...(found.length ? [found[0], found[found.length - 1]] : []), ...(bound === null ? [] : [bound])];
    let low = Math.min(...ends), high = Math.max(...ends);
    if (!ends.length) [low, high] = [0, 1];
    const margin = (high - low || Math.abs(high) || 1) * 0.06;
    high += margin;
    low = low >= 0 ? Math.max(0, low - margin) : low - margin;
    const positive = found.filter((value) => value > 0), middle = positive[positive.length >> 1] ?? 0;
    if (low < 0 || !middle || high < 8 * middle) {
      return { low, high, to: (value) => (value - low) / (high - low), from: (place) => low + place * (high - low) };
    }
    const small = positive[Math.floor(positive.length * 0.05)] || middle;
    const bend = (value) => Math.log1p(Math.max(0, value) / small), [a, b] = [bend(low), bend(high)];
    return { low, high, to: (value) => (bend(value) - a) / (b - a), from: (place) => small * Math.expm1(a + place * (b - a)) };
  }

  // The documents nearest to the cut that fail it, and those that pass it.
  function nearest(rule, most) {
    const sign = rule.side === "least" ? -1 : 1, measured = [];
    rule.values.forEach((value, document) => { if (!Number.isNaN(value)) measured.push([value * sign, document]); });
    measured.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const of = (fails) => measured.filter(([, document]) => rule.failing[document] === fails).map(([, document]) => document);
    return { dropped: of(1).slice(0, most), kept: of(0).reverse().slice(0, most) };
  }

  // The recipe of a domain with its cuts in their settings.
  function recipe(domain) {
    return domain.steps.filter((step) => !step.final).map(({ key, config }, place) => {
      const said = { ...config };
      domain.rules.filter((rule) => rule.step === place && movable(rule)).forEach((rule) => {
        const cut = domain.cuts[keyOf(rule)];
        said[rule.field] = rule.kind === "switch" ? cut !== null : cut;
      });
      return { key, config: said };
    });
  }

  window.chimera = Object.assign(window.chimera || {}, { rules: { prepare, move, count, interval, axis, nearest, recipe, cutOf, keyOf } });
})();
