// What the gate panel says of a wire, a gate, a group, and of the whole where nothing is selected.
// It makes elements from the store's numbers; it does not know when they are shown.

import type { Value } from "../document";
import { h } from "../dom";
import type { Store } from "../store";
import { brief, full, isArray } from "../values";
import { elements } from "./arrays";
import { handed, localAt, scalar, shares, summed, upstream } from "./backward";
import { filled, forward, math, mn, names, numbers } from "./formula";
import { localSymbol } from "./narration";
import {
  called,
  DIGITS,
  flowing,
  kindOf,
  knows,
  later,
  link,
  listed,
  nodeLink,
  outcome,
  phrase,
  shown,
  statement,
  tuple,
  wireLink,
  differentiated,
} from "./words";

type Role = "value" | "gradient";

/** A number with all its digits, and for tests and copying just as it is. */
function exact(store: Store, wire: number, role: Role): HTMLElement {
  if (!knows(store, wire, role)) return flowing(store, wire, role);
  const value = role === "value" ? store.value(wire) : store.gradient(wire);
  const raw = value === null ? "" : isArray(value) ? JSON.stringify(value.data) : full(value);
  return h(
    "span",
    { class: `gg-num gg-exact gg-${role}`, "data-wire": wire, "data-role": role, "data-exact": raw },
    value === null ? "no gradient flows" : isArray(value) ? value.text : full(value),
  );
}

function facts(...rows: ([string, HTMLElement | string | null] | null)[]): HTMLElement {
  const list = h("dl.gg-facts", {});
  for (const row of rows) if (row && row[1]) list.append(h("dt", {}, row[0]), h("dd", {}, row[1]));
  return list;
}

function heading(text: string): HTMLElement {
  return h("h3.gg-h3", {}, text);
}

function title(sign: string, name: string, rest: string): HTMLElement {
  return h(
    "div.gg-subject",
    {},
    sign ? h("span.gg-sign", { "aria-hidden": "true" }, sign) : null,
    h("h2", {}, name),
    h("span.gg-dim", {}, rest),
  );
}

export function wireView(store: Store, wire: number): HTMLElement[] {
  const { doc } = store;
  const driver = store.driver[wire];
  const node = driver === undefined ? undefined : doc.nodes[driver];
  const name = called(doc, wire, driver);
  const it = doc.wires[wire]!;
  const kind = node?.kind === "input" ? "input" : node?.kind === "constant" ? "constant" : "wire";
  const readers = doc.nodes.flatMap((reader, n) => (reader.inputs.includes(wire) ? [n] : []));
  const sum = addedUp(store, wire);
  const parts: (HTMLElement | null)[] = [
    title("", name, `${kind} · ${it.type}`),
    numbersOf(store, wire),
    meaning(store, wire),
    facts(
      node?.kind === "gate" ? ["comes from", nodeLink(store, driver!)] : null,
      readers.length && !sum
        ? [
            "goes to",
            h(
              "span",
              {},
              ...listed(readers.slice(0, 8).map((n) => nodeLink(store, n))),
              readers.length > 8 ? `, ${readers.length - 8} more` : null,
              readers.length > 1 && it.gradient !== null ? "; what comes back from them is added up" : null,
            ),
          ]
        : null,
    ),
    sum,
    node?.kind === "gate" ? gateBox(store, driver!) : null,
  ];
  return parts.filter((p) => p !== null);
}

/** Value and gradient: numbers, or arrays with their elements. */
function numbersOf(store: Store, wire: number): HTMLElement {
  const value = store.value(wire);
  const gradient = store.gradient(wire);
  if (!isArray(value)) {
    return facts(["value", exact(store, wire, "value")], ["gradient", exact(store, wire, "gradient")]);
  }
  const name = called(store.doc, wire, store.driver[wire]);
  const one = (role: Role, what: Value | null) =>
    h(
      "div.gg-shown",
      {},
      h("h3.gg-h3", {}, role, " ", exact(store, wire, role)),
      ...(knows(store, wire, role) ? inside(store, what, `${role} of ${name}`) : []),
    );
  return h("div.gg-arrays", {}, one("value", value), one("gradient", gradient));
}

function inside(store: Store, value: Value | null, label: string): HTMLElement[] {
  if (value === null || !isArray(value)) return [];
  const mean = value.mean === null ? "" : `, mean ${brief(value.mean, DIGITS)}`;
  return [
    h("div.gg-dim.gg-small", {}, `shape ${tuple(value.shape)} ${value.dtype}${mean}`),
    elements(value, store.doc.themes[store.state.theme], label),
  ];
}

