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
  const play = player(store, to, (playing) => {
    buttons.play.replaceChildren(icon(playing ? "pause" : "play"));
    buttons.play.ariaLabel = playing ? "Pause (Space)" : "Play (Space)";
    story.ariaLive = playing ? "off" : "polite";
  });
  const by = (steps: number) => {
    play.stop();
    // A story that has not been begun is told from the beginning.
    to(!begun && steps > 0 ? 1 : store.state.step + steps);
  };
  const jump = (step: number) => {
    play.stop();
    to(step);
  };
  let begun = false;

  const buttons = {
    first: button("first", "To the beginning (Home)", () => jump(0)),
    back: button("back", "A step back (p)", () => by(-1)),
    play: button("play", "Play (Space)", () => play.toggle(begun)),
    forward: button("forward", "A step forward (n)", () => by(1)),
    last: button("last", "To the end (End)", () => jump(last)),
  };
  const range = h("input", {
    type: "range",
    min: 0,
    max: last,
    step: 1,
    "aria-label": "Step of the story",
    input: () => jump(Number(range.value)),
  });
  const count = h("span.gg-count", {});
  const chip = h("span.gg-chip", {});
  const story = h("div.gg-story", {
    "aria-live": "polite",
    tabindex: 0,
    role: "region",
    "aria-label": "What happens at this step",
  });
  const bar = h(
    "div.gg-steps",
    { role: "toolbar", "aria-label": "Walk through the passes" },
    h("div.gg-buttons", {}, ...Object.values(buttons)),
    range,
    chip,
    count,
  );
  const element = h("section.gg-stepper", { "aria-label": "Story" }, bar, story);

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
    keys(host, element, by, jump, last, () => play.toggle(begun)),
    swipes(story, by),
    () => play.stop(),
  ];
  return { element, end: () => ends.forEach((end) => end()) };
}

/** What goes on by itself, a step at a time, and says when it begins and ends. */
function player(store: Store, to: (step: number) => void, heard: (playing: boolean) => void) {
  const last = store.steps.length;
  let timer = 0;
  const stop = () => {
    if (timer) heard(false);
    clearInterval(timer);
    timer = 0;
  };
  const toggle = (begun: boolean) => {
    if (timer || !last) return stop();
    if (store.state.step === last || !begun) to(0);
    timer = window.setInterval(
      () => {
        to(store.state.step + 1);
        if (store.state.step >= last) stop();
      },
      Math.max(250, Math.min(1600, 60_000 / last)),
    );
    heard(true);
  };
  return { toggle, stop };
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
  host: HTMLElement,
  stepper: HTMLElement,
  by: (steps: number) => void,
  jump: (step: number) => void,
  last: number,
  play: () => void,
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
