// One step of the story in full sentences, as the notes tell it. It knows what happened at a step;
// which step is told, and where the text stands, is the stepper's.

import { h } from "../dom";
import type { Store } from "../store";
import { isArray } from "../values";
import { handed, localAt, scalar, shares, summed, upstream } from "./backward";
import { filled, forward as formulaOf, m, math, mn, names, numbers, partial, symbolOf } from "./formula";
import { kindOf, listed, nodeLink, outcome, phrase, shown, statement, wireLink } from "./words";

type Word = Element | string | null;

/** What is said of a step: a head and sentences. */
export interface Telling {
  pass: "" | "forward" | "seed" | "backward";
  head: Word[];
  says: Word[][];
}

export function telling(store: Store, count: number, over: boolean): Telling {
  if (count === 0) return beginning(store);
  if (over) return end(store);
  const { pass, node } = store.steps[count - 1]!;
  if (pass === "seed") return seed(store, node);
  return pass === "forward" ? forward(store, node) : backward(store, node, count - 1);
}

/** Paragraphs of a telling. */
export function paragraphs(told: Telling): HTMLElement[] {
  return [told.head, ...told.says].flatMap((words, n) =>
    words.length ? [h("p", { class: n ? null : "gg-lead" }, ...(words as (HTMLElement | string | null)[]))] : [],
  );
}

function beginning(store: Store): Telling {
  const inputs = inputWires(store);
  return {
    pass: "",
    head: ["Before the first step only the inputs have values."],
    says: [
      few(inputs)
        .map((wire) => is(store, wire))
        .flatMap((w, n) => (n ? [", ", ...w] : w))
        .concat("."),
      ["Every gate computes its output and its local gradients as soon as its inputs are there."],
    ],
  };
}

function end(store: Store): Telling {
  const out = outcome(store);
  const got = inputWires(store).filter((wire) => store.gradient(wire) !== null);
  const gradients = few(got).flatMap((wire, n): Word[] => [
    n ? ", " : "",
    derivative(store, wire),
    " = ",
    shown(store.gradient(wire), "gradient"),
  ]);
  return {
    pass: "",
    head: ["The whole story is told. ", ...(out ? is(store, out.wire) : []), "."],
    says: [
      gradients.length ? ["Gradients: ", ...gradients, got.length > 6 ? ", …" : "."] : [],
      ["Press ", h("kbd", {}, "n"), " or ▶ to hear it gate by gate."],
    ],
  };
}

function seed(store: Store, node: number): Telling {
  const { inputs, seed: given } = store.doc.nodes[node]!;
  return {
    pass: "seed",
    head: ["The way back begins at the output, ", wireLink(store, inputs[0]!), "."],
    says: [
      given === undefined
        ? [
            "The output's gradient with respect to itself is ",
            shown(1, "gradient"),
            ": if it grows by a little, it grows by as much.",
          ]
        : ["The gradient that was given for it is ", shown(given, "gradient"), "."],
    ],
  };
}

function forward(store: Store, node: number): Telling {
  const it = store.doc.nodes[node]!;
  const says: Word[][] = [];
  const line: Word[] = it.line ? [`line ${it.line} — `] : [];
  const made = it.outputs.map((wire): Word[] => [...name(store, wire), ...result(store, node, wire)]);
  const head: Word[] = [
    ...line,
    nodeLinkShort(store, node),
    ": ",
    ...made.flatMap((w, n) => (n ? ["; ", ...w] : w)),
    ".",
  ];
  const known = it.inputs.flatMap((wire, port) => {
    if (it.inputs.indexOf(wire) !== port && sameLocal(store, node, wire, port)) return [];
    const local = localAt(store, node, port);
    // Large circuits come without these numbers, but with their formulas.
    const told =
      local === null
        ? filled(store.doc.formulas[it.formula ?? -1]?.local[it.operands?.[port] ?? port], names(store, it))
        : phrase(local);
    return told
      ? [h("span.gg-nowrap", {}, localSymbol(store, node, wire), " = ", typeof told === "string" ? told : math(told))]
      : [];
  });
  if (known.length) {
    const array = it.outputs.some((wire) => isArray(store.value(wire)));
    says.push([
      `On its own it already knows its local gradient${known.length > 1 ? "s" : ""}: `,
      ...listed(known),
      array ? ", element by element." : ".",
    ]);
  } else if (it.outputs.some((wire) => store.gradient(wire) !== null)) {
    says.push([`It knows what it does to a gradient: ${it.says}.`]);
  } else {
    says.push(["No gradient will flow through it."]);
  }
  return { pass: "forward", head, says };
}

