// The server's answers for the charts of a board. In a comparison the charts that ask alike at the same time are answered
// together: what is read for one (runs, axes) serves the others too.
(() => {
  const TOGETHER = 8; // charts in a request: more would keep the first ones waiting

  async function json(url, signal) {
    const response = await fetch(url, { signal });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return response.json();
  }

  // Several charts wait for one answer; it is called off when none of them wants it any more.
  class Shared {
    constructor(start) {
      this.keys = new Set();
      this.waiting = 0;
      this.abort = new AbortController();
      this.answer = Promise.resolve().then(() => start(this)); // when all that ask now have asked
      this.answer.catch(() => {}); // whoever waits is told
    }

    join(keys, signal) {
      keys.forEach((key) => this.keys.add(key));
      this.waiting += 1;
      signal.addEventListener("abort", () => { this.waiting -= 1; if (!this.waiting) this.abort.abort(); });
      return this.answer;
    }
  }

  class Reader {
    constructor(board) {
      this.board = board;
      this.asked = new Map();
    }

    // { series, seq, start } of one chart that draws at most about `most` points of a line.
    async read(chart, most, signal) {
      const url = this.board.url(chart, most), keys = this.board.keysOf(chart), named = (names) => `${url}&${new URLSearchParams(names.map((key) => ["key", key]))}`;
      if (!this.board.runs) return json(named(keys), signal);
      const { series, ...about } = await this.shared(url, named).join(keys, signal);
      signal.throwIfAborted();
      return { ...about, series: series.filter((line) => keys.includes(line.metric)) };
    }

    shared(url, named) {
      const found = this.asked.get(url);
      if (found && found.keys.size < TOGETHER && !found.abort.signal.aborted) return found;
      const fresh = new Shared((shared) => {
        if (this.asked.get(url) === shared) this.asked.delete(url);
        return json(named([...shared.keys]), shared.abort.signal);
      });
      this.asked.set(url, fresh);
      return fresh;
    }
  }

  window.chimera = Object.assign(window.chimera || {}, { Reader });
})();
