// SPDX-License-Identifier: Apache-2.0
#include "pages/inspect_template.h"

namespace spinfill {

const char* const kInspectTemplate = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>@TITLE@: stabilisation</title>
<style>
:root { color-scheme: light; --ink: #24272c; --quiet: #5b6270; --line: #d4d7dc; --accent: #b45309; }
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 20px; max-width: 1800px; color: var(--ink); background: #f6f7f8;
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
h1 { margin: 0; font-size: 22px; overflow-wrap: anywhere; }
h2 { margin: 28px 0 8px; font-size: 16px; }
p { margin: 4px 0 14px; color: var(--quiet); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 14px; }
.pair section { min-width: 0; }
.pair h2 { margin: 0 0 6px; }
.stage {
  position: relative; isolation: isolate; overflow: hidden; width: 100%; cursor: grab; touch-action: pan-y;
  user-select: none; -webkit-user-select: none; border: 1px solid var(--line); border-radius: 10px;
  background: radial-gradient(120% 90% at 50% 42%, #ffffff 0%, #f3f4f6 55%, #e2e4e8 100%);
}
.stage.dragging { cursor: grabbing; }
/* Two neighbours add up to one opaque picture: plus-lighter sums what their opacities leave of them. */
.fade { position: absolute; inset: 0; isolation: isolate; }
.fade img {
  position: absolute; inset: 0; width: 100%; height: 100%; visibility: hidden; pointer-events: none;
  mix-blend-mode: plus-lighter;
}
.guides .stage::before, .guides .stage::after {
  content: ""; position: absolute; z-index: 1; pointer-events: none; border: 0 dashed rgb(36 39 44 / .38);
}
.guides .stage::before { left: 50%; top: 0; bottom: 0; border-left-width: 1px; }
.guides .stage::after { top: 50%; left: 0; right: 0; border-top-width: 1px; }
nav { display: flex; flex-wrap: wrap; align-items: center; gap: 10px; margin: 12px 0; }
nav input { flex: 1 1 220px; min-width: 0; accent-color: var(--ink); height: 34px; }
nav output { min-width: 4ch; text-align: right; font-variant-numeric: tabular-nums; }
button {
  min-width: 84px; min-height: 34px; padding: 0 12px; border: 1px solid var(--line); border-radius: 99px;
  color: inherit; background: #fff; font: inherit; cursor: pointer;
}
button:hover { border-color: var(--quiet); }
button:focus-visible, input:focus-visible { outline: 3px solid #2563eb; outline-offset: 1px; }
button[aria-pressed=true] { color: #fff; background: var(--ink); border-color: var(--ink); }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 10px; background: #f6f7f8; }
.wide img { display: block; width: 100%; min-width: 1500px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: 5px 12px; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; }
thead th { color: var(--quiet); font-weight: 600; }
tbody th { font-weight: 500; }
.doubted td, .doubted th { color: var(--accent); }
.mean td, .mean th { font-weight: 700; border-bottom: 0; }
</style>
<noscript><style>
nav { display: none; }
.stage { aspect-ratio: auto !important; }
.fade { position: static; display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); }
.fade img { position: static; visibility: visible; height: auto; }
</style></noscript>
</head>
<body>
<h1>@TITLE@</h1>
<p>@FACTS@</p>
<div class="pair">
<section><h2>As photographed</h2>
@RAW@</section>
<section><h2>Stabilised</h2>
@STEADY@</section>
</div>
<nav aria-label="Turn both">
<button type="button" id="play" aria-pressed="false">Play</button>
<input id="azimuth" type="range" min="0" max="359.9" step="0.1" value="0" aria-label="Azimuth in degrees; arrow keys turn both spins">
<output for="azimuth">0°</output>
<button type="button" id="guides" aria-pressed="false">Guides</button>
</nav>
<h2>Visual hull on the photographs</h2>
<div class="wide" tabindex="0" role="group" aria-label="Overlay; scrolls sideways"><img alt="The visual hull's outline on every photograph: above on the canonical turntable, below with the estimated cameras" src="data:image/png;base64,@OVERLAY@"></div>
<h2>Corrections</h2>
<div class="wide" tabindex="0" role="group" aria-label="Table; scrolls sideways"><table>
<thead><tr><th scope="col">photograph</th><th scope="col">stated azimuth</th><th scope="col">corrected</th><th scope="col">elevation</th><th scope="col">scale</th><th scope="col">shift right, down (of the width)</th><th scope="col">roll</th><th scope="col">residual (lengths)</th><th scope="col">IoU before</th><th scope="col">IoU after</th><th scope="col">trusted</th></tr></thead>
<tbody>
@ROWS@</tbody>
</table></div>
@NOTES@<script>
"use strict";
(() => {
  const kTurn = 14000;  // ms a turn
  const slider = document.getElementById("azimuth"), play = document.getElementById("play");
  const guides = document.getElementById("guides"), told = document.querySelector("output");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const wrap = (angle) => ((angle % 360) + 360) % 360;
  const stages = [...document.querySelectorAll(".stage")].map((stage) => ({
    stage, views: [...stage.querySelectorAll("img")].map((img) => ({ img, azimuth: Number(img.dataset.azimuth) }))
      .sort((a, b) => a.azimuth - b.azimuth) }));
  let now = 0, playing = false, last = 0;

  // Each picture is held around its own azimuth and gives way to its neighbour in between.
  function fade(views, azimuth) {
    let left = views.length - 1;
    views.forEach((view, i) => { if (view.azimuth <= azimuth) left = i; });
    if (azimuth < views[0].azimuth) left = views.length - 1;
    const right = (left + 1) % views.length;
    const gap = wrap(views[right].azimuth - views[left].azimuth) || 360;
    const t = wrap(azimuth - views[left].azimuth) / gap;
    const x = Math.min(1, Math.max(0, (t - 0.25) / 0.5));
    const share = calm.matches ? Number(t >= 0.5) : x * x * (3 - 2 * x);
    views.forEach((view, i) => {
      const opacity = left === right ? Number(i === left) : i === left ? 1 - share : i === right ? share : 0;
      view.img.style.opacity = opacity;
      view.img.style.visibility = opacity > 0 ? "visible" : "hidden";
    });
  }
  function show(azimuth) {
    now = wrap(azimuth);
    slider.value = now;
    told.textContent = Math.round(now) % 360 + "°";
    slider.setAttribute("aria-valuetext", Math.round(now) % 360 + " degrees");
    for (const { views } of stages) fade(views, now);
  }
  function tick(time) {
    if (!playing) return;
    // After a pause of the page the spin goes on where it stood.
    const passed = Math.min(100, time - last);
    last = time;
    show(now + 360 * passed / kTurn);
    requestAnimationFrame(tick);
  }
  function run(on) {
    if (on && !playing) requestAnimationFrame((time) => { last = time; tick(time); });
    playing = on;
    play.setAttribute("aria-pressed", on);
    play.textContent = on ? "Pause" : "Play";
  }
  function step(to) { run(false); show(to); }

  play.addEventListener("click", () => run(!playing));
  slider.addEventListener("input", () => step(Number(slider.value)));
  guides.addEventListener("click", () => guides.setAttribute("aria-pressed", document.body.classList.toggle("guides")));

  // The near side of the vehicle follows the pointer: to the right means towards smaller azimuths.
  for (const { stage } of stages) {
    let drag = null;
    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || drag) return;
      run(false);
      drag = { id: event.pointerId, x: event.clientX, from: now };
      stage.setPointerCapture(event.pointerId);
      stage.classList.add("dragging");
    });
    stage.addEventListener("pointermove", (event) => {
      if (drag && event.pointerId === drag.id) show(drag.from - 360 * (event.clientX - drag.x) / stage.clientWidth);
    });
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
      stage.addEventListener(kind, (event) => {
        if (!drag || event.pointerId !== drag.id) return;
        drag = null;
        stage.classList.remove("dragging");
      });
    }
  }
  const keys = { ArrowRight: 5, ArrowUp: 5, ArrowLeft: -5, ArrowDown: -5, PageUp: 45, PageDown: -45 };
  addEventListener("keydown", (event) => {
    const at = document.activeElement;
    // Scrolling the overlay or the table sideways stays theirs.
    if (event.altKey || event.ctrlKey || event.metaKey || at.classList.contains("wide")) return;
    if (event.key in keys && (at === slider || event.key.startsWith("ArrowL") || event.key.startsWith("ArrowR")))
      step(now + keys[event.key]);
    else if (event.key === " " && at.tagName !== "BUTTON") run(!playing);
    else return;
    event.preventDefault();
  });

  function open() {
    const wanted = /view=(-?[\d.]+)/.exec(location.hash);
    show(wanted ? Number(wanted[1]) : 0);
    run(!wanted && !calm.matches);
  }
  calm.addEventListener("change", () => { if (calm.matches) run(false); });
  addEventListener("hashchange", open);
  open();
})();
</script>
</body>
</html>
)html";

}  // namespace spinfill
