// The arithmetic of the backward pass, gate by gate: what each gate hands to a wire, and in which
// order it arrives. Numbers only; of arrays it knows who hands something on.

import type { Value } from "../document";
import type { Store } from "../store";
import { isArray, num } from "../values";

/** A number out of a value; null where it is an array, or missing. */
export function scalar(value: Value | null | undefined): number | null {
  return value === null || value === undefined || isArray(value) ? null : num(value);
}

export interface Share {
  /** Which step of the story hands it on. */
  step: number;
  node: number;
  /** How much; null where it is not one number. */
  amount: number | null;
}

/** The gradient that arrives at a gate: that of its output. */
export function upstream(store: Store, node: number): Value | null {
  const outputs = store.doc.nodes[node]!.outputs;
  return outputs.length === 1 ? store.gradient(outputs[0]!) : null;
}

/** What a wire's gradient is added up from, in the order it arrives. */
export function shares(store: Store, wire: number): Share[] {
  const found: Share[] = [];
  store.steps.forEach(({ pass, node }, step) => {
    if (pass === "forward" || !store.doc.nodes[node]!.inputs.includes(wire)) return;
    found.push({ step, node, amount: pass === "seed" ? 1 : handed(store, node, wire) });
  });
  // What is alone needs no product: it is the gradient.
  if (found.length === 1) found[0]!.amount = scalar(store.gradient(wire));
  return found;
}

/** Upstream gradient times local gradient, over all the places where a gate reads a wire. */
function handed(store: Store, node: number, wire: number): number | null {
  const up = scalar(upstream(store, node));
  if (up === null || isArray(store.value(wire))) return null;
  let sum = 0;
  for (const [port, input] of store.doc.nodes[node]!.inputs.entries()) {
    if (input !== wire) continue;
    const local = scalar(localAt(store, node, port));
    if (local === null) return null;
    sum += up === 0 || local === 0 ? 0 : up * local;
  }
  return sum;
}

/** The local gradient of a gate with respect to what comes in at a port. */
export function localAt(store: Store, node: number, port: number): Value | null {
  const operand = store.doc.nodes[node]!.operands?.[port] ?? port;
  return store.local(node)[operand] ?? null;
}
