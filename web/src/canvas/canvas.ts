// The circuit in the page: the picture of what is open, put together with zoom, pointing, keys and
// the story. State is the store's; this says what of it is seen.

import type { Picture, WirePath } from "../document";
import { h, s } from "../dom";
import type { State, Store, Target } from "../store";
import { compose } from "./compose";
import { finder } from "./finder";
import { FAR, Scene } from "./scene";
import { spoken, toldNow } from "./names";
import { Net, targetOf } from "./net";
import { overview } from "./overview";
import { drawStep } from "./tale";
import { View } from "./view";
import { Walk, type Arrow } from "./walk";
import type { Key } from "./draw";

export function canvas(host: HTMLElement, store: Store): () => void {
  const found = new Canvas(store, host);
  host.append(found.section);
  return () => found.end();
}

const NONE: ReadonlySet<Key> = new Set();

class Canvas {
  readonly section: HTMLElement;
  private readonly surface: HTMLElement;
  private readonly svg = s("svg", { class: "gg-svg", role: "group", tabindex: -1 });
  private readonly said = h("div", { class: "gg-said", "aria-live": "polite" });
  private readonly scene: Scene;
  private readonly view: View;
  private readonly map: ReturnType<typeof overview>;
  private readonly find: ReturnType<typeof finder>;
  private readonly ends: (() => void)[];
  private picture!: Picture;
  private wires!: Map<number, WirePath>;
  private net!: Net;
  private walk!: Walk;
  private focused: Key | null = null;
  private own = false; // the change comes from here: nothing has to be brought into view
  private step = -1;
  private toggled: number | null = null; // of several, the one that was meant
  private wasOpen: ReadonlySet<number>;
  private readonly wrong: number[]; // wires that errors and warnings are about

  constructor(private readonly store: Store, host: HTMLElement) {
    this.wasOpen = store.state.open;
    const about = new Set(store.doc.diagnosis.flatMap((f) => (f.severity === "note" ? [] : f.shown)));
    this.wrong = store.doc.wires.flatMap((wire, n) => (wire.name && about.has(wire.name) ? [n] : []));
    this.scene = new Scene(store);
    this.svg.append(this.scene.root);
    this.svg.setAttribute("aria-label", `Circuit of ${store.doc.name}. Arrow keys walk along the wires.`);
    this.surface = h("div", { class: "gg-surface" }, this.svg);
    this.view = new View(this.surface, () => this.moved());
    this.map = overview((x, y) => this.view.go(this.view.k, x, y));
    this.find = finder(store, () => this.toFocus());
    this.section = h("section", { class: "gg-canvas", "aria-label": "Circuit" },
      this.bar(), this.surface, this.map.element, this.said);
    this.compose();
    this.point();
    this.svg.addEventListener("keydown", (event) => this.key(event));
    const keys = (event: KeyboardEvent) => this.hostKey(event);
    host.addEventListener("keydown", keys);
    const watch = new ResizeObserver(() => this.resized());
    watch.observe(this.surface);
    this.ends = [
      store.listen((state, changed) => this.changed(state, changed)),
      () => watch.disconnect(),
      () => host.removeEventListener("keydown", keys),
      () => this.view.stop(),
      () => this.section.remove(),
    ];
    this.tell();
    this.light();
  }

  end(): void {
    this.ends.forEach((end) => end());
  }