/** What the gradient says, in words: for a number, what a small step would do. */
function meaning(store: Store, wire: number): HTMLElement | null {
  const out = outcome(store);
  const gradient = store.gradient(wire);
  if (!out || gradient === null || !knows(store, wire, "gradient")) return null;
  const name = called(store.doc, wire, store.driver[wire]);
  const of = differentiated(store);
  const slope = scalar(gradient);
  if (wire === out.wire) return null;
  if (slope === null) {
    return h(
      "p.gg-meaning",
      {},
      `Each element of the gradient says how much ${of} changes for a small step of that element of ${name}.`,
    );
  }
  if (!Number.isFinite(slope))
    return h("p.gg-meaning", {}, `The gradient is not finite: ${of} has no slope here.`);
  if (slope === 0) return h("p.gg-meaning", {}, `A small step of ${name} does not change ${of}.`);
  return h(
    "p.gg-meaning",
    {},
    `If ${name} grows by 0.01, ${of} ${slope > 0 ? "grows" : "falls"} by about `,
    h("span.gg-num", {}, brief(Math.abs(0.01 * slope), 3)),
    ".",
  );
}

/** Which call or turn a gate stands in, where there is one. */
function inGroup(store: Store, node: number): HTMLElement | null {
  const { group } = store.doc.nodes[node]!;
  return group === null ? null : h("span.gg-dim.gg-small", {}, ` ${store.doc.groups[group]!.label}`);
}

/** What a gradient is the sum of, where several gates read the wire. */
function addedUp(store: Store, wire: number): HTMLElement | null {
  const all = shares(store, wire);
  const { step } = store.state;
  if (all.length < 2 || scalar(store.gradient(wire)) === null) return null;
  const rows = all
    .slice(0, 12)
    .map((share) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, nodeLink(store, share.node), inGroup(store, share.node)),
        h(
          "td",
          {},
          share.step >= step ? later() : share.amount === null ? "its part" : shown(share.amount, "gradient"),
        ),
      ),
    );
  if (all.length > 12) rows.push(h("tr", {}, h("th", { scope: "row" }, `${all.length - 12} more`), h("td", {}, "…")));
  rows.push(h("tr.gg-total", {}, h("th", { scope: "row" }, "sum"), h("td", {}, flowing(store, wire, "gradient"))));
  return h("div", {}, heading("What comes back is added up"), h("table.gg-table", {}, h("tbody", {}, ...rows)));
}

export function nodeView(store: Store, node: number): HTMLElement[] {
  const out = store.doc.nodes[node]!.outputs[0]!;
  return [
    gateBox(store, node),
    h(
      "div.gg-block",
      {},
      heading(`Its output: ${called(store.doc, out, node)}`),
      numbersOf(store, out),
      meaning(store, out) ?? "",
    ),
  ];
}

/** A gate: what it computes, and what it hands back to each of its inputs. */
function gateBox(store: Store, node: number): HTMLElement {
  const { doc } = store;
  const it = doc.nodes[node]!;
  const text = statement(doc, it);
  // What arrives at a gate is told with the gate, and what it hands back, too.
  const { step } = store.state;
  const back = store.steps.findIndex((told) => told.pass === "backward" && told.node === node) < step;
  const up = back ? upstream(store, node) : null;
  const box = h("div.gg-block", {}, title(it.symbol, kindOf(it), ""), h("p.gg-says", {}, sentence(it.says ?? "")));
  if (text) {
    const click = () => store.set({ tab: "code", selected: { kind: "node", id: node } });
    box.append(
      h(
        "button.gg-line",
        { title: "Show it in the code", click },
        h("span.gg-dim", {}, `${it.line}`),
        h("code", {}, text),
      ),
    );
  }
  const symbols = forward(store, it, names(store, it));
  const digits = forward(store, it, numbers(store, it));
  const value = store.value(it.outputs[0]!);
  if (symbols) {
    const name = doc.wires[it.outputs[0]!]!.name;
    const left = name ? [names(store, it)("y"), "="] : [];
    box.append(h("div.gg-formula", {}, math(...left, symbols)));
    if (digits && !isArray(value) && knows(store, it.outputs[0]!, "value"))
      box.append(h("div.gg-formula.gg-dim", {}, math("=", digits, "=", mn(value))));
  }
  if (up !== null) box.append(h("p.gg-up", {}, "Gradient from above: ", shown(up, "gradient")));
  const cards = it.inputs.map((wire, port) => card(store, node, wire, port, up));
  box.append(...cards);
  return box;
}

function sentence(text: string): string {
  return text ? `${text[0]!.toUpperCase()}${text.slice(1)}.` : "";
}

