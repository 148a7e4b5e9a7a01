// The wall. Ages grow here between the events of the server, so that a lost connection shows as old pictures.
"use strict";
(() => {
  const root = document.getElementById("wall"), grid = document.getElementById("tiles"), words = root.dataset;
  const limits = { live: Number(words.live), stale: Number(words.stale), offline: Number(words.offline) };
  const TURN_S = 20;
  const cameras = new Map();
  const asked = new URLSearchParams(location.search);
  let size = [1, 4, 9, 16, 36].includes(Number(asked.get("tiles"))) ? Number(asked.get("tiles")) : 9;
  let page = 0, left = TURN_S, paused = false, order = [], heard = performance.now();

  const seconds = (camera) => camera.age + (performance.now() - camera.seen) / 1000;
  const stateOf = (camera) => {
    if (camera.state === "blind" || camera.state === "offline") return camera.state;
    const age = seconds(camera);
    return age <= limits.live ? "live" : age <= limits.stale ? "late" : age <= limits.offline ? "stale" : "offline";
  };
  const span = (s) => s < 60 ? words.ago.replace("%", Math.floor(s))
    : s < 3600 ? words.agoMinutes.replace("%", Math.floor(s / 60)) : words.agoHours.replace("%", Math.floor(s / 3600));
  const rank = { offline: 0, blind: 1, stale: 2, late: 3, live: 3 };

  const make = (tag, name, parent) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    parent.append(made);
    return made;
  };

  const lay = () => {
    const pages = Math.max(Math.ceil(order.length / size), 1);
    page = (page + pages) % pages;
    grid.dataset.size = size;
    grid.style.setProperty("--side", Math.sqrt(size));
    grid.replaceChildren();
    for (const key of order.slice(page * size, page * size + size)) {
      const tile = make("div", "tile", grid);
      tile.dataset.key = key;
      const image = make("img", "", tile);
      image.alt = "";
      image.hidden = true;
      make("div", "big", tile);
      make("div", "chip", tile);
      make("div", "name", tile);
    }
    document.getElementById("page").textContent = words.page.replace("%1", page + 1).replace("%2", pages);
    for (const button of document.querySelectorAll("[data-size][aria-pressed]")) {
      button.setAttribute("aria-pressed", Number(button.dataset.size) === size);
    }
    draw();
  };

  const turn = (by) => {
    // Problems come first; the order changes only when the page does, so that nothing jumps.
    order = [...cameras.keys()].sort((a, b) => {
      const one = cameras.get(a), other = cameras.get(b);
      return rank[stateOf(one)] - rank[stateOf(other)] || (a < b ? -1 : 1);
    });
    page += by;
    left = TURN_S;
    lay();
  };

  const show = (image, camera, state) => {
    if (state === "offline" || state === "blind" || !camera.stamp) {
      image.hidden = true;
      image.removeAttribute("src");
      delete image.dataset.stamp;
      return;
    }
    if (image.dataset.stamp === String(camera.stamp)) return;
    image.dataset.stamp = camera.stamp;
    const next = new Image();
    next.onload = () => { image.src = next.src; image.hidden = false; };
    next.src = `/cockpit/pictures/${encodeURIComponent(camera.canteen)}/${encodeURIComponent(camera.camera)}?v=${camera.stamp}`;
  };

  const draw = () => {
    for (const tile of grid.children) {
      const camera = cameras.get(tile.dataset.key);
      if (!camera) continue;
      const state = stateOf(camera), age = seconds(camera), [image, big, chip, name] = tile.children;
      tile.className = `tile ${state}`;
      show(image, camera, state);
      name.textContent = size === 36 ? camera.name : `${camera.name} · ${camera.camera}`;
      name.title = camera.camera;
      chip.textContent = state === "live" ? words.now : state === "late" ? span(age)
        : words[{ stale: "wordStale", offline: "wordOffline", blind: "wordBlind" }[state]];
      big.replaceChildren();
      if (state === "stale" || state === "offline" || state === "blind") {
        big.append(span(age));
        if (camera.reason) make("small", "", big).textContent = camera.reason;
      }
    }
    document.getElementById("empty").hidden = first || cameras.size > 0;  // unknown until the server has told
    document.getElementById("countdown").textContent = paused ? words.paused : words.next.replace("%", Math.max(left, 0));
    document.getElementById("clock").textContent = new Date().toLocaleTimeString(document.documentElement.lang, { timeZone: words.zone });
    document.getElementById("broken").hidden = performance.now() - heard < 12000;
    for (const item of document.getElementById("fresh").children) {
      item.lastElementChild.lastElementChild.textContent = span(Number(item.dataset.age) + (performance.now() - Number(item.dataset.seen)) / 1000);
    }
  };

  const count = (figures) => {
    for (const place of document.querySelectorAll("[data-figure]")) place.textContent = figures[place.dataset.figure];
    for (const place of document.querySelectorAll("[data-colour]")) place.textContent = figures.colours[place.dataset.colour];
    document.getElementById("oldest").textContent = figures.oldest_at
      ? `· ${words.oldest.replace("%", span((Date.now() - Date.parse(figures.oldest_at)) / 1000).replace(/前$| ago$/, ""))}` : "";
  };

  const plot = (days) => {
    const picture = document.getElementById("trend"), top = Math.max(...days, 1), svg = "http://www.w3.org/2000/svg";
    picture.replaceChildren();
    days.forEach((n, i) => {
      const bar = document.createElementNS(svg, "rect"), height = 64 * n / top;
      for (const [key, value] of Object.entries({ x: i * 10, y: 88 - height, width: 7, height })) bar.setAttribute(key, value);
      if (i === days.length - 1) bar.setAttribute("class", "today");
      picture.append(bar);
    });
    const label = document.createElementNS(svg, "text");
    label.setAttribute("x", Math.min(days.indexOf(top) * 10, 260));
    label.setAttribute("y", 18);
    label.textContent = Math.max(...days);
    picture.append(label);
  };

  let known = new Set();
  const announce = (rows, first) => {
    const list = document.getElementById("fresh"), ids = rows.map((row) => row.id);
    document.getElementById("fresh-none").hidden = rows.length > 0;
    if (ids.length === known.size && ids.every((id) => known.has(id))) return;
    list.replaceChildren();
    for (const row of rows) {
      const item = make("li", first || known.has(row.id) ? "" : "just", list);
      item.dataset.age = row.age_s;
      item.dataset.seen = performance.now();
      const link = make("a", "", item);
      link.href = `/review/${row.id}`;
      link.title = row.captured;
      make("b", "", link).textContent = row.rule;
      make("span", "", link).textContent = `${row.canteen} · ${row.camera}`;
      make("span", "", link);
    }
    known = new Set(ids);
  };

  let first = true;
  const take = (told) => {
    heard = performance.now();
    const there = new Set();
    for (const [canteen, camera, name, state, age, stamp, reason] of told.tiles) {
      const key = JSON.stringify([canteen, camera]);
      there.add(key);
      cameras.set(key, { canteen, camera, name, state, age, stamp, reason, seen: heard });
    }
    let grown = there.size !== order.length;
    for (const key of cameras.keys()) if (!there.has(key)) { cameras.delete(key); grown = true; }
    if (told.figures) count(told.figures);
    if (told.trend && told.trend.length) plot(told.trend);
    announce(told.fresh, first);
    first = false;
    if (grown) turn(0); else draw();
  };

  const listen = () => {
    const source = new EventSource(`/cockpit/events`);
    source.addEventListener("wall", (event) => take(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      // Closed for good means a refusal, such as after a log-out: ask again for the page, which leads to the log-in.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 10000);
    });
  };

  const resize = (to) => {
    size = to;
    page = 0;
    const address = new URL(location.href);
    address.searchParams.set("tiles", size);
    history.replaceState(null, "", address);
    turn(0);
  };
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowRight") turn(1);
    else if (event.key === "ArrowLeft") turn(-1);
    else if (event.key === " " && event.target === document.body) { paused = !paused; draw(); event.preventDefault(); }
  });
  for (const button of document.querySelectorAll(".sizes [data-size]")) button.addEventListener("click", () => resize(Number(button.dataset.size)));
  setInterval(() => {
    if (!paused && order.length > size && --left <= 0) turn(1); else draw();
  }, 1000);
  turn(0);
  listen();
})();
