import type { Store } from "../store";

export function canvas(_host: HTMLElement, _store: Store): () => void {
  return () => {};
}
