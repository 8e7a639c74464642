// The circuit computed anew for other inputs: from the numbers that `evaluate` gives back to values,
// gradients and local gradients of the whole document. It knows the script's order and no screen.

import type { Doc, Evaluate, Script, Value } from "../document";
import type { Live, Store } from "../store";
import { arrayLike, isArray, jsonNumber, num } from "../values";

/** Every input as a list of its elements. */
export type Inputs = number[][];

/** The inputs as they were recorded; null where some are not in the document. */
export function recorded(doc: Doc, script: Script): Inputs | null {
  const found: Inputs = [];
  for (const wire of script.inputs) {
    const { value } = doc.wires[wire]!;
    if (!isArray(value)) found.push([num(value)]);
    else if (value.data) found.push(value.data.map(num));
    else return null;
  }
  return found;
}

/** Everything for these inputs; null where they take another path. */
export function computed(store: Store, evaluate: Evaluate, script: Script, inputs: Inputs): Live | null {
  const results = evaluate(inputs);
  if (!results) return null;
  const { doc } = store;
  const live: Live = {
    values: doc.wires.map((wire) => wire.value),
    gradients: doc.wires.map((wire) => wire.gradient),
    locals: doc.nodes.map((node) => node.local?.slice()),
  };
  script.inputs.forEach((wire, n) => (live.values[wire] = like(doc.wires[wire]!.value, inputs[n]!)));
  script.outputs.forEach((place, n) => {
    const result = results[n]!;
    if (place[0] === "local") {
      const [, node, operand] = place;
      const locals = live.locals[node];
      if (locals) locals[operand] = like(locals[operand] ?? null, result);
    } else if (place[0] === "value") {
      live.values[place[1]] = like(doc.wires[place[1]]!.value, result);
    } else {
      live.gradients[place[1]] = like(doc.wires[place[1]]!.gradient, result);
    }
  });
  return live;
}

/** Numbers as a value of the kind that was recorded there. */
function like(was: Value | null, elements: number[]): Value {
  if (was !== null && isArray(was)) return arrayLike(was, elements);
  if (typeof was === "boolean") return elements[0] !== 0;
  return jsonNumber(elements[0]!);
}

/** The output alone, where it is one number: what a plot asks for. */
export function along(doc: Doc, evaluate: Evaluate, script: Script): ((inputs: Inputs) => number | null) | null {
  const out = doc.nodes.find((node) => node.kind === "output")?.inputs[0];
  if (out === undefined || isArray(doc.wires[out]!.value)) return null;
  if (doc.nodes.some((node) => node.seed !== undefined)) return null; // gradients are not f's slopes
  const at = script.outputs.findIndex((place) => place[0] === "value" && place[1] === out);
  if (at < 0) return null;
  return (inputs) => {
    const results = evaluate(inputs);
    const value = results?.[at]?.[0];
    return value === undefined || !Number.isFinite(value) ? null : value;
  };
}
