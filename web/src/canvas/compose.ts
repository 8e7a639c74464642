// One picture from the levels of a document and the groups that are open. An open group's level is
// set into the box that stands for it, which is stretched to its size together with all that stands
// around. Pure: it knows nothing of how anything is drawn.

import type { Doc, Label, Outline, Picture, Port, Shape, WirePath } from "../document";
import { Straighten } from "./straighten";
import { Stretch, type Wish } from "./stretch";

const MARGIN = 16; // around every level
const TITLE = 24; // from a frame's top to its inside
const PAD = 12;
const TRACK = 8;
const GAP = 5; // behind what is written at an output

/** The picture with these groups open; a group within a closed one is not seen. */
export function compose(doc: Doc, open: ReadonlySet<number>): Picture {
  const root = new Level(doc, open, 0);
  if (!root.frames.length) return doc.levels[0]!;
  const into: Parts = { shapes: [], wires: new Map(), outlines: [] };
  root.place(into, 0, 0);
  return { w: root.w, h: root.h, ...into, wires: [...into.wires.values()] };
}

interface Parts {
  shapes: Shape[];
  wires: Map<number, WirePath>;
  outlines: Outline[];
}

/** A group's level on its way into the box that stands for the group. */
class Frame {
  readonly height: number; // at least
  readonly far: number; // where the room for what is written at the box's outputs ends
  width = 0;
  private title = 0; // where it begins
  place: [number, number, number, number] = [0, 0, 0, 0];
  inside: [number, number] = [0, 0]; // how far the level is moved
  private readonly enter = new Map<number, Port>();
  private readonly leave = new Map<number, Port>();
  private jogs: Jogs[] = [];

  constructor(
    readonly box: Shape,
    readonly inner: Level,
    outer: Map<number, WirePath>,
  ) {
    for (const shape of inner.edges) {
      if (shape.e === "enter") this.enter.set(shape.o[0]![2], shape.o[0]!);
      else this.leave.set(shape.i[0]![2], shape.i[0]!);
    }
    this.height = inner.h - 2 * MARGIN + TITLE + PAD;
    this.far = box.r[0] + box.r[2];
    for (const port of box.o) {
      const wire = outer.get(port[2])!;
      for (const t of wire.t) this.far = Math.max(this.far, t[2] + t[4] + GAP);
      for (const s of wire.s) this.far = Math.max(this.far, s[1] + s[3] + GAP);
    }
  }

  /** Room for the whole, and more between the ports so that wires go straight in. */
  heights(): Wish[] {
    const [, top, , tall] = this.box.r;
    const wishes: Wish[] = [{ after: top, to: top + tall, more: this.height - tall, idle: false }];
    let before = top;
    let at = 0; // below the frame's top
    for (const [outer, inner] of this.ports().sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
      if (outer === before) continue;
      const least = at + outer - before;
      const wanted = Math.max(least, inner - MARGIN + TITLE);
      wishes.push({ after: before, to: outer, more: wanted - least, idle: true });
      [before, at] = [outer, wanted];
    }
    return wishes;
  }

  /** How high the wires leave that need not leave where the box's ports are. */
  readonly out = new Map<number, number>();

  /** The frame's height and its inside's are known; how many tracks are needed says its width. */
  setHeights(y: Stretch, free: Straighten): void {
    const [left, top, , tall] = this.box.r;
    const start = y.to(top);
    const down = start + TITLE - MARGIN;
    const spare = Math.max(0, y.to(top + tall) - start - this.height);
    const off = this.ports().map(([outer, inner]) => y.to(outer) - down - inner).sort((a, b) => a - b);
    const middle = off[off.length >> 1] ?? 0;
    this.inside = [0, down + Math.min(spare, Math.max(0, middle))];
    this.free(y, free);
    const last = Math.max(start, ...this.ports().map(([outer]) => y.to(outer)));
    const bottom = Math.max(this.inside[1] + this.inner.h - MARGIN + PAD, last + GAP);
    const jogs = (ports: Port[], edge: Map<number, Port>) =>
      new Jogs(ports.map((p) => [
        (edge === this.leave ? this.out.get(p[2]) : undefined) ?? y.to(p[1]), edge.get(p[2])![1] + this.inside[1], p[2],
      ]));
    this.jogs = [jogs(this.box.i, this.enter), jogs(this.box.o, this.leave)];
    const [before, behind] = this.jogs.map((j) => j.width) as [number, number];
    // Wires that come in beside the title turn down before it.
    this.title = this.jogs[0]!.ways.some(([outer]) => outer < start + TITLE) ? before + 20 : 24;
    const title = this.title + this.box.t[0]![4] + PAD + behind;
    this.width = Math.max(before + this.inner.w - 2 * MARGIN + behind, title);
    this.place = [left, start, this.width, bottom - start];
  }

  private free(y: Stretch, free: Straighten): void {
    const ports = this.box.o;
    const inner = ports.map((p) => this.leave.get(p[2])![1] + this.inside[1]);
    ports.forEach((port, n) => {
      const wanted = inner[n]!;
      const [above, below] = [ports[n - 1], ports[n + 1]];
      const clear = (!above || (this.out.get(above[2]) ?? y.to(above[1])) < wanted - GAP) &&
        (!below || y.to(below[1]) > wanted + GAP);
      if (clear && Math.abs(wanted - y.to(port[1])) > 0.02 && free.allows(port, wanted)) this.out.set(port[2], wanted);
    });
  }

