// A small map of the whole picture with a frame around what is seen, for pictures that are much
// larger than their place. It knows rectangles, and where it was pressed.

import type { Picture } from "../document";
import { h, s } from "../dom";
import { round } from "./draw";
import type { View } from "./view";

const WIDE = 168;
const LOW = 22;
const TALL = 110;

export function overview(go: (dx: number, dy: number) => void) {
  const things = s("path", { class: "gg-map-things" });
  const seen = s("rect", { class: "gg-map-seen" });
  const svg = s("svg", { preserveAspectRatio: "none" }, things, seen);
  const element = h("div", { class: "gg-map", "aria-hidden": "true", hidden: true }, svg);
  let view: View | null = null;
  let size: [number, number] = [1, 1]; // of the map
  let from: [number, number] = [1, 1]; // of the picture

  const press = (event: PointerEvent) => {
    if (!view || !(event.buttons & 1)) return;
    const { left, top } = svg.getBoundingClientRect();
    const x = ((event.clientX - left) / size[0]) * from[0];
    const y = ((event.clientY - top) / size[1]) * from[1];
    view.fitted = false;
    go(view.size.w / 2 - x * view.k, view.size.h / 2 - y * view.k);
  };
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    press(event);
  });
  element.addEventListener("pointermove", press);

  return {
    element,
    show(picture: Picture) {
      from = [picture.w, picture.h];
      size = [WIDE, Math.min(TALL, Math.max(LOW, (WIDE * picture.h) / picture.w))];
      svg.setAttribute("width", String(size[0]));
      svg.setAttribute("height", String(size[1]));
      const [kx, ky] = [size[0] / from[0], size[1] / from[1]];
      let d = "";
      const filled = new Set<number>(); // shapes closer than a point are one
      for (const { r } of picture.shapes) {
        const [x, y] = [r[0] * kx, r[1] * ky];
        const spot = Math.round(x) * 1000 + Math.round(y);
        if (filled.has(spot)) continue;
        filled.add(spot);
        d += `M${round(x)} ${round(y)}h${round(Math.max(1, r[2] * kx))}v${round(Math.max(1, r[3] * ky))}h${-round(Math.max(1, r[2] * kx))}z`;
      }
      things.setAttribute("d", d);
    },
    moved(now: View) {
      view = now;
      const [x, y, w, tall] = now.seen;
      element.hidden = w >= from[0] / 2 && tall >= from[1] / 2;
      if (element.hidden) return;
      const [kx, ky] = [size[0] / from[0], size[1] / from[1]];
      const left = Math.max(0, x * kx);
      const top = Math.max(0, y * ky);
      seen.setAttribute("x", String(round(left + 0.5)));
      seen.setAttribute("y", String(round(top + 0.5)));
      seen.setAttribute("width", String(round(Math.max(4, Math.min(size[0], (x + w) * kx) - left - 1))));
      seen.setAttribute("height", String(round(Math.max(4, Math.min(size[1], (y + tall) * ky) - top - 1))));
    },
  };
}
