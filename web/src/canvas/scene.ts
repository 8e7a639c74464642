// What of the picture is drawn: all of it while it is small, else what is in view and a little
// around. It makes and removes elements, keeps marks (classes) on things whether they are drawn or
// not, and writes values. Which marks, and what the view is, others say.

import type { Outline, Picture, Shape, WirePath } from "../document";
import { s } from "../dom";
import type { Store } from "../store";
import type { Told } from "../story";
import { isArray, num, summary } from "../values";
import { cellsOf, clipped, drawOutline, drawShape, drawToggle, drawWire, fillStrip, grow, meets, path, round,
         routeWire, sizeFrame, type Detail, type Key, type Region, type WireParts } from "./draw";
import { spoken } from "./names";
import { keyOf, targetOf } from "./net";
import type { Box } from "./view";

const ALL = 1500; // things that are all drawn at once
const CROWD = 1500; // more of them in view are drawn as three paths
export const FAR = 0.33; // smaller than this no text is read

interface Item {
  key: Key;
  box: Region;
  make: (detail: Detail) => Drawn;
  drawn: Drawn | null;
  clipped?: boolean;
  thing: Shape | WirePath | Outline;
  kind: "shape" | "wire" | "frame";
}

interface Drawn {
  main: SVGGElement;
  handle: SVGElement; // takes the focus, has the name
  all: Element[];
  wire: WireParts | null;
}

export class Scene {
  readonly frames = s("g");
  readonly crowd = s("g", { class: "gg-crowd" });
  readonly hits = s("g");
  readonly wires = s("g");
  readonly under = s("g"); // between wires and shapes, for others
  readonly shapes = s("g");
  readonly toggles = s("g");
  readonly over = s("g");
  readonly root = s("g", {}, this.frames, this.crowd, this.hits, this.wires, this.under, this.shapes,
                    this.toggles, this.over);
  items: Item[] = [];
  private byKey = new Map<Key, Item>();
  private region: Region | null = null;
  private small = true; // everything is drawn
  private mode: Detail | "crowd" = "full";
  private readonly marks = new Map<string, ReadonlySet<Key>>();
  private told: Told | null = null;
  private current: Key | null = null; // is in the tab order

  constructor(private readonly store: Store) {}

  show(picture: Picture): void {
    for (const item of this.items) this.remove(item);
    this.items = [
      ...picture.outlines.map((o) => this.frame(o)),
      ...picture.wires.map((w) => this.wire(w)),
      ...picture.shapes.map((each) => this.shape(each)),
    ];
    this.byKey = new Map(this.items.map((item) => [item.key, item]));
    this.region = null;
    this.small = this.items.length <= ALL;
  }

  get(key: Key): Item | undefined {
    return this.byKey.get(key);
  }

  /** Where a thing stands: of a wire, its beginning with what is written there. */
  place(key: Key): Box | null {
    const item = this.byKey.get(key);
    if (!item) return null;
    let [left, top, right, bottom] = item.box;
    if (item.kind === "wire") {
      const wire = item.thing as WirePath;
      const [x, y] = [wire.b[0]![0]!, wire.b[0]![1]!];
      [left, top, right, bottom] = [x, y - 20, Math.min(right, x + 110), y + 20];
    }
    return [left, top, right - left, bottom - top];
  }

  /** Draw what is in view, unless it is drawn already. */
  cull(seen: Box, k: number): void {
    const [x, y, w, h] = seen;
    const { small } = this;
    const now = [x, y, x + w, y + h] as const;
    const inside = this.region && this.region[0] <= now[0] && this.region[1] <= now[1] &&
      this.region[2] >= now[2] && this.region[3] >= now[3];
    const detail: Detail = k >= FAR || small ? "full" : "form";
    if (inside && (this.mode === detail || (this.mode === "crowd" && k < FAR)) && !(small && this.mode !== "full")) return;
    this.region = small ? [-1e9, -1e9, 1e9, 1e9] : [x - 0.6 * w, y - 0.6 * h, x + 1.6 * w, y + 1.6 * h];
    const focus = this.handle === (this.root.getRootNode() as Document).activeElement ? this.handle : null;
    const wanted = this.items.filter((item) => meets(item.box, this.region!));
    const mode = detail === "form" && wanted.length > CROWD ? "crowd" : detail;
    if (mode !== this.mode) for (const item of this.items) this.remove(item);
    this.mode = mode;
    this.crowd.replaceChildren();
    if (mode === "crowd") {
      this.crowd.append(...crowded(wanted, this.region));
      this.keepMarked();
      if (focus) this.handle?.focus({ preventScroll: true });
      return;
    }
    const kept = new Set(wanted);
    for (const item of this.items) {
      if (item.drawn && !kept.has(item) && item.key !== this.current) this.remove(item);
    }
    for (const item of wanted) {
      if (item.drawn) this.clip(item);
      else this.draw(item, mode);
    }
    if (focus && focus !== this.handle) this.handle?.focus({ preventScroll: true });
  }

