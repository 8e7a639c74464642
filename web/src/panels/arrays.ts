// An array as a table of its elements on a heat map, or as a strip where there are too many. It
// knows numbers and colours, not what they are of.

import type { Arr, Palette } from "../document";
import { h } from "../dom";
import { brief, cells, full, num } from "../values";
import { heat } from "./theme";

const MOST = 400;

/** What can be shown of an array's elements; `pick` makes them choosable. */
export function elements(array: Arr, palette: Palette, label: string, pick?: Pick): HTMLElement {
  const { shape, data } = array;
  if (!data || data.length > MOST || shape.length > 2 || !data.length) return strip(array, palette, label);
  const columns = shape[shape.length - 1]!;
  const colours = cells(data.map(num), MOST);
  const rows: HTMLElement[] = [];
  for (let at = 0; at < data.length; at += columns) {
    const row = data.slice(at, at + columns).map((value, n) => {
      const { ground, ink } = heat(palette, colours[at + n] ?? null);
      const text = brief(value, 3);
      const place = `[${shape.length === 1 ? n : `${at / columns}, ${n}`}]`;
      const inside = pick ? pickable(pick, at + n, text, `${label}${place}`) : text;
      return h("td", { style: `background:${ground};color:${ink}`, title: `${place} ${full(value)}` }, inside);
    });
    rows.push(h("tr", {}, ...row));
  }
  const table = h("table.gg-cells", { "aria-label": label }, h("tbody", {}, ...rows));
  return h("div.gg-scroll", { tabindex: pick ? null : 0, role: "group", "aria-label": `${label}, elements` }, table);
}

export interface Pick {
  chosen: number;
  choose: (element: number) => void;
}

function pickable(pick: Pick, at: number, text: string, label: string): HTMLElement {
  return h(
    "button",
    {
      class: "gg-cell",
      "aria-pressed": String(pick.chosen === at),
      "aria-label": `${label} is ${text}`,
      click: () => pick.choose(at),
    },
    text,
  );
}

function strip(array: Arr, palette: Palette, label: string): HTMLElement {
  const made = array.cells.map((cell) => h("span", { style: `background:${heat(palette, cell).ground}` }));
  return h(
    "div.gg-cellrow",
    { role: "img", "aria-label": `${label}: ${array.text}, as a strip of ${made.length} cells` },
    ...made,
  );
}
