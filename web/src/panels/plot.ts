// f over one input with its tangent line, and f(x + h) against the straight line. It draws numbers
// it is given; where f comes from it does not know.

import { h, s } from "../dom";
import { brief, full } from "../values";

const WIDTH = 360;
const HEIGHT = 220;
const BOX = { right: 8, top: 10, bottom: 26 }; // around the area; what is left of it goes by its labels
const SAMPLES = 121;

export interface Point {
  name: string; // of the input
  f: string; // of the output
  x: number;
  y: number;
  slope: number;
}

export interface Curve {
  from: number;
  to: number;
  ys: (number | null)[];
}

/** f at evenly spaced places, a few milliseconds at a time; gives back what stops it. */
export function sample(
  f: (x: number) => number | null,
  from: number,
  to: number,
  done: (curve: Curve) => void,
): () => void {
  const ys: (number | null)[] = [];
  let frame = 0;
  const go = () => {
    const until = performance.now() + 8;
    do ys.push(f(from + ((to - from) * ys.length) / (SAMPLES - 1)));
    while (ys.length < SAMPLES && performance.now() < until);
    if (ys.length < SAMPLES) frame = requestAnimationFrame(go);
    else done({ from, to, ys });
  };
  frame = requestAnimationFrame(go);
  return () => cancelAnimationFrame(frame);
}

export interface Plot {
  element: HTMLElement;
  /** Draw another curve; over another range h begins anew. */
  setCurve: (curve: Curve) => void;
  setPoint: (point: Point) => void;
}

/** `f` is asked for the one number at x + h. */
export function plot(f: (x: number) => number | null): Plot {
  let curve: Curve | null = null;
  let point: Point | null = null;
  let step = 0; // h

  const picture = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "gg-plot", role: "img" });
  const slider = h("input", {
    type: "range",
    step: "any",
    input: () => to(neat(Number(slider.value), Number(slider.max) * 2)),
  });
  const field = h("input", {
    type: "number",
    step: "any",
    "aria-label": "h, as a number",
    change: () => to(field.valueAsNumber),
  });
  const numbers = h("dl.gg-facts.gg-plot-numbers", {});
  const element = h(
    "div",
    {},
    picture,
    h("div.gg-h-row", {}, h("label.gg-h", {}, h("span", {}, "h"), slider), field),
    numbers,
  );

  const to = (size: number) => {
    if (Number.isFinite(size)) step = size;
    draw();
  };

  const draw = () => {
    if (!curve || !point) return;
    slider.value = field.value = String(step);
    const there = f(point.x + step);
    const line = point.y + step * point.slope;
    const rows: [string, string, number | null][] = [
      [`${point.f}(${point.name} + h)`, "there", there],
      [`${point.f}(${point.name}) + h · d${point.f}/d${point.name}`, "line", line],
      ["difference", "difference", there === null ? null : there - line],
    ];
    numbers.replaceChildren(
      ...rows.flatMap(([name, role, value]) => [
        h("dt", {}, name),
        h(
          "dd",
          { "data-role": role, "data-exact": value === null ? "" : full(value) },
          value === null ? "not to be had" : brief(value, 8),
        ),
      ]),
    );
    const scale = scaled(curve, point, there, line);
    picture.ariaLabel = `${point.f} over ${point.name}, and its tangent at ${brief(point.x, 6)} with slope ${brief(point.slope, 6)}`;
    // Where f goes from one end of the numbers to the other there is no scale for it.
    const finite = Number.isFinite(scale.high - scale.low);
    picture.replaceChildren(...(finite ? [axes(scale, curve), inside(scale, curve, point, step, there, line)] : []));
  };

  const setCurve = (next: Curve) => {
    const reach = (next.to - next.from) / 2;
    if (curve?.from !== next.from || curve.to !== next.to) step = neat(reach / 4, reach * 2);
    curve = next;
    slider.min = String(-reach);
    slider.max = String(reach);
    draw();
  };
  const setPoint = (next: Point) => {
    point = next;
    draw();
  };
  return { element, setCurve, setPoint };
}

