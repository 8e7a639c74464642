// Which part of the picture is seen, and how large: zoom and pan by wheel, drag, pinch and code.
// It moves a transform and knows nothing of what is drawn under it.

export interface Size {
  w: number;
  h: number;
}

/** x, y, width, height, in the picture's coordinates */
export type Box = readonly [number, number, number, number];

export const READABLE = 0.8; // texts of 12 points are still read
const LARGEST = 1.6; // at the start
const NEAREST = 4;
const FARTHEST = 0.06;
const SOFTLY = 220; // milliseconds

export class View {
  /** A point (x, y) of the picture is seen at (x * k + dx, y * k + dy). */
  k = 1;
  dx = 0;
  dy = 0;
  size: Size = { w: 0, h: 0 };
  picture: Size = { w: 1, h: 1 };
  /** Nobody has zoomed or panned since all was fitted. */
  fitted = true;
  /** A drag has just ended: the click that follows means nothing. */
  dragged = false;
  private frame = 0;
  private goal: [number, number, number] | null = null; // where it softly goes
  private readonly pointers = new Map<number, [number, number]>();
  private start: [number, number] | null = null;

  constructor(
    private readonly surface: HTMLElement,
    private readonly moved: () => void,
  ) {
    surface.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    surface.addEventListener("pointerdown", (event) => this.down(event));
    surface.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"] as const) {
      surface.addEventListener(end, (event) => this.up(event));
    }
  }

  /** What is seen, in the picture's coordinates. */
  get seen(): Box {
    return [-this.dx / this.k, -this.dy / this.k, this.size.w / this.k, this.size.h / this.k];
  }

  /** All of it where it can be read, else its beginning. */
  first(softly = false): void {
    if (this.fitting() >= READABLE) this.fit(softly);
    else {
      const least = Math.min(1, Math.max(READABLE, this.size.h / this.picture.h));
      const down = this.picture.h * least <= this.size.h ? this.middle(least)[1] : 0;
      this.go(least, 0, down, softly);
      this.fitted = true;
    }
  }

  /** All of it, however small. */
  fit(softly = true): void {
    const k = Math.max(FARTHEST, this.fitting());
    const [x, y] = this.middle(k);
    this.go(k, Math.max(0, x), y, softly);
    this.fitted = true;
  }

  zoom(factor: number, x = this.size.w / 2, y = this.size.h / 2, softly = false): void {
    const [from, dx, dy] = (softly && this.goal) || [this.k, this.dx, this.dy];
    const k = Math.min(NEAREST, Math.max(FARTHEST, from * factor));
    const by = k / from;
    this.fitted = false;
    this.go(k, x - (x - dx) * by, y - (y - dy) * by, softly);
  }

  pan(x: number, y: number): void {
    this.fitted = false;
    const [dx, dy] = this.kept(this.dx + x, this.dy + y, true);
    this.go(this.k, dx, dy);
  }

  /** Move so that a box is seen, and large enough; not at all where it is. */
  bring(box: Box, softly = true): void {
    const k = this.k < READABLE * 0.7 ? READABLE : this.k;
    const [x, y, w, h] = box;
    const edge = Math.min(48, this.size.w / 8, this.size.h / 8);
    const along = (at: number, long: number, shift: number, room: number): number => {
      const [near, far] = [at * k + shift, (at + long) * k + shift];
      if (k === this.k && near >= 4 && far <= room - 4) return shift;
      if (long * k > room - 2 * edge) return edge - at * k;
      if (k !== this.k || far < 0 || near > room) return room / 2 - (at + long / 2) * k;
      return near < edge ? edge - at * k : room - edge - (at + long) * k;
    };
    const [dx, dy] = [along(x, w, this.dx, this.size.w), along(y, h, this.dy, this.size.h)];
    if (k === this.k && dx === this.dx && dy === this.dy) return;
    this.fitted = false;
    this.go(k, dx, dy, softly);
  }

  /** Go there, at once or in a few frames. */
  go(k: number, dx: number, dy: number, softly = false): void {
    cancelAnimationFrame(this.frame);
    this.goal = null;
    if (!softly || still() || !this.size.w) {
      [this.k, this.dx, this.dy] = [k, dx, dy];
      this.moved();
      return;
    }
    const from = [this.k, this.dx, this.dy] as const;
    this.goal = [k, dx, dy];
    const begun = performance.now();
    const step = () => {
      const share = Math.min(1, (performance.now() - begun) / SOFTLY);
      const s = 1 - (1 - share) ** 3;
      this.k = from[0] * (k / from[0]) ** s;
      // Places move as the zoom does, so that what stays in place stays all the way.
      const way = k === from[0] ? s : (this.k - from[0]) / (k - from[0]);
      this.dx = from[1] + (dx - from[1]) * way;
      this.dy = from[2] + (dy - from[2]) * way;
      this.moved();
      if (share < 1) this.frame = requestAnimationFrame(step);
      else this.goal = null;
    };
    this.frame = requestAnimationFrame(step);
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
  }

  private fitting(): number {
    return Math.min(LARGEST, this.size.w / this.picture.w, this.size.h / this.picture.h);
  }

  private middle(k: number): [number, number] {
    return [(this.size.w - this.picture.w * k) / 2, (this.size.h - this.picture.h * k) / 2];
  }

  /** A shift that leaves some of the picture in sight: to its ends, or with `loose` half a view beyond. */
  private kept(dx: number, dy: number, loose: boolean): [number, number] {
    const along = (shift: number, at: number, long: number, room: number) => {
      if (!loose && long <= room) return at; // all of it is there
      const more = loose ? room / 2 : 0;
      const [least, most] = [Math.min(0, room - long) - more, Math.max(0, room - long) + more];
      return Math.min(Math.max(shift, Math.min(least, at)), Math.max(most, at));
    };
    const { w, h } = this.picture;
    return [along(dx, this.dx, w * this.k, this.size.w), along(dy, this.dy, h * this.k, this.size.h)];
  }

  /** With ctrl, as a pinch on a touchpad comes too, it zooms; else it pans until the picture ends. */
  private wheel(event: WheelEvent): void {
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? this.size.h : 1;
    if (event.ctrlKey || event.metaKey) {
      const { left, top } = this.surface.getBoundingClientRect();
      event.preventDefault();
      const by = Math.max(-80, Math.min(80, event.deltaY * unit));
      this.zoom(Math.exp(-by * 0.006), event.clientX - left, event.clientY - top);
      return;
    }
    const [x, y] = event.shiftKey && !event.deltaX ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
    let [dx, dy] = this.kept(this.dx - x * unit, this.dy - y * unit, false);
    const page = this.surface.closest("#glassgrad"); // a file of its own, not a part of a longer page
    if (page && dx === this.dx && dy === this.dy && !x && this.picture.h * this.k <= this.size.h) {
      // A picture that is wide and low has nothing above or below: the wheel goes along it.
      [dx, dy] = this.kept(this.dx - y * unit, this.dy, false);
    }
    if (dx === this.dx && dy === this.dy) return; // at its end the page may scroll
    event.preventDefault();
    this.fitted = false;
    this.go(this.k, dx, dy);
  }

  private down(event: PointerEvent): void {
    if (event.button || (event.target as Element).closest("button, input")) return;
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.start = [event.clientX, event.clientY];
    this.dragged = false;
  }

  private move(event: PointerEvent): void {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now: [number, number] = [event.clientX, event.clientY];
    if (!this.dragged && this.pointers.size < 2) {
      if (Math.hypot(now[0] - this.start![0], now[1] - this.start![1]) < 5) return;
      this.dragged = true;
      this.surface.setPointerCapture(event.pointerId);
      this.surface.classList.add("gg-drags");
    }
    this.pointers.set(event.pointerId, now);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      this.dragged = true;
      const { left, top } = this.surface.getBoundingClientRect();
      const apart = (a: [number, number]) => Math.max(12, Math.hypot(a[0] - other[0], a[1] - other[1]));
      const middle = [(now[0] + other[0]) / 2 - left, (now[1] + other[1]) / 2 - top] as const;
      this.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
      this.zoom(apart(now) / apart(before), middle[0], middle[1]);
    } else {
      this.pan(now[0] - before[0], now[1] - before[1]);
    }
  }

  private up(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    this.surface.classList.remove("gg-drags");
  }
}

/** Whoever reads wants nothing to move. */
export function still(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
