// The judging page: keys, focus, drafts, scrolling together, and what to do when saving fails.
// Everything here makes a page that works without it more pleasant. Keys live in the HTML:
// data-key on what they press anywhere, data-row-key inside a data-row (one line of a checklist).
"use strict";

(function () {
  const DRAFT = "polyphony-draft:";
  const DRAFT_DAYS = 14;
  const LOCK = "polyphony-scroll-together";
  let sending = null; // the button whose answer is on its way, or failed to arrive
  let failed = false;
  let savingTimer = 0;
  let active = false; // whether the person did anything since the last heartbeat
  let renewTimer = 0;
  let pointing = false; // whether the last thing done was done by mouse or finger

  const task = () => document.getElementById("task");
  const one = (selector, root) => (root || document).querySelector(selector);
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const answerForm = () => one("form[data-draft]", task());
  const typing = (element) =>
    element.isContentEditable || element.matches("textarea, select, input:not([type=radio], [type=checkbox])");

  // What the page says, in the annotator's language.
  const said = (name) => document.getElementById("words").dataset[name];

  function hint(sentence) {
    const line = one("[data-hint]", task());
    if (line) line.textContent = sentence;
  }

  // --- Keys ---

  document.addEventListener("pointerdown", () => (pointing = true), true);
  document.addEventListener("keydown", function (event) {
    active = true;
    pointing = false;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") return escape(event);
    const entered = event.key === "Enter" && !event.shiftKey;
    if (entered && event.target.closest("[data-step]")) {
      event.preventDefault();
      return leaveStep();
    }
    if (entered && event.target.matches("[data-row] [data-number]")) {
      event.preventDefault();
      return nextRow(event.target.closest("[data-row]"));
    }
    if (typing(event.target) || event.repeat || one("dialog[open]")) return;
    if (event.key === "Enter" && event.target.closest("button, a, summary, input")) return;
    const pressed = keyed(event);
    if (!pressed) return;
    event.preventDefault();
    press(pressed);
  });

  function keyed(event) {
    const menu = one("[data-menu][open]");
    const names = [event.key.toLowerCase()];
    const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
    if (digit && !event.shiftKey) names.push(digit[1]); // keyboards whose digits need Shift
    for (const name of names) {
      const selector = '="' + CSS.escape(name) + '"]';
      const row = currentRow();
      const found =
        (menu && one("[data-key" + selector + ":not(summary)", menu)) ||
        (!menu && row && one("[data-row-key" + selector, row)) ||
        all("[data-key" + selector).find((each) => !each.closest("[data-menu]") || each.matches("summary"));
      if (found && !(menu && digit && !menu.contains(found))) return found;
    }
    return null;
  }

  function press(element) {
    if (element.matches("textarea, input:not([type=radio], [type=checkbox]), [data-focuses]")) return element.focus();
    if (element.matches(":disabled") || element.closest("fieldset:disabled")) return;
    element.click();
    if (element.matches("[data-menu] > summary")) focusMenu(element.parentElement);
    if (element.matches("[data-row] input")) nextRow(element.closest("[data-row]"));
  }

  function escape(event) {
    const menu = one("[data-menu][open]");
    const drawer = one(".drawer:not([hidden])");
    if (typing(event.target)) {
      event.target.blur();
      focusHeading();
    } else if (menu) {
      menu.open = false;
      one("summary", menu).focus();
    } else if (drawer) {
      closeDrawer(drawer);
    }
  }

  function focusMenu(menu) {
    if (menu.open) one("button", menu).focus();
  }

  // --- Checklist rows ---

  function currentRow() {
    const focused = document.activeElement && document.activeElement.closest("[data-row]");
    return focused || openRow() || null;
  }
  const answered = (row) => one("input:checked", row) || all("input[type=number]", row).some((field) => field.value);
  const openRow = () => all("[data-row]", task()).find((row) => !answered(row));

  function nextRow(row) {
    const rows = all("[data-row]", task());
    const after = rows.slice(rows.indexOf(row) + 1).find((each) => !answered(each)) || openRow();
    const target = after ? one("input", after) : one("[data-submit]", task());
    if (target) target.focus();
    else focusHeading();
    if (after) after.scrollIntoView({ block: "nearest" });
  }

  // --- Choosing: at once, or, where more is needed (a reason, …), once it is given ---

  document.addEventListener(
    "click",
    function (event) {
      active = true;
      const opener = event.target.closest("[data-opens]");
      if (opener) return open(event, opener);
      const closer = event.target.closest("[data-closes]");
      if (closer) return closeDrawer(document.getElementById(closer.dataset.closes));
      if (event.target.closest("[data-retry]")) return retry();
      if (event.target.closest("[data-lock]")) return setLock(!locked());
      if (event.target.closest("[data-unfold]")) return unfold();
      if (event.target.closest("[data-timer]")) return switchTimer();
      const choice = event.target.closest("[data-choice], [data-submit]");
      const step = choice && choice.form && missingStep(choice.form);
      const unfinished = choice && choice.matches("[data-submit]") && openRow(); // the server says where
      if (step && !unfinished) hold(event, choice, step);
    },
    true
  );

  const given = (step) => all("input, textarea", step).some((field) => (ticked(field) ? field.checked : field.value.trim()));
  const missingStep = (form) => all("[data-required]", form).find((step) => !given(step));

  function mark(button) {
    for (const other of all("[data-choice]", task())) {
      other.removeAttribute("data-chosen");
      other.removeAttribute("aria-pressed");
    }
    if (!button) return;
    button.setAttribute("data-chosen", "");
    button.setAttribute("aria-pressed", "true");
  }

  function hold(event, choice, step) {
    event.preventDefault();
    if (choice.matches("[data-choice]")) mark(choice);
    hint(step.dataset.ask);
    one("textarea, input", step).focus();
  }

  function leaveStep() {
    const pressed = one("[data-chosen]", task()) || one("[data-submit]", task());
    if (pressed) return pressed.click();
    focusHeading();
    hint(said("reasonNoted"));
  }

  // A click on how sure one is goes on to what is needed next; by keyboard, Enter does.
  document.addEventListener("change", function (event) {
    const step = event.target.closest("[data-step][data-required]");
    const held = one("[data-chosen]", task());
    if (pointing && step && held && event.target.matches("[type=radio]")) held.click();
  });

  // --- Sending, and what happens when it fails ---

  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-answer]")) sending = event.submitter;
  }, true);

  document.addEventListener("htmx:beforeRequest", function (event) {
    if (!event.detail.elt.matches("[data-answer]")) return;
    mark(sending && sending.matches("[data-choice]") ? sending : one("[data-chosen]", task()));
    failed = false;
    one("[data-unsaved]", task()).hidden = true;
    savingTimer = setTimeout(() => saveState(said("saving")), 200);
  });

  document.addEventListener("htmx:beforeSwap", function (event) {
    clearTimeout(savingTimer);
    const status = event.detail.xhr.status;
    const form = answerForm();
    if (event.detail.target.id === "task" && form && status === 200) forgetDraft(form);
  });

  function notSaved(event) {
    if (!event.detail.elt.matches("[data-answer]")) return;
    clearTimeout(savingTimer);
    tellUnsaved(event.type === "htmx:responseError" ? event.detail.xhr.status : 0, event.type === "htmx:timeout");
  }

  function tellUnsaved(status, slow) {
    failed = true;
    const panel = one("[data-unsaved]", task());
    const why = slow ? said("whySlow") : said("why-" + status) || said("whyError").replace("%s", status);
    one("[data-unsaved-why]", panel).textContent = why;
    one("[data-log-in]", panel).hidden = status !== 401 && status !== 403;
    panel.hidden = false;
    saveState("");
    one("[data-retry]", panel).focus();
  }
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, notSaved);
  }
  // From judge_ahead.js: an answer that was left behind came back unsaved; or another question is shown.
  document.addEventListener("polyphony:unsaved", function (event) {
    sending = event.detail.button;
    mark(sending);
    tellUnsaved(event.detail.status, event.detail.slow);
  });
  document.addEventListener("polyphony:saved", (event) => localStorage.removeItem(DRAFT + event.detail.handle));
  document.addEventListener("polyphony:shown", () => begin());
  document.addEventListener("polyphony:drafted", () => answerForm() && keepDraft(answerForm()));
  window.addEventListener("online", () => failed && retry());

  function retry() {
    if (sending && sending.isConnected) sending.click();
  }

  function saveState(words) {
    const line = one("[data-save-state]", task());
    if (line) line.textContent = words;
  }

  // --- Drafts: what was typed or ticked survives a lost network, a closed tab, a logout ---

  function draftable(form) {
    return all("textarea, input[type=number], input[type=radio], input[type=checkbox], [data-drafted]", form);
  }

  const ticked = (field) => field.type === "radio" || field.type === "checkbox";

  function keepDraft(form) {
    const values = { at: Date.now() };
    for (const field of draftable(form)) {
      if (ticked(field) ? field.checked : field.value !== field.defaultValue || field.type === "hidden") {
        values["=" + field.name] = field.value;
      }
    }
    try {
      localStorage.setItem(DRAFT + form.dataset.draft, JSON.stringify(values));
      saveState(said("draftKept"));
    } catch (error) {
      hint(said("noDrafts") + " (" + error.name + ")");
    }
  }

  function restoreDraft(form) {
    const kept = localStorage.getItem(DRAFT + form.dataset.draft);
    if (!kept || one("[data-error]", form)) return;
    const values = JSON.parse(kept);
    for (const field of draftable(form)) {
      const value = values["=" + field.name];
      if (value === undefined) continue;
      if (ticked(field)) field.checked = field.value === value;
      else if (field.value === field.defaultValue) field.value = value;
    }
    hint(said("draftBack"));
  }

  function forgetDraft(form) {
    localStorage.removeItem(DRAFT + form.dataset.draft);
  }

  function forgetOldDrafts() {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(DRAFT)) continue;
      const { at } = JSON.parse(localStorage.getItem(key));
      if (Date.now() - at > DRAFT_DAYS * 86400000) localStorage.removeItem(key);
    }
  }

  document.addEventListener("input", function (event) {
    active = true;
    const form = event.target.form;
    if (form && form.matches("[data-draft]")) keepDraft(form);
  });

  // --- Guidelines, help ---

  function open(event, opener) {
    const opened = document.getElementById(opener.dataset.opens);
    if (!opened) return;
    event.preventDefault();
    if (opened.matches("dialog")) return showHelp(opened);
    if (!opened.hidden) return closeDrawer(opened);
    opened.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    htmx.trigger(one("[hx-get]", opened), "open");
    one("h2", opened).focus();
  }

  function closeDrawer(drawer) {
    drawer.hidden = true;
    const opener = one('[data-opens="' + drawer.id + '"]');
    if (opener) {
      opener.setAttribute("aria-expanded", "false");
      opener.focus();
    }
  }

  function showHelp(dialog) {
    const list = one("[data-key-list]", dialog);
    list.replaceChildren();
    const seen = new Set();
    for (const element of all("[data-key], [data-row-key]")) {
      const key = element.dataset.key || element.dataset.rowKey;
      if (seen.has(key) || (element.closest("[data-menu]") && !element.matches("summary"))) continue;
      seen.add(key);
      const cap = document.createElement("kbd");
      cap.className = "key";
      cap.textContent = key === "enter" ? "↵" : key.toUpperCase();
      const term = document.createElement("dt");
      term.append(cap);
      const meaning = document.createElement("dd");
      meaning.textContent = words(element);
      list.append(term, meaning);
    }
    dialog.showModal();
  }

  function words(element) {
    if (element.dataset.says) return element.dataset.says;
    const source = element.matches("input") ? element.closest("label") : element;
    const copy = source.cloneNode(true);
    for (const cap of all("kbd", copy)) cap.remove();
    return copy.textContent.replace(/\s+/g, " ").trim();
  }

  // --- Scrolling together ---

  const locked = () => localStorage.getItem(LOCK) === "yes";

  function setLock(on) {
    localStorage.setItem(LOCK, on ? "yes" : "no");
    showLock();
  }

  function showLock() {
    for (const button of all("[data-lock]")) button.setAttribute("aria-pressed", String(locked()));
  }

  let led = null; // the pane that was scrolled by us, whose own event must not answer back
  document.addEventListener(
    "scroll",
    function (event) {
      const pane = event.target;
      if (!(pane instanceof Element) || !pane.matches("[data-scrolls]") || !locked()) return;
      if (led === pane) return void (led = null);
      const share = pane.scrollTop / Math.max(1, pane.scrollHeight - pane.clientHeight);
      for (const other of all("[data-locks] [data-scrolls]", task())) {
        if (other === pane) continue;
        const target = Math.round(share * (other.scrollHeight - other.clientHeight));
        if (Math.abs(other.scrollTop - target) < 2) continue;
        led = other;
        other.scrollTop = target;
      }
    },
    true
  );

  // --- How long the question takes: for oneself, and out of sight for good once it is pressed away ---

  const TIMER = "polyphony-timer";
  let shownAt = 0;

  function showTime() {
    const timer = one("[data-timer]", task());
    if (!timer) return;
    const seconds = Math.floor((performance.now() - shownAt) / 1000);
    one("[data-time]", timer).textContent = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
    timer.setAttribute("aria-pressed", String(localStorage.getItem(TIMER) !== "no"));
  }
  setInterval(showTime, 1000);

  function switchTimer() {
    localStorage.setItem(TIMER, localStorage.getItem(TIMER) === "no" ? "yes" : "no");
    showTime();
  }

  // --- Long answers are folded until asked for ---

  const SCREENS = 2.5;

  function fold() {
    for (const pane of all("[data-response]", task())) {
      if (pane.scrollHeight < window.innerHeight * SCREENS) continue;
      const count = pane.innerText.trim().split(/\s+/).length;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet unfold";
      button.dataset.unfold = "";
      button.dataset.key = "f";
      const cap = document.createElement("kbd");
      cap.className = "key";
      cap.textContent = "F";
      button.append(said("unfold").replace("%s", count.toLocaleString(document.documentElement.lang)), " ", cap);
      pane.classList.add("folded");
      pane.after(button);
    }
  }

  function unfold() {
    const first = one(".folded", task());
    for (const pane of all(".folded", task())) pane.classList.remove("folded");
    for (const button of all("[data-unfold]", task())) button.remove();
    if (first) first.focus({ preventScroll: true });
  }

  // --- Sliders: the number is the answer; the slider sets it, and has no value until touched ---

  document.addEventListener("input", function (event) {
    const slider = event.target.closest("[data-slider]");
    if (!slider) return;
    const range = one("[data-range]", slider);
    const number = one("[data-number]", slider);
    if (event.target === range) number.value = range.value;
    showNumber(range, number);
    if (event.target === range && number.form) keepDraft(number.form);
  });

  function showNumber(range, number) {
    range.toggleAttribute("data-untouched", number.value === "");
    if (number.value !== "") range.value = number.value;
  }

  function beginSliders() {
    for (const slider of all("[data-slider]", task())) showNumber(one("[data-range]", slider), one("[data-number]", slider));
  }

  // --- Ranking by dragging: letters from a tray to places. The radio buttons are the answer. ---

  function ranked() {
    return all("[data-ranks]", task()).map((row) => ({
      letter: row.dataset.ranks,
      row,
      rank: Number((one("input:checked", row) || {}).value || 0),
    }));
  }

  function showLadder() {
    const ladder = one("[data-ladder]", task());
    if (!ladder) return;
    const items = ranked();
    const shelves = [ladder.dataset.tray, ...items.map((_, place) => ladder.dataset.place + " " + (place + 1))];
    ladder.replaceChildren(
      ...shelves.map(function (name, rank) {
        const shelf = document.createElement("div");
        shelf.className = rank ? "shelf" : "shelf tray";
        shelf.dataset.rank = rank;
        const title = document.createElement("span");
        title.textContent = name;
        shelf.append(title);
        for (const item of items.filter((each) => each.rank === rank)) {
          const chip = document.createElement("span");
          chip.className = "chip";
          chip.dataset.chip = item.letter;
          chip.textContent = item.letter;
          shelf.append(chip);
        }
        return shelf;
      })
    );
  }

  function putAt(letter, rank) {
    const row = one('[data-ranks="' + letter + '"]', task());
    for (const input of all("input", row)) input.checked = Number(input.value) === rank;
    row.dispatchEvent(new Event("input", { bubbles: true }));
    keepDraft(answerForm());
    showLadder();
  }

  let dragged = null;
  document.addEventListener("pointerdown", function (event) {
    dragged = event.target.closest("[data-chip]");
    if (!dragged) return;
    event.preventDefault();
    dragged.classList.add("dragged");
  });
  document.addEventListener("pointermove", function (event) {
    if (!dragged) return;
    event.preventDefault();
    for (const shelf of all(".shelf", task())) shelf.classList.toggle("over", shelf === shelfAt(event));
  });
  for (const name of ["pointerup", "pointercancel"]) {
    document.addEventListener(name, function (event) {
      if (!dragged) return;
      const shelf = name === "pointerup" && shelfAt(event);
      const letter = dragged.dataset.chip;
      dragged = null;
      if (shelf) putAt(letter, Number(shelf.dataset.rank));
      else showLadder();
    });
  }
  function shelfAt(event) {
    const under = document.elementFromPoint(event.clientX, event.clientY);
    return under && under.closest(".shelf");
  }
  document.addEventListener("input", (event) => event.target.closest("[data-ranks]") && showLadder());

  // --- Each new question ---

  function focusHeading() {
    const heading = document.getElementById("question-heading");
    if (heading) heading.focus({ preventScroll: true });
  }

  function begin() {
    const prompt = one(".prompt", task());
    if (all(".prompt .message", task()).length > 1) { // what was asked last is read first
      prompt.scrollTop = prompt.scrollHeight;
      prompt.classList.toggle("from-end", prompt.scrollTop > 0);
    }
    sending = null;
    failed = false;
    shownAt = performance.now();
    showTime();
    showLock();
    const form = answerForm();
    clearInterval(renewTimer);
    if (form) {
      restoreDraft(form);
      beginSliders();
      showLadder();
      fold();
      document.dispatchEvent(new Event("polyphony:question"));
      if (form.dataset.renew) renewTimer = setInterval(() => renew(answerForm()), Number(form.dataset.leaseSeconds) * 333);
    }
    const error = one("[data-error]", task());
    const row = error && error.closest("[data-row]");
    if (row) return one("input", row).focus();
    if (error) return error.focus();
    window.scrollTo(0, 0);
    focusHeading();
  }

  // A question stays reserved while its person is at it, and no longer.
  function renew(form) {
    if (!active || !form || !form.dataset.renew) return;
    active = false;
    htmx.ajax("POST", form.dataset.renew, {
      source: task(), swap: "none", values: { handle: form.dataset.draft, submission_key: "heartbeat" },
    });
  }

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "task") begin();
  });
  document.addEventListener("DOMContentLoaded", function () {
    forgetOldDrafts();
    begin();
  });
})();