/** Two ports that read one wire and know the same of it are told once. */
function sameLocal(store: Store, node: number, wire: number, port: number): boolean {
  const first = store.doc.nodes[node]!.inputs.indexOf(wire);
  return scalar(localAt(store, node, first)) === scalar(localAt(store, node, port));
}

/** "= x + y = -2 + 5 = 3" */
function result(store: Store, node: number, wire: number): Word[] {
  const { doc } = store;
  const it = doc.nodes[node]!;
  const symbols = formulaOf(store, it, names(store, it));
  const value = store.value(wire);
  if (isArray(value)) {
    return [
      symbols ? math("=", symbols) : null,
      doc.wires[wire]!.name || symbols ? ", " : "",
      "an array of shape ",
      shown(value, "value"),
    ];
  }
  const digits = formulaOf(store, it, numbers(store, it));
  const alike = digits && digits.textContent === mn(value).textContent;
  return [
    symbols || digits
      ? math(...(symbols ? ["=", symbols] : []), ...(digits && !alike ? ["=", digits] : []), "=")
      : "= ",
    shown(value, "value"),
  ];
}

function backward(store: Store, node: number, step: number): Telling {
  const { doc } = store;
  const it = doc.nodes[node]!;
  const up = upstream(store, node);
  const line = it.line ? [`line ${it.line} — `] : [];
  const wires = [...new Set(it.inputs)].filter((wire) => store.gradient(wire) !== null);
  const head: Word[] = [
    ...line,
    nodeLinkShort(store, node),
    ": ",
    ...(up === null
      ? ["its outputs' gradients arrive from above."]
      : ["its output's gradient, ", shown(up, "gradient"), ", arrives from above."]),
  ];
  const says: Word[][] = [];
  if (!wires.length) {
    says.push(["Nothing further back wants a gradient."]);
    return { pass: "backward", head, says };
  }
  const products = wires.flatMap((wire) =>
    it.inputs.flatMap((w, port) => (w === wire ? [product(store, node, wire, port, up)] : [])),
  );
  if (products.every((p) => p !== null)) {
    const one = products.length === 1;
    says.push([
      `It multiplies it by its local gradient${one ? "" : "s"}${isArray(up!) ? ", element by element" : ""}: `,
      ...listed(products),
      ".",
    ]);
  } else {
    wires.forEach((wire) => says.push(rule(store, node, wire)));
  }
  for (const wire of wires) {
    const words = arrived(store, wire, step);
    if (words.length) says.push(words);
  }
  return { pass: "backward", head, says };
}

/** "for q: -4 × 1 = -4" */
function product(
  store: Store,
  node: number,
  wire: number,
  port: number,
  up: ReturnType<typeof upstream>,
): HTMLElement | null {
  const local = localAt(store, node, port);
  if (up === null || local === null) return null;
  const words = [h("span.gg-gradient.gg-num", {}, isArray(up) ? "gradient" : phrase(up)), " × ", phrase(local)];
  const result = handed(store, node, port) ?? (shares(store, wire).length === 1 ? store.gradient(wire) : null);
  return h(
    "span",
    {},
    "for ",
    wireLink(store, wire),
    ": ",
    h("span.gg-nowrap", {}, ...words),
    summed(store, node, wire) ? ", summed" : null,
    ...(result === null ? [] : [" = ", shown(result, "gradient")]),
  );
}