/** One input of a gate: its value, the local gradient, and the product that goes back to it. */
function card(store: Store, node: number, wire: number, port: number, up: Value | null): HTMLElement {
  const { doc } = store;
  const it = doc.nodes[node]!;
  const formula = doc.formulas[it.formula ?? -1];
  const operand = it.operands?.[port] ?? port;
  const local = localAt(store, node, port);
  const rows: [string, HTMLElement | string][] = [];
  const template = filled(formula?.local[operand], names(store, it));
  if (local !== null && knows(store, it.outputs[0]!, "value")) {
    const equation =
      template && template.textContent !== mn(scalar(local) ?? 0).textContent
        ? math(localSymbol(store, node, wire), "=", template, "=")
        : math(localSymbol(store, node, wire), "=");
    rows.push(["local", h("span", {}, equation, " ", shown(local))]);
  }
  if (store.gradient(wire) !== null && up !== null) {
    const back = filled(formula?.backward[operand], names(store, it));
    if (local !== null) rows.push(["hands back", product(store, node, port, local, up)]);
    else if (back) rows.push(["hands back", h("span", {}, math(back))]);
  } else if (store.gradient(wire) === null) {
    rows.push(["hands back", h("span.gg-dim", {}, "nothing: no gradient flows here")]);
  }
  return h(
    "div.gg-card",
    {},
    h("div.gg-card-head", {}, wireLink(store, wire), " ", flowing(store, wire, "value")),
    facts(...rows),
  );
}

/** "1 × -4 = -4" */
function product(store: Store, node: number, port: number, local: Value, up: Value): HTMLElement {
  const amount = handed(store, node, port);
  const left = [shown(up, "gradient"), " × ", isArray(local) ? "local" : phrase(local)];
  if (amount !== null) return h("span", {}, ...left, " = ", shown(amount, "gradient"));
  const wire = store.doc.nodes[node]!.inputs[port]!;
  return h("span", {}, ...left, ", element by element", summed(store, node, wire) ? ", summed" : null);
}

export function groupView(store: Store, group: number): HTMLElement[] {
  const { doc } = store;
  const it = doc.groups[group]!;
  const open = store.state.open.has(group);
  const what =
    { call: "a call of your function", loop: `a loop of ${it.turns} turns`, turn: "one turn of a loop" }[it.kind] ??
    it.kind;
  const inner = new Set(doc.nodes.flatMap((_, n) => (within(store, n, group) ? [n] : [])));
  const made = new Set([...inner].flatMap((n) => doc.nodes[n]!.outputs));
  const enters = [...new Set([...inner].flatMap((n) => doc.nodes[n]!.inputs))].filter((w) => !made.has(w));
  const leaves = [
    ...new Set(doc.nodes.flatMap((node, n) => (inner.has(n) ? [] : node.inputs.filter((w) => made.has(w))))),
  ];
  const toggle = h(
    "button.gg-wide",
    { click: () => store.fold(group, !open) },
    open ? "Close this group" : "Open this group",
  );
  const parent = it.parent;
  return [
    title("", it.label, `${what}`),
    facts(
      ["gates", String(it.gates)],
      ["line", String(it.line)],
      parent === null ? null : ["stands in", link(store, { kind: "group", id: parent }, doc.groups[parent]!.label)],
    ),
    toggle,
    wireTable(store, "Goes in", enters),
    wireTable(store, "Comes out", leaves),
  ];
}

function within(store: Store, node: number, group: number): boolean {
  for (let at = store.doc.nodes[node]!.group; at !== null; at = store.doc.groups[at]!.parent)
    if (at === group) return true;
  return false;
}

/** Wires with what flows through them. */
function wireTable(store: Store, head: string, wires: number[]): HTMLElement {
  const most = wires.slice(0, 40);
  const rows = most.map((wire) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, wireLink(store, wire)),
      h("td", {}, flowing(store, wire, "value")),
      h("td", {}, flowing(store, wire, "gradient")),
    ),
  );
  if (most.length < wires.length)
    rows.push(h("tr", {}, h("th", { scope: "row" }, `${wires.length - most.length} more`)));
  return h(
    "div",
    {},
    h(
      "table.gg-table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, head),
          h("th", { scope: "col" }, "value"),
          h("th", { scope: "col" }, "gradient"),
        ),
      ),
      h("tbody", {}, ...rows),
    ),
  );
}

export function overview(store: Store): HTMLElement[] {
  const { doc } = store;
  const inputs = doc.nodes.flatMap((node) => (node.kind === "input" ? node.outputs : []));
  const outputs = doc.nodes.flatMap((node) => (node.kind === "output" ? node.inputs : []));
  return [
    wireTable(store, outputs.length > 1 ? "Outputs" : "Output", outputs),
    wireTable(store, inputs.length > 1 ? "Inputs" : "Input", inputs),
    h("p.gg-dim", {}, "Point at a wire or a gate to see what it knows; click to keep it here."),
  ];
}
