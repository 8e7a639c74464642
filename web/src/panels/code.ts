// The code panel: the user's source and the staged code, each line tied to its gates. It knows
// which lines belong to which gates; how lines look is listing's.

import type { Doc } from "../document";
import { h } from "../dom";
import type { Store, Target } from "../store";
import { icon } from "./icons";
import { listing, MARKS, type Listing, type Mark } from "./listing";
import type { Part } from "./part";

const FAR = 2000; // pixels; further away lines are jumped to
const NONE: ReadonlySet<number> = new Set();

/** A listing, and the lines of each gate in it. */
interface View {
  listing: Listing;
  /** Lines of a gate in the forward pass, and in the backward pass. */
  forward: (node: number) => number[];
  backward: (node: number) => number[];
}

export function code(store: Store): Part {
  const { doc } = store;
  const element = h("div.gg-code", {});
  let views: [View[], HTMLElement][] = [];

  // Code is made when it is first looked at: a circuit of thousands of gates has a lot of it.
  const build = () => {
    const sources = h("div.gg-scroller.gg-sources", {});
    const own = doc.sources.map((_, n) => sourceView(store, n));
    own.forEach((view, n) =>
      sources.append(
        h("div.gg-file", {}, h("b", {}, doc.sources[n]!.name), " ", doc.sources[n]!.file),
        view.listing.element,
      ),
    );
    const staged = h("div.gg-scroller.gg-staged", {});
    const view = stagedView(store);
    staged.append(view.listing.element);
    views = [
      [own, sources],
      [[view], staged],
    ];
    element.append(
      h("section.gg-pane", { "aria-label": "Your code" }, h("div.gg-pane-head", {}, h("h2", {}, "Your code")), sources),
      h(
        "section.gg-pane",
        { "aria-label": "Staged code" },
        h("div.gg-pane-head", {}, h("h2", {}, "Forward and backward pass"), copier(doc.code.lines.join("\n") + "\n")),
        staged,
      ),
    );
  };

  let stepped = false; // the story's last step is only lit when somebody walked to it
  const paint = (cause: "step" | "target") => {
    const { hovered, selected, lit, step } = store.state;
    const nodes = lit.size ? [...lit] : nodesOf(store, hovered ?? selected);
    const now = stepped || step < store.steps.length ? store.steps[step - 1] : undefined;
    for (const [group, scroller] of views) {
      const tops: number[] = [];
      for (const { listing, forward, backward } of group) {
        const told: Record<Mark, number[]> = {
          lit: nodes.flatMap((n) => [...forward(n), ...backward(n)]),
          forward: now?.pass === "forward" ? forward(now.node) : [],
          backward: now?.pass === "backward" ? backward(now.node) : [],
        };
        for (const mark of MARKS) listing.mark(mark, told[mark]);
        const wanted = cause === "step" ? [...told.forward, ...told.backward] : told.lit;
        tops.push(...wanted.map((line) => listing.top(line)));
      }
      // Pointing at a line must not move the line away.
      if (tops.length && !(lit.size && scroller.matches(":hover, :focus-within")))
        bringIntoView(scroller, Math.min(...tops));
    }
  };

  const end = store.listen((state, changed) => {
    if (changed.has("step")) stepped = true;
    if (state.tab !== "code") return;
    const fresh = changed.has("tab");
    if (!views.length) build();
    if (!fresh && !(["hovered", "selected", "lit", "step"] as const).some((key) => changed.has(key))) return;
    paint(changed.has("step") || (fresh && !state.selected) ? "step" : "target");
  });
  return {
    element,
    end: () => {
      end();
      views.forEach(([group]) => group.forEach((view) => view.listing.end()));
    },
  };
}

