// Python in few colours: words of the language, numbers, texts, comments. It reads line by line and
// knows nothing of what the names mean; who asks may say which names are gradients.

import { h } from "../dom";

const KEYWORDS = new Set(
  (
    "False None True and as assert async await break class continue def del elif else except finally for from global " +
    "if import in is lambda nonlocal not or pass raise return try while with yield"
  ).split(" "),
);
const TOKEN =
  /(#.*$)|([rRbBfFuU]{0,2}(?:"""|'''))|([rRbBfFuU]{0,2}(?:"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?))|(\d[\w.]*(?:(?<=[eE])[+-]\d+)?|\.\d[\w]*)|([A-Za-z_]\w*)/g;

/** Which quotes each line begins inside of. */
export function openQuotes(lines: string[]): string[] {
  let quote = "";
  return lines.map((line) => {
    const begins = quote;
    quote = endOf(line, quote);
    return begins;
  });
}

function endOf(line: string, quote: string): string {
  let at = 0;
  if (quote) {
    at = line.indexOf(quote);
    if (at < 0) return quote;
    at += 3;
  }
  for (const found of line.slice(at).matchAll(TOKEN)) {
    if (!found[2]) continue;
    const mark = found[2].slice(-3);
    return endOf(line.slice(at + found.index + found[0].length), mark);
  }
  return "";
}

/** One line as coloured pieces; `quote` is what it begins inside of. */
export function coloured(line: string, quote: string, gradient: (name: string) => boolean): (string | HTMLElement)[] {
  const made: (string | HTMLElement)[] = [];
  let at = 0;
  const put = (text: string, kind: string) => text && made.push(kind ? h("span", { class: `gg-${kind}` }, text) : text);
  if (quote) {
    const end = line.indexOf(quote);
    at = end < 0 ? line.length : end + 3;
    put(line.slice(0, at), "string");
  }
  TOKEN.lastIndex = at;
  for (let found = TOKEN.exec(line); found; found = TOKEN.exec(line)) {
    put(line.slice(at, found.index), "");
    at = found.index + found[0].length;
    if (found[2]) {
      const end = line.indexOf(found[2].slice(-3), at);
      at = end < 0 ? line.length : end + 3;
      put(line.slice(found.index, at), "string");
      TOKEN.lastIndex = at;
      continue;
    }
    put(found[0], kind(found, gradient));
  }
  put(line.slice(at), "");
  return made;
}

function kind(found: RegExpExecArray, gradient: (name: string) => boolean): string {
  if (found[1]) return "comment";
  if (found[3]) return "string";
  if (found[4]) return "number";
  if (KEYWORDS.has(found[0])) return "keyword";
  return gradient(found[0]) ? "dname" : "";
}
