/* A row of tabs wider than the window is scrolled to the tab of this page. */
for (const current of document.querySelectorAll(".tabs > [aria-current]")) {
  const row = current.parentElement;
  row.scrollLeft = current.offsetLeft - row.offsetLeft - (row.clientWidth - current.offsetWidth) / 2;
}
