// The local page: a formula and its inputs above, the circuit below, drawn anew while one types.

import { h } from "../dom";
import type { Mounted, Options } from "../main";
import type { Doc } from "../document";
import type { State } from "../store";
import { circuit, evaluator, examples, file, isWrong, type Example, type Wrong } from "./server";

type Mount = (root: HTMLElement, doc: Doc, options: Options) => Mounted;

const PAUSE = 350; // milliseconds after the last key

/** Fill the page; `mount` draws a document. */
export function play(root: HTMLElement, mount: Mount): void {
  const chooser = h("select", { id: "gg-example" });
  const formula = h("textarea", {
    id: "gg-formula", rows: 1, spellcheck: "false", autocapitalize: "off", autocomplete: "off",
    "aria-describedby": "gg-wrong",
  });
  const about = h("p", { class: "gg-play-about" });
  const fields = h("div", { class: "gg-play-inputs", role: "group", "aria-label": "Inputs" });
  const wrong = h("p", { id: "gg-wrong", class: "gg-play-wrong", role: "alert" });
  const share = h("button", { type: "button", class: "gg-play-button" }, "Save as file");
  const status = h("span", { class: "gg-play-status", role: "status" });
  const shown = h("div", { class: "gg-play-shown" });
  const form = h("form", { class: "gg-play-form", "aria-label": "Formula" },
    h("div", { class: "gg-play-top" },
      h("label", { for: "gg-example" }, "Example"), chooser, about, status, share),
    h("label", { for: "gg-formula", class: "gg-play-label" }, "Formula"), formula, fields, wrong);
  root.replaceChildren(h("div", { class: "gg-play" }, form, shown));

  let known: Record<string, string> = {}; // the text of every input seen so far
  let mounted: Mounted | null = null;
  let timer = 0;
  let asked = new AbortController();
  let list: Example[] = [];

  const question = () => ({ formula: formula.value, inputs: known });
  const later = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void draw(), PAUSE);
  };

  async function draw(): Promise<void> {
    clearTimeout(timer);
    asked.abort();
    asked = new AbortController();
    const { signal } = asked;
    grow(formula);
    if (!formula.value.trim()) return complain(null);
    status.textContent = "drawing …";
    try {
      const answer = await circuit(question(), signal);
      if (signal.aborted) return;
      if (answer.inputs) offer(answer.inputs);
      if (isWrong(answer)) return complain(answer);
      const evaluate = await evaluator(answer);
      if (signal.aborted) return;
      complain(null);
      show(answer.document, { evaluate });
    } catch (error) {
      if (!signal.aborted) complain({ error: `the server does not answer: is it still running? (${String(error)})`, where: null });
    } finally {
      if (!signal.aborted) status.textContent = "";
    }
  }

  /** Draw a document; what one was looking at stays as far as it is still there. */
  function show(doc: Doc, options: Options): void {
    const before: State | undefined = mounted?.store.state;
    const total = mounted?.store.steps.length;
    mounted?.unmount();
    mounted = mount(shown, doc, before ? { ...options, theme: before.theme } : options);
    if (before) {
      const step = before.step === total ? mounted.store.steps.length : Math.min(before.step, mounted.store.steps.length);
      mounted.store.set({ tab: before.tab, step });
    }
    themed();
    mounted.store.listen((_, changed) => changed.has("theme") && themed());
  }

  /** The form has the colours of what is drawn. */
  function themed(): void {
    const store = mounted?.store;
    if (!store) return;
    const palette = store.doc.themes[store.state.theme];
    for (const [name, colour] of Object.entries(palette)) form.parentElement!.style.setProperty(`--${name}`, colour);
    form.parentElement!.dataset["theme"] = store.state.theme;
  }

  /** One field for each input; those that are there keep what stands in them, and the caret. */
  function offer(inputs: Record<string, string>): void {
    const names = Object.keys(inputs);
    known = { ...known, ...inputs };
    const there = [...fields.querySelectorAll("input")].map((f) => f.name);
    if (names.join() === there.join()) return;
    fields.replaceChildren(...names.map((name) => {
      const input = h("input", { id: `gg-input-${name}`, name, spellcheck: "false", autocomplete: "off", "aria-describedby": "gg-wrong" });
      input.value = inputs[name]!;
      input.size = Math.min(40, Math.max(6, input.value.length + 1));
      input.addEventListener("input", () => {
        known[name] = input.value;
        input.size = Math.min(40, Math.max(6, input.value.length + 1));
        later();
      });
      return h("span", {}, h("label", { for: input.id }, `${name} =`), input);
    }));
  }

  /** Say what is wrong, and mark the field where it is; the last picture stays, in a frame. */
  function complain(what: Wrong | null): void {
    wrong.textContent = what ? what.error : "";
    if (what && mounted) wrong.append("\nThe picture is of the last formula that could be drawn.");
    shown.classList.toggle("gg-play-stale", !!what && !!mounted);
    const name = what?.where?.input;
    for (const field of [formula, ...fields.querySelectorAll("input")]) {
      const bad = !!what && (name === undefined ? field === formula : "name" in field && field.name === name);
      if (bad) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  }

  function choose(example: Example): void {
    formula.value = example.formula;
    about.textContent = example.about;
    known = { ...example.inputs };
    fields.replaceChildren();
    void draw();
  }

  chooser.addEventListener("change", () => {
    const example = list[Number(chooser.value)];
    if (example) choose(example);
  });
  formula.addEventListener("input", () => {
    grow(formula);
    later();
  });
  formula.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void draw();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void draw();
  });
  share.addEventListener("click", async () => {
    const answer = await file(question());
    if (isWrong(answer)) return complain(answer);
    const link = h("a", { href: URL.createObjectURL(answer.blob), download: answer.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    status.textContent = `saved ${answer.name}`;
  });
  void examples().then((found) => {
    list = found;
    chooser.replaceChildren(...found.map((e, n) => h("option", { value: n }, e.name)));
    if (found[0]) choose(found[0]);
  });
}

/** A textarea as high as its text. */
function grow(area: HTMLTextAreaElement): void {
  area.rows = Math.min(12, Math.max(1, area.value.split("\n").length));
}
