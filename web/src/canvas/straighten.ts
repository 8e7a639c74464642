// Wires that leave an open group may leave it as high as they come to its edge, where nothing else is
// in the way: then they go straight out. It knows the wires, shapes and texts of one level, stretched
// already in height.

import type { Label, Picture, Port, Rect, Strip } from "../document";

const APART = 5;

/** A piece of a wire: where it lies, from where to where it goes along. */
interface Piece {
  wire: number;
  upright: boolean;
  at: number;
  from: number;
  to: number;
}

/** Where a shape or a text stands, and which wires' driver it belongs to. */
interface Room {
  left: number;
  right: number;
  top: number;
  bottom: number;
  of: readonly number[];
}

export class Straighten {
  private readonly pieces: Piece[] = [];
  private readonly rooms: Room[] = [];

  /** `y` says where heights are now; places to the right are as they were, which keeps their order. */
  constructor(
    private readonly level: Picture,
    private readonly y: (height: number) => number,
  ) {
    for (const { n, b } of level.wires) {
      for (const points of b) {
        for (let k = 0; k + 3 < points.length; k += 2) {
          const [ax, ay, bx, by] = [points[k]!, y(points[k + 1]!), points[k + 2]!, y(points[k + 3]!)];
          const upright = ax === bx;
          const [from, to] = upright ? [ay, by] : [ax, bx];
          this.pieces.push({ wire: n, upright, at: upright ? ax : ay, from: Math.min(from, to), to: Math.max(from, to) });
        }
      }
    }
    const written = new Map(level.wires.map((w) => [w.n, [...w.t.map(placed), ...w.s.map(striped)]]));
    for (const shape of level.shapes) {
      const of = shape.o.map((p) => p[2]);
      for (const [left, top, wide, tall] of [shape.r, ...shape.t.map(placed), ...of.flatMap((n) => written.get(n) ?? [])])
        this.rooms.push({ left, right: left + wide, top: y(top), bottom: y(top + tall), of });
    }
  }

  /** Whether the wire at this port may begin at another height instead. */
  allows([left, height, wire]: Port, wanted: number): boolean {
    const now = this.y(height);
    const own = this.level.wires.find((w) => w.n === wire)!;
    const runs: [number, number][] = [];
    const turns: [number, number][] = []; // where, and to which height
    for (const b of own.b) {
      for (let k = 0; k + 3 < b.length; k += 2) {
        const [ax, ay, bx, by] = [b[k]!, b[k + 1]!, b[k + 2]!, b[k + 3]!];
        if (ay === height && by === height) {
          if (k + 4 === b.length) return false; // it goes straight to a reader
          runs.push([ax, bx]);
        } else if (ay === height) turns.push([ax, this.y(by)]);
        else if (by === height) turns.push([bx, this.y(ay)]);
      }
    }
    let right = left; // how far it goes along before it has turned
    for (const [from, to] of runs.sort((a, b) => a[0] - b[0])) {
      if (from > right) return false; // it comes back to this height later
      right = Math.max(right, to);
    }
    const others = this.pieces.filter((p) => p.wire !== wire);
    const between = (p: number, a: number, b: number) => p > Math.min(a, b) - APART && p < Math.max(a, b) + APART;
    const along = others.some((p) => !p.upright && Math.abs(p.at - wanted) < APART && p.from < right && p.to > left);
    // Uprights that are not crossed yet stay so.
    const crosses = others.some((p) => p.upright && p.at > left && p.at < right &&
      between(wanted, p.from, p.to) && !(now > p.from && now < p.to));
    if (along || crosses) return false;
    const rooms = this.rooms.filter((room) => !room.of.includes(wire));
    const within = (room: Room, from: number, to: number, low: number, high: number) =>
      room.left < to && room.right > from && room.top - APART < high && room.bottom + APART > low;
    if (rooms.some((room) => within(room, left, right, wanted, wanted))) return false;
    return turns.every(([x, end]) => {
      const [before, after] = [end - now, end - wanted];
      if (Math.abs(after) < APART || before * after < 0) return false;
      if (own.k.some(([fx, fy]) => fx === x && fy !== height && between(this.y(fy), now, wanted))) return false;
      if (Math.abs(after) < Math.abs(before)) return true; // it only becomes shorter
      const [low, high] = [Math.min(now, wanted), Math.max(now, wanted)];
      if (rooms.some((room) => within(room, x - APART, x + APART, low, high))) return false;
      return !others.some((p) => p.upright
        ? Math.abs(p.at - x) < APART && p.to > low - APART && p.from < high + APART
        : between(p.at, now, wanted) && p.from < x + APART && p.to > x - APART);
    });
  }
}

function placed([, , x, y, w, h]: Label): Rect {
  return [x, y, w, h];
}

function striped([, x, y, w, h]: Strip): Rect {
  return [x, y, w, h];
}