/** A number with no more digits than a slider can mean. */
export function neat(x: number, range: number): number {
  if (!(range > 0) || !Number.isFinite(range)) return x;
  const grain = 10 ** Math.floor(Math.log10(range / 300));
  return Number((Math.round(x / grain) * grain).toPrecision(12));
}

interface Scale {
  left: number;
  marks: [number, string][]; // of the vertical axis
  low: number;
  high: number;
  x: (x: number) => number;
  y: (y: number) => number;
}

function scaled(curve: Curve, point: Point, there: number | null, line: number): Scale {
  const ys = curve.ys.filter((y) => y !== null).sort((a, b) => a - b);
  // Poles would flatten all the rest: what stands out far is cut.
  const at = (share: number) => ys[Math.round(share * (ys.length - 1))] ?? point.y;
  const [a, b] = [at(0.04), at(0.96)];
  const spread = b - a;
  const keep = (y: number | null) => y !== null && Number.isFinite(y) && Math.abs(y - (a + b) / 2) < 2 * spread;
  const all = [
    point.y,
    a,
    b,
    ...[ys[0] ?? a, ys[ys.length - 1] ?? b].filter((y) => keep(y)),
    ...[there, line].filter((y) => keep(y)),
  ] as number[];
  let [low, high] = [Math.min(...all), Math.max(...all)];
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  [low, high] = [low - room, high + room];
  const marks = ticks(low, high, 5);
  const left = Math.max(28, 12 + 6.2 * Math.max(...marks.map(([, text]) => text.length)));
  return {
    low,
    high,
    left,
    marks,
    x: (x) => bounded(left + ((x - curve.from) / (curve.to - curve.from)) * (WIDTH - left - BOX.right)),
    y: (y) => bounded(BOX.top + ((high - y) / (high - low)) * (HEIGHT - BOX.top - BOX.bottom)),
  };
}

/** A place as a drawing may have it: far away, but finite. */
function bounded(at: number): number {
  return Math.max(-1e30, Math.min(1e30, at));
}

/** Round numbers between two ends, and each with the digits that tell it from the next. */
function ticks(low: number, high: number, count: number): [number, string][] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough)!;
  const digits = Math.max(3, Math.min(10, Math.ceil(Math.log10(Math.max(Math.abs(low), Math.abs(high)) / step)) + 1));
  const found: [number, string][] = [];
  const first = Math.ceil(low / step);
  for (let n = 0; (first + n) * step <= high && n <= 2 * count; n++) {
    const at = (first + n) * step; // of large numbers close together some are the same
    if (at !== found[found.length - 1]?.[0]) found.push([at, brief(Number(at.toPrecision(12)), digits)]);
  }
  return found;
}

function axes(scale: Scale, { from, to }: Curve): SVGElement {
  const right = WIDTH - BOX.right;
  const bottom = HEIGHT - BOX.bottom;
  const { left } = scale;
  const lines = scale.marks.flatMap(([y, text]) => [
    s("line", { x1: left, x2: right, y1: scale.y(y), y2: scale.y(y), class: y === 0 ? "gg-axis" : "gg-grid" }),
    s("text", { x: left - 5, y: scale.y(y) + 4, "text-anchor": "end" }, text),
  ]);
  const below = ticks(from, to, 7).flatMap(([x, text]) => [
    s("line", { x1: scale.x(x), x2: scale.x(x), y1: bottom, y2: bottom + 4, class: "gg-axis" }),
    s("text", { x: scale.x(x), y: bottom + 15, "text-anchor": "middle" }, text),
  ]);
  return s("g", {}, ...lines, ...below);
}

