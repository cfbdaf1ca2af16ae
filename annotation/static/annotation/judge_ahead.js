// The next question before it is needed: fetched and kept unseen while this one is read, shown at once
// when an answer is given that nothing is missing from, while it is saved behind it. If saving fails, the
// question that was left comes back with its answer. Without this file each answer waits for the reply.
"use strict";

(function () {
  const TIMEOUT = 20000;
  const KEEPALIVE = 60000; // bytes; browsers finish no larger request once its page is closed
  let ahead = null; // { handle, html, until }: what comes next, and until when it is kept for us
  let wanted = 0; // counts questions, so that an answer to an earlier request is recognised
  let refused = false; // there is none ahead of this question
  let saving = false;
  let pressed = null; // what was pressed while the answer before was still being saved
  let ours = false; // whether the question now being shown was put there by us
  let shownAt = 0;
  let broughtAt = -1000; // when we last put a question on the screen

  const HASTY = 300; // milliseconds in which nobody finishes a question: a key that was pressed twice
  const SENDS = "[data-choice], [data-submit]";
  const WRITES = "[data-editor], [data-problems]"; // takes longer than a question is kept unseen

  const task = () => document.getElementById("task");
  const form = () => document.querySelector("#task form[data-ahead]");
  const looksAhead = (from) => from && from.querySelector(SENDS) && !from.querySelector(WRITES);
  const said = (name) => document.getElementById("words").dataset[name];
  const tell = (name, detail) => document.dispatchEvent(new CustomEvent("polyphony:" + name, { detail }));

  function token() {
    const cookie = document.cookie.match(/(?:^|; )polyphony_csrf=([^;]+)/);
    return cookie ? cookie[1] : document.querySelector("[name=csrfmiddlewaretoken]").value;
  }

  function post(address, data) {
    const body = new URLSearchParams(data);
    body.delete("csrfmiddlewaretoken");
    return fetch(address, {
      method: "POST",
      headers: { "HX-Request": "true", "X-CSRFToken": token() },
      body,
      keepalive: body.toString().length < KEEPALIVE,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT),
    });
  }

  function parsed(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.querySelector("#task");
  }

  async function keep(response) {
    ahead = null;
    refused = response.status !== 200;
    if (refused) return;
    const html = await response.text();
    const seconds = Number(response.headers.get("X-Fresh-Seconds"));
    ahead = { handle: parsed(html).querySelector("[data-draft]").dataset.draft, html, until: Date.now() + seconds * 900 };
  }

  // --- Asking ---

  async function ask() {
    const asked = ++wanted;
    const from = form();
    if (!looksAhead(from)) return;
    try {
      const response = await post(from.dataset.ahead, {});
      if (asked === wanted) await keep(response);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
      refused = true; // no network: answers go the plain way, which says so
    }
  }

  const fresh = () => ahead !== null && Date.now() < ahead.until;

  // What was kept for too long is asked for again, once its person does something.
  for (const name of ["keydown", "pointerdown", "wheel"]) {
    document.addEventListener(name, () => ahead !== null && !fresh() && !saving && ((ahead = null), ask()), { passive: true });
  }

  document.addEventListener("polyphony:question", function () {
    shownAt = performance.now();
    if (ours) return;
    ahead = null;
    refused = false;
    ask();
  });

  window.addEventListener("pagehide", function () {
    const from = form();
    if (!ahead || !from || saving) return;
    const data = new FormData();
    data.set("handle", ahead.handle);
    data.set("submission_key", "left-unseen");
    data.set("csrfmiddlewaretoken", token());
    navigator.sendBeacon(from.dataset.unseen, data);
    ahead = null;
  });

  // --- Answering ---

  function show(node) {
    ours = true;
    broughtAt = performance.now();
    task().replaceWith(node);
    htmx.process(node);
    tell("shown");
    ours = false;
  }

  function state(words) {
    const line = task().querySelector("[data-save-state]");
    if (line) line.textContent = words;
  }

  // Whether the server will have nothing to ask for: each line answered, each number on its scale.
  function isWhole(from, button) {
    const words = from.querySelector("[data-least-words]");
    const few = words && words.value.trim() && words.value.trim().split(/\s+/).length < Number(words.dataset.leastWords);
    if (few || !from.checkValidity()) return false;
    const given = (row) => row.querySelector("input:checked") || Array.from(row.querySelectorAll("[data-number]")).some((field) => field.value);
    return button.matches("[data-choice]") || Array.from(from.querySelectorAll("[data-row]:not([data-optional])")).every(given);
  }

  document.addEventListener("submit", function (event) {
    const button = event.submitter;
    if (event.target !== form() || !button || !button.matches(SENDS) || !fresh() || saving) return;
    if (!looksAhead(event.target) || !isWhole(event.target, button)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    answer(event.target, button);
  }, true);

  async function answer(from, button) {
    const left = { task: task(), button, handle: from.dataset.draft };
    const next = ahead;
    const data = new FormData(from, button);
    data.set("ahead", next.handle);
    saving = true;
    wanted++;
    ahead = null;
    left.task.querySelector("[data-unsaved]").hidden = true;
    show(parsed(next.html));
    const slow = setTimeout(() => state(said("saving")), 200);
    try {
      await settle(await post(from.action, data), left, next);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
      comeBack(left, next, 0, error.name === "TimeoutError");
    } finally {
      clearTimeout(slow);
      saving = false;
    }
    const again = pressed;
    pressed = null;
    if (again && again.isConnected) again.click();
  }

  async function settle(response, left, next) {
    if (response.headers.get("X-Shown") === next.handle) {
      tell("saved", left);
      state(said("saved"));
      await keep(response);
    } else if (response.status === 200 || response.status === 409 || response.status === 422) {
      const node = parsed(await response.text());
      if (response.status === 200) tell("saved", left);
      saving = false;
      task().replaceWith(node);
      htmx.process(node);
      tell("shown");
    } else {
      comeBack(left, next, response.status, false);
    }
  }

  function comeBack(left, next, status, slow) {
    pressed = null;
    task().replaceWith(left.task);
    ahead = next;
    tell("unsaved", { button: left.button, status, slow });
  }

  // The second click of a double click isn't meant for the question that came in between; and only one
  // answer is on its way at a time: what is pressed meanwhile waits for it.
  document.addEventListener("click", function (event) {
    const target = event.target.closest("#task [data-choice], #task [data-submit], #task [hx-get], #task [form=skip-form], #task #skip-form button");
    if (!target) return;
    const clicked = event.detail > 1 && shownAt > event.timeStamp - 500 && target.matches(SENDS);
    const double = clicked || (broughtAt > event.timeStamp - HASTY && target.matches("[data-submit]"));
    if (!double && !saving) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!double) pressed = target;
  }, true);
})();
