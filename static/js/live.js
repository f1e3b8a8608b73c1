// One WebSocket for the whole page. Topics come from [data-live-topic] and from chimera.live.subscribe.
// News become DOM events on <body>: chimera:rows, chimera:reset, chimera:events (runs), chimera:job and chimera:log (jobs).
// htmx listens to them ("chimera:job from:body") and fetches partials, so HTML never travels through the socket.
(() => {
  const FIRST_WAIT = 500, LONGEST_WAIT = 15000, SILENCE = 4000;
  const topics = new Map(); // topic → seq of the newest row seen
  let socket = null, wait = FIRST_WAIT, timer = 0, heardAt = 0;

  const emit = (name, detail) => document.body.dispatchEvent(new CustomEvent(`chimera:${name}`, { detail, bubbles: true }));
  const say = (message) => { if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message)); };
  const ask = (topic) => say({ subscribe: topic, after: topics.get(topic) || 0 });

  function connect() {
    clearTimeout(timer);
    if (!topics.size || document.hidden || (socket && socket.readyState <= WebSocket.OPEN)) return;
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/live/`);
    socket.onopen = () => { wait = FIRST_WAIT; heardAt = Date.now(); topics.forEach((_, topic) => ask(topic)); status("live"); };
    socket.onmessage = (event) => { heardAt = Date.now(); receive(JSON.parse(event.data)); };
    socket.onclose = () => {
      socket = null;
      if (document.hidden) return;
      status("reconnecting");
      timer = setTimeout(connect, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    };
  }

  function receive(message) {
    const { topic } = message;
    if (!topics.has(topic) || message.error) return;
    if (message.reset) { topics.set(topic, Math.max(topics.get(topic), message.reset)); emit("reset", message); }
    else if (message.rows) { topics.set(topic, message.seq); emit("rows", message); }
    else if (message.events) emit("events", message);
    else if (message.log) emit("log", message);
    else emit("job", message);
  }

  function status(word) {
    document.documentElement.dataset.live = word;
    document.querySelectorAll("[data-live-status]").forEach((node) => { node.textContent = word; });
  }

  function subscribe(topic, after = 0) {
    if (topics.has(topic)) return;
    topics.set(topic, after);
    if (socket?.readyState === WebSocket.OPEN) ask(topic); else connect();
  }

  const scan = (root) => {
    if (root.matches?.("[data-live-topic]")) subscribe(root.dataset.liveTopic, Number(root.dataset.liveSeq) || 0);
    root.querySelectorAll?.("[data-live-topic]").forEach((node) => subscribe(node.dataset.liveTopic, Number(node.dataset.liveSeq) || 0));
  };

  // A hidden tab rests: it closes its socket and asks for what it missed when it is seen again.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { clearTimeout(timer); socket?.close(); }
    else { wait = FIRST_WAIT; connect(); emit("job", { topic: "jobs", returned: true }); }
  });
  addEventListener("online", () => { wait = FIRST_WAIT; connect(); });
  // Bells may be lost. After a while of silence, asking again with the last seq heals whatever was missed.
  setInterval(() => {
    if (socket?.readyState === WebSocket.OPEN && Date.now() - heardAt > SILENCE) { heardAt = Date.now(); topics.forEach((_, topic) => ask(topic)); }
  }, SILENCE / 2);

  document.addEventListener("DOMContentLoaded", () => scan(document));
  document.addEventListener("htmx:load", (event) => scan(event.target));
  window.chimera = Object.assign(window.chimera || {}, { live: { subscribe } });
})();
