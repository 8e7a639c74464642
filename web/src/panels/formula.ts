// MathML: the document's templates with their slots filled, and equations put together from parts.
// It knows MathML's elements and what a slot stands for; it computes nothing.

import type { Node, Num } from "../document";
import type { Store } from "../store";
import { brief, isArray } from "../values";
import { DIGITS } from "./words";

const NS = "http://www.w3.org/1998/Math/MathML";
const LONGEST = 40; // letters of what stands for a wire without a name

export function m(tag: string, ...children: (Element | string | null)[]): Element {
  const element = document.createElementNS(NS, tag);
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

/** An equation: parts in a row; texts are operators. */
export function math(...parts: (Element | string | null)[]): Element {
  return m("math", m("mrow", ...parts.map((p) => (typeof p === "string" ? m("mo", p) : p))));
}

/** A number as formulas have it, with a true minus. */
export function mn(value: Num, digits = DIGITS): Element {
  const text = brief(value, digits);
  const cut = text.indexOf("e");
  if (cut < 0 || typeof value === "boolean") return signed(text);
  const power = String(Number(text.slice(cut + 1)));
  return m("mrow", signed(text.slice(0, cut)), m("mo", "·"), m("msup", m("mn", "10"), signed(power)));
}

function signed(text: string): Element {
  return m(/^-?[\d.]+$/.test(text) ? "mn" : "mi", text.replace("-", "−"));
}

/** A partial derivative, in one line. */
export function partial(of: Element, by: Element): Element {
  const d = () => m("mi", "∂");
  const over = m("mo", "/");
  over.setAttribute("lspace", "0");
  over.setAttribute("rspace", "0");
  return m("mrow", d(), of, over, d(), by);
}

/** A wire as a formula has it: its name, or what it was computed from, or else what made it. */
export function symbolOf(store: Store, wire: number, depth = 2): Element {
  const name = store.doc.wires[wire]!.name;
  if (name) return m("mi", name);
  const driver = store.driver[wire];
  const node = driver === undefined ? undefined : store.doc.nodes[driver];
  const made = node?.kind === "gate" && depth > 0 ? forward(store, node, names(store, node, depth - 1)) : null;
  if (made && made.textContent!.length <= LONGEST) return compound(made.textContent!) ? bracketed(made) : made;
  const value = store.value(wire);
  return isArray(value) ? m("mtext", node?.op ?? node?.kind ?? "") : mn(value);
}

/** Whether there is an operator outside of all parentheses. */
function compound(text: string): boolean {
  let flat = text;
  for (let before = ""; before !== flat;) [before, flat] = [flat, flat.replace(/\([^()]*\)/g, "")];
  return /[^\p{L}\p{N}_.\u2061]/u.test(flat);
}

/** What stands between the parentheses that we set. */
const insides = new WeakMap<Element, Element>();

function bracketed(inside: Element): Element {
  const made = m("mrow", m("mo", "("), inside, m("mo", ")"));
  insides.set(made, inside);
  return made;
}

type Fill = (slot: string) => Element | null;

/** What the slots of a gate's formulas stand for, as names. */
export function names(store: Store, node: Node, depth = 2): Fill {
  return (slot) => {
    const { wire, gradient } = slotOf(node, slot);
    if (wire === undefined) return null;
    const name = store.doc.wires[wire]!.name;
    if (gradient) return name ? m("mi", `d${name}`) : m("mtext", "upstream");
    if (slot[0] !== "y") return symbolOf(store, wire, depth);
    return name ? m("mi", name) : m("mtext", "output");
  };
}

/** The same as numbers; null where one of them is an array. */
export function numbers(store: Store, node: Node): Fill {
  return (slot) => {
    const { wire, gradient } = slotOf(node, slot);
    const value = wire === undefined ? null : gradient ? store.gradient(wire) : store.value(wire);
    return value === null || isArray(value) ? null : mn(value);
  };
}

/** The right side of a gate's own formula. */
export function forward(store: Store, node: Node, fill: Fill): Element | null {
  return node.outputs.length === 1 ? filled(store.doc.formulas[node.formula ?? -1]?.forward, fill) : null;
}

/** What a slot stands for: "0" an operand, "y" the output, "d0" and "dy" their gradients. */
function slotOf(node: Node, slot: string): { wire: number | undefined; gradient: boolean } {
  const [, d, y, number] = /^(d?)(y?)(\d*)$/.exec(slot) ?? [];
  const at = Number(number || 0);
  const port = (node.operands ?? []).indexOf(at);
  return { wire: y ? node.outputs[at] : port < 0 ? undefined : node.inputs[port], gradient: !!d };
}

/**
 * The right side of a template, which is an equation, with its slots filled; null where there is
 * no template, or one of its slots cannot be filled.
 */
export function filled(template: string | null | undefined, fill: Fill): Element | null {
  if (!template) return null;
  const read = new DOMParser().parseFromString(`<mrow xmlns="${NS}">${template}</mrow>`, "application/xml");
  if (read.getElementsByTagName("parsererror").length) return null;
  const root = document.importNode(read.documentElement, true);
  const row = root.children.length === 1 ? root.firstElementChild! : root;
  const pieces = [...row.childNodes];
  const equals = pieces.findIndex(
    (piece) => piece instanceof Element && piece.localName === "mo" && piece.textContent === "=",
  );
  pieces.slice(0, equals + 1).forEach((child) => child.remove());
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    // Names have several letters and numbers are filled in: what is multiplied needs a sign.
    if (text.data === "\u2062") text.data = "·";
    if (/\{\w+\}/.test(text.data) && !fillText(text, fill)) return null;
  }
  return root;
}

/** Put what the slots of a text stand for in its place; one text may hold several, as a fraction's. */
function fillText(text: Text, fill: Fill): boolean {
  const parent = text.parentElement!;
  const before = text.previousSibling?.textContent ?? "";
  // A fraction, a root, an exponent and a function's parentheses hold together what is in them.
  const held =
    ["mfrac", "msqrt"].includes(parent.localName) || (before === "(" && text.nextSibling?.textContent === ")");
  const made: Element[] = [];
  for (const [n, piece] of text.data.split(/\{(\w+)\}/).entries()) {
    const one = n % 2 ? fill(piece) : piece.trim() ? m("mtext", piece) : undefined;
    if (one === null) return false;
    if (!one) continue;
    const base = parent.localName === "msup" && !before && !made.length;
    const alone = held || (parent.localName === "msup" && !base);
    made.push(alone ? (insides.get(one) ?? one) : needsParentheses(one, base, before) ? bracketed(one) : one);
  }
  text.replaceWith(...made);
  return true;
}

/** A negative number behind an operator or under an exponent, and a number with a power of ten there. */
function needsParentheses(one: Element, base: boolean, before: string): boolean {
  const text = one.textContent!;
  if (base) return text.startsWith("−") || (text.includes("·") && !insides.has(one));
  return text.startsWith("−") && !["", "=", "(", ","].includes(before);
}
