"""The document: all there is to see of one evaluation, as what JSON knows, for pages that draw it.

Graph, values, gradients, local gradients, formulas, the user's source, the staged code, the
diagnosis, the levels of the layout, and the circuit as JavaScript. `web/src/document.ts` says the
same as types; how any of it is drawn is the page's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from glassgrad.circuit import Circuit, Constant, Gate, Operand, Wire
from glassgrad.microscope import Backprop
from glassgrad.passes.local import local_gradients
from glassgrad.runtime.interpret import evaluate_all
from glassgrad.show.drawing import compact
from glassgrad.show.folding import default_folds
from glassgrad.show.formulas import Formulary
from glassgrad.show.graph import Group, Node, Origin, origin_of
from glassgrad.show.levels import levels
from glassgrad.show.plain import Budget, plain
from glassgrad.show.scripting import scripted
from glassgrad.show.sources import Sources
from glassgrad.show.symbols import symbol
from glassgrad.show.themes import THEMES

__all__ = ["document"]

_ELEMENTS = 20_000  # of arrays, in the whole document; beyond, ranges and strips are all there is
_LOCAL = 3_000  # gates: beyond, local gradients are left out


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
    origin = origin_of(record)
    graph, study = origin.graph, record.study
    staged = study.staged
    circuit, local = _local(origin, study.backward.circuit)
    values = _evaluated(circuit, study.values, len(study.backward.circuit.gates))
    budget = Budget(_ELEMENTS)
    sources, formulary = Sources(), Formulary()
    nodes = [
        _node(node, gate, found, values, budget, sources, formulary, staged.numbers)
        for node, gate, found in zip(graph.nodes, origin.gates, local, strict=True)
    ]
    wires = [
        {"name": w.name, "type": repr(w.type), "value": plain(w.value, budget),
         "gradient": None if w.gradient is None else plain(w.gradient, budget)}
        for w in graph.wires
    ]  # fmt: skip
    groups = [_group(g) for g in graph.groups]
    script, reason = scripted(circuit, origin, local, study)
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


def _local(origin: Origin, circuit: Circuit) -> tuple[Circuit, list[tuple[Operand | None, ...]]]:
    """The circuit with local gradients behind it, and those of each node's gate."""
    gates = [g for g in origin.gates if g is not None]
    if len(gates) > _LOCAL:
        return circuit, [() for _ in origin.gates]
    circuit, found = local_gradients(circuit, gates)
    rest = iter(found)
    return circuit, [() if g is None else next(rest) for g in origin.gates]


def _evaluated(circuit: Circuit, values: Any, known: int) -> dict[Operand, Any]:
    """The values of a circuit whose first gates were evaluated before."""
    more = circuit.gates[known:]
    given: dict[Operand, Any] = {i: values[i] for g in more for i in g.inputs if i in values}
    wires = tuple(w for w in given if isinstance(w, Wire))
    found = evaluate_all(Circuit(wires, more, ()), [given[w] for w in wires])
    return {**values, **found}


def _node(
    node: Node, gate: Gate | None, local: Sequence[Operand | None], values: dict[Operand, Any],
    budget: Budget, sources: Sources, formulary: Formulary, statements: Any,
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
        "local": [_number(o, values, budget) for o in local],
        "operands": list(symbol(gate)[1]),  # those that come by wire, in the order of the inputs
    }  # fmt: skip
    return found


def _group(group: Group) -> dict[str, Any]:
    return {"kind": group.kind, "label": group.label, "line": group.line, "parent": group.parent,
            "gates": group.gates, "turns": group.turns}  # fmt: skip


def _number(operand: Operand | None, values: dict[Operand, Any], budget: Budget) -> Any:
    if operand is None:
        return None
    return plain(operand.value if isinstance(operand, Constant) else values[operand], budget)
