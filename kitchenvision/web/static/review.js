"use strict";
// The review page's keys and the decision that is answered at once. Everything also works without it by plain
// links and forms, except rejecting with a reason.

const desk = document.getElementById("desk");
const queue = document.getElementById("queue");
const toast = document.getElementById("toast");
const help = document.getElementById("help");
const fetched = new Map(); // violation id -> promise of its part of the page, so that the next one is there
const done = []; // decisions of this visit, newest last, for undo
let toastTimer = 0;
let shownId = "";

const items = () => Array.from(queue.querySelectorAll(".item"));
const one = () => desk.querySelector(".one");
const itemOf = (id) => queue.querySelector(`.item[data-id="${CSS.escape(id)}"]`);

function say(text) {
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { toast.hidden = true; }, 6000);
}

function partOf(id) {
  if (!fetched.has(id)) {
    const query = location.search;
    const part = fetch(`/review/${id}/desk${query}`, { headers: { Accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(String(answer.status)))))
      .then((html) => {
        const holder = document.createElement("template");
        holder.innerHTML = html;
        const picture = holder.content.querySelector("[data-picture]");
        if (picture) { const ahead = new Image(); ahead.src = picture.getAttribute("src"); }
        return html;
      });
    part.catch(() => fetched.delete(id));
    fetched.set(id, part);
  }
  return fetched.get(id);
}

async function show(id) {
  shownId = id;
  for (const item of items()) item.removeAttribute("aria-current");
  const item = itemOf(id);
  if (item) { item.setAttribute("aria-current", "true"); item.scrollIntoView({ block: "nearest" }); }
  place();
  let html;
  try { html = await partOf(id); } catch { say(toast.dataset.network); return; }
  if (shownId !== id) return; // another one was chosen meanwhile
  desk.innerHTML = html;
  if (window.htmx) window.htmx.process(desk);
  history.replaceState(null, "", `/review/${id}${location.search}`);
  settle();
}

// After a part of the page came: fetch the neighbour ahead, keep the boxes as they were.
function settle() {
  const here = one();
  shownId = here ? here.dataset.id : "";
  place();
  document.body.classList.toggle("hide-boxes", sessionStorage.getItem("boxes") === "off");
  pressed();
  const next = neighbour(1);
  if (next) partOf(next.dataset.id).catch(() => {});
  const video = desk.querySelector("video");
  const head = desk.querySelector(".playhead");
  if (video && head) video.addEventListener("timeupdate", () => {
    if (video.duration) head.setAttribute("x", String((video.currentTime / video.duration) * 100));
  });
}

function place() {
  const at = items().findIndex((item) => item.dataset.id === shownId);
  document.getElementById("position").textContent = String(at + 1);
}

function pressed() {
  const button = document.getElementById("boxes-toggle");
  if (button) button.setAttribute("aria-pressed", String(!document.body.classList.contains("hide-boxes")));
}

function neighbour(step) {
  const list = items();
  const at = list.findIndex((item) => item.dataset.id === shownId);
  return list[at + step];
}

function move(step) {
  const item = neighbour(step);
  if (item) show(item.dataset.id);
  else if (step > 0) queue.querySelector(".more button")?.click();
}

function nextOpen() {
  const list = items();
  const at = list.findIndex((item) => item.dataset.id === shownId);
  const after = [...list.slice(at + 1), ...list.slice(0, Math.max(at, 0))];
  return after.find((item) => item.dataset.state === "open");
}

function mark(id, state) {
  const item = itemOf(id);
  if (!item) return;
  item.dataset.state = state;
  const word = item.querySelector(".state");
  const known = document.querySelector(`select[name=state] option[value="${state}"]`);
  word.className = `state ${state}`;
  word.textContent = known ? known.textContent : state;
}

async function post(id, fields) {
  const csrf = document.querySelector("input[name=csrf_token]").value;
  let answer;
  try {
    answer = await fetch(`/review/${id}/decision`, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams({ csrf_token: csrf, ...fields }),
    });
  } catch { throw new Error(toast.dataset.network); }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail || said.title || String(answer.status));
  return said;
}

// Whoever may only read gets no buttons from the server, and no keys here; the server refuses anyway.
const mayDecide = () => document.getElementById("reject") !== null;

function decide(verdict, reason = "", note = "") {
  const here = one();
  if (!here || !mayDecide() || here.dataset.state !== "open") return;
  const id = here.dataset.id;
  const fields = { verdict, follows: here.dataset.follows, note };
  if (reason) fields.reason = reason;
  here.dataset.state = verdict; // a second key press must not decide twice
  mark(id, verdict);
  fetched.delete(id);
  const entry = { id };
  entry.answered = post(id, fields).then((said) => { entry.follows = said.decision_id; fetched.delete(id); return true; })
    .catch((error) => {
      done.splice(done.indexOf(entry), 1);
      fetched.delete(id);
      mark(id, "open");
      const still = one(); // where the next one had not come yet, this one is on the desk and can be decided again
      if (still && still.dataset.id === id) still.dataset.state = "open";
      say(toast.dataset.failed.replace("%", error.message));
      show(id);
      return false;
    });
  done.push(entry);
  const next = nextOpen();
  if (next) show(next.dataset.id);
  else finish();
}

function finish() {
  shownId = "";
  for (const item of items()) item.removeAttribute("aria-current");
  desk.replaceChildren(document.getElementById("finished").content.cloneNode(true));
}

