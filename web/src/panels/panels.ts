// What stands around the picture, put together: each part builds its element and listens by itself.

import type { Store } from "../store";
import { theme } from "./theme";

export function panels(host: HTMLElement, store: Store): () => void {
  const ends = [theme(host, store)];
  return () => ends.forEach((end) => end());
}
