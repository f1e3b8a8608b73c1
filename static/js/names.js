// The names of the lines of a chart are its legend: at the ends of the lines where there is room, else in a row above.
// A click hides or shows a line; a double click, or Shift with Enter, shows it alone. What is hidden stands in the address.
(() => {
  const LINE = 13; // height of a name at the end of a line, in px
  const HINT = "hide or show; double click or Shift+Enter: alone";
  const { charts } = window.chimera;

  function button(chart, end) {
    const node = document.createElement("button");
    node.type = "button";
    node.title = `${end.name}: ${HINT}`;
    node.setAttribute("aria-pressed", String(!end.hidden));
    node.setAttribute("aria-label", `${end.name}, ${end.hidden ? "hidden" : "shown"}`);
    node.addEventListener("click", (event) => (event.shiftKey ? chart.board.isolate(chart, end.key) : chart.board.hide(end.key)));
    node.addEventListener("dblclick", () => chart.board.isolate(chart, end.key));
    return node;
  }

  const paint = (name) => { const [token, alpha] = name.split("/"); return token.startsWith("--") ? charts.faded(charts.token(token), Number(alpha || 1)) : token; };

  function row(chart, ends) {
    return ends.map((end) => {
      const node = button(chart, end), swatch = document.createElement("i");
      swatch.className = "swatch";
      swatch.style.background = paint(end.colour);
      node.append(swatch, ` ${end.name}`);
      return node;
    });
  }

  // Buttons over the names that plotly has written beside the ends of the lines.
  function beside(chart, ends) {
    return ends.map((end) => {
      const node = button(chart, end);
      node.style.top = `${end.top - LINE / 2}px`;
      node.style.left = `${end.left}px`;
      node.style.width = `${chart.plot.clientWidth - end.left}px`;
      return node;
    });
  }

  function show(chart, ends) {
    const signature = JSON.stringify(ends.map((end) => [end.key, end.hidden, end.colour, end.top && Math.round(end.top), end.left]));
    if (chart.namesAre === signature + document.documentElement.dataset.theme) return;
    chart.namesAre = signature + document.documentElement.dataset.theme;
    const focus = chart.names?.contains(document.activeElement) ? [...chart.names.children].indexOf(document.activeElement) : -1;
    const placed = ends.every((end) => end.top !== undefined);
    chart.names ||= document.createElement("div");
    chart.names.className = placed ? "line-names" : "line-legend";
    chart.names.setAttribute("role", "group");
    chart.names.setAttribute("aria-label", `Lines of ${chart.title}`);
    chart.names.replaceChildren(...(placed ? beside(chart, ends) : row(chart, ends)));
    if (!ends.length) chart.names.remove();
    else if (placed) chart.frame.append(chart.names);
    else chart.frame.before(chart.names);
    if (focus >= 0) chart.names.children[focus]?.focus();
  }

  window.chimera = Object.assign(window.chimera || {}, { names: { show, LINE } });
})();