/** What is cut at the edges of the plot: the curve, the line, the point, the step. */
function inside(scale: Scale, curve: Curve, point: Point, h: number, there: number | null, line: number): SVGElement {
  const { x, y } = scale;
  const area = {
    x: scale.left,
    y: BOX.top,
    width: WIDTH - scale.left - BOX.right,
    height: HEIGHT - BOX.top - BOX.bottom,
  };
  const tangent = (at: number) => point.y + (at - point.x) * point.slope;
  const drawn: (SVGElement | null)[] = [
    s("path", { d: path(scale, curve), class: "gg-curve" }),
    Number.isFinite(point.slope)
      ? s("line", {
          x1: x(curve.from),
          y1: y(tangent(curve.from)),
          x2: x(curve.to),
          y2: y(tangent(curve.to)),
          class: "gg-tangent",
        })
      : null,
    there === null || !Number.isFinite(line)
      ? null
      : s("line", { x1: x(point.x + h), x2: x(point.x + h), y1: y(there), y2: y(line), class: "gg-gap" }),
    there === null ? null : s("circle", { cx: x(point.x + h), cy: y(there), r: 3.5, class: "gg-there" }),
    Number.isFinite(line)
      ? s("circle", { cx: x(point.x + h), cy: y(line), r: 3.5, class: "gg-on-line" })
      : null,
    s("circle", { cx: x(point.x), cy: y(point.y), r: 5, class: "gg-point" }),
    ...labels(scale, curve, point, tangent),
  ];
  const frame = s("svg", { ...area, viewBox: `${area.x} ${area.y} ${area.width} ${area.height}` }, ...drawn);
  return frame;
}

function path(scale: Scale, curve: Curve): string {
  const { from, to, ys } = curve;
  let pen = false;
  let last = 0;
  return ys
    .map((value, n) => {
      if (value === null) {
        pen = false;
        return "";
      }
      const at = clamp(scale.y(value));
      // From far above to far below is a pole, and no line.
      if (Math.abs(at - last) > HEIGHT * 2) pen = false;
      last = at;
      const point = `${pen ? "L" : "M"}${scale.x(from + ((to - from) * n) / (ys.length - 1)).toFixed(1)} ${at.toFixed(1)}`;
      pen = true;
      return point;
    })
    .join("");
}

function clamp(y: number): number {
  return Math.max(-10 * HEIGHT, Math.min(10 * HEIGHT, y));
}

function shortened(name: string): string {
  return name.length <= 12 ? name : `${name.slice(0, 11)}…`;
}

/** Names beside the curve and the line, where they are apart and both to be seen. */
function labels(scale: Scale, curve: Curve, point: Point, tangent: (x: number) => number): SVGElement[] {
  const found: SVGElement[] = [];
  const seen = (y: number) => y > BOX.top + 18 && y < HEIGHT - BOX.bottom - 18;
  const spots = curve.ys
    .map((value, n) => {
      const x = curve.from + ((curve.to - curve.from) * n) / (curve.ys.length - 1);
      return {
        x: scale.x(x),
        curve: value === null ? NaN : scale.y(value),
        line: scale.y(tangent(x)),
        far: Math.abs(x - point.x) / (curve.to - curve.from),
      };
    })
    .filter((spot) => spot.x > scale.left + 60 && spot.x < WIDTH - BOX.right - 60);
  const best = (which: "curve" | "line") => {
    const other = which === "curve" ? "line" : "curve";
    const score = (spot: (typeof spots)[0]) => Math.min(40, Math.abs(spot[which] - spot[other]) || 0) + 10 * spot.far;
    return spots.filter((spot) => seen(spot[which])).sort((a, b) => score(b) - score(a))[0];
  };
  const same = spots.every((spot) => !(Math.abs(spot.curve - spot.line) > 2));
  const f = `${shortened(point.f)}(${shortened(point.name)})`;
  for (const [which, text] of [
    ["curve", same ? `${f} is the straight line` : f],
    ["line", "straight line"],
  ] as const) {
    const spot = best(which);
    if (!spot || (same && which === "line")) continue;
    const half = text.length * 3.6; // so that it stands in the plot as a whole
    const x = Math.max(scale.left + half, Math.min(WIDTH - BOX.right - half, spot.x));
    const above = !(spot[which] > spot[which === "curve" ? "line" : "curve"]);
    found.push(
      s(
        "text",
        { x, y: spot[which] + (above ? -7 : 15), "text-anchor": "middle", class: `gg-label-${which}` },
        text,
      ),
    );
  }
  return found;
}
