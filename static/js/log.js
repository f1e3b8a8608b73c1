// The log of a job follows its end until somebody scrolls up; at the end it follows again.
(() => {
  const NEAR = 24; // pixels from the end that count as the end

  function attach(log) {
    const follow = log.closest("section").querySelector("[data-log-follow]");
    const toEnd = () => { if (follow.checked) log.scrollTop = log.scrollHeight; };
    new MutationObserver(() => {
      const said = [...log.querySelectorAll("[data-log-empty]")];
      (log.querySelector(".log-chunk") ? said : said.slice(0, -1)).forEach((node) => node.remove());
      toEnd();
    }).observe(log, { childList: true });
    let last = log.scrollTop;
    log.addEventListener("scroll", () => {
      const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
      if (log.scrollTop < last && !atEnd) follow.checked = false;
      else if (atEnd) follow.checked = true;
      last = log.scrollTop;
    }, { passive: true });
    follow.addEventListener("change", toEnd);
    toEnd();
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-log]").forEach(attach));
})();
