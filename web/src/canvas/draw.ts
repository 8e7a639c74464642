// Shapes, wires and frames as SVG elements, with the look of show/svg.py: value in green above a
// wire, gradient in red below. Colours are CSS variables. It makes elements of one thing at a time
// and writes into them; which things are drawn, and what is lit, others decide.

import type { Arr, Label, Outline, Shape, Strip, Value, WirePath } from "../document";
import { s } from "../dom";
import { cells, isArray, num } from "../values";

/** A key names a thing that is drawn: w12, n3, g5 (folded or open). */
export type Key = string;

const ROUND = 6;

/** What takes the focus of a thing, the first element in its group. It has no text, but a name. */
const BUTTON = { role: "button", tabindex: -1 };

/** How much of a thing is drawn: texts too, or only its form. */
export type Detail = "full" | "form";

export interface WireParts {
  group: SVGGElement;
  hit: SVGPathElement;
  value: SVGTextElement | null;
  gradient: SVGTextElement | null;
  strips: [Strip, SVGGElement][];
}

export function drawWire(wire: WirePath, key: Key, array: boolean, detail: Detail): WireParts {
  const group = s("g", { class: `gg-wire${array ? " gg-array" : ""}`, "data-k": key });
  group.append(s("path", { class: "gg-path", ...BUTTON }));
  if (wire.k.length) group.append(s("path", { class: "gg-fork" }));
  const found: WireParts = {
    group, hit: s("path", { class: "gg-hit", "data-k": key }), value: null, gradient: null, strips: [],
  };
  routeWire(found, wire, null);
  if (detail === "form") return found;
  for (const each of wire.s) {
    const strip = s("g", { class: "gg-cells" });
    fillStrip(strip, each, each[5]);
    group.append(strip);
    found.strips.push([each, strip]);
  }
  for (const label of wire.t) {
    const text = drawLabel(label);
    group.append(text);
    if (label[1] === "value") found.value = text;
    if (label[1] === "gradient") found.gradient = text;
  }
  return found;
}

/** Draw a wire's way, or only what of it lies in a region: there may be thousands of branches. */
export function routeWire(parts: WireParts, wire: WirePath, region: Region | null): void {
  const d = (region ? clipped(wire.b, region) : wire.b).map(path).join("");
  parts.group.querySelector(".gg-path")!.setAttribute("d", d);
  parts.hit.setAttribute("d", d);
  const forks = region ? wire.k.filter(([x, y]) => meets([x, y, x, y], region)) : wire.k;
  parts.group.querySelector(".gg-fork")?.setAttribute("d", forks.map(dot).join(""));
}

/** Branches that meet a region, what is outside of it drawn together at its edge. */
export function clipped(branches: number[][], region: Region): number[][] {
  const found: number[][] = [];
  const [left, top, right, bottom] = region;
  for (const b of branches) {
    const box: Region = [Infinity, Infinity, -Infinity, -Infinity];
    for (let n = 0; n < b.length; n += 2) grow(box, b[n]!, b[n + 1]!);
    if (!meets(box, region)) continue;
    found.push(b.map((c, n) => n % 2 ? Math.min(bottom, Math.max(top, c)) : Math.min(right, Math.max(left, c))));
  }
  return found;
}

/** left, top, right, bottom */
export type Region = [number, number, number, number];

export function meets(a: Region, b: Region): boolean {
  return a[0] <= b[2] && a[2] >= b[0] && a[1] <= b[3] && a[3] >= b[1];
}

export function grow(box: Region, x: number, y: number): void {
  box[0] = Math.min(box[0], x);
  box[1] = Math.min(box[1], y);
  box[2] = Math.max(box[2], x);
  box[3] = Math.max(box[3], y);
}

export function drawShape(shape: Shape, key: Key, detail: Detail): SVGGElement {
  const [x, y, w, h] = shape.r;
  const group = s("g", { class: `gg-shape gg-${shape.f}`, "data-k": key });
  if (shape.f === "end") {
    const middle = y + h / 2;
    group.append(s("path", { class: "gg-form", ...BUTTON, d: `M${x} ${middle - 5}L${x + 9} ${middle}L${x} ${middle + 5}Z` }));
  } else {
    const rx = { circle: 17, pill: 17, box: 6, name: 5, constant: 5, edge: 0 }[shape.f];
    group.append(s("rect", { class: "gg-form", ...BUTTON, x, y, width: w, height: h, rx: Math.min(rx, w / 2, h / 2) }));
  }
  if (detail === "full") for (const label of shape.t) group.append(drawLabel(label));
  return group;
}

export function drawOutline(outline: Outline, key: Key, detail: Detail): SVGGElement {
  const group = s("g", { class: "gg-frame" }, s("rect", { class: "gg-inside", rx: 8 }));
  // Its title stands for it: inside of it other things are pointed at.
  const title = s("g", { class: "gg-title", "data-k": key }, s("rect", { class: "gg-head", ...BUTTON, rx: 7 }));
  if (detail === "full") for (const label of outline.t) title.append(drawLabel(label));
  group.append(title);
  sizeFrame(group, outline, null);
  return group;
}

