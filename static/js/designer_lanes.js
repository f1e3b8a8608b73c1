// The lanes under the stacked area, on the same axis: learning rate, sequence length and phases.
(() => {
  const { designer } = window.chimera, { between, replaced, brief, percent, pulled, clamp, round, widest } = designer;
  const HEIGHT = 76;

  // What a lane of knots draws: where its knots stand in the config, what their value is called and how it is rounded.
  const LANES = {
    rate: {
      title: "learning rate", value: "rate", digits: (value) => Number(value.toPrecision(2)), words: (value) => String(Number(value.toPrecision(3))), least: 0,
      get: (config) => config.tracks?.learning_rate, put: (config, track) => ({ ...config, tracks: { ...config.tracks, learning_rate: track } }),
      fresh: () => ({ knots: [[0, 0], [0.02, 0.003], [0.8, 0.003], [1, 0.0003]].map(([at, rate]) => ({ at, rate })), between: "linear" }),
    },
    length: {
      title: "sequence length", value: "length", words: (value) => `${Math.round(value)} tokens`, least: 2,
      digits: (value, track) => Math.max(track.multiple, Math.round(value / track.multiple) * track.multiple),
      get: (config) => config.lengths, put: (config, track) => ({ ...config, lengths: track }),
      fresh: (data) => {
        const multiple = data.sequence_length % 8 ? 1 : 8, short = Math.max(multiple, Math.round(data.sequence_length / 4 / multiple) * multiple);
        return { knots: [{ at: 0, length: short }, { at: 0.3, length: data.sequence_length }], between: "linear", root: 2, multiple };
      },
    },
  };

  const nice = (value) => { const power = 10 ** Math.floor(Math.log10(value || 1)); return [1, 1.5, 2, 3, 5, 7.5, 10].map((step) => step * power).find((step) => step >= value * 1.05); };
  const sorted = (knots) => [...knots].sort((a, b) => a.at - b.at);

  function add(lane, config, track, at) {
    const knots = track.knots, place = round(at, 4);
    if (knots.some((knot) => Math.abs(knot.at - place) < 1e-4)) return config;
    const before = sorted(knots).filter((knot) => knot.at < place).at(-1), after = sorted(knots).find((knot) => knot.at > place);
    const value = before && after ? before[lane.value] + (after[lane.value] - before[lane.value]) * (place - before.at) / (after.at - before.at) : (before || after)[lane.value];
    return lane.put(config, { ...track, knots: sorted([...knots, { at: place, [lane.value]: lane.digits(value, track) }]) });
  }

  // The last knot of a lane takes the lane with it: then the run chooses.
  function remove(lane, config, track, index) {
    const knots = track.knots.filter((_, i) => i !== index);
    return lane.put(config, knots.length ? { ...track, knots } : null);
  }

  function draw(board, name, config, top, edit) {
    const lane = LANES[name], track = lane.get(config), { pen, axis, budget } = board;
    const high = nice(Math.max(...track.knots.map((knot) => Number(knot[lane.value]) || 0), 1e-9)), y = (value) => top + HEIGHT * (1 - value / high);
    pen.draw("labels", `${name}:title`, "text", { class: "lane-title", x: axis.left + 6, y: top + 12 }, lane.title);
    [[0, "0"], [high, lane.words(high).replace(" tokens", "")]].forEach(([value, text]) => {
      pen.draw("labels", `${name}:tick:${value ? 1 : 0}`, "text", { class: "tick", x: axis.left - 6, y: y(value) + 4, "text-anchor": "end" }, text);
      pen.draw("grid", `${name}:line:${value ? 1 : 0}`, "line", { class: "grid-line", x1: axis.left, x2: axis.right, y1: y(value), y2: y(value) });
    });
    pen.draw("lines", `${name}:path`, "path", { class: `lane-line lane-${name}`, d: path(lane, track, axis, y) });
    track.knots.forEach((knot, index) => {
      const value = Number(knot[lane.value]) || 0, x = axis.px(knot.at), tag = `${name}:${index}`;
      const put = (change) => edit(lane.put(config, { ...track, knots: replaced(track.knots, index, { ...knot, ...change }) }), tag);
      const sideways = (px) => put({ at: between(track.knots, index, axis.at(px)) });
      const upright = (next) => put({ [lane.value]: lane.digits(clamp(next, lane.least, name === "rate" ? 1 : Infinity), track) });
      pen.handle(`${name}:${index}`, "point", {
        x, y: y(value), label: `${lane.title}, knot ${index + 1} of ${track.knots.length}, at ${brief(knot.at * budget)} tokens`, text: lane.words(value), low: 0, high, now: value,
        drag: (px, py, lock) => (lock === "x" ? sideways(px) : upright(high * (1 - (py - top) / HEIGHT))),
        key: (event) => {
          const by = pulled(event);
          if (by?.[0]) sideways(clamp(x + by[0] * 6, axis.left, axis.right));
          else if (by) upright(value + by[1] * (name === "rate" ? high / 50 : track.multiple));
          else if (["Delete", "Backspace", "-"].includes(event.key)) edit(remove(lane, config, track, index));
          else if (event.key === "+" || event.key === "=") edit(add(lane, config, track, widest(track.knots.map((other) => other.at), axis)));
          else return false;
          return true;
        },
      });
    });
  }

  function path(lane, track, axis, y) {
    const knots = sorted(track.knots), value = (knot) => Number(knot[lane.value]) || 0, points = [[axis.left, value(knots[0])]];
    knots.forEach((knot, index) => {
      const next = knots[index + 1];
      points.push([axis.px(knot.at), value(knot)]);
      if (!next) return;
      if (track.between === "step") { points.push([axis.px(next.at), value(knot)]); return; }
      const root = track.between === "root" ? track.root || 2 : 1; // straight over tokens is bent over log tokens
      for (let i = 1; i < 24; i++) {
        const at = axis.at(axis.px(knot.at) + (axis.px(next.at) - axis.px(knot.at)) * i / 24), way = (at - knot.at) / (next.at - knot.at);
        points.push([axis.px(at), value(knot) + (value(next) - value(knot)) * Math.max(0, way) ** (1 / root)]);
      }
    });
    points.push([axis.right, value(knots.at(-1))]);
    return `M${points.map(([x, v]) => `${x.toFixed(1)} ${y(v).toFixed(1)}`).join("L")}`;
  }

  // Phases: bands with names, and a border to drag wherever one begins or ends.
  const phasesOf = (config) => config.tracks?.phases || [];
  const withPhases = (config, phases) => ({ ...config, tracks: { ...config.tracks, phases } });

  function addPhase(config) {
    const phases = phasesOf(config), last = phases.at(-1), name = `Phase ${phases.length + 1}`;
    if (!last) return withPhases(config, [{ name, start: 0, end: 1 }]);
    if (last.end < 0.999) return withPhases(config, [...phases, { name, start: last.end, end: 1 }]);
    const middle = round((last.start + last.end) / 2, 4);
    return withPhases(config, [...phases.slice(0, -1), { ...last, end: middle }, { name, start: middle, end: last.end }]);
  }
  // Its neighbour takes the place of a phase that goes.
  function removePhase(config, index) {
    const phases = phasesOf(config), gone = phases[index], left = phases.filter((_, i) => i !== index);
    if (index > 0 && phases[index - 1].end === gone.start) left[index - 1] = { ...left[index - 1], end: gone.end };
    else if (left[index]?.start === gone.end) left[index] = { ...left[index], start: gone.start };
    return withPhases(config, left);
  }

  function drawPhases(board, config, top, bottom, edit) {
    const { pen, axis, budget } = board, phases = phasesOf(config), places = [];
    phases.forEach((phase, index) => {
      const left = axis.px(phase.start), right = axis.px(phase.end), room = Math.floor((right - left - 8) / 6.6);
      pen.draw("phases", `phase:${index}`, "rect", { class: `phase-band${index % 2 ? " is-odd" : ""}`, x: left, y: top, width: Math.max(0, right - left), height: 20 });
      pen.draw("labels", `phase-name:${index}`, "text", { class: "phase-name", x: left + 6, y: top + 14 }, room < 2 ? "" : phase.name.length > room ? `${phase.name.slice(0, room - 1)}…` : phase.name);
      if (index === 0 || phases[index - 1].end !== phase.start) places.push({ at: phase.start, starts: index });
      places.push({ at: phase.end, ends: index, starts: phases[index + 1]?.start === phase.end ? index + 1 : undefined });
    });
    places.forEach((place, number) => {
      const x = axis.px(place.at), low = number ? places[number - 1].at + 1e-3 : 0, high = number < places.length - 1 ? places[number + 1].at - 1e-3 : 1;
      const move = (at) => {
        const to = round(clamp(at, low, high), 4);
        edit(withPhases(config, phases.map((phase, i) => ({ ...phase, ...(i === place.starts ? { start: to } : {}), ...(i === place.ends ? { end: to } : {}) }))), `phase:${number}`);
      };
      const names = [place.ends !== undefined && `end of ${phases[place.ends].name}`, place.starts !== undefined && `start of ${phases[place.starts].name}`].filter(Boolean).join(", ");
      pen.draw("phases", `phase-line:${number}`, "line", { class: "phase-line", x1: x, x2: x, y1: top, y2: bottom });
      pen.handle(`phase-edge:${number}`, "edge", {
        x, y: top + 10, label: names, text: `${percent(place.at)}, ${brief(place.at * budget)} tokens`, low: 0, high: 1, now: place.at,
        drag: (px) => move(axis.at(px)),
        key: (event) => {
          const by = pulled(event);
          if (by) move(axis.at(clamp(x + (by[0] || by[1]) * 6, axis.left, axis.right)));
          else if (["Delete", "Backspace", "-"].includes(event.key)) edit(removePhase(config, place.starts ?? place.ends));
          else if (event.key === "+" || event.key === "=") edit(addPhase(config));
          else return false;
          return true;
        },
      });
    });
  }

  Object.assign(designer, { lanes: { LANES, HEIGHT, draw, drawPhases, addPhase, removePhase, add, remove, phasesOf, withPhases } });
})();
