// The help dialog: how to read a picture, and the keys. Only words.

import { h } from "../dom";
import { button } from "./icons";

const KEYS: [string, string][] = [
  ["n  or  .", "a step forward"],
  ["p  or  ,", "a step back"],
  ["Space", "play, pause"],
  ["Home, End", "to the beginning, to the end"],
  ["Tab", "from part to part"],
  ["arrow keys", "in the picture: along the wires; in the code: from line to line"],
  ["Enter", "select; open or close a group, with Shift all that are alike"],
  ["/", "find a name, a gate, a line"],
  ["+  -  0", "larger, smaller, all of the picture"],
  ["Esc", "select nothing"],
  ["?", "this help"],
];

export function help(): HTMLDialogElement {
  const dialog: HTMLDialogElement = h(
    "dialog.gg-help",
    { "aria-label": "Help" },
    h(
      "div.gg-pane-head",
      {},
      h("h2", {}, "How to read the picture"),
      button("close", "Close", () => dialog.close()),
    ),
    h(
      "ul",
      {},
      h("li", {}, "Data flows from left to right: inputs on the left, the output on the right. A circle is a gate."),
      h("li", {}, h("b.gg-value", {}, "Above a wire, green:"), " its value, which flowed forward."),
      h(
        "li",
        {},
        h("b.gg-gradient", {}, "Below it, red:"),
        " the gradient of the output with respect to it, which flowed back.",
      ),
      h(
        "li",
        {},
        "Every gate knows two things on its own: its output and its local gradients. On the way back it multiplies the gradient that arrives at its output by them.",
      ),
      h("li", {}, "A dot is a fork: a value goes to several gates, and what comes back from them is added up."),
      h(
        "li",
        {},
        "A box is a call of your function, a loop or a turn of it; it opens and closes. A grey wire has no gradient.",
      ),
    ),
    h("h2", {}, "Keys"),
    h("dl.gg-keys", {}, ...KEYS.flatMap(([key, does]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)])),
  );
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // outside of what is in it
  });
  return dialog;
}
