// Follows what happens: rows change at once by what an event says, and what else a page shows is read anew soon after.
// Without this script every page works, and stands still.
"use strict";

(() => {
  const followed = document.querySelector("[data-stream]");
  const told = document.getElementById("live");
  if (!followed || !told || !window.EventSource) return;

  // between two readings of the page: much happens at once
  const REST = 1000;
  const AGAIN = 10000;
  const TONES = {
    completed: "good", failed: "bad", timed_out: "bad", cancelled: "dim", pending: "busy", submitted: "busy", processing: "busy",
  };
  const seen = new Set();
  let source = null;
  let wanted = false;
  let timer = null;
  let last = 0;

  // a page that nobody sees needs no stream, and browsers have only a few connections to one host
  function follow() {
    if (document.hidden) {
      source?.close();
      source = null;
      return;
    }
    if (source) return;
    source = new EventSource(followed.dataset.stream);
    source.addEventListener("open", () => say("Live", "on"));
    source.addEventListener("error", () => {
      say("Not live: reconnecting", "off");
      // a browser gives up where it is answered with an error: as many watch as may, or somebody is logged out by now
      if (source?.readyState === EventSource.CLOSED) {
        source = null;
        setTimeout(follow, AGAIN);
      }
    });
    source.addEventListener("task", (event) => {
      if (isNew(event)) show(JSON.parse(event.data).task);
      refresh();
    });
    source.addEventListener("callback", refresh);
    source.addEventListener("resync", refresh);
  }

  addEventListener("pagehide", () => {
    source?.close();
    source = null;
  });
  addEventListener("pageshow", follow);
  document.addEventListener("visibilitychange", () => {
    const wasHidden = source === null;
    follow();
    // what happened meanwhile was told to nobody
    if (wasHidden && source) refresh();
  });
  follow();

  function say(text, state) {
    told.textContent = text;
    told.className = `live ${state}`;
  }

  // what comes twice after a lost connection has the same id
  function isNew(event) {
    if (seen.has(event.lastEventId)) return false;
    if (seen.size > 10000) seen.clear();
    seen.add(event.lastEventId);
    return true;
  }

  function show(task) {
    const place = document.querySelector(`[data-task="${CSS.escape(task.id)}"]`);
    if (!place) return;
    const field = (name, change) => {
      const found = place.querySelector(`[data-field="${name}"]`);
      if (found) change(found);
    };
    field("status", (found) => {
      const badge = document.createElement("span");
      badge.className = `badge ${TONES[task.status] || "dim"}`;
      badge.textContent = task.status.replace("_", " ");
      found.replaceChildren(badge);
    });
    const { percent, stage, message } = task.progress;
    const bar = place.querySelector("progress");
    if (bar) bar.value = task.status === "completed" ? 100 : (percent ?? 0);
    field("percent", (found) => (found.textContent = percent === null ? "" : `${percent.toFixed(1)} %`));
    field("stage", (found) => (found.textContent = stage ?? ""));
    field("message", (found) => (found.textContent = message ?? ""));
    field("attempt", (found) => (found.textContent = task.attempt));
  }

  // reads this page again and takes over the part that may change, as soon as nobody is in it
  function refresh() {
    wanted = Boolean(followed.dataset.region);
    if (wanted && timer === null) timer = setTimeout(read, Math.max(0, last + REST - Date.now()));
  }

  async function read() {
    if (!document.hidden && !isBusy()) {
      wanted = false;
      try {
        await replace(followed.dataset.region);
      } catch {
        // the next event tries again
      }
    }
    last = Date.now();
    timer = wanted ? setTimeout(read, REST) : null;
  }

  function isBusy() {
    const isOpen = followed.querySelector("details[open]") !== null;
    return isOpen || followed.contains(document.activeElement) || String(getSelection()).length > 0;
  }

  async function replace(region) {
    const address = new URL(location.href);
    address.searchParams.delete("said");
    const answer = await fetch(address, { redirect: "error" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(region);
    if (!fresh) return;
    if (isBusy()) wanted = true;
    else followed.replaceChildren(...fresh.childNodes);
  }
})();
