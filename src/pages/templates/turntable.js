// SPDX-License-Identifier: Apache-2.0
// What the pages with a turntable have in common.
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const wrapped = (value, round) => ((value % round) + round) % round;

// The azimuth that "#view=135" in the address asks for, else null.
function wantedAzimuth() {
  const wanted = /view=(-?[\d.]+)/.exec(location.hash);
  return wanted ? Number(wanted[1]) : null;
}

// The near side of the vehicle follows the pointer: to the right means towards smaller azimuths. begin() stops what
// turns by itself and says where it stands; turn(from, moved, down) is told that and how far the pointer has come to the
// right and down since, in widths and heights of the stage.
function turnByDrag(stage, begin, turn) {
  let drag = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || drag) return;
    drag = { id: event.pointerId, x: event.clientX, y: event.clientY, from: begin() };
    stage.setPointerCapture(event.pointerId);
    stage.classList.add("dragging");
  });
  stage.addEventListener("pointermove", (event) => {
    if (drag && event.pointerId === drag.id)
      turn(drag.from, (event.clientX - drag.x) / stage.clientWidth, (event.clientY - drag.y) / stage.clientHeight);
  });
  for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
    stage.addEventListener(kind, (event) => {
      if (!drag || event.pointerId !== drag.id) return;
      drag = null;
      stage.classList.remove("dragging");
    });
  }
}
