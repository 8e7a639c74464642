// The line above the picture: what function this is, its value, what the diagnosis found, and the
// buttons for help and theme.

import { h } from "../dom";
import type { Store } from "../store";
import { help } from "./help";
import { button, icon } from "./icons";
import type { Part } from "./part";
import { typing } from "./stepper";
import { knows, outcome, phrase } from "./words";

export function header(host: HTMLElement, store: Store): Part {
  const { doc } = store;
  const value = h("span.gg-num.gg-value", {});
  const gates = doc.nodes.filter((node) => node.kind === "gate").length;
  const findings = doc.diagnosis.length;
  const badge = h(
    "button.gg-badge",
    { "data-findings": findings, click: () => store.set({ tab: "diagnosis" }) },
    icon(findings ? doc.diagnosis[0]!.severity : "ok"),
    h("span", {}, findings ? `${findings} finding${findings > 1 ? "s" : ""}` : "nothing to report"),
  );
  const moved = h("button.gg-badge.gg-moved", { click: () => store.set({ tab: "inputs" }) });
  const dialog = help();
  const question = button("help", "Help: keys, and how to read the picture (?)", () => dialog.showModal());
  const theme = button("theme", "", () => store.set({ theme: store.state.theme === "light" ? "dark" : "light" }));
  const element = h(
    "header.gg-header",
    {},
    h("div.gg-function", {}, h("span", { role: "heading", "aria-level": 1, class: "gg-h1" }, doc.name), value),
    h("span.gg-dim.gg-gates", {}, `${gates.toLocaleString("en")} gate${gates === 1 ? "" : "s"}`),
    moved,
    badge,
    question,
    theme,
    dialog,
  );

  const draw = () => {
    const { live, offPath, theme: now } = store.state;
    const out = outcome(store);
    value.textContent = out && knows(store, out.wire, "value") ? ` = ${phrase(store.value(out.wire))}` : "";
    moved.hidden = !live && !offPath;
    moved.textContent = offPath ? "other branch" : "inputs moved";
    moved.dataset["off"] = String(offPath);
    const label = now === "light" ? "Dark theme" : "Light theme";
    theme.setAttribute("aria-label", label);
    theme.title = label;
  };
  draw();
  const asked = (event: KeyboardEvent) => {
    if (event.key !== "?" || typing(event)) return;
    event.preventDefault();
    dialog.showModal();
  };
  host.addEventListener("keydown", asked);
  const end = store.listen((_, changed) => {
    if (changed.has("live") || changed.has("offPath") || changed.has("theme") || changed.has("step")) draw();
  });
  return {
    element,
    end: () => {
      end();
      host.removeEventListener("keydown", asked);
    },
  };
}