  /** The smallest shape or frame at a point, for when the crowd is drawn as one. */
  at(x: number, y: number): Key | null {
    let found: Item | null = null;
    const area = ({ box }: Item) => (box[2] - box[0]) * (box[3] - box[1]);
    for (const item of this.items) {
      const [left, top, right, bottom] = item.box;
      if (item.kind === "wire" || x < left || y < top || x > right || y > bottom) continue;
      if (!found || area(item) < area(found)) found = item;
    }
    return found?.key ?? null;
  }

  private get handle(): SVGElement | null {
    return (this.current && this.byKey.get(this.current)?.drawn?.handle) || null;
  }

  get crowds(): boolean {
    return this.mode === "crowd";
  }

  /** The one thing that the tab key reaches; drawn even where it is not seen. */
  reach(key: Key | null): SVGElement | null {
    const before = this.current && this.byKey.get(this.current)?.drawn;
    if (before) before.handle.setAttribute("tabindex", "-1");
    this.current = key;
    const item = key ? this.byKey.get(key) : undefined;
    if (!item) return null;
    this.draw(item, this.mode === "full" ? "full" : "form");
    item.drawn!.handle.setAttribute("tabindex", "0");
    return item.drawn!.handle;
  }

  /** These things and no others have this mark. */
  mark(name: string, keys: ReadonlySet<Key>): void {
    const before = this.marks.get(name);
    this.marks.set(name, keys);
    for (const key of before ?? []) {
      if (!keys.has(key)) this.byKey.get(key)?.drawn?.all.forEach((e) => e.classList.remove(name));
    }
    for (const key of keys) {
      if (!before?.has(key)) this.byKey.get(key)?.drawn?.all.forEach((e) => e.classList.add(name));
    }
    if (this.mode === "crowd") this.keepMarked();
  }

  /** Values, gradients and what of them is told by now. */
  write(told: Told | null, fresh = false): void {
    this.told = told;
    for (const item of this.items) if (item.drawn) this.fill(item, fresh);
  }

  private fill(item: Item, fresh: boolean): void {
    const { main, handle, wire: parts } = item.drawn!;
    const target = targetOf(item.key);
    const { told, store } = this;
    const said = spoken(store, target, told);
    if (handle.getAttribute("aria-label") !== said) handle.setAttribute("aria-label", said);
    if (!parts) {
      const out = item.kind === "shape" ? (item.thing as Shape).o : [];
      main.classList.toggle("gg-untold", !!told && out.length > 0 && !out.some((p) => told.values.has(p[2])));
      return;
    }
    const wire = target.id;
    const value = store.value(wire);
    const gradient = store.gradient(wire);
    const valued = !told || told.values.has(wire);
    const back = gradient !== null && (!told || told.gradients.has(wire));
    const part = !!told?.partly.has(wire);
    main.classList.toggle("gg-untold", !valued);
    main.classList.toggle("gg-none", gradient === null);
    main.classList.toggle("gg-part", part);
    write(parts.value, valued ? summary(value) : "", fresh);
    write(parts.gradient, back ? summary(gradient) : part ? partial(store, wire) : "", fresh);
    for (const [strip, group] of parts.strips) {
      const on = strip[0] === "value" ? valued : back;
      group.classList.toggle("gg-off", !on);
      const from = strip[0] === "value" ? value : gradient;
      if (on && (store.state.live || group.dataset["live"])) {
        fillStrip(group, strip, store.state.live ? cellsOf(from, strip) : strip[5]);
        group.dataset["live"] = "1";
      }
    }
  }

  private draw(item: Item, detail: Detail): void {
    if (item.drawn) return;
    item.drawn = item.make(detail);
    for (const [name, keys] of this.marks) {
      if (keys.has(item.key)) item.drawn.all.forEach((e) => e.classList.add(name));
    }
    if (item.key === this.current) item.drawn.handle.setAttribute("tabindex", "0");
    this.clip(item);
    this.fill(item, false);
  }

  /** What goes far beyond what is drawn is drawn as far; a wire with all its forks, or a frame. */
  private clip(item: Item): void {
    const { region, small } = this;
    if (small || !region || !item.drawn || item.kind === "shape") return;
    const inside = item.box[0] >= region[0] && item.box[2] <= region[2];
    if (inside && !item.clipped) return;
    item.clipped = !inside;
    if (item.drawn.wire) routeWire(item.drawn.wire, item.thing as WirePath, inside ? null : region);
    else sizeFrame(item.drawn.all[1]!, item.thing as Outline, inside ? null : region);
  }