/** The gates that a target is about: a wire's is the one that drives it. */
function nodesOf(store: Store, target: Target | null): number[] {
  if (!target) return [];
  if (target.kind === "node") return [target.id];
  if (target.kind === "wire") return store.driver[target.id] === undefined ? [] : [store.driver[target.id]!];
  return store.doc.nodes.flatMap((node, n) => {
    for (let at = node.group; at !== null; at = store.doc.groups[at]!.parent) if (at === target.id) return [n];
    return [];
  });
}

function sourceView(store: Store, source: number): View {
  const { doc } = store;
  const { name, file, first, lines } = doc.sources[source]!;
  const nodes = new Map<number, number[]>();
  doc.nodes.forEach((node, n) => {
    if (node.source === source && node.line) push(nodes, node.line - first, n);
  });
  const of = (node: number) => {
    const it = doc.nodes[node]!;
    return it.source === source && it.line ? [it.line - first] : [];
  };
  const made = listing({
    label: `Your code: ${name} in ${file}`,
    first,
    lines,
    known: (line) => nodes.has(line),
    gradient: () => false,
    ...tied(store, (line) => nodes.get(line) ?? []),
  });
  return { listing: made, forward: of, backward: of };
}

function stagedView(store: Store): View {
  const { lines, marks } = store.doc.code;
  const nodes = new Map<number, number[]>();
  store.doc.nodes.forEach((node, n) => node.statement && push(nodes, node.statement, n));
  const places = new Map<number, number[]>();
  marks.forEach((mark, line) => mark && push(places, mark, line));
  const behind = (line: number) => nodes.get(Math.abs(marks[line] ?? 0)) ?? [];
  const made = listing({
    label: "Staged code",
    first: 1,
    lines,
    known: (line) => behind(line).length > 0,
    gradient: gradients(store.doc),
    ...tied(store, behind),
  });
  const of = (sign: number) => (node: number) => {
    const statement = store.doc.nodes[node]!.statement;
    return statement ? (places.get(sign * statement) ?? []) : [];
  };
  return { listing: made, forward: of(1), backward: of(-1) };
}

function push(map: Map<number, number[]>, key: number, value: number): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** Names of gradients: a d before the name of a wire. */
function gradients(doc: Doc): (name: string) => boolean {
  const names = new Set(doc.wires.flatMap(({ name }) => (name ? [`d${name.replace(/\W/g, "_")}`] : [])));
  return (name) => names.has(name);
}

/** A line that is pointed at lights its gates; clicked, it selects the last of them. */
function tied(store: Store, behind: (line: number) => number[]) {
  return {
    point(line: number | null) {
      store.set({ lit: line === null ? NONE : new Set(behind(line)), hovered: null });
    },
    choose(line: number) {
      const nodes = behind(line);
      store.set({ selected: { kind: "node", id: nodes[nodes.length - 1]! } });
    },
  };
}

function bringIntoView(scroller: HTMLElement, top: number): void {
  const { scrollTop, clientHeight } = scroller;
  if (top >= scrollTop + 20 && top <= scrollTop + clientHeight - 60) return;
  const calm = Math.abs(top - scrollTop) > FAR || matchMedia("(prefers-reduced-motion: reduce)").matches;
  scroller.scrollTo({ top: Math.max(0, top - clientHeight / 3), behavior: calm ? "auto" : "smooth" });
}

function copier(text: string): HTMLElement {
  const said = h("span", {}, "Copy");
  const button = h("button.gg-small-button", {}, icon("copy"), said);
  const status = h("span.gg-hidden", { role: "status" });
  button.addEventListener("click", async () => {
    const done = await copy(text, button);
    status.textContent = said.textContent = done ? "Copied" : "Not copied";
    setTimeout(() => (said.textContent = "Copy"), 2000);
  });
  return h("span", {}, button, status);
}

async function copy(text: string, near: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Where the page may not: as if it had been selected and copied by hand.
    const field = h("textarea.gg-hidden", { "aria-hidden": "true" });
    field.value = text;
    near.after(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    near.focus();
    return done;
  }
}
