// The inputs panel: sliders that compute the whole circuit anew in the page, and f beside its
// tangent for the one that was moved last. It knows controls; computing is live's, drawing plot's.

import type { Evaluate, Script } from "../document";
import { h } from "../dom";
import type { Store } from "../store";
import { full, isArray } from "../values";
import { elements } from "./arrays";
import { icon } from "./icons";
import { along, computed, recorded, type Inputs } from "./live";
import type { Part } from "./part";
import { neat, Plot, sample } from "./plot";
import { scalar } from "./backward";
import { outcome, shown } from "./words";

export function inputs(store: Store): Part {
  const { evaluate } = store;
  const { script } = store.doc;
  const element = h("div", { class: "gg-inputs" });
  const first = script && evaluate ? recorded(store.doc, script) : null;
  if (script && evaluate && first) return new Panel(store, element, evaluate, script, first).part();
  const why = script
    ? first || !evaluate ? "this page may not run the circuit's script" : "some inputs are too large to stand in this page with all their elements"
    : store.doc.no_script;
  element.append(h("h2", {}, "The inputs cannot be moved here"),
    h("p", {}, `Sliders compute the circuit in the page, and that cannot be done: ${why}.`),
    h("p", { class: "gg-dim" }, "To get sliders, take a smaller function or smaller inputs, or write that part with gates that have a JavaScript form, and save it again. For other inputs call ", h("code", {}, "gg.backprop"), " with them."));
  return { element, end: () => {} };
}

/** One element of one input. */
interface Choice {
  input: number;
  element: number;
}

class Panel {
  private given: Inputs;
  private choice: Choice | null = null;
  private frame = 0;
  private stop = () => {};
  private readonly rows: Row[];
  private readonly notice = h("p", { class: "gg-notice", role: "status" });
  private readonly all = h("button", { type: "button", class: "gg-small-button" }, icon("reset"), "Reset all");
  private readonly f: ((inputs: Inputs) => number | null) | null;
  private readonly plot: Plot;
  private readonly beside = h("section", { class: "gg-beside" });
  private readonly besideHead = h("h2", {});
  private sampled = "";

  constructor(
    private readonly store: Store,
    private readonly element: HTMLElement,
    private readonly evaluate: Evaluate,
    private readonly script: Script,
    private readonly first: Inputs,
  ) {
    this.given = first.map((input) => [...input]);
    this.f = along(store.doc, evaluate, script);
    this.plot = new Plot((x) => this.at(x));
    this.rows = script.inputs.flatMap((wire, n) => (moves(store, wire) ? [new Row(store, wire, first[n]!, this.moved(n), this.chosen(n))] : []));
    this.choice = this.rows.length ? { input: this.order()[0]!, element: 0 } : null;
    this.all.addEventListener("click", () => this.reset());
    const still = script.inputs.filter((wire) => !moves(store, wire)).map((wire) => store.doc.wires[wire]!.name);
    element.append(
      h("div", { class: "gg-pane-head" }, h("h2", {}, "Inputs"), this.all), this.notice, ...this.rows.map((row) => row.element));
    if (still.length) element.append(h("p", { class: "gg-dim gg-small" }, `${still.join(", ")}: no gradient flows there, so ${still.length > 1 ? "they stay" : "it stays"}.`));
    this.beside.append(this.besideHead, this.plot.element);
    element.append(this.beside);
    this.draw();
  }

  part(): Part {
    const end = this.store.listen((state, changed) => {
      if (changed.has("live") && state.live === null && !this.frame) this.take(this.first);
      if (changed.has("live") || changed.has("theme") || changed.has("offPath") || changed.has("tab")) this.draw();
    });
    return { element: this.element, end: () => { end(); this.stop(); cancelAnimationFrame(this.frame); } };
  }

  /** For each row the number of its input in the script. */
  private order(): number[] {
    return this.rows.map((row) => this.script.inputs.indexOf(row.wire));
  }

