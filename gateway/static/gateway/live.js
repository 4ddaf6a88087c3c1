"use strict";
// The button "Live" of the list of requests: finished calls come in at its top, over a WebSocket, with the page's filters.
(() => {
  const button = document.querySelector("[data-test=live]");
  const pause = document.querySelector("[data-test=pause-live]");
  const status = document.getElementById("live-status");
  const body = document.querySelector("table.calls tbody");
  const form = document.getElementById("call-row").content.firstElementChild;
  const MOST_ROWS = 200, LONGEST_WAIT = 15, SILENCE = 40000;
  const ENDS = { 1008: "the server does not understand this page: load it anew", 4403: "you are not logged in any more, or may not look" };
  let socket = null, tries = 0, skipped = 0, seen = 0, timer = 0, watch = 0, last = "", isLive = false, isPaused = false;

  const narrow = "\u202f", hard = "\u00a0";
  const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, narrow);
  const money = (amount) => {
    if (!amount) return "–";
    const value = Number(amount);
    if (value && Math.abs(value) < 0.01) return "< 0.01";
    return value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  };
  const seconds = (value) => {
    if (value < 0.01) return (value * 1000).toFixed(2) + hard + "ms";
    return value < 1 ? (value * 1000).toFixed(0) + hard + "ms" : value.toFixed(2) + hard + "s";
  };
  const cut = (text) => (text.length > 120 ? text.slice(0, 119) + "…" : text);

  function told(call) {
    const error = call.upstream_error;
    return cut(error ? error.type + ": " + error.message : call.failure_message || call.failure_kind);
  }

  function row(call) {
    const made = form.cloneNode(true);
    const cell = (name) => made.querySelector("[data-cell=" + name + "]");
    const put = (name, text) => { cell(name).textContent = text; };
    const link = made.querySelector("a");
    made.dataset.id = call.id;
    link.href = "/console/requests/" + encodeURIComponent(call.id) + "/";
    link.title = call.started_at;
    link.textContent = call.started_at.slice(11, 19);
    put("status", call.status);
    cell("status").classList.toggle("warn", call.status >= 400 || call.failure_kind !== "");
    put("who", call.person || call.token_label || call.token);
    put("of", call.person ? call.token_label : "");
    put("model", call.model_served || call.model_asked || "–");
    put("provider", call.provider || "–");
    put("account", call.account);
    put("took", seconds(call.total_seconds));
    put("counts", grouped(call.input_tokens) + ", " + grouped(call.output_tokens));
    put("cost", money(call.cost));
    cell("cost").title = (call.cost === null ? "no price" : call.cost) + " " + call.currency;
    put("words", told(call));
    return made;
  }

  function say(words) { status.textContent = words; }

  function count() {
    const missed = skipped ? ", " + grouped(skipped) + " not shown" : "";
    say((isPaused ? "Paused: " : "Live: ") + grouped(seen) + (seen === 1 ? " call" : " calls") + missed + ".");
  }

  function add(calls) {
    const known = new Set(Array.from(body.querySelectorAll("[data-id]"), (each) => each.dataset.id));
    const fresh = calls.filter((call) => !known.has(call.id));
    const none = body.querySelector(".quiet");
    if (none && fresh.length) none.closest("tr").remove();
    body.prepend(...fresh.reverse().map(row));
    while (body.rows.length > MOST_ROWS) body.lastElementChild.remove();
    seen += fresh.length;
  }

  function address() {
    const asked = new URLSearchParams(location.search);
    for (const name of [...asked.keys()]) if (name === "after" || !asked.get(name)) asked.delete(name);
    if (last) asked.set("since", last);
    return (location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/ws/feed?" + asked;
  }

  // A connection that has silently died sends no ping either.
  function alive() {
    clearTimeout(watch);
    watch = setTimeout(() => { if (socket) socket.close(); }, SILENCE);
  }

  function open() {
    const mine = socket = new WebSocket(address());
    alive();
    mine.onopen = () => {
      tries = 0;
      if (isPaused) mine.send('{"type":"pause"}');
      count();
    };
    mine.onmessage = (event) => {
      alive();
      const frame = JSON.parse(event.data);
      if (frame.type !== "calls") return;
      skipped += frame.skipped;
      if (frame.data.length) last = frame.data[frame.data.length - 1].id;
      add(frame.data);
      count();
    };
    mine.onclose = (event) => {
      if (mine !== socket) return;
      socket = null;
      if (!isLive) return;
      if (ENDS[event.code]) { stop(); say("Stopped: " + ENDS[event.code] + "."); return; }
      const wait = event.code === 1013 ? LONGEST_WAIT : Math.min(LONGEST_WAIT, 2 ** tries++);
      say((event.code === 1013 ? "Too many look already" : "The connection is lost") + "; trying again in " + wait + " s.");
      timer = setTimeout(open, wait * 1000);
    };
  }

  function show() {
    button.setAttribute("aria-pressed", String(isLive));
    pause.hidden = !isLive;
    pause.textContent = isPaused ? "Resume" : "Pause";
    history.replaceState(null, "", location.pathname + location.search + (isLive ? "#live" : ""));
  }

  function start() {
    isLive = true; isPaused = false; tries = skipped = seen = 0; last = "";
    say("Connecting…");
    show();
    open();
  }

  function stop() {
    const old = socket;
    isLive = isPaused = false;
    socket = null;
    clearTimeout(timer);
    clearTimeout(watch);
    if (old) old.close();
    say("");
    show();
  }

  button.addEventListener("click", () => (isLive ? stop() : start()));
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: isPaused ? "pause" : "resume" }));
    show();
    count();
  });
  button.hidden = false;
  if (location.hash === "#live") start();
})();
