import type { Store } from "../store";

export function panels(_host: HTMLElement, _store: Store): () => void {
  return () => {};
}
