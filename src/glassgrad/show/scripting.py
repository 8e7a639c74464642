"""The document's circuit as JavaScript: what it is given, and where each of its results belongs."""

from __future__ import annotations

from typing import Any

from glassgrad.circuit import Circuit, Constant, Operand
from glassgrad.emit.javascript import NotScript, script
from glassgrad.runtime.staging import Study
from glassgrad.show.graph import Origin
from glassgrad.show.local import Local

__all__ = ["scripted"]

_MOST = 2_000  # gates: beyond, a page has more to draw than a slider may wait for


def scripted(local: Local, origin: Origin, study: Study) -> tuple[dict[str, Any] | None, str]:
    """The script of a document, or None and the reason in words.

    Parameters
    ----------
    local : Local
        Its circuit computes everything.
    origin : Origin
        Whose wires are asked for.
    study : Study

    Returns
    -------
    script : dict or None
        ``text`` declares ``function evaluate(inputs)``, ``inputs`` are the wires to give, in order;
        ``outputs`` says what each result is: ``["value", wire]``, ``["gradient", wire]`` or
        ``["local", node, operand]``.
    reason : str
        Why there is none; else empty.
    """
    if len(origin.gates) > _MOST:
        return None, f"there are more than {_MOST} gates"
    wanted: list[Operand] = []
    places: list[list[Any]] = []
    for number, operand in enumerate(origin.operands):
        if not isinstance(operand, Constant):
            wanted.append(operand)
            places.append(["value", number])
        gradient = study.gradient_operand(operand)
        if gradient is not None:
            wanted.append(gradient)
            places.append(["gradient", number])
    for node, found in enumerate(local.operands):
        for port, partial in enumerate(found):
            if partial is not None and not isinstance(partial, Constant):
                wanted.append(partial)
                places.append(["local", node, port])
    circuit = local.circuit
    numbers = {o: n for n, o in enumerate(origin.operands)}
    inputs = tuple(w for w in circuit.inputs if w in numbers)
    # What was given as the outputs' gradients stays as it is.
    given: dict[Operand, Operand] = {
        w: Constant(study.values[w], w.type) for w in circuit.inputs if w not in numbers
    }
    gates = tuple(g.with_inputs(tuple(given.get(i, i) for i in g.inputs)) for g in circuit.gates)
    whole = Circuit(inputs, gates, tuple(given.get(w, w) for w in wanted), circuit.names)
    try:
        text = script(whole)
    except NotScript as reason:
        return None, str(reason)
    return {"text": text, "inputs": [numbers[w] for w in inputs], "outputs": places}, ""
