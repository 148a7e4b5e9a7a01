// Sorts and filters the district's table where it stands; what was chosen stays in the address.
"use strict";
(() => {
  const table = document.getElementById("codes");
  if (!table) return;
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  const search = document.getElementById("search"), buttons = [...document.querySelectorAll("[data-colour][aria-pressed]")];
  const asked = new URLSearchParams(location.search);
  const chosen = new Set((asked.get("colours") || "").split(",").filter(Boolean));
  let sort = asked.get("sort") || "";

  const keep = () => {
    const address = new URL(location.href);
    for (const [key, value] of [["q", search.value.trim()], ["colours", [...chosen].join(",")], ["sort", sort]]) {
      if (value) address.searchParams.set(key, value); else address.searchParams.delete(key);
    }
    history.replaceState(null, "", address);
  };

  const sift = () => {
    const words = search.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits = row.dataset.text.includes(words) && (!chosen.size || chosen.has(row.dataset.colour));
      row.hidden = !fits;
      shown += fits;
    }
    document.getElementById("shown").textContent = shown;
    document.getElementById("nothing").hidden = shown > 0;
    for (const button of buttons) button.setAttribute("aria-pressed", chosen.has(button.dataset.colour));
  };

  const order = () => {
    const [key, direction] = sort.split("-"), at = Number(key), sign = direction === "down" ? -1 : 1;
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    if (!sort || !heads[at] || !heads[at].dataset.key) return;
    heads[at].setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const words = new Intl.Collator(document.documentElement.lang);
    const value = (row) => row.cells[at].dataset;
    rows.sort((a, b) => {
      const one = value(a), other = value(b);
      if (one.v !== undefined) return sign * words.compare(one.v, other.v);
      // What is not known stands last, whichever way it is sorted.
      if (one.n === "" || other.n === "") return (one.n === "") - (other.n === "");
      return sign * (Number(one.n) - Number(other.n));
    });
    body.append(...rows);
  };

  search.value = asked.get("q") || "";
  search.addEventListener("input", () => { sift(); keep(); });
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const colour = button.dataset.colour;
      if (!chosen.delete(colour)) chosen.add(colour);
      sift(); keep();
    });
  }
  heads.forEach((head, at) => {
    if (!head.dataset.key) return;
    head.firstElementChild.addEventListener("click", () => {
      const numbers = head.classList.contains("num");
      const first = numbers ? "down" : "up", second = numbers ? "up" : "down";
      sort = `${at}-${sort === `${at}-${first}` ? second : first}`;
      order(); keep();
    });
  });
  sift(); order();
})();