  setLeft(x: Stretch): void {
    const left = x.to(this.box.r[0]);
    this.place[0] = left;
    this.inside[0] = left + this.jogs[0]!.width - MARGIN;
  }

  get right(): number {
    return this.place[0] + this.width;
  }

  /** The ways from the frame's edge to the inside's. */
  joints(dx: number, dy: number): [number, number[]][] {
    const [left] = this.place;
    const found: [number, number[]][] = [];
    this.jogs.forEach((jogs, side) => {
      const [from, sign] = side ? [this.right, -1] : [left, 1];
      for (const [n, [outer, inner, wire]] of jogs.ways.entries()) {
        const edge = (side ? this.leave : this.enter).get(wire)![0] + this.inside[0];
        const track = from + sign * (TRACK + TRACK * jogs.tracks[n]!);
        const way = outer === inner
          ? [from, outer, edge, inner]
          : [from, outer, track, outer, track, inner, edge, inner];
        // From where the wire comes to where it goes.
        const there = way.map((c, n) => c + (n % 2 ? dy : dx));
        found.push([wire, side ? reversed(there) : there]);
      }
    });
    return found;
  }

  outline(dx: number, dy: number): Outline {
    const title = this.box.t[0]!;
    const [x, y, w, h] = this.place;
    const left = x + dx + this.title;
    const top = y + dy + 4;
    return { g: this.box.g!, r: [x + dx, y + dy, w, h],
             t: [[title[0], "title", left, top, title[4], title[5], top + 11, 0]] };
  }

  /** Heights of the box's ports, and of the same wires at the inside's edge. */
  private ports(): [number, number][] {
    return [
      ...this.box.i.map((p): [number, number] => [p[1], this.enter.get(p[2])![1]]),
      ...this.box.o.map((p): [number, number] => [p[1], this.leave.get(p[2])![1]]),
    ];
  }
}

/** Wires that change their height beside a frame's edge, each on a track where it crosses none. */
class Jogs {
  readonly tracks: number[];
  readonly width: number;

  constructor(readonly ways: [number, number, number][]) {
    ways.forEach((way) => Math.abs(way[0] - way[1]) < 0.02 && (way[1] = way[0]));
    // The order is the same on both sides. Those that go down make room for the ones below them,
    // which turn nearer to the edge; those that go up for the ones above.
    this.tracks = ways.map(() => 0);
    const far = (n: number, next: number) => {
      const [way, other] = [ways[n]!, ways[next]!];
      const sign = Math.sign(way[1] - way[0]);
      if (Math.sign(other[1] - other[0]) !== sign) return;
      if (sign * (other[0] - way[1]) < 4) this.tracks[n] = this.tracks[next]! + 1;
    };
    for (let n = ways.length - 2; n >= 0; n--) if (ways[n]![1] > ways[n]![0]) far(n, n + 1);
    for (let n = 1; n < ways.length; n++) if (ways[n]![1] < ways[n]![0]) far(n, n - 1);
    const used = ways.map((way, n) => (way[0] === way[1] ? 0 : this.tracks[n]! + 1));
    const most = Math.max(0, ...used);
    this.width = ways.length ? (most ? TRACK * (most + 1) : TRACK / 2) : PAD;
  }
}

/** A level with the frames of its open groups set into it. */
class Level {
  readonly frames: Frame[] = [];
  readonly edges: Shape[] = []; // where wires enter and leave, moved already
  readonly w: number;
  readonly h: number;
  private readonly from: Picture;
  private readonly x = new Stretch();
  private readonly y = new Stretch();

  constructor(doc: Doc, open: ReadonlySet<number>, number: number) {
    this.from = doc.levels[number]!;
    const boxes = this.from.shapes.filter((s) => s.g !== undefined && open.has(s.g));
    if (boxes.length) {
      const wires = new Map(this.from.wires.map((w) => [w.n, w]));
      this.frames = boxes.map((box) => new Frame(box, new Level(doc, open, box.g! + 1), wires));
      this.stretch();
    }
    for (const shape of this.from.shapes) {
      if (shape.f === "edge") this.edges.push(this.moved(shape, 0, 0));
    }
    this.w = this.x.to(this.from.w);
    this.h = this.y.to(this.from.h);
  }

  private stretch(): void {
    const { frames, x, y } = this;
    const spans = this.spans();
    y.fulfil(frames.flatMap((f) => f.heights()), spans.map((s) => s[0]), (at) =>
      spans.reduce((sum, [low, high, harm]) => (low < at && at <= high ? sum + harm : sum), 0));
    const free = new Straighten(this.from, (height) => y.to(height));
    frames.forEach((f) => f.setHeights(y, free));
    x.fulfil(frames.map((f) => {
      const left = f.box.r[0];
      return { after: left, to: f.far - 0.5, more: f.width - (f.far - left), idle: false };
    }));
    frames.forEach((f) => f.setLeft(x));
  }

