// What wires and gates are called, and numbers and arrays in words and colours, once the story has
// told them. It knows the document's words and the story's; it arranges nothing.

import type { Doc, Node, Value } from "../document";
import { h } from "../dom";
import type { Store, Target } from "../store";
import { told, type Told } from "../story";
import { brief, isArray } from "../values";

export const DIGITS = 6; // as in the table that Python prints

/** A wire's name; where it has none, what made it. */
export function called(doc: Doc, wire: number, driver: number | undefined): string {
  const node = driver === undefined ? undefined : doc.nodes[driver];
  if (node?.kind === "constant") return "a constant";
  return doc.wires[wire]!.name || `the result of ${node?.op ?? "a gate"}`;
}

/** The wire of the output, and what it is called. */
export function outcome(store: Store): { wire: number; name: string } | null {
  const wire = store.doc.nodes.find((node) => node.kind === "output")?.inputs[0];
  return wire === undefined ? null : { wire, name: called(store.doc, wire, store.driver[wire]) };
}

/** What all gradients are of, in words. */
export function differentiated(store: Store): string {
  const given = store.doc.nodes.some((node) => node.seed !== undefined);
  return given ? "the output times the gradient given for it" : (outcome(store)?.name ?? "the output");
}

/** "add gate", "input", ... */
export function kindOf(node: Node): string {
  return node.kind === "gate" ? `${node.op!.replace(/_/g, " ")} gate` : node.kind;
}

/** A shape as Python writes a tuple. */
export function tuple(shape: number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

/** A value in one short phrase: a number, or an array's shape and range. */
export function phrase(value: Value): string {
  return isArray(value) ? `${tuple(value.shape)} ${value.text}` : brief(value, DIGITS);
}

/** A number or an array's summary in the colour of values or of gradients. */
export function shown(value: Value | null, role: "value" | "gradient" | "plain" = "plain"): HTMLElement {
  if (value === null) return h("span.gg-dim", {}, "none");
  return h("span", { class: `gg-num gg-${role}` }, phrase(value));
}

/** What a wire's value or gradient is, once the story has told it. */
export function flowing(store: Store, wire: number, role: "value" | "gradient"): HTMLElement {
  if (!knows(store, wire, role)) return later();
  return shown(role === "value" ? store.value(wire) : store.gradient(wire), role);
}

export function later(): HTMLElement {
  return h("span.gg-dim", {}, "not yet");
}

/** Whether the story has come to a wire's value or gradient, or there is none to come to. */
export function knows(store: Store, wire: number, role: "value" | "gradient"): boolean {
  const { step } = store.state;
  if (step >= store.steps.length) return true;
  if (step !== last.step || store !== last.store) last = { store, step, told: told(store.doc, store.steps, step) };
  if (role === "value") return last.told.values.has(wire);
  return store.gradient(wire) === null || last.told.gradients.has(wire);
}

let last: { store: Store | null; step: number; told: Told } = {
  store: null,
  step: 0,
  told: { values: new Set(), gradients: new Set(), partly: new Set() },
};

/** A button that stands for something in the picture: pointed at it is lit there, clicked it is selected. */
export function link(store: Store, target: Target, text: string, title?: string): HTMLButtonElement {
  const enter = () => store.set({ hovered: target });
  const leave = () => store.set({ hovered: null });
  return h(
    "button",
    {
      class: "gg-link",
      title,
      pointerenter: enter,
      pointerleave: leave,
      focus: enter,
      blur: leave,
      click: () => store.set({ selected: target, hovered: null }),
    },
    text,
  );
}

export function wireLink(store: Store, wire: number): HTMLButtonElement {
  return link(store, { kind: "wire", id: wire }, called(store.doc, wire, store.driver[wire]));
}

export function nodeLink(store: Store, node: number): HTMLButtonElement {
  const { doc } = store;
  const it = doc.nodes[node]!;
  if (it.kind !== "gate") return link(store, { kind: "node", id: node }, `${it.kind} ${it.symbol}`);
  return link(store, { kind: "node", id: node }, it.line ? `${kindOf(it)}, line ${it.line}` : kindOf(it));
}

/** The statement a node stands in, as the user wrote it. */
export function statement(doc: Doc, node: Node): string {
  if (node.source === null || node.source === undefined || !node.line) return "";
  const source = doc.sources[node.source];
  return source?.lines[node.line - source.first]?.trim() ?? "";
}

/** Things in a row, with commas and an "and". */
export function listed(items: (string | HTMLElement)[]): (string | HTMLElement)[] {
  return items.flatMap((item, n) => (n === 0 ? [item] : [n === items.length - 1 ? " and " : ", ", item]));
}