/** What an array gate hands back, as its rule. */
function rule(store: Store, node: number, wire: number): Word[] {
  const it = store.doc.nodes[node]!;
  const formula = store.doc.formulas[it.formula ?? -1];
  const port = it.inputs.indexOf(wire);
  const template = formula?.backward[it.operands?.[port] ?? port];
  const symbols = filled(template, names(store, it));
  const words: Word[] = ["To ", wireLink(store, wire), " it hands "];
  if (symbols) words.push(math(symbols));
  else words.push("its part");
  if (shares(store, wire).length === 1) words.push(": ", shown(store.gradient(wire), "gradient"));
  return [...words, "."];
}

/** How a gradient adds up that several gates hand to. */
function arrived(store: Store, wire: number, step: number): Word[] {
  const all = shares(store, wire);
  if (all.length < 2) return [];
  const here = all.filter((share) => share.step <= step);
  const left = all.length - here.length;
  const rest = left ? `, and ${left} more ${left > 1 ? "are" : "is"} still to come.` : ".";
  const times = all.length === 2 ? "twice" : `${all.length} times`;
  const begin: Word[] = [wireLink(store, wire), ` has been read ${times}`];
  if (here.some((share) => share.amount === null)) {
    if (left)
      return [...begin, `, so what comes back is added up: ${here.length} of ${all.length} parts have arrived.`];
    return [
      ...begin,
      ", so what comes back is added up; all parts are there: ",
      shown(store.gradient(wire), "gradient"),
      ".",
    ];
  }
  const amounts = here.map((share) => share.amount!);
  const total = left ? amounts.reduce((a, b) => a + b, 0) : store.gradient(wire)!;
  if (here.length === 1)
    return [...begin, ": a first part of its gradient has arrived, ", shown(amounts[0]!, "gradient"), rest];
  const sum = math(
    ...amounts.flatMap((a, n): (Element | string)[] =>
      n ? ["+", a < 0 ? m("mrow", m("mo", "("), mn(a), m("mo", ")")) : mn(a)] : [mn(a)],
    ),
    "=",
  );
  if (amounts.length > 6)
    return [
      ...begin,
      `, so what comes back is added up: ${amounts.length} parts make `,
      shown(total, "gradient"),
      rest,
    ];
  return [...begin, ", so what comes back is added up: ", sum, " ", shown(total, "gradient"), rest];
}

function inputWires(store: Store): number[] {
  return store.doc.nodes.flatMap((node) => (node.kind === "input" ? node.outputs : []));
}

function few<T>(items: T[]): T[] {
  return items.slice(0, 6);
}

/** "x = 3" */
function is(store: Store, wire: number): Word[] {
  return [wireLink(store, wire), " = ", shown(store.value(wire), "value")];
}

/** A wire's name in front of what it is equal to; nothing where it has none. */
function name(store: Store, wire: number): Word[] {
  const { doc } = store;
  return doc.wires[wire]!.name ? [wireLink(store, wire), " "] : [];
}

function derivative(store: Store, wire: number): Element {
  if (store.doc.nodes.some((node) => node.seed !== undefined)) return wireLink(store, wire);
  const out = outcome(store);
  return math(partial(m("mi", out?.name ?? "f"), symbolOf(store, wire)));
}

/** ∂q/∂x for a gate's own output and input. */
export function localSymbol(store: Store, node: number, wire: number): Element {
  const out = store.doc.nodes[node]!.outputs[0]!;
  return math(partial(m("mi", store.doc.wires[out]!.name || "output"), symbolOf(store, wire)));
}

function nodeLinkShort(store: Store, node: number): HTMLElement {
  const button = nodeLink(store, node);
  button.textContent = kindOf(store.doc.nodes[node]!);
  button.title = statement(store.doc, store.doc.nodes[node]!);
  return button;
}
