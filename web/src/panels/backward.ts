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

/** What a wire's gradient is added up from, one part for each time it is read, in the order it arrives. */
export function shares(store: Store, wire: number): Share[] {
  const found: Share[] = [];
  store.steps.forEach(({ pass, node }, step) => {
    if (pass === "forward") return;
    for (const [port, input] of store.doc.nodes[node]!.inputs.entries()) {
      if (input !== wire) continue;
      const { seed = 1 } = store.doc.nodes[node]!;
      const amount = pass === "seed" ? scalar(seed) : handed(store, node, port);
      found.push({ step, node, amount: isArray(store.value(wire)) ? null : amount });
    }
  });
  // What is alone needs no product: it is the gradient.
  if (found.length === 1) found[0]!.amount = scalar(store.gradient(wire));
  return found;
}

/** Upstream gradient times local gradient, at one port of a gate; null where that is not one number. */
export function handed(store: Store, node: number, port: number): number | null {
  const up = scalar(upstream(store, node));
  const local = scalar(localAt(store, node, port));
  if (up === null || local === null || isArray(store.value(store.doc.nodes[node]!.inputs[port]!))) return null;
  return up === 0 || local === 0 ? 0 : up * local;
}

/** Whether what a gate hands back to a wire is summed, because the value was spread over more elements. */
export function summed(store: Store, node: number, wire: number): boolean {
  const out = store.value(store.doc.nodes[node]!.outputs[0]!);
  const value = store.value(wire);
  return isArray(out) && String(out.shape) !== (isArray(value) ? String(value.shape) : "");
}

/** The local gradient of a gate with respect to what comes in at a port. */
export function localAt(store: Store, node: number, port: number): Value | null {
  const operand = store.doc.nodes[node]!.operands?.[port] ?? port;
  return store.local(node)[operand] ?? null;
}
