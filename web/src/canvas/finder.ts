// The search field: a combobox over what search.ts finds. Choosing opens the groups around a thing
// and selects it.

import { h } from "../dom";
import type { Store, Target } from "../store";
import { entries, search, type Found } from "./search";

const MOST = 40;

export interface Finder {
  element: HTMLElement;
  focus: () => void;
}

export function finder(store: Store, leave: () => void): Finder {
  const mark = `gg-find-${Math.random().toString(36).slice(2, 9)}`; // several pages may be in one
  const input = h("input", {
    class: "gg-find", type: "search", placeholder: "Find  /", role: "combobox", "aria-label": "Find in the circuit",
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": mark, autocomplete: "off", spellcheck: "false",
  });
  const list = h("ul", { class: "gg-found", id: mark, role: "listbox", "aria-label": "Found", hidden: true });
  const none = h("div", { class: "gg-nothing", role: "status" });
  const element = h("div", { class: "gg-finder" }, input, h("div", { class: "gg-drop" }, list, none));
  let all: ReturnType<typeof entries> | null = null;
  let found: Found[] = [];
  let at = -1;

  const close = () => {
    list.hidden = true;
    none.textContent = "";
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const show = () => {
    all ??= entries(store.doc);
    const result = search(all, input.value, MOST);
    found = result.found;
    list.replaceChildren(...found.map((each, n) => h("li", {
      id: `${mark}-${n}`, role: "option", "aria-selected": "false", class: `gg-is-${each.target.kind}`, "data-n": n,
    }, h("b", {}, each.text), h("span", {}, each.detail))));
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(!!found.length));
    const more = result.count - found.length;
    none.textContent = !input.value.trim() ? "" : !found.length ? "nothing found" : more > 0 ? `and ${more} more` : "";
    go(found.length ? 0 : -1);
  };
  const go = (to: number) => {
    list.children[at]?.setAttribute("aria-selected", "false");
    at = to;
    const option = list.children[at];
    if (!option) return input.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.id);
  };
  const choose = (n: number) => {
    const each = found[n];
    if (!each) return;
    close();
    reveal(store, each.target);
    store.set({ selected: each.target });
    leave();
  };

  input.addEventListener("input", () => {
    store.set({ query: input.value });
    show();
  });
  input.addEventListener("focus", () => input.value && show());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) return show();
      const by = event.key === "ArrowDown" ? 1 : found.length - 1;
      go((at + by) % found.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (list.hidden) show();
      else choose(at);
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (list.hidden && !input.value) return leave();
      input.value = "";
      store.set({ query: "" });
      close();
    }
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const option = (event.target as Element).closest<HTMLElement>("[data-n]");
    if (option) choose(Number(option.dataset["n"]));
  });
  return { element, focus: () => (input.focus(), input.select()) };
}

/** Open the groups around a thing. */
function reveal(store: Store, target: Target): void {
  const { doc } = store;
  const node = target.kind === "wire" ? store.driver[target.id] : target.id;
  const around = target.kind === "group" ? doc.groups[target.id]!.parent : doc.nodes[node ?? -1]?.group ?? null;
  if (around !== null) store.fold(around, true);
}
