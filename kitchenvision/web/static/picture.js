"use strict";
// The picture on the desk: wheel, pinch and drag to look closely, brightness for dark kitchens, swipe to go on.
(() => {
  const desk = document.getElementById("desk");
  let zoom = { scale: 1, x: 0, y: 0 };
  let touch = null; // {fingers, x, y, far, moved} of what is going on

  const stageOf = (target) => target.closest?.(".picture")?.querySelector(".zoomed") ?? null;
  const limited = (at, size) => Math.min(0, Math.max(at, size * (1 - zoom.scale)));

  function apply(stage) {
    const box = stage.parentElement.getBoundingClientRect();
    zoom.x = limited(zoom.x, box.width);
    zoom.y = limited(zoom.y, box.height);
    stage.style.transform = zoom.scale === 1 ? "" : `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})`;
    stage.parentElement.classList.toggle("close", zoom.scale > 1);
  }

  function begin(stage) { if (!stage.style.transform) zoom = { scale: 1, x: 0, y: 0 }; }

  // Zoom by `ratio` about a point of the page.
  function about(stage, clientX, clientY, ratio) {
    const box = stage.parentElement.getBoundingClientRect();
    const px = clientX - box.left, py = clientY - box.top;
    const scale = Math.min(Math.max(zoom.scale * ratio, 1), 8);
    const by = scale / zoom.scale;
    zoom = { scale, x: px - (px - zoom.x) * by, y: py - (py - zoom.y) * by };
    apply(stage);
  }

  function drag(stage, dx, dy) { zoom.x += dx; zoom.y += dy; apply(stage); }

  desk.addEventListener("wheel", (event) => {
    const stage = stageOf(event.target);
    if (!stage || event.ctrlKey) return;
    event.preventDefault();
    begin(stage);
    about(stage, event.clientX, event.clientY, Math.exp(-event.deltaY / 400));
  }, { passive: false });

  desk.addEventListener("dblclick", (event) => {
    const stage = stageOf(event.target);
    if (stage && !event.target.closest("figcaption")) { zoom = { scale: 1, x: 0, y: 0 }; apply(stage); }
  });

  desk.addEventListener("pointerdown", (event) => {
    const stage = stageOf(event.target);
    if (!stage || event.pointerType !== "mouse" || event.target.closest("figcaption") || !stage.style.transform) return;
    event.preventDefault();
    const move = (to) => drag(stage, to.movementX, to.movementY);
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", () => document.removeEventListener("pointermove", move), { once: true });
  });

  const measured = (touches) => {
    const [a, b = a] = touches;
    return { x: (a.clientX + b.clientX) / 2, y: (a.clientY + b.clientY) / 2, far: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) };
  };
  desk.addEventListener("touchstart", (event) => {
    const stage = stageOf(event.target);
    if (!stage || event.target.closest("figcaption")) { touch = null; return; }
    begin(stage);
    touch = { fingers: event.touches.length, moved: 0, pinched: Boolean(touch?.pinched) || event.touches.length > 1, ...measured(event.touches) };
  }, { passive: true });
  desk.addEventListener("touchmove", (event) => {
    const stage = stageOf(event.target);
    if (!touch || !stage || event.touches.length !== touch.fingers) return;
    const here = measured(event.touches);
    touch.moved += here.x - touch.x;
    if (touch.fingers === 2 && touch.far > 0) about(stage, here.x, here.y, here.far / touch.far);
    if (zoom.scale > 1) { event.preventDefault(); drag(stage, here.x - touch.x, here.y - touch.y); }
    touch = { ...touch, ...here };
  }, { passive: false });
  desk.addEventListener("touchend", (event) => {
    if (!touch || event.touches.length) return;
    // One finger on the whole picture goes on to the next one; on a part of it it has moved that part.
    if (!touch.pinched && zoom.scale === 1 && Math.abs(touch.moved) > 60) window.review.move(touch.moved < 0 ? 1 : -1);
    touch = null;
  }, { passive: true });

  function brighten(percent) {
    const value = Math.min(Math.max(percent, 50), 250);
    sessionStorage.setItem("brightness", String(value));
    const slider = document.getElementById("brightness");
    if (slider) slider.value = String(value);
    const image = desk.querySelector("[data-picture]");
    if (image) image.style.filter = value === 100 ? "" : `brightness(${value / 100})`;
  }
  const brightness = () => Number(sessionStorage.getItem("brightness") ?? 100);
  desk.addEventListener("input", (event) => { if (event.target.id === "brightness") brighten(Number(event.target.value)); });

  // A new picture is whole, as bright as the one before.
  window.picture = { settle: () => { zoom = { scale: 1, x: 0, y: 0 }; brighten(brightness()); }, brighten: (by) => brighten(brightness() + by) };
})();
