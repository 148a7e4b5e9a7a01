// Draws the zones of one camera. The zones in `zones` are the truth; everything on the page is made from them.
const data = JSON.parse(document.getElementById("data").textContent);
const words = data.words;
const at = (id) => document.getElementById(id);
const canvas = at("canvas"), drawing = at("drawing"), handles = at("handles");
const STEP = 0.01, FAR = 0.05, MOST_UNDO = 100;
let zones = data.zones, seen = data.seen, chosen = zones.length ? 0 : -1;
let saved = JSON.stringify(zones), wrong = [];
const past = [];

const clamp = (value) => Math.round(Math.min(1, Math.max(0, value)) * 1e4) / 1e4;
const filled = (text, values) => text.replace(/{(\w+)}/g, (_, key) => values[key]);
const zone = () => zones[chosen];

function made(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function change(what) {
  past.push(JSON.stringify({ zones, chosen }));
  if (past.length > MOST_UNDO) past.shift();
  what();
  wrong = [];
  at("said").textContent = "";
  show();
}

function show() {
  showPicture();
  showHandles();
  showList();
  showZone();
  const changed = JSON.stringify(zones) !== saved;
  at("undo").disabled = past.length === 0;
  at("save").disabled = !changed;
  if (changed) at("said").textContent = words.unsaved;
  at("wrong").replaceChildren(
    ...wrong.map((one) => made("li", { textContent: one.zone === null ? one.text : `${zones[one.zone]?.name || one.zone + 1}: ${one.text}` })),
  );
}

function showPicture() {
  const shapes = [];
  zones.forEach((one, i) => {
    const corners = one.polygon.length ? one.polygon : [[0, 0], [1, 0], [1, 1], [0, 1]];
    const points = corners.map(([x, y]) => `${x * 1000},${y * 1000}`).join(" ");
    for (const kind of ["outside", "inside"]) {
      const shape = document.createElementNS("http://www.w3.org/2000/svg", "polygon");
      shape.setAttribute("points", points);
      shape.setAttribute("class", `${kind} ${i === chosen ? "chosen" : ""}`);
      shapes.push(shape);
    }
  });
  drawing.replaceChildren(...shapes);
}

function showHandles() {
  const had = document.activeElement?.dataset?.corner;
  const corners = zone()?.polygon ?? [];
  while (handles.children.length > corners.length) handles.lastChild.remove();
  while (handles.children.length < corners.length) {
    const handle = made("button", { type: "button", className: "handle" });
    handle.dataset.corner = handles.children.length;
    handle.addEventListener("pointerdown", grab);
    handle.addEventListener("keydown", nudge);
    handles.append(handle);
  }
  corners.forEach(([x, y], n) => {
    const handle = handles.children[n];
    handle.style.left = `${x * 100}%`;
    handle.style.top = `${y * 100}%`;
    handle.setAttribute("aria-label", filled(words.corner, { n: n + 1, x: Math.round(x * 100), y: Math.round(y * 100) }));
  });
  if (had !== undefined && corners.length) handles.children[Math.min(had, corners.length - 1)].focus();
}

function showList() {
  const rows = zones.map((one, i) => {
    const button = made("button", { type: "button", textContent: one.name || "?" });
    button.setAttribute("aria-pressed", String(i === chosen));
    if (wrong.some((each) => each.zone === i)) button.classList.add("bad");
    button.addEventListener("click", () => {
      chosen = i;
      show();
    });
    return made("li", {}, button);
  });
  const focused = [...at("list").querySelectorAll("button")].indexOf(document.activeElement);
  at("list").replaceChildren(...rows);
  if (focused >= 0) rows[Math.min(focused, rows.length - 1)]?.firstChild.focus();
  at("none").hidden = zones.length > 0;
}

function showZone() {
  const one = zone();
  at("zone").hidden = !one;
  if (!one) return;
  if (at("name").value !== one.name) at("name").value = one.name;
  const boxes = data.rules.map((rule) => {
    const box = made("input", { type: "checkbox", checked: one.rules.includes(rule.id), id: `rule-${rule.id}` });
    box.addEventListener("change", () =>
      change(() => {
        one.rules = data.rules.map((each) => each.id).filter((id) => (id === rule.id ? box.checked : one.rules.includes(id)));
      }),
    );
    return made("label", { className: "check" }, box, ` ${rule.name}`);
  });
  keepFocus(at("rules"), boxes);
  keepFocus(at("hours"), one.hours.map((text, i) => hoursRow(one, text, i)));
  at("all-hours").hidden = one.hours.length > 0;
}

function hoursRow(one, text, i) {
  const [from, to] = [text.slice(0, 5), text.slice(6)];
  const input = (value, label, made_of) => {
    const field = made("input", { type: "time", value: value === "24:00" ? "00:00" : value, id: `hours-${i}-${label}` });
    field.setAttribute("aria-label", label);
    // Not made anew while somebody types in it.
    field.addEventListener("change", () => change(() => (one.hours[i] = made_of(field.value))));
    return field;
  };
  const remove = made("button", { type: "button", className: "button plain", textContent: words.remove, id: `hours-${i}-remove` });
  remove.addEventListener("click", () => change(() => one.hours.splice(i, 1)));
  const midnight = (value) => (value === "00:00" ? "24:00" : value);
  return made(
    "li", {},
    input(from, words.from, (value) => `${value}-${one.hours[i].slice(6)}`), " – ",
    input(to, words.to, (value) => `${one.hours[i].slice(0, 5)}-${midnight(value)}`), remove,
  );
}

function keepFocus(parent, children) {
  const id = parent.contains(document.activeElement) ? document.activeElement.id : "";
  parent.replaceChildren(...children);
  if (id) document.getElementById(id)?.focus();
}

// --- corners

const place = (event) => {
  const box = canvas.getBoundingClientRect();
  return [clamp((event.clientX - box.left) / box.width), clamp((event.clientY - box.top) / box.height)];
};

function nearestEdge([x, y], corners) {
  const distance = ([x0, y0], [x1, y1]) => {
    const [dx, dy] = [x1 - x0, y1 - y0];
    const along = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1)));
    return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
  };
  const all = corners.map((corner, i) => distance(corner, corners[(i + 1) % corners.length]));
  return all.indexOf(Math.min(...all));
}

