// The page's state in one place: parts read it, change it by `set`, and are told of changes.
// It knows nothing of how anything is shown.

import type { Doc, Evaluate, Value } from "./document";
import { story, type Step } from "./story";

export type Target = { kind: "wire" | "node" | "group"; id: number };

export interface State {
  /** What was clicked or reached by the keyboard. */
  selected: Target | null;
  /** What the mouse is over, in the picture, the code or a list. */
  hovered: Target | null;
  /** Gates that a line of code is pointed at for; lit in the picture like what is hovered. */
  lit: ReadonlySet<number>;
  /** How many steps of the story have been told; all of them at first. */
  step: number;
  /** The groups that are open. */
  open: ReadonlySet<number>;
  theme: "light" | "dark";
  /** Which panel is shown beside the picture. */
  tab: "gate" | "code" | "diagnosis" | "inputs";
  query: string;
  /** Values that sliders have moved: null while all is as it was recorded. */
  live: Live | null;
  /** Sliders have left the path that was recorded: the picture does not hold there. */
  offPath: boolean;
}

/** Values and gradients of every wire, local gradients of every gate, for moved inputs. */
export interface Live {
  values: Value[];
  gradients: (Value | null)[];
  locals: ((Value | null)[] | undefined)[];
}

type Listener = (state: State, changed: ReadonlySet<keyof State>) => void;

export class Store {
  state: State;
  readonly steps: Step[];
  /** For each wire the node that drives it. */
  readonly driver: number[] = [];
  private readonly listeners = new Set<Listener>();

  constructor(
    readonly doc: Doc,
    readonly evaluate: Evaluate | null,
    theme: "light" | "dark",
  ) {
    this.steps = story(doc);
    doc.nodes.forEach((node, n) => node.outputs.forEach((w) => (this.driver[w] = n)));
    const folds = new Set(doc.folds);
    this.state = {
      selected: null,
      hovered: null,
      lit: new Set(),
      step: this.steps.length,
      open: new Set(doc.groups.map((_, n) => n).filter((n) => !folds.has(n))),
      theme,
      tab: "gate",
      query: "",
      live: null,
      offPath: false,
    };
  }

  /** Change some of the state; listeners hear what really changed. */
  set(part: Partial<State>): void {
    const changed = new Set<keyof State>();
    for (const key of Object.keys(part) as (keyof State)[]) {
      if (!same(this.state[key], part[key])) changed.add(key);
    }
    if (!changed.size) return;
    this.state = { ...this.state, ...part };
    for (const each of [...this.listeners]) each(this.state, changed);
  }

  /** Be told of changes; gives back a function that ends it. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  value(wire: number): Value {
    return this.state.live?.values[wire] ?? this.doc.wires[wire]!.value;
  }

  gradient(wire: number): Value | null {
    const live = this.state.live;
    return live ? (live.gradients[wire] ?? null) : this.doc.wires[wire]!.gradient;
  }

  /** Local gradients of a node's gate, one for each operand. */
  local(node: number): (Value | null)[] {
    return this.state.live?.locals[node] ?? this.doc.nodes[node]!.local ?? [];
  }

  /** Open or close a group; what is selected inside of a closed one is not any more. */
  fold(group: number, open: boolean): void {
    const next = new Set(this.state.open);
    if (open) {
      for (let at: number | null = group; at !== null; at = this.doc.groups[at]!.parent) next.add(at);
    } else {
      next.delete(group);
    }
    this.set({ open: next });
  }

  /** The outermost closed group around a node, or null where the node is seen. */
  hiddenIn(node: number): number | null {
    let found: number | null = null;
    for (let at = this.doc.nodes[node]!.group; at !== null; at = this.doc.groups[at]!.parent) {
      if (!this.state.open.has(at)) found = at;
    }
    return found;
  }
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const x = a as Target | null;
  const y = b as Target | null;
  return (
    !!x && !!y && typeof x === "object" && typeof y === "object" &&
    "kind" in x && "kind" in y && x.kind === y.kind && x.id === y.id
  );
}
