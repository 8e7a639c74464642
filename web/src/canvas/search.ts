// Finding things by what is written: names, ops, signs, lines, groups. It knows the document, not
// the page; the field that shows what is found is finder.ts.

import type { Doc } from "../document";
import type { Target } from "../store";

export interface Found {
  target: Target;
  text: string;
  detail: string;
}

interface Entry extends Found {
  keys: string[]; // what it is found by, in small letters
  line: number | null;
}

/** Everything that can be found, in the order of the program. */
export function entries(doc: Doc): Entry[] {
  const found: Entry[] = [];
  doc.wires.forEach((wire, id) => {
    if (!wire.name) return;
    const keys = [wire.name.toLowerCase()];
    found.push({ target: { kind: "wire", id }, text: wire.name, detail: "wire", keys, line: null });
  });
  doc.nodes.forEach((node, id) => {
    if (node.kind === "input" || node.kind === "output") return; // their wires have the names
    const keys = [node.symbol, node.op ?? ""].filter(Boolean).map((k) => k.toLowerCase());
    const line = node.line ?? null;
    const detail = [node.op && node.op !== node.symbol ? node.op : node.kind, line ? `line ${line}` : ""];
    found.push({ target: { kind: "node", id }, text: node.symbol, detail: detail.filter(Boolean).join(", "), keys, line });
  });
  doc.groups.forEach((group, id) => {
    const detail = `group, ${group.gates} gate${group.gates === 1 ? "" : "s"}, line ${group.line}`;
    found.push({ target: { kind: "group", id }, text: group.label, detail, keys: [group.label.toLowerCase()], line: group.line });
  });
  return found;
}

/** The best so many, and how many there are. */
export function search(all: readonly Entry[], query: string, most: number): { found: Found[]; count: number } {
  const asked = query.trim().toLowerCase();
  if (!asked) return { found: [], count: 0 };
  const line = /^(?:line\s*|:)?(\d+)$/.exec(asked);
  const ranks: Entry[][] = [[], [], []]; // the same, the beginning, somewhere
  for (const entry of all) {
    let rank = 3;
    if (line && entry.line === Number(line[1])) rank = 0;
    for (const key of entry.keys) {
      if (key === asked) rank = 0;
      else if (key.startsWith(asked)) rank = Math.min(rank, 1);
      else if (key.includes(asked)) rank = Math.min(rank, 2);
    }
    ranks[rank]?.push(entry);
  }
  const found = ranks.flat();
  return { found: found.slice(0, most), count: found.length };
}
