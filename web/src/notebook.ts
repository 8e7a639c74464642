// What a widget has to know of the notebook around it: whether that is dark, that its keys are not the
// notebook's, and that a picture stands there for where no widget runs. It knows Jupyter, VS Code and marimo by their marks, and nothing of the page.

export type Theme = "light" | "dark";

/** What whoever reads has told the system. */
export function preferred(): Theme {
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** The theme of the notebook around; where there is none, what is preferred. */
export function surrounding(): Theme {
  const { body, documentElement: root } = document;
  const { jpThemeLight: jupyter, vscodeThemeKind: vscode } = body.dataset;
  if (jupyter) return jupyter === "false" ? "dark" : "light";
  if (vscode) return vscode.endsWith("light") ? "light" : "dark"; // high contrast is dark, too
  for (const theme of ["dark", "light"] as const) {
    if (body.classList.contains(theme) || root.classList.contains(theme)) return theme; // marimo
  }
  return preferred();
}

/** Be told when the theme around changes; gives back what ends it. */
export function following(changed: (theme: Theme) => void): () => void {
  let last = surrounding();
  const look = () => {
    const now = surrounding();
    if (now !== last) changed((last = now));
  };
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", look);
  const watch = new MutationObserver(look);
  const attributeFilter = ["class", "data-jp-theme-light", "data-vscode-theme-kind"];
  for (const at of [document.documentElement, document.body]) watch.observe(at, { attributeFilter });
  return () => {
    media.removeEventListener("change", look);
    watch.disconnect();
  };
}

/** Keys pressed in a shadow host are its own: a notebook adds, deletes and runs cells on single letters.
 *  Those with Ctrl and the like, such as for saving, stay the notebook's, but in a field those that edit. */
export function keepKeys(host: HTMLElement): () => void {
  const single = (event: KeyboardEvent) => !event.ctrlKey && !event.metaKey && !event.altKey;
  const edits = (event: KeyboardEvent) =>
    (event.composedPath()[0] as Element).matches?.(":read-write") && "acvxyz".includes(event.key.toLowerCase());
  // Jupyter listens before any element hears, and spares what comes from within this mark.
  const ahead = (event: KeyboardEvent) =>
    host.toggleAttribute("data-lm-suppress-shortcuts", single(event) || edits(event));
  const stop = (event: KeyboardEvent) => single(event) && event.stopPropagation();
  window.addEventListener("keydown", ahead, true);
  for (const type of ["keydown", "keyup"] as const) host.addEventListener(type, stop);
  return () => window.removeEventListener("keydown", ahead, true);
}

/** Hide the picture of a class, which stands there for where no widget runs; gives back what shows it. */
export function instead(picture: string): () => void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`.${picture} { display: none; }`);
  document.adoptedStyleSheets.push(sheet);
  return () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
  };
}