  private bar(): HTMLElement {
    const button = (sign: string, name: string, act: () => void) => {
      const found = h("button", { type: "button", "aria-label": name, title: name },
        s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: sign })));
      found.addEventListener("click", act);
      return found;
    };
    return h("div", { class: "gg-bar", role: "group", "aria-label": "Picture" },
      this.find.element,
      h("div", { class: "gg-legend" },
        h("span", { class: "gg-above" }, "above a wire: value"),
        h("span", { class: "gg-below" }, "below: gradient")),
      h("span", { class: "gg-zoom" },
        button("M3 8h10", "Zoom out", () => this.view.zoom(1 / 1.4, undefined, undefined, true)),
        button("M3 8h10M8 3v10", "Zoom in", () => this.view.zoom(1.4, undefined, undefined, true)),
        button("M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10", "Show all", () => this.view.fit())));
  }

  // What is shown

  private compose(): void {
    this.picture = compose(this.store.doc, this.store.state.open);
    this.wires = new Map(this.picture.wires.map((w) => [w.n, w]));
    this.net = new Net(this.picture);
    this.scene.show(this.picture);
    this.walk = new Walk(this.net, (key) => this.scene.place(key), () => this.scene.items.map((i) => i.key));
    this.view.picture = { w: this.picture.w, h: this.picture.h };
    this.map.show(this.picture);
    if (!this.focused || !this.scene.get(this.focused)) this.focused = this.scene.items.find((i) => i.kind === "shape")?.key ?? null;
    this.scene.reach(this.focused);
  }

  /** The picture anew, the group that was opened or closed where it was. */
  private refold(before: ReadonlySet<number>): void {
    const { open } = this.store.state;
    const toggled = this.toggled ?? [...open].find((g) => !before.has(g)) ?? [...before].find((g) => !open.has(g));
    this.toggled = null;
    const key = toggled === undefined ? null : this.net.seen(this.store, { kind: "group", id: toggled });
    const was = key && this.scene.place(key);
    const focus = this.svg.contains((this.svg.getRootNode() as Document).activeElement);
    const { fitted } = this.view;
    this.compose();
    const now = key && this.scene.place(key);
    if (was && now) {
      const { k } = this.view;
      this.view.go(k, this.view.dx + (was[0] - now[0]) * k, this.view.dy + (was[1] - now[1]) * k);
      this.view.fitted = fitted;
    }
    if (focus && key) this.setFocus(key, true);
    else if (focus) this.toFocus();
    if (fitted) this.view.first(true);
    else if (now) this.view.bring(now);
    else this.moved();
  }

  private resized(): void {
    const { clientWidth: w, clientHeight: hh } = this.surface;
    if (!w || !hh) return;
    const first = !this.view.size.w;
    this.view.size = { w, h: hh };
    if (first || this.view.fitted) this.view.first();
    else this.moved();
  }

  private moved(): void {
    const { k, dx, dy } = this.view;
    if (!this.view.size.w) return;
    this.scene.root.setAttribute("transform", `translate(${dx} ${dy}) scale(${k})`);
    this.section.classList.toggle("gg-far", k < FAR);
    this.scene.cull(this.view.seen, k);
    // A finger moves the page up and down where the picture has no more to show there.
    this.surface.style.touchAction = this.picture.h * k <= this.view.size.h ? "pan-y" : "none";
    this.map.moved(this.view);
  }

  private changed(state: State, changed: ReadonlySet<keyof State>): void {
    if (changed.has("open")) this.refold(this.wasOpen);
    this.wasOpen = state.open;
    if (changed.has("open") || changed.has("step")) this.tell();
    else if (changed.has("live")) {
      this.scene.write(toldNow(this.store));
      this.tellStep(false);
    }
    this.light();
    if (changed.has("selected") && state.selected) this.chosen(state.selected);
  }

  private chosen(target: Target): void {
    const key = this.net.seen(this.store, target);
    if (!key || !this.scene.get(key)) return;
    if (!this.own) {
      this.view.bring(this.scene.place(key)!);
      this.setFocus(key, false);
    }
    this.say(key);
  }

  private say(key: Key): void {
    this.said.textContent = spoken(this.store, targetOf(key), toldNow(this.store));
  }

  // The story

  private tell(): void {
    const { step } = this.store.state;
    const forth = this.step >= 0 && step === this.step + 1;
    this.scene.write(toldNow(this.store), forth);
    this.tellStep(forth);
    this.step = step;
  }

  private tellStep(runs: boolean): void {
    const { steps, state } = this.store;
    const step = state.step < steps.length ? steps[state.step - 1] : undefined;
    const key = step ? this.net.seen(this.store, { kind: "node", id: step.node }) : null;
    const shape = key ? this.net.shapes.get(key) : undefined;
    this.scene.mark("gg-now", key ? new Set([key]) : NONE);
    const drawn = step && shape ? drawStep(this.store, step, shape, this.wires, runs) : { under: [], over: [] };
    this.scene.under.replaceChildren(...drawn.under);
    this.scene.over.replaceChildren(...drawn.over);
    if (runs && key) this.view.bring(this.scene.place(key)!);
  }

  // Lights

  private light(): void {
    const { selected, hovered, lit } = this.store.state;
    const seen = (target: Target | null) => this.net.seen(this.store, target);
    const hot = seen(hovered);
    const chosen = seen(selected);
    const all = new Set<Key>();
    if (hot) all.add(hot);
    for (const node of lit) {
      const key = seen({ kind: "node", id: node });
      if (key) all.add(key);
    }
    this.scene.mark("gg-lit", all);
    this.scene.mark("gg-chosen", chosen ? new Set([chosen]) : NONE);
    const near = new Set<Key>();
    for (const key of [hot, chosen]) if (key) this.net.around(key).forEach((each) => near.add(each));
    this.scene.mark("gg-near", near);
    this.section.classList.toggle("gg-dims", chosen?.[0] === "w");
    this.warn();
  }

  /** Wires that findings are about, or the boxes they lie in; of the inputs that were recorded. */
  private warn(): void {
    const keys = new Set<Key>();
    if (!this.store.state.live) {
      for (const wire of this.wrong) {
        const key = this.net.seen(this.store, { kind: "wire", id: wire });
        if (key) keys.add(key);
      }
    }
    this.scene.mark("gg-wrong", keys);
  }

  // Pointing

  private point(): void {
    const thing = (event: Event): Key | null => {
      const found = (event.target as Element).closest<SVGElement>("[data-k]")?.dataset["k"];
      if (found || !this.scene.crowds || !(event instanceof MouseEvent)) return found ?? null;
      const { left, top } = this.surface.getBoundingClientRect();
      const { k, dx, dy } = this.view;
      return this.scene.at((event.clientX - left - dx) / k, (event.clientY - top - dy) / k);
    };
    this.svg.addEventListener("pointermove", (event) => {
      if (event.pointerType === "touch" || this.view.dragged && event.buttons) return;
      const key = thing(event);
      this.store.set({ hovered: key ? targetOf(key) : null });
    });
    this.svg.addEventListener("pointerleave", () => this.store.set({ hovered: null }));
    this.svg.addEventListener("click", (event) => {
      if (this.view.dragged) return;
      const toggle = (event.target as Element).closest<SVGElement>("[data-toggle]")?.dataset["toggle"];
      if (toggle) return this.toggle(toggle, event.shiftKey);
      const key = thing(event);
      this.select(key);
      if (key) this.setFocus(key, true);
    });
    this.svg.addEventListener("dblclick", (event) => {
      const key = thing(event);
      if (key?.[0] === "g") this.toggle(key);
    });
    this.svg.addEventListener("focusout", (event) => {
      const to = event.relatedTarget;
      if (to && !this.svg.contains(to as Node)) this.store.set({ hovered: null });
    });
    this.svg.addEventListener("focusin", (event) => {
      const key = thing(event);
      if (key && key !== this.focused) this.setFocus(key, false);
    });
  }

  private select(key: Key | null): void {
    this.own = true;
    this.store.set({ selected: key ? targetOf(key) : null });
    this.own = false;
  }

  /** Open or close a group; `alike`: all turns of the same loop, all calls of the same helper beside it. */
  private toggle(key: Key, alike = false): void {
    const { id } = targetOf(key);
    const { groups } = this.store.doc;
    const open = !this.store.state.open.has(id);
    if (!alike) return this.store.fold(id, open);
    const named = (n: number) => groups[n]!.kind + groups[n]!.label.replace(/ #\d+$/, "");
    const next = new Set(this.store.state.open);
    groups.forEach((group, n) => {
      if (group.parent !== groups[id]!.parent || named(n) !== named(id)) return;
      if (open) next.add(n);
      else next.delete(n);
    });
    this.toggled = id;
    this.store.set({ open: next });
  }

  // Keys

  private setFocus(key: Key, really: boolean): void {
    this.focused = key;
    const element = this.scene.reach(key);
    if (really) element?.focus({ preventScroll: true });
  }

  private toFocus(): void {
    if (this.focused) this.setFocus(this.focused, true);
  }

  private key(event: KeyboardEvent): void {
    const key = (event.target as Element).closest<SVGElement>("[data-k]")?.dataset["k"];
    if (!key || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key.startsWith("Arrow")) {
      const next = this.walk.step(key, event.key as Arrow);
      if (next) {
        this.view.bring(this.scene.place(next)!);
        this.setFocus(next, true);
        this.store.set({ hovered: targetOf(next) });
        this.say(next);
      }
    } else if (event.key === "Enter" || event.key === " ") {
      this.select(key);
      if (key[0] === "g") this.toggle(key, event.shiftKey);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private hostKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const at = event.composedPath()[0] as Element;
    if (at.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "/") this.find.focus();
    else if (event.key === "+" || event.key === "=") this.view.zoom(1.25, undefined, undefined, true);
    else if (event.key === "-") this.view.zoom(0.8, undefined, undefined, true);
    else if (event.key === "0") this.view.fit();
    else if (event.key === "Escape") {
      this.store.set({ selected: null, hovered: null });
      return;
    } else return;
    event.preventDefault();
  }
}
