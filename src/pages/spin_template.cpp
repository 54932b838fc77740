// SPDX-License-Identifier: Apache-2.0
#include "pages/spin_template.h"

namespace spinfill {

const char* const kSpinTemplate = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>@TITLE@</title>
<style>
:root { color-scheme: light; --ink: #24272c; --quiet: #6b7280; --line: #d4d7dc; --accent: #b45309; }
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body {
  display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 14px; padding: 16px;
  color: var(--ink); font: 14px/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  background: radial-gradient(120% 90% at 50% 42%, #ffffff 0%, #f3f4f6 55%, #e2e4e8 100%) fixed;
}
#stage {
  position: relative; width: min(96vw, max(480px, min(1600px, 1.25 * @WIDTH@px)), (100vh - 132px) * @WIDTH@ / @HEIGHT@);
  aspect-ratio: @WIDTH@ / @HEIGHT@; cursor: grab; touch-action: pan-y; user-select: none; -webkit-user-select: none;
  border-radius: 12px; outline: none;
}
#stage.dragging { cursor: grabbing; }
#stage:focus-visible { box-shadow: 0 0 0 3px #2563eb; }
figure { position: absolute; inset: 0; margin: 0; visibility: hidden; }
figure.shown { visibility: visible; }
figure img { position: relative; display: block; width: 100%; height: 100%; pointer-events: none; }
/* The ground shadow: a wide soft one and a narrow dark one where the tyres stand. */
figure i, figure i::after { position: absolute; border-radius: 50%; }
figure i {
  left: calc(var(--l) - 3%); right: calc(100% - var(--r) - 3%); top: calc(var(--b) - 5.5%); height: 9%;
  background: radial-gradient(closest-side, rgb(20 24 32 / .34), rgb(20 24 32 / .16) 55%, transparent);
}
figure i::after {
  content: ""; left: 7%; right: 7%; top: 30%; height: 38%;
  background: radial-gradient(closest-side, rgb(10 12 16 / .55), transparent);
}
figcaption {
  position: absolute; top: 10px; right: 10px; padding: 3px 11px; border-radius: 99px; font-size: 12px; font-weight: 600;
  color: #fff; background: var(--accent);
}
.unlabelled figcaption { display: none; }
nav { display: flex; flex-wrap: wrap; align-items: center; justify-content: center; gap: 8px; }
button {
  min-width: 44px; min-height: 34px; padding: 0 10px; border: 1px solid var(--line); border-radius: 99px; color: inherit;
  background: #fff; font: inherit; font-variant-numeric: tabular-nums; cursor: pointer;
}
button:hover { border-color: var(--quiet); }
button:focus-visible { outline: 3px solid #2563eb; outline-offset: 1px; }
button[aria-current=true], button[aria-pressed=true] { color: #fff; background: var(--ink); border-color: var(--ink); }
.gap { width: 10px; }
body:not(.unlabelled) button.generated { border: 1px dashed var(--accent); }
body:not(.unlabelled) button.generated:not([aria-current=true]) { color: var(--accent); }
@media (prefers-reduced-motion: no-preference) { button { transition: background-color .12s, color .12s; } }
</style>
<noscript><style>
nav { display: none; }
body { display: block; }
#stage { display: grid; grid-template-columns: repeat(auto-fill, minmax(280px, 1fr)); width: auto; aspect-ratio: auto; }
figure { position: relative; visibility: visible; aspect-ratio: @WIDTH@ / @HEIGHT@; }
</style></noscript>
</head>
<body>
<div id="stage" role="slider" tabindex="0" aria-roledescription="turntable" aria-label="@TITLE@: drag, or use the arrow keys, to turn it" aria-orientation="horizontal" aria-valuemin="0" aria-valuemax="359" aria-valuenow="0">
@VIEWS@</div>
<nav aria-label="Views"></nav>
<script>
"use strict";
(() => {
  const stage = document.getElementById("stage"), nav = document.querySelector("nav");
  const views = [...document.querySelectorAll("figure")].map((figure) => ({
    figure, azimuth: Number(figure.dataset.azimuth), generated: "generated" in figure.dataset }));
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const count = views.length, wrap = (i) => ((i % count) + count) % count;
  let now = -1, timer = 0;

  function button(text, name, act) {
    const made = nav.appendChild(document.createElement("button"));
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", name);
    made.addEventListener("click", act);
    return made;
  }
  const tell = (view) => Math.round(view.azimuth) + " degrees, " + (view.generated ? "generated" : "given");

  function show(index) {
    index = wrap(index);
    if (index === now) return;
    views.forEach((view, i) => {
      view.figure.classList.toggle("shown", i === index);
      view.button.setAttribute("aria-current", i === index);
    });
    now = index;
    stage.setAttribute("aria-valuenow", Math.round(views[now].azimuth));
    stage.setAttribute("aria-valuetext", tell(views[now]));
  }
  function spin(on) {
    clearInterval(timer);
    // Whoever asked their system for less motion gets a slow walk round, never a spin that starts by itself.
    timer = on ? setInterval(() => document.hidden || show(now + 1), calm.matches ? 1500 : 260) : 0;
    spinner.setAttribute("aria-pressed", Boolean(timer));
  }
  function step(by) { spin(false); show(now + by); }

  for (const [i, view] of views.entries()) {
    view.button = button(Math.round(view.azimuth) + "°", "View " + tell(view), () => step(i - now));
    if (view.generated) view.button.className = "generated";
  }
  nav.appendChild(document.createElement("span")).className = "gap";
  const spinner = button("Spin", "Spin by itself", () => spin(!timer));
  spinner.id = "spin";
  spinner.setAttribute("aria-pressed", "false");
  const marker = button("Labels", "Label generated views", () => {
    const off = document.body.classList.toggle("unlabelled");
    marker.setAttribute("aria-pressed", !off);
  });
  marker.id = "labels";
  marker.setAttribute("aria-pressed", "true");

  // The near side of the vehicle follows the pointer: to the right means towards smaller azimuths.
  let drag = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || drag) return;
    spin(false);
    drag = { id: event.pointerId, x: event.clientX, from: now };
    stage.setPointerCapture(event.pointerId);
    stage.classList.add("dragging");
  });
  stage.addEventListener("pointermove", (event) => {
    if (!drag || event.pointerId !== drag.id) return;
    const turns = (event.clientX - drag.x) / (stage.clientWidth * 0.9);
    show(drag.from - Math.round(turns * count));
  });
  for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
    stage.addEventListener(kind, (event) => {
      if (!drag || event.pointerId !== drag.id) return;
      drag = null;
      stage.classList.remove("dragging");
    });
  }

  let rolled = 0;
  stage.addEventListener("wheel", (event) => {
    if (event.ctrlKey) return;  // pinch zoom stays the browser's
    event.preventDefault();
    const by = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.deltaY;
    rolled += event.deltaMode === 0 ? by : by * 40;
    const steps = Math.trunc(rolled / 80);
    rolled -= steps * 80;
    if (steps) step(steps);
  }, { passive: false });

  const keys = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 2, PageDown: -2 };
  addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in keys) step(keys[event.key]);
    else if (event.key === "Home") step(-now);
    else if (event.key === "End") step(count - 1 - now);
    else if (event.key === " " && document.activeElement.tagName !== "BUTTON") spin(!timer);
    else return;
    event.preventDefault();
  });

  function open() {
    const wanted = /view=(-?[\d.]+)/.exec(location.hash), target = wanted ? Number(wanted[1]) : 0;
    const away = (view) => Math.abs(((view.azimuth - target) % 360 + 540) % 360 - 180);
    show(views.reduce((best, view, i) => (away(view) < away(views[best]) ? i : best), 0));
    if (/spin/.test(location.hash) && !calm.matches) spin(true);
  }
  calm.addEventListener("change", () => calm.matches && spin(false));
  addEventListener("hashchange", open);
  open();
})();
</script>
</body>
</html>
)html";

}  // namespace spinfill
