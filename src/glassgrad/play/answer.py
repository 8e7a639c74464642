"""One question answered: a formula and its inputs become a circuit, or a file, or an error in words.

Runs in the worker's process. The formula goes through the whitelist of `glassgrad.formula` and through
nothing else. It knows nothing of HTTP but the status that fits.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

import glassgrad as gg
from glassgrad.errors import GlassgradError
from glassgrad.formula import Formula, FormulaError, parse, parse_value
from glassgrad.microscope import Backprop
from glassgrad.play.bounds import FORMULA
from glassgrad.play.frames import Reply

__all__ = ["answer", "file_name"]

_DEFAULT = "1"
_WRONG, _OURS = 422, 500


def answer(question: Mapping[str, Any], most: int) -> Reply:
    """Answer a question.

    Parameters
    ----------
    question : mapping
        "formula", and "inputs" as texts by name; "id", under which the circuit can be fetched, or
        None where the whole page is asked for as a file.
    most : int
        Bytes the answer may have.

    Examples
    --------
    >>> reply = answer({"formula": "x ^ 2", "inputs": {}, "id": "1"}, 1000)
    >>> reply.status, json.loads(reply.body)["where"]
    (422, {'line': 1, 'column': 3})
    """
    inputs: dict[str, str] = {}
    try:
        formula = parse(question["formula"], FORMULA)
        inputs = {name: question["inputs"].get(name, _DEFAULT) for name in formula.names}
        reply = _shown(_evaluated(formula, inputs), inputs, question)
    except _Input as error:
        return _error(str(error), inputs, {"input": error.name} | _spot(error.cause))
    except FormulaError as error:
        return _error(str(error), inputs, _spot(error) or None)
    except GlassgradError as error:
        return _error(str(error), inputs)
    except MemoryError:
        return _error("the evaluation needs more memory than it may have", inputs, spent=True)
    except RecursionError:
        return _error("the circuit is nested too deep", inputs)
    except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
        return _error(_raised(error), inputs)
    except Exception as error:  # a fault of our own: its text may tell of files
        text = f"glassgrad cannot show this formula: {type(error).__name__} inside glassgrad"
        return _error(text, inputs, status=_OURS)
    if len(reply.body) + len(reply.script) > most:
        return _error(f"the circuit is too large to show: {len(reply.body)} bytes; {most} are "
                      "allowed", inputs)  # fmt: skip
    return reply


def file_name(formula: str) -> str:
    """A name for the file of a formula: letters and digits alone, whatever the formula is.

    Examples
    --------
    >>> file_name("(x + y) * z"), file_name("2 * (")
    ('x-y-z.html', '2.html')
    """
    words = "-".join(re.findall(r"[A-Za-z0-9]+", formula)[:12])[:40].strip("-")
    return f"{words or 'circuit'}.html"


class _Input(Exception):
    """An input's text is no value."""

    def __init__(self, name: str, cause: FormulaError) -> None:
        super().__init__(f"the value of {name}: {cause}")
        self.name, self.cause = name, cause


def _evaluated(formula: Formula, inputs: Mapping[str, str]) -> Backprop:
    values = []
    for name, text in inputs.items():
        try:
            values.append(parse_value(text))
        except FormulaError as error:
            raise _Input(name, error) from None
    return gg.backprop(formula, *values)


def _shown(record: Backprop, inputs: Mapping[str, str], question: Mapping[str, Any]) -> Reply:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the diagnosis says it better
        if question["id"] is None:
            from glassgrad.show.page import html

            return Reply(200, html(record).encode(), file=file_name(question["formula"]))
        from glassgrad.show.document import document

        told = document(record)
    body = {"id": question["id"], "document": told, "inputs": inputs}
    script = told["script"]
    return Reply(200, _json(body), b"" if script is None else script["text"].encode())


def _error(
    message: str, inputs: Mapping[str, str], where: Any = None, status: int = _WRONG,
    spent: bool = False,
) -> Reply:  # fmt: skip
    # The inputs are told even so: the page shows a field for each, and there the mend may lie.
    body = {"error": message, "where": where, "inputs": inputs}
    return Reply(status, _json(body), spent=spent)


def _spot(error: FormulaError) -> dict[str, int]:
    return {} if error.where is None else dict(zip(("line", "column"), error.where, strict=True))


def _raised(error: Exception) -> str:
    notes: list[str] = getattr(error, "__notes__", [])
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return f"{text}, {notes[0]}" if notes else text


def _json(told: Any) -> bytes:
    return json.dumps(told, allow_nan=False, separators=(",", ":")).encode()
