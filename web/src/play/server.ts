// What the local server answers: the page's only talk with the outside, always with its own origin.

import type { Doc, Evaluate } from "../document";

export interface Example {
  name: string;
  about: string;
  formula: string;
  inputs: Record<string, string>;
}

export interface Question {
  formula: string;
  inputs: Record<string, string>;
}

export interface Circuit {
  id: string;
  document: Doc;
  /** The text of every input there is, also of those that were not given. */
  inputs: Record<string, string>;
}

/** What is wrong, in words; where, and the inputs there are, so far as is known. */
export interface Wrong {
  error: string;
  where: { line?: number; column?: number; input?: string } | null;
  inputs?: Record<string, string>;
}

export async function examples(): Promise<Example[]> {
  return (await fetch("/api/examples")).json() as Promise<Example[]>;
}

export async function circuit(question: Question, signal: AbortSignal): Promise<Circuit | Wrong> {
  const response = await post("/api/circuit", question, signal);
  return (await told(response)) as Circuit | Wrong;
}

/** The offline file: its text and its name. */
export async function file(question: Question): Promise<{ blob: Blob; name: string } | Wrong> {
  const response = await post("/api/file", question);
  if (!response.ok) return (await told(response)) as Wrong;
  const name = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1];
  return { blob: await response.blob(), name: name ?? "circuit.html" };
}

/** The circuit as a function; a script of the server's, as this page may not make one of a text. */
export async function evaluator(found: Circuit): Promise<Evaluate | null> {
  if (!found.document.script) return null;
  const url = `/circuit/${encodeURIComponent(found.id)}.js`;
  try {
    return ((await import(url)) as { evaluate: Evaluate }).evaluate;
  } catch {
    return null;
  }
}

export function isWrong(answer: object): answer is Wrong {
  return "error" in answer;
}

function post(path: string, question: Question, signal?: AbortSignal): Promise<Response> {
  return fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(question),
    signal: signal ?? null,
  });
}

async function told(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    const error = response.status === 403
      ? "this page's session has ended: open the link that the terminal shows"
      : `the server answered with status ${response.status}`;
    return { error, where: null } satisfies Wrong;
  }
}