function addAt(point) {
  if (!zone()) return;
  change(() => {
    const corners = zone().polygon;
    corners.splice(corners.length < 3 ? corners.length : nearestEdge(point, corners) + 1, 0, point);
  });
}

function addAfter(n) {
  const corners = zone().polygon;
  const [a, b] = [corners[n], corners[(n + 1) % corners.length]];
  const point = corners.length > 1 ? [clamp((a[0] + b[0]) / 2), clamp((a[1] + b[1]) / 2)] : [clamp(a[0] + FAR), a[1]];
  change(() => corners.splice(n + 1, 0, point));
  handles.children[n + 1].focus();
}

function grab(event) {
  const n = Number(event.currentTarget.dataset.corner), handle = event.currentTarget;
  event.preventDefault();
  handle.focus();
  handle.setPointerCapture(event.pointerId);
  const before = JSON.stringify({ zones, chosen });
  let moved = false;
  const move = (moving) => {
    moved = true;
    zone().polygon[n] = place(moving);
    show();
  };
  const drop = () => {
    handle.removeEventListener("pointermove", move);
    if (moved) {
      past.push(before);
      wrong = [];
      show();
    }
  };
  handle.addEventListener("pointermove", move);
  handle.addEventListener("pointerup", drop, { once: true });
  handle.addEventListener("pointercancel", drop, { once: true });
}

function nudge(event) {
  const n = Number(event.currentTarget.dataset.corner), corners = zone().polygon;
  const far = event.shiftKey ? FAR : STEP;
  const ways = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
  if (ways[event.key]) {
    event.preventDefault();
    const [dx, dy] = ways[event.key];
    change(() => (corners[n] = [clamp(corners[n][0] + dx), clamp(corners[n][1] + dy)]));
  } else if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    change(() => corners.splice(n, 1));
  } else if (event.key === "+" || event.key === "Insert") {
    event.preventDefault();
    addAfter(n);
  }
}

