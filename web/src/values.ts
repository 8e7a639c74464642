// Numbers as text, as Python writes them: in few digits on the picture, all of them in the panels.

import type { Arr, Num, Value } from "./document";

export function isArray(value: Value): value is Arr {
  return typeof value === "object";
}

/** A JSON number as the number it is. */
export function num(value: Num): number {
  if (typeof value === "string") return value === "nan" ? NaN : value === "inf" ? Infinity : -Infinity;
  return Number(value);
}

/** In so many digits, as Python's `:.4g`. */
export function brief(value: Num, digits = 4): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  const x = num(value);
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  if (x === 0) return "0";
  const [mantissa, exponent] = rounded(x, digits).split("e") as [string, string];
  const power = Number(exponent);
  const trimmed = (s: string) => (s.includes(".") ? s.replace(/\.?0+$/, "") : s);
  if (power < -4 || power >= digits) {
    const size = Math.abs(power).toString().padStart(2, "0");
    return `${trimmed(mantissa)}e${power < 0 ? "-" : "+"}${size}`;
  }
  return trimmed(Number(`${mantissa}e${exponent}`).toFixed(digits - 1 - power));
}

/** In scientific form; just in the middle of two it goes to the even one, as Python does. */
function rounded(x: number, digits: number): string {
  const [shortest, exponent] = x.toExponential().split("e") as [string, string];
  const down = shortest.slice(0, -1);
  const middle =
    shortest.endsWith("5") &&
    down.replace(/\D/g, "").length === digits &&
    /^0*e/.test(x.toExponential(60).slice(shortest.length));
  return middle && /[02468]\.?$/.test(down) ? `${down.replace(/\.$/, "")}e${exponent}` : x.toExponential(digits - 1);
}

/** With all its digits, as Python's `repr` of a float. */
export function full(value: Num): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  const x = num(value);
  if (!Number.isFinite(x)) return brief(value);
  return Object.is(x, -0) ? "-0" : String(x);
}

/** As on the picture: a number in few digits, an array's range. */
export function summary(value: Value): string {
  return isArray(value) ? value.text : brief(value);
}

/** An array made anew from its elements, with the shape and dtype of another. */
export function arrayLike(like: Arr, elements: number[]): Arr {
  if (like.dtype === "bool") {
    const count = elements.filter((v) => v !== 0).length;
    return { ...like, data: elements.map((v) => v !== 0), text: `${count} of ${elements.length} true`,
             cells: cells(elements, like.cells.length) };
  }
  const finite = elements.filter(Number.isFinite);
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  let text = "not finite";
  if (!elements.length) text = "empty";
  else if (finite.length) {
    text = low === high ? `all ${brief(low, 3)}` : `${brief(low, 3)}..${brief(high, 3)}`;
    const rest = elements.length - finite.length;
    if (rest) text += `, ${rest} not finite`;
  }
  const mean = finite.reduce((a, b) => a + b, 0) / finite.length;
  return {
    ...like,
    text,
    low: finite.length ? low : null,
    high: finite.length ? high : null,
    mean: finite.length ? mean : null,
    cells: cells(elements, like.cells.length),
    data: elements.map(jsonNumber),
  };
}

export function jsonNumber(x: number): Num {
  if (Number.isFinite(x)) return x;
  return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
}

/** Elements as a row of cells from -1 to 1, scaled by the largest; null: not finite. */
export function cells(elements: number[], most: number): (number | null)[] {
  const count = Math.min(most, elements.length);
  const largest = Math.max(0, ...elements.filter(Number.isFinite).map(Math.abs));
  return Array.from({ length: count }, (_, n) => {
    const part = elements.slice(
      Math.floor((n * elements.length) / count),
      Math.floor(((n + 1) * elements.length) / count),
    );
    const mean = part.reduce((a, b) => a + (largest ? b / largest : b * 0), 0) / part.length;
    return Number.isFinite(mean) ? Math.round(mean * 1000) / 1000 : null;
  });
}