  private moved(input: number) {
    return (element: number, x: number) => {
      this.given[input]![element] = x;
      this.choice = { input, element };
      this.soon();
    };
  }

  private chosen(input: number) {
    return (element: number) => {
      this.choice = { input, element };
      this.draw();
    };
  }

  private reset(): void {
    this.take(this.first);
    this.soon();
  }

  private take(values: Inputs): void {
    this.given = values.map((input) => [...input]);
  }

  /** Compute everything before the next frame is drawn, once for all that moved until then. */
  private soon(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      const same = this.given.every((input, n) => input.every((x, at) => Object.is(x, this.first[n]![at])));
      const live = same ? null : computed(this.store, this.evaluate, this.script, this.given);
      if (same || live) this.store.set({ live, offPath: false });
      else this.store.set({ offPath: true });
      this.frame = 0;
      this.draw();
    });
  }

  /** f where the chosen input is x and the others as they are. */
  private at(x: number): number | null {
    if (!this.f || !this.choice) return null;
    const { input, element } = this.choice;
    const there = this.given.slice();
    there[input] = [...there[input]!];
    there[input]![element] = x;
    return this.f(there);
  }

  private draw(): void {
    if (this.store.state.tab !== "inputs") return;
    const { offPath, live } = this.store.state;
    this.notice.textContent = offPath
      ? "At these inputs your function takes another branch: call gg.backprop there. The picture still shows the last inputs on this path." : "";
    this.all.disabled = !live && !offPath;
    const order = this.order();
    this.rows.forEach((row, n) => row.draw(this.given[order[n]!]!, this.choice && this.choice.input === order[n] ? this.choice.element : null));
    this.drawPlot();
  }

  private drawPlot(): void {
    const out = outcome(this.store);
    const row = this.rows[this.order().indexOf(this.choice?.input ?? -1)];
    this.beside.hidden = !this.f || !out || !row || !this.choice;
    if (!out || !row || !this.choice || !this.f) return;
    const { input, element } = this.choice;
    const name = row.label(element);
    this.besideHead.textContent = `${out.name} against the straight line, over ${name}`;
    const others = this.given.map((values, n) => (n === input ? values.map((x, at) => (at === element ? 0 : x)) : values));
    const [from, to] = row.range(element);
    const key = JSON.stringify([input, element, from, to, others]);
    if (key !== this.sampled) {
      this.sampled = key;
      this.stop();
      this.stop = sample((x) => this.at(x), from, to, (curve) => this.plot.setCurve(curve));
    }
    const x = this.given[input]![element]!;
    const gradient = this.store.gradient(row.wire);
    const slope = gradient !== null && isArray(gradient) ? Number(gradient.data?.[element] ?? NaN) : scalar(gradient);
    const y = scalar(this.store.value(out.wire));
    if (y !== null && !this.store.state.offPath) this.plot.setPoint({ name, f: out.name, x, y, slope: slope ?? NaN });
  }
}

/** Whether an input can be moved: a real number, or an array of them, that a gradient flows to. */
function moves(store: Store, wire: number): boolean {
  const { value, gradient } = store.doc.wires[wire]!;
  return gradient !== null && (isArray(value) ? value.dtype.startsWith("float") && !!value.data?.length : typeof value !== "boolean");
}

/** One input: its name, a number field, a slider, and for arrays the elements to choose from. */
class Row {
  readonly element = h("div", { class: "gg-input" });
  private readonly ranges = new Map<number, [number, number]>();
  private readonly slider = h("input", { type: "range", step: "any" });
  private readonly field = h("input", { type: "number", step: "any" });
  private readonly back = h("button", { type: "button", class: "gg-button" }, icon("reset"));
  private readonly slope = h("span", { class: "gg-slope" });
  private readonly name = h("button", { type: "button", class: "gg-link" });
  private readonly cells = h("div", {});
  private at = 0;
  private drawn = "";

