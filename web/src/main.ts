// The page's parts, put together: `mount` draws a document into an element. A file that holds a
// document mounts itself; a notebook calls `render` (anywidget).

import type { Doc, Evaluate } from "./document";
import { canvas } from "./canvas/canvas";
import canvasCss from "./canvas/canvas.css";
import { h } from "./dom";
import { following, instead, keepKeys, preferred, surrounding, type Theme } from "./notebook";
import { panels } from "./panels/panels";
import panelsCss from "./panels/panels.css";
import { play } from "./play/play";
import playCss from "./play/play.css";
import { Store } from "./store";
import css from "./style.css";

export interface Options {
  theme?: Theme;
  evaluate?: Evaluate | null;
}

export interface Mounted {
  store: Store;
  /** What keys are listened for on. */
  host: HTMLElement;
  unmount: () => void;
}

/** Draw a document into an element; gives back the store and what takes it all away again. */
export function mount(root: HTMLElement, doc: Doc, options: Options = {}): Mounted {
  const store = new Store(doc, options.evaluate ?? null, options.theme ?? preferred());
  const host = h("div", { class: "gg", tabindex: -1, "data-theme": store.state.theme });
  // The host is a grid that goes by the width of what is around it, so something is.
  root.replaceChildren(h("div", { class: "gg-page" }, host));
  styled(root);
  const ends = [canvas(host, store), panels(host, store)];
  ends.push(store.listen((state) => (host.dataset["theme"] = state.theme)));
  return {
    store,
    host,
    unmount() {
      ends.forEach((end) => end());
      root.replaceChildren();
    },
  };
}

const sheets = new WeakSet<object>();

/** Give the styles to the document or shadow root an element stands in, once. */
function styled(root: HTMLElement): void {
  const around = root.getRootNode() as Document | ShadowRoot;
  if (sheets.has(around)) return;
  // A sheet made by the program: a strict policy lets no style stand in the page itself.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css + canvasCss + panelsCss + playCss);
  around.adoptedStyleSheets.push(sheet);
  sheets.add(around);
}

/** What a notebook's widget is given (anywidget). */
interface Model {
  get(key: "document"): Doc;
  get(key: "theme" | "picture"): string;
}

/** Draw a widget; gives back what takes it away again. */
async function render({ model, el }: { model: Model; el: HTMLElement }): Promise<() => void> {
  const doc = model.get("document");
  const evaluate = doc.script && (await evaluator(doc.script.text));
  const asked = model.get("theme");
  const own = asked === "light" || asked === "dark";
  // Behind a shadow root notebooks' styles for buttons, lists and code end, and ours do.
  const host = el.appendChild(h("div"));
  const root = host.attachShadow({ mode: "open" }).appendChild(h("div"));
  const { store, unmount } = mount(root, doc, { evaluate, theme: own ? asked : surrounding() });
  const ends = [keepKeys(host), instead(model.get("picture")), unmount, () => host.remove()];
  if (!own) ends.push(following((theme) => store.set({ theme })));
  return () => ends.forEach((end) => end());
}

/** A circuit's text as the function it declares; null where the page may not run it. */
async function evaluator(text: string): Promise<Evaluate | null> {
  const url = URL.createObjectURL(new Blob([text, "\nexport { evaluate };"], { type: "text/javascript" }));
  try {
    return ((await import(url)) as { evaluate: Evaluate }).evaluate;
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(url);
  }
}

export default { render };

declare global {
  // eslint-disable-next-line no-var
  var glassgradEvaluate: Evaluate | undefined;
}

const data = globalThis.document?.getElementById("glassgrad-data");
const place = globalThis.document?.getElementById("glassgrad");
if (data && place) {
  const theme = document.documentElement.dataset["theme"] === "dark" ? "dark" : "light";
  const { host } = mount(place, JSON.parse(data.textContent ?? "null") as Doc, {
    theme,
    evaluate: globalThis.glassgradEvaluate ?? null,
  });
  host.focus({ preventScroll: true }); // a file is one page: its keys work from the beginning
}
if (place?.dataset["mode"] === "play") {
  styled(place);
  play(place, mount);
}
