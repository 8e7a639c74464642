// Lines of code with their numbers. Lines that gates stand behind can be pointed at and reached by
// the arrow keys. It knows lines; which gates are theirs it is told. Long code is filled in where it
// is looked at: chunks keep their height while they are empty.

import { h } from "../dom";
import { coloured, openQuotes } from "./highlight";

const LINE = 20; // pixels; the same as --line in the style sheet
const CHUNK = 100;

export interface Listed {
  label: string;
  first: number;
  lines: string[];
  /** Whether a line (counted from 0) has gates. */
  known: (line: number) => boolean;
  gradient: (name: string) => boolean;
  point: (line: number | null) => void;
  choose: (line: number) => void;
}

export type Mark = "lit" | "forward" | "backward";

export class Listing {
  readonly element: HTMLElement;
  private readonly chunks: HTMLElement[] = [];
  private readonly quotes: string[];
  private readonly marks = new Map<number, Set<Mark>>();
  private readonly watch: IntersectionObserver;
  private active: number;

  constructor(private readonly it: Listed) {
    this.quotes = openQuotes(it.lines);
    this.active = it.lines.findIndex((_, n) => it.known(n));
    const digits = String(it.first + it.lines.length).length;
    this.element = h("div", { class: "gg-listing", role: "listbox", "aria-label": it.label, style: `--digits:${digits}` });
    for (let at = 0; at < it.lines.length; at += CHUNK) {
      const count = Math.min(CHUNK, it.lines.length - at);
      this.chunks.push(h("div", { role: "presentation", style: `min-height:${count * LINE}px`, "data-at": at }));
    }
    this.element.append(...this.chunks);
    this.watch = new IntersectionObserver((seen) => {
      for (const { isIntersecting, target } of seen) if (isIntersecting) this.fill(Number((target as HTMLElement).dataset["at"]));
    }, { rootMargin: "400px" });
    this.chunks.forEach((chunk) => this.watch.observe(chunk));
    if (it.lines.length <= CHUNK || this.active >= 0) this.fill(Math.max(0, this.active));
    this.listen();
  }

  end(): void {
    this.watch.disconnect();
  }

  /** Mark just these lines. */
  mark(mark: Mark, lines: Iterable<number>): void {
    const next = new Set(lines);
    for (const [line, marks] of this.marks) {
      if (marks.has(mark) && !next.has(line)) {
        marks.delete(mark);
        this.paint(line);
      }
    }
    for (const line of next) {
      const marks = this.marks.get(line) ?? new Set();
      this.marks.set(line, marks.add(mark));
      this.paint(line);
    }
  }

  /** Where a line stands, from the top of what scrolls. */
  top(line: number): number {
    return this.element.offsetTop + line * LINE;
  }

  private fill(line: number): void {
    const chunk = this.chunks[Math.floor(line / CHUNK)];
    if (!chunk || chunk.firstChild) return;
    this.watch.unobserve(chunk);
    const at = Number(chunk.dataset["at"]);
    const lines = this.it.lines.slice(at, at + CHUNK);
    chunk.append(...lines.map((text, n) => this.line(text, at + n)));
    lines.forEach((_, n) => this.paint(at + n));
  }

  private line(text: string, n: number): HTMLElement {
    const known = this.it.known(n);
    return h("div", {
      class: "gg-row", role: "option", "aria-selected": "false", "aria-disabled": known ? null : "true",
      tabindex: known ? (n === this.active ? 0 : -1) : null, "data-line": n, "aria-label": text ? null : "empty line",
    }, h("span", { class: "gg-no", "aria-hidden": "true" }, String(this.it.first + n)), h("code", {}, ...coloured(text, this.quotes[n]!, this.it.gradient)));
  }

  private row(line: number): HTMLElement | undefined {
    return this.chunks[Math.floor(line / CHUNK)]?.children[line % CHUNK] as HTMLElement | undefined;
  }

  private paint(line: number): void {
    const row = this.row(line);
    if (!row) return;
    const marks = this.marks.get(line);
    for (const mark of ["lit", "forward", "backward"] as const) row.classList.toggle(`gg-${mark}`, !!marks?.has(mark));
    row.setAttribute("aria-selected", String(!!marks?.size));
  }

  private listen(): void {
    const { it } = this;
    const over = (event: Event) => {
      const line = lineOf(event);
      it.point(line !== null && it.known(line) ? line : null);
    };
    this.element.addEventListener("pointerover", over);
    this.element.addEventListener("pointerleave", () => it.point(null));
    this.element.addEventListener("focusin", over);
    this.element.addEventListener("focusout", () => it.point(null));
    this.element.addEventListener("click", (event) => {
      const line = lineOf(event);
      if (line === null || !it.known(line)) return;
      this.focus(line, false);
      it.choose(line);
    });
    this.element.addEventListener("keydown", (event) => this.pressed(event));
  }

  private pressed(event: KeyboardEvent): void {
    const line = lineOf(event);
    if (line === null || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") this.it.choose(line);
    else if (event.key === "ArrowDown") this.move(line + 1, 1);
    else if (event.key === "ArrowUp") this.move(line - 1, -1);
    else if (event.key === "Home") this.move(0, 1);
    else if (event.key === "End") this.move(this.it.lines.length - 1, -1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private move(from: number, by: 1 | -1): void {
    for (let at = from; at >= 0 && at < this.it.lines.length; at += by) {
      if (this.it.known(at)) return this.focus(at, true);
    }
  }

  /** Make a line the one that the tab key comes to. */
  private focus(line: number, now: boolean): void {
    this.row(this.active)?.setAttribute("tabindex", "-1");
    this.active = line;
    this.fill(line);
    const row = this.row(line)!;
    row.setAttribute("tabindex", "0");
    if (now) row.focus();
  }
}

function lineOf(event: Event): number | null {
  const row = (event.target as HTMLElement).closest<HTMLElement>(".gg-row");
  return row ? Number(row.dataset["line"]) : null;
}