  constructor(
    private readonly store: Store,
    readonly wire: number,
    private readonly first: number[],
    private readonly moved: (element: number, x: number) => void,
    private readonly chosen: (element: number) => void,
  ) {
    this.slider.addEventListener("input", () => moved(this.at, neat(Number(this.slider.value), Number(this.slider.max) - Number(this.slider.min))));
    this.slider.addEventListener("focus", () => chosen(this.at));
    this.field.addEventListener("input", () => this.typed());
    this.back.addEventListener("click", () => {
      this.ranges.delete(this.at);
      moved(this.at, first[this.at]!);
    });
    this.name.addEventListener("click", () => chosen(this.at));
    this.element.append(h("div", { class: "gg-input-head" }, this.name, this.field, this.slope, this.back), this.slider, this.cells);
  }

  label(element: number): string {
    const name = this.store.doc.wires[this.wire]!.name;
    const value = this.store.doc.wires[this.wire]!.value;
    if (!isArray(value) || !value.shape.length) return name;
    const place: number[] = [];
    for (let axis = value.shape.length - 1, rest = element; axis >= 0; axis--) {
      place.unshift(rest % value.shape[axis]!);
      rest = Math.floor(rest / value.shape[axis]!);
    }
    return `${name}[${place.join(", ")}]`;
  }

  /** Around what was recorded, as wide as what was typed needs. */
  range(element: number): [number, number] {
    let range = this.ranges.get(element);
    if (!range) {
      const x = this.first[element]!;
      const reach = Math.max(1, 2 * Math.abs(x));
      this.ranges.set(element, (range = [x - reach, x + reach]));
    }
    return range;
  }

  private typed(): void {
    const x = this.field.valueAsNumber;
    if (!Number.isFinite(x)) return;
    const [from, to] = this.range(this.at);
    if (x < from || x > to) this.ranges.set(this.at, [Math.min(from, x - Math.abs(x)), Math.max(to, x + Math.abs(x))]);
    this.moved(this.at, x);
  }

  draw(values: number[], chosen: number | null): void {
    if (chosen !== null) this.at = chosen;
    const x = values[this.at]!;
    const label = this.label(this.at);
    const [from, to] = this.range(this.at);
    this.element.classList.toggle("gg-current", chosen !== null);
    this.name.textContent = label;
    this.name.title = `Plot over ${label}`;
    this.slider.min = String(from);
    this.slider.max = String(to);
    this.slider.value = String(x);
    this.slider.setAttribute("aria-label", label);
    this.slider.setAttribute("aria-valuetext", full(x));
    this.field.setAttribute("aria-label", `${label}, as a number`);
    if (this.field.valueAsNumber !== x) this.field.value = full(x);
    this.back.setAttribute("aria-label", `Reset ${label}`);
    this.back.title = `Reset ${label}`;
    this.back.disabled = Object.is(x, this.first[this.at]);
    const gradient = this.store.gradient(this.wire);
    const slope = gradient !== null && isArray(gradient) ? (gradient.data?.[this.at] ?? null) : gradient;
    this.slope.replaceChildren("gradient ", shown(slope, "gradient"));
    this.drawCells();
  }

  private drawCells(): void {
    const value = this.store.value(this.wire);
    if (!isArray(value)) return;
    const key = `${this.at} ${this.store.state.theme} ${JSON.stringify(value.data)}`;
    if (key === this.drawn) return;
    this.drawn = key;
    const palette = this.store.doc.themes[this.store.state.theme];
    const focused = this.cells.contains((this.cells.getRootNode() as Document | ShadowRoot).activeElement);
    this.cells.replaceChildren(elements(value, palette, this.store.doc.wires[this.wire]!.name, { chosen: this.at, choose: this.chosen }));
    if (focused) this.cells.querySelector<HTMLElement>("[aria-pressed=true]")?.focus();
  }
}
