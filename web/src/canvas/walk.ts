// Where an arrow key leads: right along a wire to a reader, left to what drives, up and down among
// siblings, else to what stands above or below. Pure: it knows the net and places.

import type { Key } from "./draw";
import type { Net } from "./net";
import type { Box } from "./view";

export type Arrow = "ArrowRight" | "ArrowLeft" | "ArrowUp" | "ArrowDown";

export class Walk {
  /** Things on the same level as the last one reached, in order from top to bottom. */
  private siblings: Key[] = [];

  constructor(
    private readonly net: Net,
    private readonly place: (key: Key) => Box | null,
    private readonly keys: () => Iterable<Key>,
  ) {}

  step(from: Key, arrow: Arrow): Key | null {
    if (arrow === "ArrowRight") return this.among(this.after(from));
    if (arrow === "ArrowLeft") return this.among(this.before(from));
    const by = arrow === "ArrowDown" ? 1 : -1;
    const at = this.siblings.indexOf(from);
    const next = at < 0 ? undefined : this.siblings[at + by];
    return next ?? this.nearest(from, by);
  }

  private after(key: Key): Key[] {
    return key[0] === "w" ? (this.net.readers.get(Number(key.slice(1))) ?? []) : this.net.outputs(key);
  }

  private before(key: Key): Key[] {
    if (key[0] !== "w") return this.net.inputs(key);
    const driver = this.net.driver.get(Number(key.slice(1)));
    return driver ? [driver] : [];
  }

  private among(keys: Key[]): Key | null {
    if (!keys.length) return null;
    const height = (key: Key) => this.place(key)?.[1] ?? 0;
    this.siblings = keys[0]![0] === "w" ? keys : [...keys].sort((a, b) => height(a) - height(b));
    return keys[0]!;
  }

  /** The nearest of the same kind above or below. */
  private nearest(from: Key, by: number): Key | null {
    const here = this.place(from);
    if (!here) return null;
    let found: Key | null = null;
    let least = Infinity;
    for (const key of this.keys()) {
      if (key === from || (key[0] === "w") !== (from[0] === "w")) continue;
      const there = this.place(key)!;
      const down = (there[1] + there[3] / 2 - here[1] - here[3] / 2) * by;
      const aside = Math.abs(there[0] + there[2] / 2 - here[0] - here[2] / 2);
      if (down > 1 && down + 2 * aside < least) [least, found] = [down + 2 * aside, key];
    }
    this.siblings = [];
    return found;
  }
}
