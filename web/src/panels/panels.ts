// What stands around the picture, put together: each part builds its element and listens by itself.

import type { Store } from "../store";
import { code } from "./code";
import { diagnosis } from "./diagnosis";
import { header } from "./header";
import { inputs } from "./inputs";
import { inspector } from "./inspector";
import { stepper } from "./stepper";
import { tabs } from "./tabs";
import { theme } from "./theme";

export function panels(host: HTMLElement, store: Store): () => void {
  const ends = [theme(host, store)];
  const top = header(host, store);
  const walk = stepper(host, store);
  // What is pointed at from within the panels is lit in the picture, and changes no panel.
  let own = false;
  const entered = (event: Event) => (own = !(event.target as Element).closest(".gg-canvas"));
  for (const kind of ["pointerover", "focusin"]) {
    host.addEventListener(kind, entered, true);
    ends.push(() => host.removeEventListener(kind, entered, true));
  }
  const gate = inspector(store, () => own);
  const parts = { gate, code: code(store), diagnosis: diagnosis(store), inputs: inputs(store) };
  const beside = tabs(host, store, parts);
  ends.push(top.end, walk.end, beside.end, ...Object.values(parts).map((part) => part.end));
  host.prepend(top.element);
  host.append(walk.element, beside.element);
  return () => ends.forEach((end) => end());
}