async function undo() {
  if (one() && !mayDecide()) return;
  // What is shown as decided is what the key undoes; else the newest decision of this visit.
  const here = one();
  const decided = here && here.dataset.state !== "open" ? here.dataset.id : "";
  let at = done.length - 1;
  while (decided && at >= 0 && done[at].id !== decided) at -= 1;
  let entry = at >= 0 ? done.splice(at, 1)[0] : undefined;
  if (!entry && decided) entry = { id: decided, follows: here.dataset.follows, answered: true };
  if (!entry) { say(toast.dataset.nothing); return; }
  if (!(await entry.answered)) return; // it failed and has come back by itself
  try {
    await post(entry.id, { verdict: "withdrawn", follows: entry.follows });
  } catch (error) {
    say(toast.dataset.failed.replace("%", error.message));
    fetched.delete(entry.id);
    show(entry.id);
    return;
  }
  fetched.delete(entry.id);
  mark(entry.id, "open");
  say(toast.dataset.undone);
  show(entry.id);
}

function reasons(open) {
  const panel = document.getElementById("reasons");
  const here = one();
  if (!panel || (open && here.dataset.state !== "open")) return;
  panel.hidden = !open;
  document.getElementById("note").hidden = true;
}

function reject(reason) {
  const note = document.getElementById("note");
  const input = note.querySelector("input");
  if (reason === "6" && !input.value.trim()) { note.hidden = false; input.focus(); return; }
  decide("rejected", reason, reason === "6" ? input.value.trim() : "");
}

function boxes() {
  const off = document.body.classList.toggle("hide-boxes");
  sessionStorage.setItem("boxes", off ? "off" : "on");
  pressed();
}

const keys = {
  j: () => move(1), ArrowDown: () => move(1), ArrowRight: () => move(1),
  k: () => move(-1), ArrowUp: () => move(-1), ArrowLeft: () => move(-1),
  y: () => decide("confirmed"), n: () => reasons(document.getElementById("reasons")?.hidden),
  u: () => decide("cannot_tell"), z: undo, b: boxes,
  l: () => document.getElementById("language").click(), "?": () => help.showModal(),
  Escape: () => reasons(false),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
  const typing = event.target.closest?.("input, select, textarea");
  if (typing) {
    if (event.key === "Escape") { typing.blur(); reasons(false); }
    if (event.key === "Enter" && typing.name === "note") { event.preventDefault(); reject("6"); }
    return;
  }
  if (event.target.closest?.("video") && event.key.startsWith("Arrow")) return; // seeks in the clip
  const panel = document.getElementById("reasons");
  if (panel && !panel.hidden && /^[1-6]$/.test(event.key)) { event.preventDefault(); reject(event.key); return; }
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act || event.repeat && !/^Arrow|^[jk]$/i.test(event.key)) return;
  event.preventDefault();
  act();
});

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const item = event.target.closest(".item");
  const button = event.target.closest("button");
  if (item) { event.preventDefault(); show(item.dataset.id); return; }
  if (!button) return;
  if (button.dataset.seek) {
    const video = desk.querySelector("video");
    video.currentTime = Number(button.dataset.seek);
    video.play().catch(() => {});
  } else if (button.dataset.reason) reject(button.dataset.reason);
  else if (button.name === "verdict") {
    event.preventDefault();
    if (button.value === "withdrawn") undo(); else decide(button.value);
  } else if (button.id === "reject") reasons(document.getElementById("reasons").hidden);
  else if (button.id === "next") move(1);
  else if (button.id === "previous") move(-1);
  else if (button.id === "boxes-toggle") boxes();
  else if (button.id === "help-open") help.showModal();
});

document.querySelector(".filters").addEventListener("change", (event) => event.currentTarget.submit());

// Wheel zooms about the pointer, double click resets.
let zoom = { scale: 1, x: 0, y: 0 };
function apply(stage) { stage.style.transform = `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})`; }
desk.addEventListener("wheel", (event) => {
  const stage = event.target.closest(".picture")?.querySelector(".zoomed");
  if (!stage || event.ctrlKey) return;
  event.preventDefault();
  if (!stage.style.transform) zoom = { scale: 1, x: 0, y: 0 };
  const box = stage.parentElement.getBoundingClientRect();
  const px = event.clientX - box.left, py = event.clientY - box.top;
  const scale = Math.min(Math.max(zoom.scale * Math.exp(-event.deltaY / 400), 1), 8);
  const ratio = scale / zoom.scale;
  zoom = scale === 1 ? { scale, x: 0, y: 0 } : { scale, x: px - (px - zoom.x) * ratio, y: py - (py - zoom.y) * ratio };
  apply(stage);
}, { passive: false });
desk.addEventListener("dblclick", (event) => {
  const stage = event.target.closest(".picture")?.querySelector(".zoomed");
  if (stage) { zoom = { scale: 1, x: 0, y: 0 }; apply(stage); }
});

// On a phone a swipe over the picture goes on.
let touch = null;
desk.addEventListener("touchstart", (event) => {
  touch = event.touches.length === 1 && event.target.closest(".picture") ? event.touches[0].clientX : null;
}, { passive: true });
desk.addEventListener("touchend", (event) => {
  if (touch === null) return;
  const moved = event.changedTouches[0].clientX - touch;
  if (Math.abs(moved) > 60) move(moved < 0 ? 1 : -1);
  touch = null;
}, { passive: true });

// Relative times grow old on an open page.
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang);
setInterval(() => {
  for (const time of document.querySelectorAll(".item time, figcaption time")) {
    const minutes = Math.floor((Date.now() - Date.parse(time.dateTime)) / 60000);
    if (minutes >= 1 && minutes < 60) time.textContent = relative.format(-minutes, "minute").replace(/^(\d+)(?=\p{Script=Han})/u, "$1 ");
  }
}, 30000);

settle();
