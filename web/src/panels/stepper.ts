// The controls that walk through the story, and the words that tell the step. It knows how many
// steps there are; what a step says is narration's.

import { h } from "../dom";
import type { Store } from "../store";
import { button, icon } from "./icons";
import { paragraphs, telling } from "./narration";
import { refill, type Part } from "./part";

const PASSES = { "": "", forward: "forward", seed: "backward", backward: "backward" };
const SWIPE = 40; // pixels across

export function stepper(host: HTMLElement, store: Store): Part {
  const last = store.steps.length;
  const to = (step: number) => store.set({ step: Math.max(0, Math.min(last, step)), hovered: null });
  const player = new Player(store, to);
  const by = (steps: number) => {
    player.stop();
    // A story that has not been begun is told from the beginning.
    to(!begun && steps > 0 ? 1 : store.state.step + steps);
  };
  const jump = (step: number) => {
    player.stop();
    to(step);
  };
  let begun = false;

  const buttons = {
    first: button("first", "To the beginning (Home)", () => jump(0)),
    back: button("back", "A step back (p)", () => by(-1)),
    play: button("play", "Play (Space)", () => player.toggle(begun)),
    forward: button("forward", "A step forward (n)", () => by(1)),
    last: button("last", "To the end (End)", () => jump(last)),
  };
  const range = h("input", { type: "range", min: 0, max: last, step: 1, "aria-label": "Step of the story", input: () => jump(Number(range.value)) });
  const count = h("span", { class: "gg-count" });
  const chip = h("span", { class: "gg-chip" });
  const story = h("div", { class: "gg-story", "aria-live": "polite", tabindex: 0, role: "region", "aria-label": "What happens at this step" });
  const bar = h("div", { class: "gg-steps", role: "toolbar", "aria-label": "Walk through the passes" },
    h("div", { class: "gg-buttons" }, ...Object.values(buttons)), range, chip, count);
  const element = h("section", { class: "gg-stepper", "aria-label": "Story" }, bar, story);
  const frames = { forward: forwards(store), all: last };
  range.style.setProperty("--turn", `${(100 * frames.forward) / Math.max(1, frames.all)}%`);

  const draw = () => {
    const { step } = store.state;
    const over = step === last && !begun;
    const told = telling(store, step, over);
    range.value = String(step);
    const pass = PASSES[told.pass];
    range.setAttribute("aria-valuetext", `step ${step} of ${last}${pass ? `, ${pass}` : ""}`);
    count.textContent = `${step} / ${last}`;
    chip.textContent = told.pass ? `${pass} pass` : "";
    chip.dataset["pass"] = pass;
    buttons.first.disabled = buttons.back.disabled = step === 0;
    buttons.last.disabled = step === last;
    buttons.forward.disabled = step === last && begun;
    refill(story, paragraphs(told), story);
    story.scrollTop = 0;
  };
  draw();

  const ends = [
    store.listen((_, changed) => {
      if (changed.has("step")) begun = true;
      if (changed.has("step") || changed.has("live")) draw();
    }),
    player.onChange((playing) => {
      buttons.play.replaceChildren(icon(playing ? "pause" : "play"));
      buttons.play.setAttribute("aria-label", playing ? "Pause (Space)" : "Play (Space)");
      story.setAttribute("aria-live", playing ? "off" : "polite");
    }),
    keys(host, element, by, jump, last, () => player.toggle(begun)),
    swipes(story, by),
    () => player.stop(),
  ];
  return { element, end: () => ends.forEach((end) => end()) };
}

/** Steps of the forward pass. */
function forwards(store: Store): number {
  return store.steps.filter((step) => step.pass === "forward").length;
}

/** Goes on by itself, a step at a time. */
class Player {
  private timer = 0;
  private heard: (playing: boolean) => void = () => {};

  constructor(
    private readonly store: Store,
    private readonly to: (step: number) => void,
  ) {}

  onChange(heard: (playing: boolean) => void): () => void {
    this.heard = heard;
    return () => (this.heard = () => {});
  }

  toggle(begun: boolean): void {
    if (this.timer) return this.stop();
    const last = this.store.steps.length;
    if (!last) return;
    if (this.store.state.step === last || !begun) this.to(0);
    const pause = Math.max(250, Math.min(1600, 60_000 / last));
    this.timer = window.setInterval(() => {
      this.to(this.store.state.step + 1);
      if (this.store.state.step >= last) this.stop();
    }, pause);
    this.heard(true);
  }

  stop(): void {
    if (!this.timer) return;
    clearInterval(this.timer);
    this.timer = 0;
    this.heard(false);
  }
}

/** Whether a key belongs to what has the focus, and not to the page. */
export function typing(event: KeyboardEvent): boolean {
  const at = event.composedPath()[0] as HTMLElement;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true;
  if (at.closest("dialog")) return true;
  const field = at.closest<HTMLInputElement>("input, textarea, select");
  return !!field && field.type !== "range" && field.type !== "checkbox";
}

function keys(
  host: HTMLElement, stepper: HTMLElement, by: (steps: number) => void, jump: (step: number) => void,
  last: number, play: () => void,
): () => void {
  const pressed = (event: KeyboardEvent) => {
    if (typing(event)) return;
    const at = event.composedPath()[0] as HTMLElement;
    const own = stepper.contains(at);
    if (event.key === "n" || event.key === ".") by(1);
    else if (event.key === "p" || event.key === ",") by(-1);
    else if (event.key === " " && !at.closest("button, a, summary, [role=tab], [role=option]")) play();
    else if (own && event.key === "ArrowRight") by(1);
    else if (own && event.key === "ArrowLeft") by(-1);
    else if ((own || at === host) && event.key === "Home") jump(0);
    else if ((own || at === host) && event.key === "End") jump(last);
    else return;
    event.preventDefault();
  };
  host.addEventListener("keydown", pressed);
  return () => host.removeEventListener("keydown", pressed);
}

function swipes(over: HTMLElement, by: (steps: number) => void): () => void {
  let from: { x: number; y: number } | null = null;
  const down = (event: TouchEvent) => {
    const touch = event.touches[0]!;
    from = { x: touch.clientX, y: touch.clientY };
  };
  const up = (event: TouchEvent) => {
    const touch = event.changedTouches[0]!;
    if (!from) return;
    const across = touch.clientX - from.x;
    if (Math.abs(across) > SWIPE && Math.abs(across) > 2 * Math.abs(touch.clientY - from.y)) by(across < 0 ? 1 : -1);
    from = null;
  };
  over.addEventListener("touchstart", down, { passive: true });
  over.addEventListener("touchend", up, { passive: true });
  return () => {
    over.removeEventListener("touchstart", down);
    over.removeEventListener("touchend", up);
  };
}
