"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const run = at("live").dataset.run;
  const SHOWN = ["p50", "p95", "p99"];
  const ROLES = { p50: "idle", p95: "up", p99: "http", "Mbit/s": "down", budget: "budget" };
  const NAMES = { idle: "RTT, idle", up: "RTT, loaded up", down: "RTT, loaded down", both: "RTT, loaded both ways", floor: "RTT without delay", calibration: "RTT, calibration" };
  const FRESH = "HTTP, new connection";
  const HTTP_NAMES = { http: "HTTP, idle", "http-fresh": FRESH, "http-load": "HTTP, load client", up: `${FRESH}, loaded up`, down: `${FRESH}, loaded down`, both: `${FRESH}, loaded both ways` };
  const MOST_CHARTS = 12;
  const LOOK_MS = 1000;
  const began = { budgets: [] };
  const rows = new Map();
  const charts = new Map();
  let phase = null;
  // The run's own clock, as its last event told it: who comes late must not count from when they came.
  const clock = { run: 0, here: 0 };

  const color = (role) => getComputedStyle(document.documentElement).getPropertyValue(`--${role}`).trim();
  const element = (name, text = "", properties = {}) => Object.assign(document.createElement(name), { textContent: text, ...properties });
  const figure = (value) => (value === undefined ? "" : value >= 100 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : String(+value.toPrecision(2)));
  const budgetOf = (path, kind) => began.budgets.find((each) => each[0] === path && each[1] === kind);

  // One chart for each path: its percentiles as they settle, over the seconds since the run began.
  class Chart {
    constructor(key, title, names, unit, limit) {
      this.names = names;
      this.title = title;
      this.limit = limit;
      this.data = [[], ...names.map(() => []), ...(limit === undefined ? [] : [[]])];
      this.due = false;
      const section = element("section");
      section.append(element("h2", title));
      this.words = element("p", "", { className: "muted small" });
      this.plot = element("div", "", { className: "plot" });
      this.plot.setAttribute("role", "img");
      section.append(this.plot, this.words);
      at("charts").append(section);
      const axis = { stroke: () => color("muted"), grid: { stroke: () => color("line"), width: 1 }, ticks: { stroke: () => color("line") } };
      const lines = [...names, ...(limit === undefined ? [] : ["budget"])].map((name) => ({
        label: name, stroke: () => color(ROLES[name] ?? "idle"), width: 2, dash: name === "budget" ? [6, 4] : name === "p95" ? [7, 3] : name === "p99" ? [3, 2] : [],
        value: (_, value) => (value == null ? "–" : `${figure(value)} ${unit}`), points: { show: (view) => view.data[0].length < 3, size: 8 },
      }));
      this.view = new uPlot({
        width: this.plot.clientWidth || 600, height: 230,
        scales: { x: { time: false } },
        series: [{ label: "s", value: (_, value) => (value == null ? "–" : value.toFixed(1)) }, ...lines],
        axes: [{ ...axis, label: "seconds since the run began", stroke: () => color("muted") }, { ...axis, label: unit }],
        cursor: { drag: { x: true, y: false } },
      }, this.data, this.plot);
      new ResizeObserver(() => this.view.setSize({ width: this.plot.clientWidth, height: 230 })).observe(this.plot);
    }

    add(seconds, values) {
      this.data[0].push(seconds);
      this.names.forEach((name, place) => this.data[place + 1].push(values[name] ?? null));
      if (this.limit !== undefined) this.data[this.names.length + 1].push(this.limit);
      this.words.textContent = `${this.names.map((name) => `${name} ${values[name] === undefined ? "lost" : figure(values[name])}`).join(", ")}${this.limit === undefined ? "" : `; budget ${this.limit}`}`;
      this.plot.setAttribute("aria-label", `${this.title}: ${this.words.textContent}`);
      if (!this.due) { this.due = true; requestAnimationFrame(() => { this.due = false; this.view.setData(this.data); }); }
    }
  }

  function chart(key, title, names, unit, limit) {
    if (!charts.has(key) && charts.size < MOST_CHARTS) charts.set(key, new Chart(key, title, names, unit, limit));
    return charts.get(key);
  }

  function row(path, name) {
    const key = `${path} ${name}`;
    if (!rows.has(key)) {
      const line = document.createElement("tr");
      line.append(Object.assign(element("th", path), { scope: "row" }), ...Array.from({ length: 8 }, () => element("td")));
      line.cells[1].textContent = name;
      at("figures").append(line);
      rows.set(key, line);
    }
    return rows.get(key);
  }

  const handlers = {
    began(event) {
      Object.assign(began, event);
      at("state").textContent = "running";
      at("title").textContent = event.title || event.target;
      at("about").textContent = `${event.run} · ${event.target} · ${event.paths.length} path${event.paths.length === 1 ? "" : "s"} · emulator ${event.emulator}`;
    },
    phase(event) { phase = event; },
    moved(event) {
      const name = (event.kind === "http" ? HTTP_NAMES : NAMES)[event.phase] ?? event.phase;
      const line = row(event.path, name);
      const values = event.percentiles_ms;
      [event.settled, event.lost, ...SHOWN.map((each) => (values[each] === undefined ? "lost" : figure(values[each])))]
        .forEach((value, place) => { line.cells[place + 2].textContent = value; });
      line.cells[3].className = event.lost ? "word v-fail" : "";
      const budget = event.phase === "idle" || event.phase === event.kind ? budgetOf(event.path, event.kind) : undefined;
      if (budget) line.cells[8].textContent = `${budget[2]} ${budget[3]} ${budget[4]}`;
      if (!event.is_final) chart(`${event.path} ${name}`, `${event.path}: ${name}`, SHOWN, "ms", budget?.[3])?.add(event.at, values);
    },
    rate(event) {
      row(event.path, NAMES[event.phase] ?? event.phase).cells[7].textContent = figure(event.mbps);
      chart("rates", "Goodput as the receiver counts it", ["Mbit/s"], "Mbit/s")?.add(event.at, { "Mbit/s": event.mbps });
    },
    said(event) { at("said").append(element("li", event.text)); },
    ended(event) {
      source.close();
      phase = null;
      const word = event.verdict ?? "ended without a verdict";
      at("state").textContent = word.toUpperCase();
      at("live").className = `verdict v-${event.verdict ?? "none"}`;
      at("progress").hidden = true;
      at("phase").textContent = event.verdict ? "The run is over and kept." : "The run is over; nothing of it was kept.";
      at("why").replaceChildren(...(event.reasons ?? []).map((each) => element("li", each)));
      at("why").hidden = !event.reasons?.length;
      at("report").hidden = !event.verdict;
      setInterval(look, LOOK_MS);
      document.documentElement.dataset.ended = "true";
    },
  };

  function tick() {
    if (!phase) return;
    const gone = clock.run - phase.at + (performance.now() - clock.here) / 1000;
    at("progress").value = Math.min(1, (phase.at + gone) / (phase.at + phase.left_s));
    at("phase").textContent = `${phase.index + 1} of ${phase.total}: ${phase.words}, about ${Math.max(0, Math.round(phase.left_s - gone))} s left in all`;
  }
  setInterval(tick, 1000);

  // A server that ends with the run, or with Ctrl-C, leaves this page behind: no link of it may lead nowhere.
  async function look() {
    const gone = await fetch("/healthz", { method: "HEAD", cache: "no-store" }).then(() => false, () => true);
    at("gone").hidden = !gone;
    for (const link of document.querySelectorAll(gone ? "a[href^='/']" : "a[data-href]")) {
      if (gone) { link.dataset.href = link.getAttribute("href"); link.removeAttribute("href"); } else { link.href = link.dataset.href; delete link.dataset.href; }
    }
  }

  const source = new EventSource(`/api/live/${encodeURIComponent(run)}/events`);
  source.addEventListener("message", (message) => {
    const event = JSON.parse(message.data);
    if (event.at !== undefined) Object.assign(clock, { run: event.at, here: performance.now() });
    handlers[event.event]?.(event);
    tick();
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CONNECTING) at("state").textContent = "reconnecting";
    look();
  });
  source.addEventListener("open", () => { at("gone").hidden || look(); if (phase) at("state").textContent = "running"; });
})();
