// Making elements, without innerHTML: texts stay texts, whatever stands in them.

/** Attributes by name; a function listens to the event of that name. */
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: never) => void)>;
type Child = globalThis.Node | string | null | undefined | false;

/** An element; classes may stand behind the tag: "span.gg-dim". */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K | `${K}.${string}`,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const [name, ...classes] = tag.split(".") as [K, ...string[]];
  const element = document.createElement(name);
  if (element instanceof HTMLButtonElement) element.type = "button"; // and no form's
  if (classes.length) element.className = classes.join(" ");
  return filled(element, attributes, children);
}

const SVG = "http://www.w3.org/2000/svg";

export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled<E extends HTMLElement | SVGElement>(element: E, attributes: Attributes, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") {
      element.addEventListener(name, value as EventListener);
      continue;
    }
    // A policy may forbid styles that stand in a page, and lets a program set them.
    if (name === "style") element.style.cssText = String(value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}