/** A frame, or what of it lies in a region: a line of dashes must not go on for ever. */
export function sizeFrame(group: Element, outline: Outline, region: Region | null): void {
  const [x, y, w, height] = outline.r;
  const left = region ? Math.max(x, region[0] - 20) : x;
  const width = (region ? Math.min(x + w, region[2] + 20) : x + w) - left;
  const set = (rect: Element, sizes: Record<string, number>) => {
    for (const [name, size] of Object.entries(sizes)) rect.setAttribute(name, String(round(size)));
  };
  set(group.querySelector(".gg-inside")!, { x: left, y, width, height });
  set(group.querySelector(".gg-head")!, { x: left + 1, y: y + 1, width: width - 2, height: 22 });
}

/** A small + or - that opens or closes a group; the group's own element does the same by key. */
export function drawToggle(x: number, y: number, open: boolean, key: Key): SVGGElement {
  const sign = open ? `M${x - 3.5} ${y}h7` : `M${x - 3.5} ${y}h7M${x} ${y - 3.5}v7`;
  return s("g", { class: "gg-toggle", "data-toggle": key, "aria-hidden": "true" },
    s("circle", { class: "gg-reach", cx: x, cy: y, r: 11 }),
    s("circle", { class: "gg-knob", cx: x, cy: y, r: 6.5 }),
    s("path", { d: sign }));
}

export function drawLabel(label: Label): SVGTextElement {
  const [text, role, x, y, w, h, baseline, centred] = label;
  const star = text === "*"; // the sign hangs high in its line
  const size = { name: 12, shape: 10, value: 12, gradient: 12, symbol: 16, word: 12, line: 9, title: 11 }[role];
  const at = centred ? y + h / 2 + 0.35 * size : baseline;
  const found = s("text", {
    "aria-hidden": "true", // the name of what it belongs to says it
    class: `gg-t gg-r-${role}${centred ? " gg-mid" : ""}${star ? " gg-star" : ""}`,
    x: round(centred ? x + w / 2 : x), y: round(star ? at + 6 : at),
  });
  found.textContent = text;
  return found;
}

/** Cells of a strip in the colours of their numbers. */
export function fillStrip(group: SVGGElement, strip: Strip, shown: (number | null)[]): void {
  const [, x, y, w, h] = strip;
  const wide = w / shown.length;
  const rects = shown.map((cell, n) => {
    const rect = s("rect", { x: round(x + n * wide), y, width: round(wide), height: h });
    rect.style.fill = heat(cell);
    return rect;
  });
  group.replaceChildren(...rects, s("rect", { class: "gg-edge", x, y, width: w, height: h }));
}

/** The cells of a value now, as many as the strip has. */
export function cellsOf(value: Value | null, strip: Strip): (number | null)[] {
  if (value === null || !isArray(value)) return [];
  const count = strip[5].length;
  return value.data ? cells(value.data.map(num), count) : fewer(value, count);
}

function fewer(value: Arr, count: number): (number | null)[] {
  if (value.cells.length <= count) return value.cells;
  return cells(value.cells.map((c) => c ?? NaN), count);
}

/** As Palette.heat: mixed in the theme that is shown. */
function heat(cell: number | null): string {
  if (cell === null) return "var(--ink)";
  const share = Math.round(Math.min(1, Math.abs(cell)) * 100);
  return `color-mix(in srgb, var(--${cell > 0 ? "high" : "low"}) ${share}%, var(--zero))`;
}

/** A polyline with round corners. */
export function path(points: readonly number[]): string {
  let said = `M${round(points[0]!)} ${round(points[1]!)}`;
  for (let n = 2; n < points.length - 2; n += 2) {
    const [x, y] = [points[n]!, points[n + 1]!];
    const [ax, ay] = towards(x, y, points[n - 2]!, points[n - 1]!);
    const [bx, by] = towards(x, y, points[n + 2]!, points[n + 3]!);
    said += `L${ax} ${ay}Q${round(x)} ${round(y)} ${bx} ${by}`;
  }
  return `${said}L${round(points.at(-2)!)} ${round(points.at(-1)!)}`;
}

function towards(x: number, y: number, tx: number, ty: number): [number, number] {
  const length = Math.abs(tx - x) + Math.abs(ty - y);
  const step = length ? Math.min(ROUND, length / 2) / length : 0;
  return [round(x + (tx - x) * step), round(y + (ty - y) * step)];
}

function dot([x, y]: readonly [number, number]): string {
  return `M${round(x - 2.8)} ${round(y)}a2.8 2.8 0 1 0 5.6 0a2.8 2.8 0 1 0 -5.6 0`;
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
