// What each part of the frame is: an element, and what ends its listening.

export interface Part {
  element: HTMLElement;
  end: () => void;
}