  /** From the highest to the lowest port of each shape: where it cannot be stretched, or may be. */
  private spans(): [number, number, number][] {
    const found = new Map<string, [number, number, number]>();
    const opened = new Set(this.frames.map((f) => f.box));
    for (const shape of this.from.shapes) {
      const [low, high] = heights(shape);
      if (low === high || opened.has(shape)) continue;
      const harm = shape.f === "box" ? 1 : shape.i.length > 3 ? 3 : 10;
      const same = found.get(`${low} ${high}`);
      if (same) same[2] += harm;
      else found.set(`${low} ${high}`, [low, high, harm]);
    }
    return [...found.values()];
  }

  /** Everything that is seen, put where it belongs when the level's corner is there. */
  place(into: Parts, dx: number, dy: number): void {
    const opened = new Map(this.frames.map((f) => [f.box, f]));
    const ends = new Map<string, number>(); // how far each port is moved to the right
    const driven = new Map<number, [Frame, Port]>(); // by an open group
    const note = (ports: Port[], by: number) => ports.forEach((p) => ends.set(p.join(), by));
    for (const shape of this.from.shapes) {
      const frame = opened.get(shape);
      const by = this.x.shift(shape.r[0]);
      if (this.frames.length) {
        note(shape.i, by);
        note(shape.o, frame ? frame.right - (shape.r[0] + shape.r[2]) : by);
      }
      if (frame) shape.o.forEach((p) => driven.set(p[2], [frame, p]));
      else if (shape.f !== "edge") into.shapes.push(this.moved(shape, dx, dy));
    }
    for (const wire of this.from.wires) this.placeWire(wire, ends, driven.get(wire.n), into, dx, dy);
    for (const frame of this.frames) {
      into.outlines.push(frame.outline(dx, dy));
      for (const [wire, way] of frame.joints(dx, dy)) joined(into, wire).b.push(way);
      frame.inner.place(into, frame.inside[0] + dx, frame.inside[1] + dy);
    }
  }

  /** A shape keeps its size where its ports stay together; else it grows with them. */
  private moved(shape: Shape, dx: number, dy: number): Shape {
    const [low, high] = heights(shape);
    const [up, down] = [this.y.shift(low), this.y.shift(high)];
    const [x, y, w, h] = shape.r;
    const by = dx + this.x.shift(x);
    const port = (p: Port): Port => [p[0] + by, this.y.to(p[1]) + dy, p[2]];
    return {
      ...shape,
      f: shape.f === "circle" && down > up ? "pill" : shape.f,
      r: [x + by, y + up + dy, w, h + down - up],
      i: shape.i.map(port),
      o: shape.o.map(port),
      t: shape.t.map((t) => label(t, by, dy + (t[3] >= y + h ? down : (up + down) / 2))),
    };
  }

  private placeWire(
    wire: WirePath, ends: Map<string, number>, driven: [Frame, Port] | undefined, into: Parts, dx: number, dy: number,
  ): void {
    const whole = joined(into, wire.n);
    const out = driven?.[0].out.get(wire.n);
    const height = (y: number) => dy + (out !== undefined && y === driven![1][1] ? out : this.y.to(y));
    let first = 0; // how far the wire's beginning is moved
    for (const [number, points] of wire.b.entries()) {
      const found: number[] = [];
      for (let n = 0; n < points.length; n += 2) {
        const [x, y] = [points[n]!, points[n + 1]!];
        const end = ends.size && (n === 0 || n === points.length - 2);
        const by = (end ? ends.get(`${x},${y},${wire.n}`) : undefined) ?? this.x.shift(x);
        if (!n && !number) first = by;
        found.push(x + by + dx, height(y));
      }
      whole.b.push(found);
    }
    for (const [x, y] of wire.k) whole.k.push([this.x.to(x) + dx, height(y)]);
    if (driven) return; // what an open group's wire carries is written inside, where it begins
    const down = dy + this.y.shift(wire.b[0]![1]!);
    for (const t of wire.t) whole.t.push(label(t, first + dx, down));
    for (const [role, x, y, w, h, cells] of wire.s) {
      whole.s.push([role, x + first + dx, y + down, w, h, cells]);
    }
  }
}

function joined(into: Parts, wire: number): WirePath {
  let found = into.wires.get(wire);
  if (!found) into.wires.set(wire, (found = { n: wire, b: [], k: [], t: [], s: [] }));
  return found;
}

function heights(shape: Shape): [number, number] {
  const all = [...shape.i, ...shape.o].map((p) => p[1]);
  const middle = shape.r[1] + shape.r[3] / 2;
  return all.length ? [Math.min(...all), Math.max(...all)] : [middle, middle];
}

function label(t: Label, dx: number, dy: number): Label {
  return [t[0], t[1], t[2] + dx, t[3] + dy, t[4], t[5], t[6] + dy, t[7]];
}

function reversed(way: number[]): number[] {
  const found: number[] = [];
  for (let n = way.length - 2; n >= 0; n -= 2) found.push(way[n]!, way[n + 1]!);
  return found;
}