  private remove(item: Item): void {
    item.drawn?.all.forEach((e) => e.remove());
    item.drawn = null;
    item.clipped = false;
  }

  private keepMarked(): void {
    const keys = new Set([...this.marks.values()].flatMap((each) => [...each]));
    if (this.current) keys.add(this.current);
    for (const item of this.items) if (item.drawn && !keys.has(item.key)) this.remove(item);
    for (const key of keys) {
      const item = this.byKey.get(key);
      if (item) this.draw(item, "form");
    }
  }

  private wire(wire: WirePath): Item {
    const key = `w${wire.n}`;
    const box: Region = [Infinity, Infinity, -Infinity, -Infinity];
    for (const b of wire.b) for (let n = 0; n < b.length; n += 2) grow(box, b[n]!, b[n + 1]!);
    for (const t of wire.t) {
      grow(box, t[2], t[3]);
      grow(box, t[2] + t[4], t[3] + t[5]);
    }
    return { key, box, drawn: null, thing: wire, kind: "wire", make: (detail) => {
      const array = isArray(this.store.doc.wires[wire.n]!.value);
      const parts = drawWire(wire, key, array, detail);
      this.hits.append(parts.hit);
      this.wires.append(parts.group);
      return drawn(parts.group, [parts.group, parts.hit], parts);
    } };
  }

  private shape(shape: Shape): Item {
    const key = keyOf(shape);
    const [x, y, w, h] = shape.r;
    return { key, box: [x, y, x + w, y + h], drawn: null, thing: shape, kind: "shape", make: (detail) => {
      const main = drawShape(shape, key, detail);
      this.shapes.append(main);
      const all: Element[] = [main];
      if (shape.f === "box") {
        main.firstElementChild!.setAttribute("aria-expanded", "false");
        if (detail === "full") all.push(drawToggle(x + w / 2, y + h, false, key));
        if (all[1]) this.toggles.append(all[1]);
      }
      return drawn(main, all);
    } };
  }

  private frame(outline: Outline): Item {
    const key = `g${outline.g}`;
    const [x, y, w, h] = outline.r;
    return { key, box: [x, y, x + w, y + h], drawn: null, thing: outline, kind: "frame", make: (detail) => {
      const group = drawOutline(outline, key, detail);
      this.frames.append(group);
      const main = group.lastElementChild as SVGGElement;
      main.firstElementChild!.setAttribute("aria-expanded", "true");
      const all: Element[] = [main, group];
      if (detail === "full") {
        all.push(drawToggle(outline.t[0]![2] - 11, y + 11.5, true, key));
        this.toggles.append(all[2]!);
      }
      return drawn(main, all);
    } };
  }
}

function drawn(main: SVGGElement, all: Element[], wire: WireParts | null = null): Drawn {
  return { main, handle: main.firstElementChild as SVGElement, all, wire };
}

function write(element: SVGTextElement | null, text: string, fresh: boolean): void {
  if (!element || element.textContent === text) return;
  if (fresh && !element.textContent) {
    element.classList.remove("gg-new");
    element.getBoundingClientRect(); // so that the animation begins anew
    element.classList.add("gg-new");
  }
  element.textContent = text;
}

/** What has come back to a wire so far, where that is a number. */
function partial(store: Store, wire: number): string {
  let sum = 0;
  for (const step of store.steps.slice(0, store.state.step)) {
    if (step.pass === "forward") continue;
    const node = store.doc.nodes[step.node]!;
    node.inputs.forEach((input, n) => {
      if (input !== wire) return;
      const local = step.pass === "seed" ? 1 : store.local(step.node)[node.operands?.[n] ?? n];
      const above = step.pass === "seed" ? (node.seed ?? 1) : store.gradient(node.outputs[0]!);
      const known = local != null && above != null && !isArray(local) && !isArray(above);
      sum += known ? num(local) * num(above) : NaN;
    });
  }
  return Number.isFinite(sum) ? `${summary(sum)}+…` : "…";
}

/** Thousands of things as three paths. */
function crowded(items: Item[], region: Region): SVGPathElement[] {
  const said: Record<Item["kind"], string[]> = { frame: [], wire: [], shape: [] };
  for (const item of items) {
    const [x, y, right, bottom] = item.box.map(round) as Region;
    if (item.kind === "wire") said.wire.push(...clipped((item.thing as WirePath).b, region).map(path));
    else said[item.kind].push(`M${x} ${y}H${right}V${bottom}H${x}Z`);
  }
  return (["frame", "wire", "shape"] as const).map((kind) =>
    s("path", { class: `gg-crowd-${kind}`, d: said[kind].join("") }));
}
