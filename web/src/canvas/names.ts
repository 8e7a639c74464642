// A thing of the circuit in words, for those who hear the page, and for lists.

import type { Store, Target } from "../store";
import { told, type Told } from "../story";
import { isArray, summary } from "../values";

/** What the story has told by now; null while all of it is. */
export function toldNow(store: Store): Told | null {
  return store.state.step < store.steps.length ? told(store.doc, store.steps, store.state.step) : null;
}

export function spoken(store: Store, target: Target, told: Told | null): string {
  const { doc } = store;
  if (target.kind === "wire") {
    const parts = [`wire ${wireName(store, target.id)}`];
    const value = store.value(target.id);
    if (!told || told.values.has(target.id)) {
      if (isArray(value)) parts.push(`array ${value.shape.join(" by ")}`);
      parts.push(`value ${summary(value)}`);
    }
    const gradient = store.gradient(target.id);
    if (gradient === null) parts.push("no gradient");
    else if (!told || told.gradients.has(target.id)) parts.push(`gradient ${summary(gradient)}`);
    else if (told.partly.has(target.id)) parts.push("a part of its gradient has come");
    return parts.join(", ");
  }
  if (target.kind === "group") {
    const group = doc.groups[target.id]!;
    const size = `${group.turns ? `${group.turns} turns, ` : ""}${group.gates} gate${group.gates === 1 ? "" : "s"}`;
    return `group ${group.label}, ${size}, line ${group.line}`;
  }
  const node = doc.nodes[target.id]!;
  if (node.kind !== "gate") return `${node.kind} ${node.symbol}`;
  return `gate ${node.symbol}, ${node.op}${node.line ? `, line ${node.line}` : ""}`;
}

/** The user's name of a wire, or what drives it. */
export function wireName(store: Store, wire: number): string {
  const { name } = store.doc.wires[wire]!;
  if (name) return name;
  const driver = store.doc.nodes[store.driver[wire] ?? -1];
  return driver ? `from ${driver.symbol}` : "without a name";
}
