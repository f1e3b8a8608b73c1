// Keys of the page on which pairs of answers are judged: 1 left, 2 neither, 3 right.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=hidden]), textarea, select")) return;
  const button = document.querySelector(`[data-judge] [data-key="${CSS.escape(event.key)}"]`);
  if (button) {
    event.preventDefault();
    button.form.requestSubmit(button);
  }
});
