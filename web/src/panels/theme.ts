// The document's palettes as CSS variables on the host, and the accent they lack. It knows colours
// and no part of the page.

import type { Palette } from "../document";
import type { Store } from "../store";

/** Of selection and focus: no colour that means a number. */
const ACCENTS = { light: "#6639ba", dark: "#b79bff" };

export function theme(host: HTMLElement, store: Store): () => void {
  const paint = () => {
    const { theme } = store.state;
    for (const [name, colour] of Object.entries(store.doc.themes[theme])) {
      host.style.setProperty(`--${name}`, colour);
    }
    host.style.setProperty("--accent", ACCENTS[theme]);
    host.style.colorScheme = theme;
  };
  paint();
  return store.listen((_, changed) => changed.has("theme") && paint());
}

/** The colours of a heat map's cell from -1 to 1: ground, and ink that can be read on it. */
export function heat(palette: Palette, cell: number | null): { ground: string; ink: string } {
  if (cell === null) return { ground: palette.ink, ink: palette.ground };
  const end = channels(cell > 0 ? palette.high : palette.low);
  const share = Math.min(1, Math.abs(cell));
  const mixed = channels(palette.zero).map((z, n) => Math.round(z + (end[n]! - z) * share));
  return { ground: `rgb(${mixed.join()})`, ink: luminance(mixed) > 0.18 ? "#000" : "#fff" };
}

function channels(colour: string): number[] {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

/** As WCAG measures it: black or white is the better ink on either side of 0.18. */
function luminance(rgb: number[]): number {
  const [r, g, b] = rgb.map((c) => (c <= 10 ? c / 3294 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}
