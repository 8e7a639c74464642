// The diagnosis panel: what was found wrong with the evaluation, as the document has it. It judges
// nothing itself.

import type { Finding, Num } from "../document";
import { h } from "../dom";
import type { Store } from "../store";
import { brief } from "../values";
import { icon } from "./icons";
import type { Part } from "./part";
import { DIGITS, link } from "./words";

export function diagnosis(store: Store): Part {
  const { doc } = store;
  const element = h("div.gg-diagnosis", {});
  if (doc.diagnosis.length) element.append(...doc.diagnosis.map((finding) => card(store, finding)));
  else {
    element.append(
      h("div.gg-well", {}, icon("ok"), h("h2", {}, "Nothing to report")),
      h(
        "p.gg-dim",
        {},
        "Gradients neither vanish nor explode, nothing is cut off, saturated, rounded away or not finite.",
      ),
    );
  }
  const older = h("p.gg-dim.gg-small", { role: "status" });
  element.prepend(older);
  const draw = () => {
    older.textContent = store.state.live ? "This is of the inputs as they were recorded." : "";
    older.hidden = !store.state.live;
  };
  draw();
  return { element, end: store.listen((_, changed) => changed.has("live") && draw()) };
}

function card(store: Store, finding: Finding): HTMLElement {
  const wires = finding.shown.flatMap((name) => {
    const at = store.doc.wires.findIndex((wire) => wire.name === name);
    return at < 0 ? [] : [at];
  });
  const head = h(
    "button.gg-finding-head",
    { click: () => select(store, finding, wires) },
    h("span", { class: `gg-severity gg-${finding.severity}` }, icon(finding.severity), finding.severity),
    h("span", {}, finding.title),
  );
  const numbers = Object.entries(finding.numbers) as [string, Num][];
  return h(
    "article.gg-finding",
    {},
    h("h2", {}, head),
    finding.line
      ? h("p.gg-statement", {}, h("span.gg-dim", {}, `line ${finding.line}`), " ", h("code", {}, finding.statement))
      : null,
    h("p", {}, finding.says),
    h("p", {}, h("b", {}, "Mend: "), finding.mend),
    numbers.length
      ? h(
          "p.gg-small.gg-dim",
          {},
          numbers.map(([name, value]) => `${name.replace(/_/g, " ")} ${brief(value, DIGITS)}`).join(" · "),
        )
      : null,
    wires.length
      ? h(
          "p.gg-small",
          {},
          "Wires: ",
          ...wires.flatMap((wire, n) => [
            n ? ", " : "",
            link(store, { kind: "wire", id: wire }, store.doc.wires[wire]!.name),
          ]),
        )
      : null,
  );
}

/** Select what the finding is about: a wire that its line makes, a gate of its line, or what it names. */
function select(store: Store, finding: Finding, wires: number[]): void {
  const { nodes } = store.doc;
  const here = (node: number | undefined) => finding.line !== null && nodes[node ?? -1]?.line === finding.line;
  const wire = wires.filter((w) => here(store.driver[w])).pop();
  const node = nodes.findIndex((_, n) => here(n));
  if (wire !== undefined || node < 0) {
    const shown = wire ?? wires[wires.length - 1];
    if (shown !== undefined) store.set({ selected: { kind: "wire", id: shown } });
  } else store.set({ selected: { kind: "node", id: node } });
}
