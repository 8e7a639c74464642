// What glassgrad writes for the page: the same as show/document.py, as types.

/** A number; those that JSON lacks are "nan", "inf" and "-inf". */
export type Num = number | boolean | "nan" | "inf" | "-inf";

/** An array: all elements in C order while there are few, else what is known of them. */
export interface Arr {
  shape: number[];
  dtype: string;
  text: string;
  low: Num | null;
  high: Num | null;
  mean: Num | null;
  cells: (number | null)[];
  data: Num[] | null;
}

export type Value = Num | Arr;

export interface Wire {
  name: string;
  type: string;
  value: Value;
  gradient: Value | null;
}

export interface Node {
  kind: "input" | "gate" | "constant" | "output";
  symbol: string;
  inputs: number[]; // wires, in the order of the arguments
  outputs: number[];
  group: number | null;
  seed?: Value; // of an output: the gradient that was given for it; without it 1
  // Only gates have these:
  op?: string;
  says?: string;
  statement?: number; // of the staged code; 0 where there is none
  source?: number | null; // which of the document's sources
  line?: number | null;
  formula?: number; // which of the document's formulas; -1 where there is none
  local?: (Value | null)[]; // dy/dx for each operand of the gate, element by element
  operands?: number[]; // for each of `inputs`, the number of the operand it is
}

export interface Group {
  kind: string; // "call", "loop" or "turn"
  label: string;
  line: number;
  parent: number | null;
  gates: number;
  turns: number;
}

/** x, y, width, height */
export type Rect = [number, number, number, number];
/** x, y, wire */
export type Port = [number, number, number];
export type Role = "name" | "shape" | "value" | "gradient" | "symbol" | "word" | "line" | "title";
/** text, role, place (x, y, width, height), baseline, 1 where it belongs in the middle of its place */
export type Label = [string, Role, number, number, number, number, number, 0 | 1];
/** role, place (x, y, width, height), cells from -1 to 1 (null: not finite) */
export type Strip = ["value" | "gradient", number, number, number, number, (number | null)[]];

export interface Shape {
  f: "circle" | "pill" | "name" | "constant" | "box" | "end" | "edge";
  r: Rect;
  i: Port[];
  o: Port[];
  t: Label[];
  n?: number; // the node it stands for,
  g?: number; // or the group that is folded into it,
  e?: "enter" | "leave"; // or where a wire crosses the edge of the group whose level this is
}

export interface WirePath {
  n: number; // the wire's number
  b: number[][]; // branches: x, y, x, y, ... across and down only
  k: [number, number][]; // where it forks
  t: Label[];
  s: Strip[];
}

export interface Outline {
  g: number;
  r: Rect;
  t: Label[];
}

export interface Picture {
  w: number;
  h: number;
  shapes: Shape[];
  wires: WirePath[];
  outlines: Outline[];
}

/** MathML templates: `{0}`, `{y}`, `{dy}`, ... are slots for operands, the output, gradients. */
export interface Formula {
  forward: string;
  local: (string | null)[];
  backward: (string | null)[];
}

export interface Source {
  name: string;
  file: string;
  first: number; // line number of the first line
  lines: string[];
}

export interface Finding {
  kind: string;
  severity: "error" | "warning" | "note";
  title: string;
  says: string;
  mend: string;
  file: string;
  line: number | null;
  statement: string;
  wires: string[];
  shown: string[]; // names of wires
  numbers: Record<string, Num>;
}

export interface Script {
  text: string;
  inputs: number[]; // the wires it is given, in order
  outputs: (["value", number] | ["gradient", number] | ["local", number, number])[];
}

export interface Palette {
  ground: string;
  ink: string;
  dim: string;
  faint: string;
  gate: string;
  input: string;
  frame: string;
  wire: string;
  value: string;
  gradient: string;
  alert: string;
  low: string;
  zero: string;
  high: string;
}

export interface Doc {
  version: 1;
  name: string;
  wires: Wire[];
  nodes: Node[];
  groups: Group[];
  folds: number[]; // the groups that are folded at first
  levels: Picture[]; // the outermost level, then the inside of each group, all inner groups folded
  formulas: Formula[];
  sources: Source[];
  code: { lines: string[]; marks: number[] }; // marks: statement of each line, below 0 in the backward pass
  diagnosis: Finding[];
  script: Script | null;
  no_script: string; // why there is none
  themes: { light: Palette; dark: Palette };
}

/** Computes every output of the script from its inputs; null where another path would be taken. */
export type Evaluate = (inputs: number[][]) => number[][] | null;
