// The few signs on buttons, and such buttons: paths on a 16 by 16 ground.

import { h, s } from "../dom";

const PATHS = {
  first: "M4 3v10M13 3L6.5 8l6.5 5z",
  back: "M11 3L4.5 8l6.5 5z",
  forward: "M5 3l6.5 5L5 13z",
  last: "M12 3v10M3 3l6.5 5L3 13z",
  play: "M4 2.5l9 5.5-9 5.5z",
  pause: "M5 3v10M11 3v10",
  theme: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
  help: "M5.5 6a2.5 2.5 0 1 1 3.7 2.2c-.8.5-1.2.9-1.2 1.8M8 12.5v.6",
  copy: "M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3z",
  reset: "M3.5 8a4.5 4.5 0 1 0 1.5-3.4M5 2v3h3",
  error: "M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5zM8 5v4M8 11v.6",
  warning: "M8 2l6.5 12h-13zM8 6.5v3.5M8 11.8v.6",
  note: "M8 2a6 6 0 1 0 .01 0zM8 7.5v4M8 4.7v.6",
  ok: "M3 8.5l3.5 3.5L13 4.5",
  close: "M4 4l8 8M12 4l-8 8",
};

export type Icon = keyof typeof PATHS;

const SOLID = new Set<Icon>(["first", "back", "forward", "last", "play"]);

export function icon(name: Icon): SVGSVGElement {
  return s(
    "svg",
    { class: "gg-icon", viewBox: "0 0 16 16", "aria-hidden": "true" },
    s("path", {
      d: PATHS[name],
      fill: SOLID.has(name) ? "currentColor" : "none",
      stroke: "currentColor",
      "stroke-width": 1.6,
      "stroke-linecap": "round",
      "stroke-linejoin": "round",
    }),
  );
}

/** A button with a sign on it; the label is what it is called. */
export function button(name: Icon, label: string, click: () => void): HTMLButtonElement {
  return h("button.gg-button", { "aria-label": label, title: label, click }, icon(name));
}
