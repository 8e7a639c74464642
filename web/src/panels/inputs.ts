// The inputs panel: sliders that compute the whole circuit anew in the page, and f beside its
// tangent for the one that was moved last. It knows controls; computing is live's, drawing plot's.

import type { Evaluate, Script, Value } from "../document";
import { h } from "../dom";
import type { Store } from "../store";
import { isArray } from "../values";
import { scalar } from "./backward";
import { icon } from "./icons";
import { along, computed, recorded, type Inputs } from "./live";
import type { Part } from "./part";
import { plot, sample } from "./plot";
import { row } from "./row";
import { outcome } from "./words";

export function inputs(store: Store): Part {
  const { evaluate } = store;
  const { script, no_script } = store.doc;
  const first = script && recorded(store.doc, script);
  if (script && evaluate && first) return sliders(store, evaluate, script, first);
  const why = !script
    ? no_script
    : !evaluate
      ? "this page may not run the circuit's script"
      : "some inputs are too large to stand in this page with all their elements";
  const element = h(
    "div.gg-inputs",
    {},
    h("h2", {}, "The inputs cannot be moved here"),
    h("p", {}, `Sliders compute the circuit in the page, and that cannot be done: ${why}.`),
    h(
      "p.gg-dim",
      {},
      "To get sliders, take a smaller function or smaller inputs, or write that part with gates that have a JavaScript form, and save it again. For other inputs call ",
      h("code", {}, "gg.backprop"),
      " with them.",
    ),
  );
  return { element, end: () => {} };
}

function sliders(store: Store, evaluate: Evaluate, script: Script, first: Inputs): Part {
  const { doc } = store;
  const copy = () => first.map((input) => [...input]);
  let given = copy();
  let chosen = { input: -1, element: 0 }; // what the plot is over
  let frame = 0;
  let sampled = "";
  let stop = () => {};

  const f = along(doc, evaluate, script);
  /** f where the chosen element is x and all else as it is. */
  const at = (x: number) =>
    f?.(given.map((values, n) => (n === chosen.input ? put(values, chosen.element, x) : values))) ?? null;
  const chart = plot(at);
  const rows = script.inputs.map((wire, input) =>
    !moves(store, wire)
      ? null
      : row(
          store,
          wire,
          first[input]!,
          (element, x) => {
            given[input]![element] = x;
            chosen = { input, element };
            soon();
          },
          (element) => {
            chosen = { input, element };
            draw();
          },
        ),
  );
  chosen.input = rows.findIndex((it) => it);

  const reset = h(
    "button.gg-small-button",
    {
      click: () => {
        given = copy();
        soon();
      },
    },
    icon("reset"),
    "Reset all",
  );
  const notice = h("p.gg-notice", { role: "status" });
  const head = h("h2");
  const beside = h("section.gg-beside", {}, head, chart.element);
  const still = (empty: boolean) =>
    script.inputs
      .filter((wire) => !moves(store, wire) && isEmpty(doc.wires[wire]!.value) === empty)
      .map((wire) => doc.wires[wire]!.name);
  const [unreached, empty] = [still(false), still(true)];
  const element = h(
    "div.gg-inputs",
    {},
    h("div.gg-pane-head", {}, h("h2", {}, "Inputs"), reset),
    notice,
    ...rows.map((it) => it?.element),
    unreached.length
      ? h(
          "p.gg-dim.gg-small",
          {},
          `${unreached.join(", ")}: no gradient flows there, so ${unreached.length > 1 ? "they stay" : "it stays"}.`,
        )
      : null,
    empty.length ? h("p.gg-dim.gg-small", {}, `${empty.join(", ")}: no elements to move.`) : null,
    beside,
  );

  /** Compute everything before the next frame is drawn, once for all that moved until then. */
  const soon = () => {
    frame ||= requestAnimationFrame(() => {
      const same = given.every((input, n) => input.every((x, k) => Object.is(x, first[n]![k])));
      const live = same ? null : computed(store, evaluate, script, given);
      store.set(same || live ? { live, offPath: false } : { offPath: true });
      frame = 0;
      draw();
    });
  };

  const draw = () => {
    const { tab, offPath, live } = store.state;
    if (tab !== "inputs") return;
    notice.textContent = offPath
      ? "At these inputs your function takes another branch: call gg.backprop there. The picture still shows the last inputs on this path."
      : "";
    reset.disabled = !live && !offPath;
    rows.forEach((it, n) => it?.draw(given[n]!, n === chosen.input ? chosen.element : null));
    drawPlot();
  };

  const drawPlot = () => {
    const { input, element } = chosen;
    const out = outcome(store);
    const it = rows[input];
    const y = out && scalar(store.value(out.wire));
    const x = it ? given[input]![element]! : NaN;
    // A point that is not finite stands nowhere.
    beside.hidden = !f || !out || !it || y === null || !Number.isFinite(x) || !Number.isFinite(y);
    if (!f || !out || !it || y === null || beside.hidden) return;
    const name = it.label(element);
    head.textContent = `${out.name} against the straight line, over ${name}`;
    const range = it.range(element);
    const key = JSON.stringify([
      chosen,
      range,
      given.map((values, n) => (n === input ? put(values, element, 0) : values)),
    ]);
    if (key !== sampled) {
      sampled = key;
      stop();
      stop = sample(at, ...range, chart.setCurve);
    }
    const gradient = store.gradient(it.wire);
    const slope = gradient !== null && isArray(gradient) ? Number(gradient.data?.[element]) : (scalar(gradient) ?? NaN);
    if (!store.state.offPath) chart.setPoint({ name, f: out.name, x, y, slope });
  };

  const end = store.listen((state, changed) => {
    if (changed.has("live") && !state.live && !frame) given = copy();
    if (changed.has("live") || changed.has("theme") || changed.has("offPath") || changed.has("tab")) draw();
  });
  return {
    element,
    end: () => {
      end();
      stop();
      cancelAnimationFrame(frame);
    },
  };
}

/** Numbers with another one at a place. */
function put(values: number[], at: number, x: number): number[] {
  return values.map((value, n) => (n === at ? x : value));
}

function isEmpty(value: Value): boolean {
  return isArray(value) && value.shape.includes(0);
}

/** Whether an input can be moved: a real number, or an array of them, that a gradient flows to. */
function moves(store: Store, wire: number): boolean {
  const { value, gradient } = store.doc.wires[wire]!;
  return (
    gradient !== null &&
    (isArray(value) ? value.dtype.startsWith("float") && !!value.data?.length : typeof value !== "boolean")
  );
}
