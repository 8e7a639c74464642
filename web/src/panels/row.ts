// One input in the inputs panel: its name, a number field, a slider, and for arrays the elements to
// choose from. It knows how a number is moved; what follows from that is the panel's.

import { h } from "../dom";
import type { Store } from "../store";
import { full, isArray } from "../values";
import { elements } from "./arrays";
import { button } from "./icons";
import { neat } from "./plot";
import { shown } from "./words";

/** So far to both sides of a number, as far as there are numbers; the distance of the ends is finite. */
function around(x: number, reach: number): [number, number] {
  const far = Math.min(reach, Number.MAX_VALUE / 4);
  return [Math.max(x - far, -Number.MAX_VALUE), Math.min(x + far, Number.MAX_VALUE)];
}

export interface Row {
  element: HTMLElement;
  wire: number;
  /** What an element of it is called: x, or W[0, 1]. */
  label: (element: number) => string;
  /** Between which numbers an element is moved. */
  range: (element: number) => [number, number];
  /** Show these numbers; `chosen` is the element that the plot is over, null where it is another input's. */
  draw: (values: number[], chosen: number | null) => void;
}

export function row(
  store: Store,
  wire: number,
  first: number[],
  moved: (element: number, x: number) => void,
  choose: (element: number) => void,
): Row {
  const { name, value } = store.doc.wires[wire]!;
  const ranges = new Map<number, [number, number]>();
  let at = 0; // the element that slider and field are for
  let drawn = "";

  const slider = h("input", {
    type: "range",
    step: "any",
    focus: () => choose(at),
    input: () => moved(at, neat(Number(slider.value), Number(slider.max) - Number(slider.min))),
  });
  const field = h("input", { type: "number", step: "any", input: () => typed(field.valueAsNumber) });
  const back = button("reset", "", () => {
    ranges.delete(at);
    moved(at, first[at]!);
  });
  const title = h("button.gg-link", { click: () => choose(at) });
  const slope = h("span.gg-slope", {});
  const cells = h("div");
  const element = h("div.gg-input", {}, h("div.gg-input-head", {}, title, field, slope, back), slider, cells);

  const label = (element: number) => {
    if (!isArray(value) || !value.shape.length) return name;
    const place = value.shape.map(
      (size, axis, shape) => Math.floor(element / shape.slice(axis + 1).reduce((a, b) => a * b, 1)) % size,
    );
    return `${name}[${place.join(", ")}]`;
  };

  /** Around what was recorded, and as wide as what was typed needs. */
  const range = (element: number): [number, number] => {
    const x = Number.isFinite(first[element]) ? first[element]! : 0;
    return ranges.get(element) ?? around(x, Math.max(1, 2 * Math.abs(x)));
  };

  const typed = (x: number) => {
    if (!Number.isFinite(x)) return;
    const [from, to] = range(at);
    if (x < from || x > to) {
      const near = around(x, Math.abs(x));
      const both: [number, number] = [Math.min(from, near[0]), Math.max(to, near[1])];
      ranges.set(at, Number.isFinite(both[1] - both[0]) ? both : near);
    }
    moved(at, x);
  };

  const draw = (values: number[], chosen: number | null) => {
    at = chosen ?? at;
    const x = values[at]!;
    const text = label(at);
    const [from, to] = range(at);
    element.classList.toggle("gg-current", chosen !== null);
    title.textContent = text;
    title.title = `Plot over ${text}`;
    slider.min = String(from);
    slider.max = String(to);
    slider.value = String(Number.isFinite(x) ? x : (from + to) / 2);
    slider.ariaLabel = text;
    slider.ariaValueText = full(x);
    field.ariaLabel = `${text}, as a number`;
    if (field.valueAsNumber !== x) field.value = Number.isFinite(x) ? full(x) : "";
    field.placeholder = full(x); // a field for numbers shows no nan
    back.ariaLabel = back.title = `Reset ${text}`;
    back.disabled = Object.is(x, first[at]);
    const gradient = store.gradient(wire);
    slope.replaceChildren(
      "gradient ",
      shown(gradient !== null && isArray(gradient) ? (gradient.data?.[at] ?? null) : gradient, "gradient"),
    );
    drawCells();
  };

  const drawCells = () => {
    const now = store.value(wire);
    const { theme } = store.state;
    const key = isArray(now) ? `${at} ${theme} ${JSON.stringify(now.data)}` : "";
    if (!isArray(now) || key === drawn) return;
    drawn = key;
    const focused = cells.contains((cells.getRootNode() as Document | ShadowRoot).activeElement);
    cells.replaceChildren(elements(now, store.doc.themes[theme], name, { chosen: at, choose }));
    if (focused) cells.querySelector<HTMLElement>("[aria-pressed=true]")?.focus();
  };

  return { element, wire, label, range, draw };
}
