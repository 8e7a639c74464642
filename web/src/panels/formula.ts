// MathML: the document's templates with their slots filled, and equations put together from parts.
// It knows MathML's elements and what a slot stands for; it computes nothing.

import type { Node, Num, Value } from "../document";
import type { Store } from "../store";
import { brief, isArray, num } from "../values";
import { DIGITS } from "./words";

const NS = "http://www.w3.org/1998/Math/MathML";
const TOKENS = new Set(["mi", "mn", "mo", "mtext"]);

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
  if (cut < 0) return signed(text);
  const power = String(Number(text.slice(cut + 1)));
  return m("mrow", signed(text.slice(0, cut)), m("mo", "·"), m("msup", m("mn", "10"), signed(power)));
}

function signed(text: string): Element {
  return m(/^-?[\d.]+$/.test(text) ? "mn" : "mi", text.replace("-", "−"));
}

/** A partial derivative, in one line. */
export function partial(of: Element, by: Element): Element {
  const d = () => m("mi", "∂");
  return m("mrow", d(), of, m("mo", "/"), d(), by);
}

/** A wire as a formula has it: its name, or for one without a name its number, if it is one. */
export function symbolOf(store: Store, wire: number, alone = "·"): Element {
  const name = store.doc.wires[wire]!.name;
  if (name) return m("mi", name);
  const value = store.value(wire);
  return isArray(value) ? m("mi", alone) : mn(value);
}

type Fill = (slot: string) => Element | null;

/** What the slots of a gate's formulas stand for, as names. */
export function names(store: Store, node: Node): Fill {
  const out = node.outputs[0]!;
  const named = store.doc.wires[out]!.name;
  return (slot) => {
    if (slot === "y") return m("mi", named || "y");
    if (slot === "dy") return m("mi", `d${named || "y"}`);
    const wire = operand(node, slot);
    return wire === null ? null : symbolOf(store, wire, `x${slot}`);
  };
}

/** The same as numbers; null where one of them is an array. */
export function numbers(store: Store, node: Node): Fill {
  const one = (value: Value | null) => (value === null || isArray(value) ? null : mn(value));
  return (slot) => {
    if (slot === "y") return one(store.value(node.outputs[0]!));
    if (slot === "dy") return one(store.gradient(node.outputs[0]!));
    const wire = operand(node, slot);
    return wire === null ? null : one(store.value(wire));
  };
}

/** The wire of a gate's operand; null for one that does not come by wire. */
function operand(node: Node, slot: string): number | null {
  const at = (node.operands ?? []).indexOf(Number(slot));
  return at < 0 ? null : node.inputs[at]!;
}

/** A template with its slots filled; null where there is none, or a slot cannot be filled. */
export function filled(template: string | null | undefined, fill: Fill): Element | null {
  if (!template) return null;
  const read = new DOMParser().parseFromString(`<mrow xmlns="${NS}">${template}</mrow>`, "application/xml");
  if (read.getElementsByTagName("parsererror").length) return null;
  const root = document.importNode(read.documentElement, true);
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    if (/\{\w+\}/.test(text.data) && !fillText(text, fill)) return null;
  }
  return root;
}

function fillText(text: Text, fill: Fill): boolean {
  const pieces = text.data.split(/\{(\w+)\}/);
  const made: Element[] = [];
  for (const [n, piece] of pieces.entries()) {
    if (n % 2 === 0) {
      if (piece.trim()) made.push(m("mtext", piece));
      continue;
    }
    const one = fill(piece);
    if (!one) return false;
    made.push(one);
  }
  const parent = text.parentElement!;
  const place = TOKENS.has(parent.localName) ? parent : text;
  const parenthesised = made.map((one) => (needsParentheses(one, place) ? m("mrow", m("mo", "("), one, m("mo", ")")) : one));
  place.replaceWith(...(parenthesised.length > 1 ? [m("mrow", ...parenthesised)] : parenthesised));
  return true;
}

/** A negative number behind an operator, and a number with a power of ten under an exponent. */
function needsParentheses(one: Element, place: ChildNode): boolean {
  const text = one.textContent ?? "";
  const parent = place.parentElement!;
  if (parent.localName === "msup" && place === parent.firstChild) return text.startsWith("−") || one.localName === "mrow";
  if (!text.startsWith("−")) return false;
  const before = place instanceof Element ? place.previousElementSibling : previous(place);
  return !!before && !["=", "(", ","].includes(before.textContent ?? "");
}

function previous(node: ChildNode): Element | null {
  let at = node.previousSibling;
  while (at && !(at instanceof Element)) at = at.previousSibling;
  return at as Element | null;
}

export function minus(value: Num): boolean {
  return num(value) < 0;
}
