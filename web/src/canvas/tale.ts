// The story's current step on the picture: the gate is ringed, values run to it along its wires, or
// gradients from it; local gradients stand beside its ports. It knows one step, not the story.

import type { Shape, WirePath } from "../document";
import { s } from "../dom";
import type { Store } from "../store";
import type { Step } from "../story";
import { summary } from "../values";
import { path } from "./draw";
import { still } from "./view";

/** What a step lights, drawn under and over the shapes; `runs` when it has just been taken. */
export function drawStep(
  store: Store, step: Step, shape: Shape, wires: ReadonlyMap<number, WirePath>, runs: boolean,
): { under: Element[]; over: Element[] } {
  const forward = step.pass === "forward";
  const under: Element[] = [];
  const over: Element[] = [ring(shape)];
  const moves = runs && !still() ? " gg-runs" : "";
  const way = (points: number[], kind: string) =>
    under.push(s("path", { class: `gg-way ${kind}${moves}`, d: path(points), pathLength: 1 }));
  for (const port of shape.i) {
    const wire = wires.get(port[2]);
    const points = wire && route(wire, [port[0], port[1]]);
    if (!points) continue;
    if (forward) way(points, "gg-forth");
    else if (store.doc.wires[port[2]]!.gradient !== null) way(reversed(points), "gg-back");
  }
  if (step.pass === "backward") {
    // What came from behind: the whole of each output's wire.
    for (const port of shape.o) {
      for (const b of wires.get(port[2])?.b ?? []) {
        under.push(s("path", { class: "gg-way gg-upstream", d: path(b) }));
      }
    }
  }
  if (shape.g === undefined && step.pass !== "seed") over.push(...locals(store, step, shape, forward));
  return { under, over };
}

/** Local gradients: above and below the gate, where its input ports are; beside them if there are more. */
function locals(store: Store, step: Step, shape: Shape, forward: boolean): SVGTextElement[] {
  const node = store.doc.nodes[step.node]!;
  const all = store.local(step.node);
  const texts = shape.i.map((_, n) => {
    const value = all[node.operands?.[n] ?? n];
    return value === null || value === undefined ? "" : `×${summary(value)}`;
  });
  const [x, y, w, h] = shape.r;
  const beside = texts.length > 2;
  return texts.flatMap((said, n) => {
    if (!said) return [];
    const [px, py] = shape.i[n]!;
    const at = beside ? { x: px - 6, y: py - 3 } : { x: x + w / 2 + (said.length > 8 ? w / 2 : 0), y: n ? y + h + 16 : y - 9 };
    const text = s("text", { class: `gg-t gg-local${forward ? "" : " gg-used"}${beside || said.length > 8 ? "" : " gg-mid"}`, ...at });
    text.textContent = said;
    return [text];
  });
}

function ring(shape: Shape): SVGRectElement {
  const [x, y, width, height] = shape.r;
  const off = 3.5;
  if (shape.f === "end") {
    return s("rect", { class: "gg-ring", x: x - 8, y: y + height / 2 - 12, width: 24, height: 24, rx: 12 });
  }
  const rx = shape.f === "circle" || shape.f === "pill" ? Math.min(width, height) / 2 + off : 9;
  return s("rect", { class: "gg-ring", x: x - off, y: y - off, width: width + 2 * off,
                     height: height + 2 * off, rx });
}

/** The way along a wire from where it begins to a port. */
export function route(wire: WirePath, port: [number, number]): number[] | null {
  const [x, y] = [wire.b[0]![0]!, wire.b[0]![1]!];
  let goal: [number, number] = port;
  let found: number[] = [];
  for (const left = new Set(wire.b); left.size; ) {
    let next: { branch: number[]; head: number[] } | null = null;
    for (const branch of left) {
      const head = upTo(branch, goal, found.length === 0);
      if (head) next = { branch, head };
      if (next) break;
    }
    if (!next) return null;
    left.delete(next.branch);
    found = [...next.head, ...found.slice(found.length ? 2 : 0)];
    goal = [next.head[0]!, next.head[1]!];
    if (near(goal[0], x) && near(goal[1], y)) return found;
  }
  return null;
}

/** A branch's points as far as a place on it; null where that is not on it, or is its beginning. */
function upTo(branch: number[], [x, y]: [number, number], end: boolean): number[] | null {
  const last = branch.length - 2;
  for (let n = 0; n < last; n += 2) {
    const [ax, ay, bx, by] = [branch[n]!, branch[n + 1]!, branch[n + 2]!, branch[n + 3]!];
    if (end && n + 2 !== last) continue; // a port is where a branch ends
    const on = between(x, ax, bx) && between(y, ay, by) && !(near(x, ax) && near(y, ay));
    if (on && (!end || (near(x, bx) && near(y, by)))) return [...branch.slice(0, n + 2), x, y];
  }
  return null;
}

function between(x: number, a: number, b: number): boolean {
  return x >= Math.min(a, b) - 0.03 && x <= Math.max(a, b) + 0.03;
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) < 0.03;
}

function reversed(points: number[]): number[] {
  const found: number[] = [];
  for (let n = points.length - 2; n >= 0; n -= 2) found.push(points[n]!, points[n + 1]!);
  return found;
}
