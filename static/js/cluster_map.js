// The map of a clustering: a click on a document opens its cluster (the list below the map has the same links).
(() => {
  document.addEventListener("chimera:drawn", ({ target }) => {
    const pattern = target.dataset.clusterUrl;
    if (!pattern) return;
    target.querySelector(".plot").on("plotly_click", ({ points: [point] }) => {
      location.href = pattern.replace("/0/", `/${point.customdata[3]}/`);
    });
  });
})();
