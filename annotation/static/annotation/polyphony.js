// On every page: a fresh CSRF token for each request, panels that say so when they can't load, and
// forms whose answer takes a while.
"use strict";

(function () {
  // Logging in again in another tab changes the token; the cookie always holds the newest.
  document.addEventListener("htmx:configRequest", function (event) {
    const cookie = document.cookie.match(/(?:^|; )polyphony_csrf=([^;]+)/);
    if (!cookie) return;
    event.detail.headers["X-CSRFToken"] = cookie[1];
    const fields = event.detail.formData || event.detail.parameters;
    if (fields && typeof fields.delete === "function") fields.delete("csrfmiddlewaretoken");
  });

  // On a phone the doors of a project are wider than the screen; the one that is open is in sight.
  document.addEventListener("DOMContentLoaded", function () {
    const here = document.querySelector(".project-nav [aria-current]");
    if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.offsetLeft - 48;
  });

  // A form with data-busy says so once it is sent, and isn't sent twice. A download leaves the page where
  // it is, so nothing would tell that it has come.
  document.addEventListener("submit", function (event) {
    const form = event.target;
    const downloads = event.submitter && event.submitter.hasAttribute("data-download");
    if (!form.dataset.busy || event.defaultPrevented || downloads) return;
    if (form.hasAttribute("aria-busy")) return event.preventDefault();
    form.setAttribute("aria-busy", "true");
    form.querySelector("[data-busy-line]").textContent = form.dataset.busy;
  });
  window.addEventListener("pageshow", function () {
    for (const form of document.querySelectorAll("form[data-busy][aria-busy]")) {
      form.removeAttribute("aria-busy");
      form.querySelector("[data-busy-line]").textContent = "";
    }
  });

  function panelFailed(event) {
    const panel = event.detail.elt.closest("[data-slot]");
    if (!panel) return;
    const state = document.createElement("div");
    state.className = "state state-failed";
    state.setAttribute("role", "alert");
    const words = document.createElement("p");
    words.textContent = document.body.dataset.panelFailed.replace("%s", panel.dataset.slot);
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = document.body.dataset.tryAgain;
    again.addEventListener("click", function () {
      htmx.ajax("GET", panel.getAttribute("hx-get"), { source: panel, target: panel, swap: "innerHTML" });
    });
    state.append(words, again);
    panel.replaceChildren(state);
  }
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, panelFailed);
  }
})();