canvas.addEventListener("click", (event) => {
  if (!event.target.classList.contains("handle")) addAt(place(event));
});

// --- the panel

at("add").addEventListener("click", () => {
  change(() => {
    zones.push({ name: filled(words.new, { n: zones.length + 1 }), polygon: [], rules: data.rules.map((rule) => rule.id), hours: [] });
    chosen = zones.length - 1;
  });
  at("name").focus();
  at("name").select();
});
at("name").addEventListener("change", () => change(() => (zone().name = at("name").value.trim())));
at("add-hours").addEventListener("click", () => change(() => zone().hours.push("06:00-14:00")));
at("add-corner").addEventListener("click", () => {
  const corners = zone().polygon;
  if (!corners.length) change(() => corners.push([0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]));
  else addAfter(corners.length - 1);
});
at("whole").addEventListener("click", () => change(() => (zone().polygon = [])));
at("delete").addEventListener("click", () =>
  change(() => {
    zones.splice(chosen, 1);
    chosen = Math.min(chosen, zones.length - 1);
  }),
);
at("undo").addEventListener("click", () => {
  if (!past.length) return;
  ({ zones, chosen } = JSON.parse(past.pop()));
  wrong = [];
  at("said").textContent = "";
  show();
});
at("zone").addEventListener("submit", (event) => event.preventDefault());
at("save").addEventListener("click", save);
addEventListener("beforeunload", (event) => {
  if (JSON.stringify(zones) !== saved) event.preventDefault();
});

async function save() {
  at("save").disabled = true;
  const sent = JSON.stringify(zones);
  let answer, told;
  try {
    answer = await fetch(`/api/cameras/${encodeURIComponent(data.camera)}/zones`, {
      method: "PUT",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": data.csrf },
      body: JSON.stringify({ seen, zones: JSON.parse(sent) }),
      signal: AbortSignal.timeout(20000),
    });
    told = await answer.json();
  } catch {
    wrong = [{ zone: null, text: words.lost }];
    return show();
  }
  wrong = [];
  if (answer.ok) {
    seen = told.seen;
    saved = sent;
    show();
    at("said").textContent = told.applied ? words.saved : words.written;
  } else {
    wrong = told.wrong ?? [{ zone: null, text: answer.status === 401 ? words.again : told.problem ?? told.detail }];
    const first = wrong.find((one) => one.zone !== null);
    if (first) chosen = first.zone;
    show();
  }
}

// --- the picture

async function refresh() {
  const fresh = new Image();
  try {
    const state = await (await fetch("/api/state", { signal: AbortSignal.timeout(5000) })).json();
    const camera = state.cameras.find((one) => one.camera_id === data.camera);
    if (!camera.picture_at) throw new Error("no picture yet");
    const age = Math.round((Date.parse(state.at) - Date.parse(camera.picture_at)) / 1000);
    fresh.src = `/cameras/${encodeURIComponent(data.camera)}.jpg?at=${Date.parse(camera.picture_at)}`;
    await fresh.decode();
    showLive(fresh, age, camera.state === "live");
  } catch {
    at("live").hidden = at("age").hidden = true;
    at("blank").hidden = false;
    at("blank").textContent = words.no_picture;
  }
  setTimeout(refresh, 2000);
}

function showLive(fresh, age, live) {
  at("live").src = fresh.src;
  at("live").hidden = at("age").hidden = false;
  at("blank").hidden = true;
  canvas.style.aspectRatio = `${fresh.naturalWidth} / ${fresh.naturalHeight}`;
  canvas.classList.toggle("old", !live || age > 15);
  at("age").textContent = live && age < 5 ? `● ${words.live}` : filled(words.old, { n: age });
}

refresh();
show();
