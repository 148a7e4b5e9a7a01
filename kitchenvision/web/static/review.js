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
const itemOf = (id) => items().find((item) => item.dataset.all.split(" ").includes(id));
const secondMode = new URLSearchParams(location.search).get("state") === "second";

function say(text) {
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { toast.hidden = true; }, 6000);
}

function partOf(id, ahead = false) {
  if (!fetched.has(id)) {
    const query = location.search;
    const address = `/review/${id}/desk${query}`;
    const part = (ahead ? fetch(address, { headers: { Accept: "application/json" } }) : session.ask(address))
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
  if (next) partOf(next.dataset.id, true).catch(() => {});
  picture.settle();
  claim();
  const video = desk.querySelector("video");
  const head = desk.querySelector(".playhead");
  if (video && head) video.addEventListener("timeupdate", () => {
    if (video.duration) head.setAttribute("x", String((video.currentTime / video.duration) * 100));
  });
}

const placeOf = (list) => list.indexOf(itemOf(shownId));

function place() {
  const at = placeOf(items());
  document.getElementById("position").textContent = String(at + 1);
}

function pressed() {
  const button = document.getElementById("boxes-toggle");
  if (button) button.setAttribute("aria-pressed", String(!document.body.classList.contains("hide-boxes")));
}

function neighbour(step) {
  const list = items();
  return list[placeOf(list) + step];
}

function move(step) {
  const item = neighbour(step);
  if (item) show(item.dataset.id);
  else if (step > 0) queue.querySelector(".more button")?.click();
}

function nextOpen() {
  const list = items();
  const at = placeOf(list);
  const after = [...list.slice(at + 1), ...list.slice(0, Math.max(at, 0))];
  return after.find((item) => item.dataset.state === "open" && !item.querySelector(".claimed").textContent);
}

function mark(id, state) {
  const item = itemOf(id);
  if (!item) return;
  item.dataset.state = state;
  const word = item.querySelector(".state");
  if (secondMode) { word.textContent = state === "open" ? "" : "✓"; return; }
  const known = document.querySelector(`select[name=state] option[value="${state}"]`);
  word.className = `state ${state}`;
  word.textContent = known ? known.textContent : state;
}

// Renewed while it is on the desk, so that two people do not decide one unawares.
let claimTimer = 0;
async function claim(takeOver = false) {
  clearTimeout(claimTimer);
  const here = one();
  if (!here || !mayDecide() || here.dataset.state !== "open" || secondMode) return;
  let said;
  try { said = await session.post(`/review/${here.dataset.id}/claim`, takeOver ? { take_over: "true" } : {}); } catch { said = { mine: true, told: "", others: null, renew_s: 30 }; }
  if (one() !== here) return;
  if (said.others) for (const item of items()) item.querySelector(".claimed").textContent = said.others[item.dataset.incident] ?? "";
  const before = here.dataset.claimed;
  here.dataset.claimed = said.told;
  const bar = document.getElementById("claim");
  bar.hidden = said.mine;
  bar.querySelector("span").textContent = said.told;
  for (const button of here.querySelectorAll(".acts [name=verdict]:not(#undo), #reject")) button.disabled = !said.mine;
  claimTimer = setTimeout(claim, (said.mine ? said.renew_s : 5) * 1000);
  if (before && said.mine && !takeOver) { fetched.delete(here.dataset.id); show(here.dataset.id); } // theirs till now: it may be decided
}

// Whoever may only read gets no buttons from the server, and no keys here; the server refuses anyway.
const mayDecide = () => document.getElementById("reject") !== null;

function decide(verdict, reason = "", note = "") {
  const here = one();
  if (!here || !mayDecide() || here.dataset.state !== "open") return;
  if (here.dataset.claimed) { say(here.dataset.claimed); return; }
  const id = here.dataset.id, item = itemOf(id);
  const others = here.dataset.also ? here.dataset.also.split(" ") : [];
  const together = document.getElementById("together")?.checked ?? true;
  const fields = { verdict, follows: here.dataset.follows, note, also: together ? others.join(" ") : "" };
  if (reason) fields.reason = reason;
  here.dataset.state = verdict; // a second key press must not decide twice
  const rest = together ? [] : others;
  if (rest.length && item) item.dataset.id = rest[0].split(":")[0]; else mark(id, verdict);
  for (const own of [id, ...others.map((other) => other.split(":")[0])]) fetched.delete(own);
  const entry = { groups: [{ id, decisions: {} }] };
  entry.answered = session.post(`/review/${id}/${secondMode ? "second" : "decision"}`, fields)
    .then((said) => { entry.groups[0].decisions = said.decisions; fetched.delete(id); return true; })
    .catch((error) => {
      done.splice(done.indexOf(entry), 1);
      fetched.delete(id);
      if (item) item.dataset.id = id;
      mark(id, "open");
      const still = one(); // where the next one had not come yet, this one is on the desk and can be decided again
      if (still && still.dataset.id === id) still.dataset.state = "open";
      say(toast.dataset.failed.replace("%", error instanceof TypeError ? toast.dataset.network : error.message));
      show(id);
      return false;
    });
  if (secondMode) say(toast.dataset.second);
  else done.push(entry);
  const next = rest.length ? item : nextOpen();
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
  if (secondMode) { say(toast.dataset.final); return; }
  // What is shown as decided is what the key undoes; else the newest decision of this visit.
  const here = one();
  const decided = here && here.dataset.state !== "open" ? here.dataset.id : "";
  let at = done.length - 1;
  const holds = (entry) => entry.groups.some((group) => group.id === decided || decided in (group.decisions ?? {}));
  while (decided && at >= 0 && !holds(done[at])) at -= 1;
  let entry = at >= 0 ? done.splice(at, 1)[0] : undefined;
  if (!entry && decided) entry = { groups: [{ id: decided, decisions: { [decided]: here.dataset.follows } }], answered: true };
  if (!entry) { say(toast.dataset.nothing); return; }
  if (!(await entry.answered)) return; // it failed and has come back by itself
  const fields = new URLSearchParams({ verdict: "withdrawn" });
  for (const group of entry.groups) fields.append("incident", Object.entries(group.decisions).map(([id, made]) => `${id}:${made}`).join(" "));
  let results;
  try { ({ results } = await session.post("/review/decisions", fields)); } catch (error) { results = [{ problem: error.message }]; }
  const failed = results.find((result) => result.problem);
  fetched.clear();
  entry.groups.forEach((group, number) => { if (!results[number]?.problem) { const item = itemOf(group.id); if (item) item.dataset.id = group.id; mark(group.id, "open"); } });
  say(failed ? toast.dataset.failed.replace("%", failed.problem) : toast.dataset.undone);
  show(entry.groups[0].id);
}

// Several at once: the same verdict and reason, each recorded by itself.
const picked = () => items().filter((item) => item.parentElement.querySelector(".pick")?.checked);
const bulk = document.getElementById("bulk");

function pick(item) {
  const box = item?.parentElement.querySelector(".pick");
  if (box) { box.checked = !box.checked; counted(); }
}

function counted() {
  if (!bulk) return;
  const n = picked().length;
  bulk.hidden = n === 0;
  document.getElementById("picked").textContent = bulk.dataset.count.replace("%", n);
  const choice = bulk.querySelector("select").value;
  bulk.querySelector("input[name=note]").hidden = choice !== "rejected:6";
}

function unpick() { for (const item of items()) { const box = item.parentElement.querySelector(".pick"); if (box) box.checked = false; } counted(); }

async function decidePicked() {
  const chosen = picked(), [verdict, reason = ""] = bulk.querySelector("select").value.split(":");
  const note = bulk.querySelector("input[name=note]");
  if (reason === "6" && !note.value.trim()) { note.focus(); return; }
  const fields = new URLSearchParams({ verdict, note: reason === "6" ? note.value.trim() : "" });
  if (reason) fields.set("reason", reason);
  for (const item of chosen) fields.append("incident", item.dataset.seen);
  let results;
  try { ({ results } = await session.post("/review/decisions", fields)); } catch (error) { say(toast.dataset.failed.replace("%", error.message)); return; }
  const made = results.filter((result) => !result.problem), failed = results.filter((result) => result.problem);
  for (const result of made) mark(result.violation_id, result.state);
  if (made.length) done.push({ groups: made.map((result) => ({ id: result.violation_id, decisions: result.decisions })), answered: true });
  fetched.clear();
  unpick();
  say(failed.length ? bulk.dataset.failed.replace("%1", failed.length).replace("%2", failed[0].problem) : bulk.dataset.done.replace("%", made.length));
  const next = one()?.dataset.state === "open" && itemOf(shownId)?.dataset.state === "open" ? itemOf(shownId) : nextOpen();
  if (next) show(next.dataset.id); else finish();
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
  u: () => decide("cannot_tell"), z: undo, b: boxes, x: () => pick(itemOf(shownId)),
  "[": () => picture.brighten(-25), "]": () => picture.brighten(25),
  l: () => document.getElementById("language").click(), "?": () => help.showModal(),
  Escape: () => reasons(false),
};

// With a Chinese input method on, the letter is swallowed and only the place of the key is told.
function keyOf(event) {
  if (event.key.length > 1 && event.key !== "Process" && event.key !== "Unidentified") return event.key;
  if (/^[\x21-\x7e]$/.test(event.key)) return event.key.toLowerCase();
  const known = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(event.code);
  if (known) return known[1].toLowerCase();
  return { BracketLeft: "[", BracketRight: "]", Slash: event.shiftKey ? "?" : "/" }[event.code] ?? event.key;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const typing = event.target.closest?.("input:not([type=checkbox]):not([type=range]), select, textarea");
  if (typing) {
    if (event.isComposing) return;
    if (event.key === "Escape") { typing.blur(); reasons(false); }
    if (event.key === "Enter" && typing.name === "note" && typing.closest("#note")) { event.preventDefault(); reject("6"); }
    return;
  }
  if (event.target.closest?.("video, input[type=range]") && event.key.startsWith("Arrow")) return; // seeks, brightens
  const panel = document.getElementById("reasons"), key = keyOf(event);
  if (panel && !panel.hidden && /^[1-6]$/.test(key)) { event.preventDefault(); reject(key); return; }
  const act = keys[key];
  if (!act || event.repeat && !/^Arrow|^[jk]$/.test(key)) return;
  event.preventDefault();
  act();
});

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const item = event.target.closest(".item, .member");
  const button = event.target.closest("button");
  if (event.target.closest(".pick")) { counted(); return; }
  if (item) { event.preventDefault(); show(item.dataset.id); return; }
  if (!button) return;
  if (button.dataset.seek) {
    const video = desk.querySelector("video");
    video.currentTime = Number(button.dataset.seek);
    video.play().catch(() => {});
  } else if (button.dataset.reason) reject(button.dataset.reason);
  else if (button.id === "take-over") claim(true);
  else if (button.id === "unpick") unpick();
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
bulk?.addEventListener("change", counted);
bulk?.addEventListener("submit", (event) => { event.preventDefault(); decidePicked(); });

window.review = { move };

// Relative times grow old on an open page.
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang);
setInterval(() => {
  for (const time of document.querySelectorAll(".item time, figcaption time")) {
    const minutes = Math.floor((Date.now() - Date.parse(time.dateTime)) / 60000);
    if (minutes >= 1 && minutes < 60) time.textContent = relative.format(-minutes, "minute").replace(/^(\d+)(?=\p{Script=Han})/u, "$1 ");
  }
}, 30000);

settle();
