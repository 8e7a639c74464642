"""The document: all there is to see of one evaluation, as what JSON knows, for pages that draw it.

Graph, values, gradients, local gradients, formulas, the user's source, the staged code, the
diagnosis, the levels of the layout, and the circuit as JavaScript. `web/src/document.ts` says the
same as types; how any of it is drawn is the page's.
"""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from glassgrad.circuit import Gate, Wire
from glassgrad.microscope import Backprop
from glassgrad.show.drawing import compact
from glassgrad.show.folding import default_folds
from glassgrad.show.formulas import Formulary
from glassgrad.show.graph import Group, Node, origin_of
from glassgrad.show.levels import levels
from glassgrad.show.local import Local, local_of
from glassgrad.show.plain import Budget, plain
from glassgrad.show.scripting import scripted
from glassgrad.show.sources import Sources
from glassgrad.show.themes import THEMES

__all__ = ["document"]

_ELEMENTS = 20_000  # of arrays, in the whole document; beyond, ranges and strips are all there is


def document(record: Backprop) -> dict[str, Any]:
    """One evaluation as dicts, lists, texts, numbers, truths and None.

    Numbers that are not finite are the texts "nan", "inf" and "-inf".

    Examples
    --------
    >>> import glassgrad as gg
    >>> found = document(gg.backprop(lambda x, y: x * y, 3.0, -4.0))
    >>> [(w["name"], w["value"], w["gradient"]) for w in found["wires"]]
    [('x', 3.0, -4.0), ('y', -4.0, 3.0), ('value', -12.0, 1.0)]
    """
    with _uncollected():
        return _document(record)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for garbage in cycles, of which a document makes none.

    The search goes through all that was made so far, again and again: half of the time of a large
    document.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _document(record: Backprop) -> dict[str, Any]:
    origin = origin_of(record)
    graph, study = origin.graph, record.study
    staged = study.staged
    local = local_of(origin, study)
    budget = Budget(_ELEMENTS)
    sources, formulary = Sources(), Formulary()
    nodes = [
        _node(node, gate, local, budget, sources, formulary, staged.numbers)
        for node, gate in zip(graph.nodes, origin.gates, strict=True)
    ]
    for output, given in origin.seeds.items():
        nodes[output]["seed"] = plain(given, budget)
    wires = [
        {"name": w.name, "type": repr(w.type), "value": plain(w.value, budget),
         "gradient": None if w.gradient is None else plain(w.gradient, budget)}
        for w in graph.wires
    ]  # fmt: skip
    groups = [_group(g) for g in graph.groups]
    script, reason = scripted(local, origin, study)
    return {
        "version": 1,
        "name": graph.name,
        "wires": wires,
        "nodes": nodes,
        "groups": groups,
        "folds": sorted(default_folds(graph)),
        "levels": [compact(p) for p in levels(graph)],
        "formulas": formulary.texts,
        "sources": sources.texts(),
        "code": {"lines": staged.code.rstrip("\n").split("\n"), "marks": list(staged.marks)},
        "diagnosis": record.diagnose().as_dict(),
        "script": script,
        "no_script": reason,
        "themes": {name: dataclasses.asdict(palette) for name, palette in THEMES.items()},
    }


def _node(
    node: Node, gate: Gate | None, local: Local, budget: Budget, sources: Sources,
    formulary: Formulary, statements: Mapping[Wire, int],
) -> dict[str, Any]:  # fmt: skip
    found: dict[str, Any] = {
        "kind": node.kind, "symbol": node.symbol, "inputs": list(node.inputs),
        "outputs": list(node.outputs), "group": node.group,
    }  # fmt: skip
    if gate is None:
        return found
    number = next((statements[w] for w in gate.outputs if w in statements), 0)
    place = gate.place
    found |= {
        "op": node.op, "says": node.says, "statement": number,
        "source": None if place is None else sources.number(place.file, place.function, place.line),
        "line": None if place is None else place.line,
        "formula": formulary.of(gate),
        "local": [None if v is None else plain(v, budget) for v in local.of(node.number)],
        "operands": list(node.operands),
    }  # fmt: skip
    return found


def _group(group: Group) -> dict[str, Any]:
    return {"kind": group.kind, "label": group.label, "line": group.line, "parent": group.parent,
            "gates": group.gates, "turns": group.turns}  # fmt: skip
