// Who drives and who reads each wire of the picture as it is now, folded groups as single boxes; and
// what stands for a thing that lies in a closed group. It knows keys of what is drawn, no elements.

import type { Picture, Shape } from "../document";
import type { Store, Target } from "../store";
import type { Key } from "./draw";

export class Net {
  readonly shapes = new Map<Key, Shape>();
  readonly driver = new Map<number, Key>();
  readonly readers = new Map<number, Key[]>();

  constructor(picture: Picture) {
    for (const shape of picture.shapes) {
      const key = keyOf(shape);
      this.shapes.set(key, shape);
      for (const port of shape.o) this.driver.set(port[2], key);
      for (const port of shape.i) {
        const all = this.readers.get(port[2]);
        if (!all) this.readers.set(port[2], [key]);
        else if (!all.includes(key)) all.push(key);
      }
    }
  }

  inputs(key: Key): Key[] {
    return [...new Set(this.shapes.get(key)?.i.map((p) => `w${p[2]}`))];
  }

  outputs(key: Key): Key[] {
    return this.shapes.get(key)?.o.map((p) => `w${p[2]}`) ?? [];
  }

  /** What a thing touches: a wire its driver and readers, a shape its wires. */
  around(key: Key): Key[] {
    if (key[0] !== "w") return [...this.inputs(key), ...this.outputs(key)];
    const wire = Number(key.slice(1));
    const driver = this.driver.get(wire);
    return [...(driver ? [driver] : []), ...(this.readers.get(wire) ?? [])];
  }

  /** What is drawn for a thing: itself, or the closed group it lies in. */
  seen(store: Store, target: Target | null): Key | null {
    if (!target) return null;
    const { kind, id } = target;
    if (kind === "group") return `g${outermostClosed(store, store.doc.groups[id]!.parent) ?? id}`;
    if (kind === "wire" && this.driver.has(id)) return `w${id}`;
    const node = kind === "wire" ? store.driver[id] : id;
    if (node === undefined) return null;
    const closed = store.hiddenIn(node);
    return closed === null ? `n${node}` : `g${closed}`;
  }
}

function outermostClosed(store: Store, group: number | null): number | null {
  let found: number | null = null;
  for (let at = group; at !== null; at = store.doc.groups[at]!.parent) {
    if (!store.state.open.has(at)) found = at;
  }
  return found;
}

export function keyOf(shape: Shape): Key {
  return shape.g !== undefined ? `g${shape.g}` : `n${shape.n}`;
}

export function targetOf(key: Key): Target {
  const kind = ({ w: "wire", n: "node", g: "group" } as const)[key[0] as "w" | "n" | "g"];
  return { kind, id: Number(key.slice(1)) };
}
