// The panels beside the picture, one at a time, and the tabs that choose. On a narrow page the tabs
// are a bar at the bottom, and the chosen one, pressed again, makes room for the picture.

import { h } from "../dom";
import type { State, Store } from "../store";
import type { Part } from "./part";

type Name = State["tab"];

export function tabs(host: HTMLElement, store: Store, panels: Record<Name, Part>): Part {
  const names = Object.keys(panels) as Name[];
  const texts: Record<Name, string> = { gate: "Gate", code: "Code", diagnosis: "Diagnosis", inputs: "Inputs" };
  const buttons = new Map<Name, HTMLButtonElement>();
  const bodies = new Map<Name, HTMLElement>();
  for (const name of names) {
    const count = name === "diagnosis" ? store.doc.diagnosis.length : 0;
    const button = h(
      "button",
      { role: "tab", class: "gg-tab" },
      texts[name],
      count ? h("span.gg-dot", {}, String(count)) : null,
    );
    button.addEventListener("click", () => {
      const again = store.state.tab === name;
      host.classList.toggle("gg-shut", again && !host.classList.contains("gg-shut"));
      store.set({ tab: name });
    });
    buttons.set(name, button);
    bodies.set(
      name,
      h("div.gg-panel", { role: "tabpanel", "aria-label": texts[name], tabindex: 0 }, panels[name].element),
    );
  }
  const list = h("div.gg-tabs", { role: "tablist", "aria-label": "Panels" }, ...buttons.values());
  list.addEventListener("keydown", (event) => {
    const at = names.indexOf(store.state.tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    const name = names[(to + names.length) % names.length]!;
    store.set({ tab: name });
    buttons.get(name)!.focus();
    event.preventDefault();
    event.stopPropagation();
  });
  const element = h("section.gg-panels", { "aria-label": "Details" }, list, ...bodies.values());

  const draw = () => {
    for (const name of names) {
      const on = store.state.tab === name;
      const button = buttons.get(name)!;
      button.setAttribute("aria-selected", String(on));
      button.tabIndex = on ? 0 : -1;
      bodies.get(name)!.hidden = !on;
    }
  };
  draw();
  const end = store.listen((_, changed) => {
    if (!changed.has("tab")) return;
    host.classList.remove("gg-shut");
    draw();
  });
  return { element, end };
}
