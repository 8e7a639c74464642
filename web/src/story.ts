// The story the notes tell: forward, every gate computes its output and its local gradients; then
// backward, every gate gets its upstream gradient and multiplies. Which step tells what of which
// gate, and which wires have a value or a gradient by then.

import type { Doc } from "./document";

export interface Step {
  pass: "forward" | "seed" | "backward";
  /** The gate, or the output where the way back begins. */
  node: number;
}

/** All steps, in order. */
export function story(doc: Doc): Step[] {
  const gates = doc.nodes.flatMap((node, n) => (node.kind === "gate" ? [n] : []));
  const outputs = doc.nodes.flatMap((node, n) => (node.kind === "output" ? [n] : []));
  const back = gates.filter((n) =>
    doc.nodes[n]!.outputs.some((w) => doc.wires[w]!.gradient !== null),
  );
  return [
    ...gates.map((node): Step => ({ pass: "forward", node })),
    ...outputs.map((node): Step => ({ pass: "seed", node })),
    ...back.reverse().map((node): Step => ({ pass: "backward", node })),
  ];
}

/** What has been told after so many steps. */
export interface Told {
  /** Wires whose value is known; inputs and constants are from the beginning. */
  values: Set<number>;
  /** Wires whose gradient is complete: every gate that reads them has handed its part back. */
  gradients: Set<number>;
  /** Wires that have got a part of their gradient, but not all. */
  partly: Set<number>;
}

export function told(doc: Doc, steps: Step[], count: number): Told {
  const values = new Set<number>();
  const parts = new Map<number, number>(); // readers that have handed something back
  const readers = new Map<number, number>(); // readers that will
  doc.nodes.forEach((node) => {
    if (node.kind === "input" || node.kind === "constant") node.outputs.forEach((w) => values.add(w));
  });
  for (const [n, step] of steps.entries()) {
    const node = doc.nodes[step.node]!;
    if (step.pass === "forward") {
      if (n < count) node.outputs.forEach((w) => values.add(w));
      continue;
    }
    for (const wire of new Set(node.inputs)) {
      if (doc.wires[wire]!.gradient === null) continue;
      readers.set(wire, (readers.get(wire) ?? 0) + 1);
      if (n < count) parts.set(wire, (parts.get(wire) ?? 0) + 1);
    }
  }
  const gradients = new Set<number>();
  const partly = new Set<number>();
  for (const [wire, count] of parts) {
    (count === readers.get(wire) ? gradients : partly).add(wire);
  }
  if (count >= steps.length) {
    // What no gate hands anything to is zero from the beginning to the end.
    doc.wires.forEach((wire, n) => wire.gradient !== null && gradients.add(n));
  }
  return { values, gradients, partly };
}
