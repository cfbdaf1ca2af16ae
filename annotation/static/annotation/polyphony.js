// On every page: a fresh CSRF token for each request, and panels that say so when they can't load.
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
