// Brings the cards up to date every two seconds; new pictures are loaded before they are shown, so nothing flickers.
const cards = document.getElementById("cards");
const stale = document.getElementById("stale");

async function update() {
  try {
    const answer = await fetch("/cards", { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = document.createElement("div");
    fresh.innerHTML = await answer.text();
    await Promise.all([...fresh.querySelectorAll("img")].map((image) => image.decode().catch(() => {})));
    const focused = cards.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    cards.replaceChildren(...fresh.childNodes);
    if (focused) cards.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    stale.hidden = true;
  } catch {
    stale.hidden = false;
    cards.querySelectorAll(".shot").forEach((shot) => shot.classList.add("old"));
  }
  setTimeout(update, 2000);
}
setTimeout(update, 2000);
