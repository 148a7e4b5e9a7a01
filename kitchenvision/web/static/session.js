"use strict";
// An expired session loses no work: a dialog asks to log in again, then what was to be sent goes on.
window.session = (() => {
  const dialog = document.getElementById("again");
  let asking = null; // one dialog, however many requests wait for it

  const fields = () => Array.from(document.querySelectorAll("input[name=csrf_token]"));
  const renew = (token) => { for (const field of fields()) field.value = token; };

  async function tried(form) {
    const code = dialog.querySelector("[data-code]"), second = !code.hidden;
    const answer = await fetch(second ? "/login/code" : "/login", {
      method: "POST", headers: { Accept: "application/json" }, body: new URLSearchParams(new FormData(form)),
    });
    const said = await answer.json();
    if (said.type === "code-needed") { code.hidden = false; code.querySelector("input").focus(); }
    else if (answer.ok) code.hidden = true;
    else if (second && said.type === "log-in-late") code.hidden = true;
    if (!answer.ok) throw new Error(said.detail || said.title);
    return said;
  }

  function logIn() {
    asking ??= new Promise((resolve) => {
      const form = dialog.querySelector("form"), wrong = dialog.querySelector("[role=alert]");
      form.onsubmit = async (event) => {
        event.preventDefault();
        let said;
        try { said = await tried(form); } catch (error) { wrong.textContent = `▲ ${error.message}`; wrong.hidden = false; return; }
        if (said.username !== dialog.dataset.username) { wrong.textContent = dialog.dataset.other; wrong.hidden = false; location.assign("/"); return; }
        done(said);
      };
      const done = (said) => {
        renew(said.csrf_token);
        form.reset();
        wrong.hidden = true;
        asking = null;
        removeEventListener("focus", back);
        dialog.close();
        resolve();
      };
      // Somebody who logged in in another tab, as by the office's provider, needs no password here.
      const back = async () => {
        const answer = await fetch("/session", { headers: { Accept: "application/json" } });
        const said = answer.ok ? await answer.json() : {};
        if (asking && said.username === dialog.dataset.username) done(said);
      };
      addEventListener("focus", back);
      dialog.oncancel = (event) => event.preventDefault(); // closing it would lose what waits
      dialog.showModal();
      form.querySelector("[name=password]").focus();
    });
    return asking;
  }

  // As fetch, but a 401 asks to log in and then tries again.
  async function ask(url, more = {}) {
    for (;;) {
      const answer = await fetch(url, { ...more, headers: { Accept: "application/json", ...more.headers } });
      if (answer.status !== 401) return answer;
      await logIn();
    }
  }

  // Sends a form of this session; the answer's JSON, or an Error with the server's words.
  async function post(url, values) {
    for (;;) {
      const body = values instanceof URLSearchParams ? values : new URLSearchParams(values);
      body.set("csrf_token", fields()[0]?.value ?? "");
      const answer = await fetch(url, { method: "POST", headers: { Accept: "application/json" }, body });
      if (answer.status === 401) { await logIn(); continue; }
      const said = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(said.detail || said.title || String(answer.status));
      return said;
    }
  }

  // Plain forms: ask first whether the session still holds, so that words and photos stay on the page.
  const checked = new WeakSet();
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented || checked.has(form) || form.action.endsWith("/logout")) return;
    event.preventDefault();
    const submitter = event.submitter;
    try { renew((await (await ask("/session")).json()).csrf_token); } catch { /* the form itself will say what is wrong */ }
    checked.add(form);
    form.requestSubmit(submitter);
    checked.delete(form);
  });

  return { ask, post };
})();
