// The gate panel: all there is to know of the wire, gate or group that is selected or pointed at.
// It knows which target is shown; each kind has its view in views.ts.

import { h } from "../dom";
import type { Store, Target } from "../store";
import { refill, type Part } from "./part";
import { groupView, nodeView, overview, wireView } from "./views";

export function inspector(store: Store, own: () => boolean): Part {
  const element = h("div.gg-inspector", {});
  let shown: string | null = null;

  const draw = (again: boolean) => {
    const target = shownTarget(store, own());
    const key = target ? `${target.kind} ${target.id}` : "";
    if (key === shown && !again) return;
    const same = key === shown;
    shown = key;
    refill(element, view(store, target), element.parentElement ?? element);
    element.classList.toggle("gg-preview", !!target && target === store.state.hovered);
    if (!same && element.parentElement) element.parentElement.scrollTop = 0;
  };
  draw(true);
  const end = store.listen((state, changed) => {
    if (state.tab !== "gate") {
      shown = null;
      return;
    }
    const again =
      shown === null || changed.has("live") || changed.has("theme") || changed.has("open") || changed.has("step");
    if (again || changed.has("selected") || changed.has("hovered")) draw(again);
  });
  return { element, end };
}

/**
 * What is pointed at in the picture comes first; what is pointed at in the panels does not. Where
 * nothing is selected it is the gate that the story has come to.
 */
function shownTarget(store: Store, own: boolean): Target | null {
  const { hovered, selected, step } = store.state;
  if (!own && hovered) return hovered;
  const told = step < store.steps.length ? store.steps[step - 1] : undefined;
  return selected ?? (told ? { kind: "node", id: told.node } : null);
}

function view(store: Store, target: Target | null): HTMLElement[] {
  if (!target) return overview(store);
  if (target.kind === "group") return groupView(store, target.id);
  if (target.kind === "wire") return wireView(store, target.id);
  const node = store.doc.nodes[target.id]!;
  if (node.kind === "gate") return nodeView(store, target.id);
  return wireView(store, (node.outputs[0] ?? node.inputs[0])!);
}
