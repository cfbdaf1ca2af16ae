// The judging page's work on texts: differences between two responses (D), a rewrite's changes while
// it is being written, and marking what is wrong in a text by mouse or keyboard. No text of a
// response ever becomes markup here: everything goes through text nodes.
"use strict";

(function () {
  const MOST_WORDS = 6000; // of both texts together; above, comparing would take too long
  const task = () => document.getElementById("task");
  const one = (selector, root) => (root || document).querySelector(selector);
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const said = (name) => document.getElementById("words").dataset[name];
  const make = function (tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  function hint(sentence) {
    const line = one("[data-hint]", task());
    if (line) line.textContent = sentence;
  }

  // --- Differences: the shortest edit script (Myers 1986) over words ---

  const MOST_EDITS = 1200; // more than that is another text, and would need much memory

  // For each word of `a` and of `b`, whether the other has it at this point too. Null if the two
  // are too different to be laid side by side.
  function shared(a, b) {
    let start = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
    let end = 0;
    while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
    const found = matches(a.slice(start, a.length - end), b.slice(start, b.length - end));
    if (!found) return null;
    const inA = a.map((_, i) => i < start || i >= a.length - end);
    const inB = b.map((_, i) => i < start || i >= b.length - end);
    for (const [i, j] of found) inA[start + i] = inB[start + j] = true;
    return [inA, inB];
  }

  function matches(a, b) {
    const most = Math.min(a.length + b.length, MOST_EDITS);
    const reach = new Int32Array(2 * most + 3); // the furthest x on each diagonal k = x - y
    const trace = [];
    for (let d = 0; d <= most; d += 1) {
      trace.push(reach.slice(most + 1 - d, most + 2 + d));
      for (let k = -d; k <= d; k += 2) {
        const down = k === -d || (k !== d && reach[most + k] < reach[most + k + 2]);
        let x = down ? reach[most + k + 2] : reach[most + k] + 1;
        while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
        reach[most + k + 1] = x;
        if (x >= a.length && x - k >= b.length) return walkBack(trace, a.length, b.length);
      }
    }
    return null;
  }

  function walkBack(trace, x, y) {
    const found = [];
    for (let d = trace.length - 1; d >= 0; d -= 1) {
      const at = (k) => trace[d][k + d];
      const k = x - y;
      const down = k === -d || (k !== d && at(k - 1) < at(k + 1));
      const fromX = d === 0 ? 0 : at(down ? k + 1 : k - 1);
      const fromY = d === 0 ? 0 : fromX - (down ? k + 1 : k - 1);
      while (x > fromX && y > fromY) found.push([(x -= 1), (y -= 1)]);
      x = fromX;
      y = fromY;
    }
    return found;
  }

  const WORD = /[\p{L}\p{N}\p{M}_'’]+|[^\s]/gu;

  // --- D: mark the words of each response that the other lacks ---

  function wordsUnder(pane) {
    const found = [];
    const walker = document.createTreeWalker(pane, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      for (const match of node.data.matchAll(WORD)) {
        found.push({ node, from: match.index, to: match.index + match[0].length, word: match[0].toLowerCase() });
      }
    }
    return found;
  }

  function markOnly(words, kept) {
    const byNode = new Map();
    words.forEach(function (word, index) {
      if (kept[index]) return;
      if (!byNode.has(word.node)) byNode.set(word.node, []);
      byNode.get(word.node).push(word);
    });
    for (const [node, missing] of byNode) {
      for (const word of missing.reverse()) {
        const rest = node.splitText(word.from);
        rest.splitText(word.to - word.from);
        const mark = make("mark", "only");
        rest.replaceWith(mark);
        mark.append(rest);
      }
    }
  }

  function unmark() {
    for (const mark of all("mark.only", task())) {
      const parent = mark.parentNode;
      mark.replaceWith(...mark.childNodes);
      parent.normalize();
    }
  }

  function compare(button) {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    unmark();
    if (!on) return hint("");
    const panes = all("[data-response]", task());
    const words = panes.map(wordsUnder);
    if (words.reduce((sum, each) => sum + each.length, 0) > MOST_WORDS) return hint(said("tooLong"));
    const sides = words.map((each) => each.map((word) => word.word));
    const kept = (panes.length === 2 && shared(...sides)) || inEveryOther(sides);
    words.forEach((each, index) => markOnly(each, kept[index]));
    hint(kept.every((side) => side.every(Boolean)) ? said("sameText") : said("differing"));
  }

  // Without one counterpart to lay beside it, a word counts as shared if all others have it at all.
  function inEveryOther(sides) {
    const sets = sides.map((side) => new Set(side));
    return sides.map((side, own) => side.map((word) => sets.every((set, at) => at === own || set.has(word))));
  }

  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-diff]");
    if (button) compare(button);
  });

  // --- Rewriting: what has changed so far ---

  const PIECE = /[\p{L}\p{N}\p{M}_'’]+\s*|\S\s*|\s+/gu; // a word with its space, so that runs stay whole

  function showChanges() {
    const pane = one("[data-changes]", task());
    if (!pane) return;
    const before = one("[data-original]", task()).textContent.replace(/\r\n?/g, "\n");
    const after = one("[data-editor]", task()).value;
    const a = before.match(PIECE) || [];
    const b = after.match(PIECE) || [];
    if (a.length + b.length > 2 * MOST_WORDS) return void (pane.textContent = said("tooLong"));
    if (before === after) return void pane.replaceChildren(make("p", "soft", pane.dataset.none));
    const kept = shared(a, b);
    pane.replaceChildren(...(kept ? pieces(a, b, ...kept) : [make("del", "", before), make("ins", "", after)]));
  }

  // The old text and the new in one: what went is <del>, what came is <ins>.
  function pieces(a, b, inA, inB) {
    const found = [];
    let [i, j] = [0, 0];
    while (i < a.length || j < b.length) {
      let [gone, come, same] = ["", "", ""];
      while (i < a.length && !inA[i]) gone += a[i++];
      while (j < b.length && !inB[j]) come += b[j++];
      while (i < a.length && j < b.length && inA[i] && inB[j]) {
        same += b[j];
        i += 1;
        j += 1;
      }
      if (gone) found.push(make("del", "", gone));
      if (come) found.push(make("ins", "", come));
      if (same) found.push(document.createTextNode(same));
    }
    return found;
  }

  let showing = 0;
  document.addEventListener("input", function (event) {
    if (!event.target.matches("[data-editor]")) return;
    cancelAnimationFrame(showing);
    showing = requestAnimationFrame(showChanges);
  });

  // --- Critique: words that can be selected, and the problems marked on them ---

  let selected = null; // {pane, from, to}: a stretch of words, by their number in the pane
  let left = null; // {pane, at}: where the last mark was made, to go on from
  let anchor = 0;
  let category = null;

  const wordsOf = (pane) => all("[data-w]", pane);
  const stored = () => one("[data-problems]", task());
  const problems = () => JSON.parse(stored().value || "[]");

  // Offsets count code points, as the server does; a script's own strings count UTF-16 units.
  function cutIntoWords(pane) {
    const text = pane.textContent;
    const cuts = typeof Intl.Segmenter === "function"
      ? Array.from(new Intl.Segmenter(undefined, { granularity: "word" }).segment(text), (each) => each.segment)
      : text.match(/\s+|[\p{L}\p{N}\p{M}_]+|[^\s]/gu) || [];
    const ends = sentenceEnds(text);
    let at = 0;
    let units = 0;
    let sentence = 0;
    pane.replaceChildren();
    for (const cut of cuts) {
      const length = Array.from(cut).length;
      if (/^\s+$/u.test(cut)) pane.append(cut);
      else {
        const word = make("span", "", cut);
        word.dataset.w = at;
        word.dataset.e = at + length;
        word.dataset.s = sentence;
        pane.append(word);
      }
      at += length;
      units += cut.length;
      while (sentence < ends.length && units >= ends[sentence]) sentence += 1;
    }
  }

  function sentenceEnds(text) {
    if (typeof Intl.Segmenter !== "function") return Array.from(text.matchAll(/[.!?。]+\s|\n/gu), (each) => each.index + each[0].length);
    return Array.from(new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(text), (each) => each.index + each.segment.length);
  }

  function select(pane, from, to) {
    for (const word of all(".selected", task())) word.classList.remove("selected");
    const words = wordsOf(pane);
    selected = { pane, from: Math.max(0, Math.min(from, to)), to: Math.min(words.length - 1, Math.max(from, to)) };
    const chosen = words.slice(selected.from, selected.to + 1);
    for (const word of chosen) word.classList.add("selected");
    if (chosen.length) chosen[chosen.length - 1].scrollIntoView({ block: "nearest" });
    one("[data-selected]", task()).textContent = quoted(pane, chosen);
  }

  function quoted(pane, chosen) {
    if (!chosen.length) return "";
    const points = Array.from(pane.textContent);
    return points.slice(Number(chosen[0].dataset.w), Number(chosen[chosen.length - 1].dataset.e)).join("");
  }

  function unselect() {
    for (const word of all(".selected", task())) word.classList.remove("selected");
    selected = null;
    category = null;
    showCategory();
  }

  document.addEventListener("keydown", function (event) {
    const pane = event.target.closest && event.target.closest("[data-canonical]");
    if (!pane || event.ctrlKey || event.metaKey || event.altKey || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    const words = wordsOf(pane);
    if (!words.length) return;
    const rightToLeft = getComputedStyle(pane).direction === "rtl";
    const forward = event.key === "ArrowDown" || event.key === (rightToLeft ? "ArrowLeft" : "ArrowRight");
    const bySentence = event.key === "ArrowUp" || event.key === "ArrowDown";
    const here = selected && selected.pane === pane;
    if (bySentence) stepSentence(pane, words, forward, event.shiftKey && here, here);
    else stepWord(pane, words, forward, event.shiftKey && here, here);
  });

  const resumed = (pane) => (left && left.pane === pane ? left.at : -1);
  const head = () => (selected.from === anchor ? selected.to : selected.from);

  function stepWord(pane, words, forward, extend, here) {
    const from = here ? head() : resumed(pane);
    const next = from + (forward ? 1 : -1);
    const at = Math.max(0, Math.min(words.length - 1, next));
    if (!extend) anchor = at;
    select(pane, anchor, at);
  }

  function stepSentence(pane, words, forward, extend, here) {
    const last = Number(words[words.length - 1].dataset.s);
    const from = here ? head() : resumed(pane);
    const present = from < 0 ? -1 : Number(words[from].dataset.s);
    const target = Math.max(0, Math.min(last, present + (forward ? 1 : -1)));
    const inside = words.map((word, index) => (Number(word.dataset.s) === target ? index : -1)).filter((index) => index >= 0);
    if (!inside.length) return;
    const [first, end] = [inside[0], inside[inside.length - 1]];
    if (!extend) {
      anchor = first;
      return select(pane, first, end);
    }
    select(pane, anchor, forward ? end : first);
  }

  // The mouse: words touched by a drag, or the one clicked; Shift and a click stretch the selection.
  document.addEventListener("pointerup", function (event) {
    const pane = event.target.closest && event.target.closest("[data-canonical]");
    if (!pane) return;
    const words = wordsOf(pane);
    const drag = window.getSelection();
    if (drag && !drag.isCollapsed && pane.contains(drag.anchorNode)) {
      const touched = words.map((word, index) => (drag.containsNode(word, true) ? index : -1)).filter((index) => index >= 0);
      if (touched.length) {
        anchor = touched[0];
        select(pane, touched[0], touched[touched.length - 1]);
      }
      drag.removeAllRanges();
      return;
    }
    const at = words.indexOf(event.target.closest("[data-w]"));
    if (at < 0) return;
    if (!event.shiftKey || !selected || selected.pane !== pane) anchor = at;
    select(pane, anchor, at);
  });

  function showCategory() {
    for (const button of all("[data-category]", task())) {
      button.setAttribute("aria-pressed", String(button.dataset.category === category));
    }
  }

  document.addEventListener("click", function (event) {
    const kind = event.target.closest("[data-category]");
    const bad = event.target.closest("[data-severity]");
    const remove = event.target.closest("[data-forget]");
    if (kind) {
      if (!selected) return hint(said("selectFirst"));
      category = kind.dataset.category;
      showCategory();
      hint(said("nowHowBad"));
    } else if (bad) {
      if (!selected) return hint(said("selectFirst"));
      if (category === null) return hint(said("nowWhat"));
      add(Number(category), Number(bad.dataset.severity));
    } else if (remove) {
      keep(problems().filter((_, index) => index !== Number(remove.dataset.forget)));
      const heading = document.getElementById("problems-title");
      const next = one("[data-forget]", task());
      if (next) next.focus();
      else heading.scrollIntoView({ block: "nearest" });
    }
  });

  function add(kind, severity) {
    const { pane, from, to } = selected;
    const chosen = wordsOf(pane).slice(from, to + 1);
    const problem = {
      place: Number(pane.dataset.canonical),
      start: Number(chosen[0].dataset.w),
      end: Number(chosen[chosen.length - 1].dataset.e),
      quote: quoted(pane, chosen),
      category: kind,
      severity,
    };
    left = { pane, at: to };
    keep([...problems(), problem]);
    unselect();
    hint("");
    pane.focus({ preventScroll: true });
  }

  function keep(list) {
    stored().value = list.length ? JSON.stringify(list) : "";
    if (list.length) one("[name=nothing]", task()).checked = false;
    document.dispatchEvent(new Event("polyphony:drafted"));
    showProblems();
  }

  const wordOn = (selector) => one(selector + " [data-word]", task()).textContent;

  function showProblems() {
    const list = one("[data-marks]", task());
    const found = problems();
    list.replaceChildren(...(found.length ? found.map(row) : [make("li", "soft none", list.dataset.none)]));
    for (const pane of all("[data-canonical]", task())) {
      const mine = found.filter((each) => each.place === Number(pane.dataset.canonical));
      for (const word of wordsOf(pane)) {
        const [start, end] = [Number(word.dataset.w), Number(word.dataset.e)];
        const worst = Math.max(0, ...mine.filter((each) => each.start < end && start < each.end).map((each) => each.severity));
        if (worst) word.dataset.bad = worst;
        else delete word.dataset.bad;
      }
    }
  }

  function row(problem, index) {
    const list = one("[data-marks]", task());
    const line = make("li");
    const kind = wordOn('[data-category="' + problem.category + '"]') + ", " + wordOn('[data-severity="' + problem.severity + '"]');
    const quote = make("q", "", problem.quote.length > 120 ? problem.quote.slice(0, 117) + "…" : problem.quote);
    quote.dir = "auto";
    const remove = make("button", "quiet", list.dataset.remove);
    remove.type = "button";
    remove.dataset.forget = index;
    remove.setAttribute("aria-label", list.dataset.remove + ": " + problem.quote.slice(0, 60));
    line.append(quote, make("span", "soft", kind), remove);
    return line;
  }

  document.addEventListener("change", function (event) {
    if (event.target.matches("[name=nothing]") && event.target.checked) keep([]);
    if (event.target.matches("[name=nothing]") && event.target.isConnected) document.dispatchEvent(new Event("polyphony:drafted"));
  });

  document.addEventListener("polyphony:question", function () {
    selected = null;
    left = null;
    category = null;
    showChanges();
    for (const pane of all("[data-canonical]", task())) cutIntoWords(pane);
    if (stored()) showProblems();
    if (stored() && problems().length) one("[name=nothing]", task()).checked = false;
  });
})();
