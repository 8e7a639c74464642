// What each part of the frame is: an element, and what ends its listening; how its inside is changed.

export interface Part {
  element: HTMLElement;
  end: () => void;
}

/** Put something else into an element; the focus that was in it stays near. */
export function refill(element: HTMLElement, children: HTMLElement[], near: HTMLElement): void {
  const focused = element.contains((element.getRootNode() as Document | ShadowRoot).activeElement);
  element.replaceChildren(...children);
  if (focused) near.focus({ preventScroll: true });
}
