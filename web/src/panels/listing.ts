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

export const MARKS = ["lit", "forward", "backward"] as const;
export type Mark = (typeof MARKS)[number];

export interface Listing {
  element: HTMLElement;
  /** Mark just these lines. */
  mark: (mark: Mark, lines: Iterable<number>) => void;
  /** Where a line stands, from the top of what scrolls. */
  top: (line: number) => number;
  end: () => void;
}

export function listing(it: Listed): Listing {
  const quotes = openQuotes(it.lines);
  const marks = new Map<number, Set<Mark>>();
  let active = it.lines.findIndex((_, n) => it.known(n)); // the one that the tab key comes to

  const row = (line: number) => chunks[Math.floor(line / CHUNK)]?.children[line % CHUNK] as HTMLElement | undefined;

  const paint = (line: number) => {
    const at = row(line);
    if (!at) return;
    const now = marks.get(line);
    for (const mark of MARKS) at.classList.toggle(`gg-${mark}`, !!now?.has(mark));
    at.ariaSelected = String(!!now?.size);
  };

  const fill = (line: number) => {
    const chunk = chunks[Math.floor(line / CHUNK)];
    if (!chunk || chunk.firstChild) return;
    watch.unobserve(chunk);
    const at = line - (line % CHUNK);
    const lines = it.lines.slice(at, at + CHUNK);
    chunk.append(...lines.map((text, n) => made(text, at + n)));
    lines.forEach((_, n) => paint(at + n));
  };

  const made = (text: string, n: number) => {
    const known = it.known(n);
    return h(
      "div",
      {
        class: "gg-row",
        role: "option",
        "aria-selected": "false",
        "aria-disabled": known ? null : "true",
        "aria-label": text ? null : `${it.first + n} empty line`,
        tabindex: known ? (n === active ? 0 : -1) : null,
        "data-line": n,
      },
      h("span.gg-no", { "aria-hidden": "true" }, String(it.first + n)),
      h("code", {}, ...coloured(text, quotes[n]!, it.gradient)),
    );
  };

  const focus = (line: number, now: boolean) => {
    row(active)?.setAttribute("tabindex", "-1");
    active = line;
    fill(line);
    const at = row(line)!;
    at.setAttribute("tabindex", "0");
    if (now) at.focus();
  };

  /** To the next line with gates, that way. */
  const move = (from: number, by: 1 | -1) => {
    for (let at = from; at >= 0 && at < it.lines.length; at += by) {
      if (it.known(at)) return focus(at, true);
    }
  };

  const over = (event: Event) => {
    const line = lineOf(event);
    it.point(line !== null && it.known(line) ? line : null);
  };
  const out = () => it.point(null);
  const clicked = (event: Event) => {
    const line = lineOf(event);
    if (line === null || !it.known(line)) return;
    focus(line, false);
    it.choose(line);
  };
  const pressed = (event: KeyboardEvent) => {
    const line = lineOf(event);
    if (line === null || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") it.choose(line);
    else if (event.key === "ArrowDown") move(line + 1, 1);
    else if (event.key === "ArrowUp") move(line - 1, -1);
    else if (event.key === "Home") move(0, 1);
    else if (event.key === "End") move(it.lines.length - 1, -1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const chunks: HTMLElement[] = [];
  for (let at = 0; at < it.lines.length; at += CHUNK) {
    chunks.push(
      h("div", { role: "presentation", style: `min-height:${Math.min(CHUNK, it.lines.length - at) * LINE}px` }),
    );
  }
  const element = h(
    "div",
    {
      class: "gg-listing",
      role: "listbox",
      "aria-label": it.label,
      style: `--digits:${String(it.first + it.lines.length).length}`,
      pointerover: over,
      pointerleave: out,
      focusin: over,
      focusout: out,
      click: clicked,
      keydown: pressed,
    },
    ...chunks,
  );
  const watch = new IntersectionObserver(
    (seen) => {
      for (const { isIntersecting, target } of seen)
        if (isIntersecting) fill(chunks.indexOf(target as HTMLElement) * CHUNK);
    },
    { rootMargin: "400px" },
  );
  chunks.forEach((chunk) => watch.observe(chunk));
  fill(Math.max(0, active));

  return {
    element,
    mark(mark, lines) {
      const next = new Set(lines);
      for (const [line, now] of marks) if (!next.has(line) && now.delete(mark)) paint(line);
      for (const line of next) {
        marks.set(line, (marks.get(line) ?? new Set()).add(mark));
        paint(line);
      }
    },
    top: (line) => element.offsetTop + line * LINE,
    end: () => watch.disconnect(),
  };
}

function lineOf(event: Event): number | null {
  const row = (event.target as HTMLElement).closest<HTMLElement>(".gg-row");
  return row ? Number(row.dataset["line"]) : null;
}
