"""Names for readers: the user's own, and short readable ones for what the user left unnamed.

No name clashes with another, with Python's keywords and builtins, or with the modules the code
imports.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Mapping

from glassgrad.circuit import Circuit, Gate, Operand, Wire

__all__ = ["USED_BY_CODE", "Names", "weak_name", "weak_names"]

_RESERVED = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "np", "math", "scipy"}
#: What the emitted code itself uses: not even the user's own name may be one of these.
USED_BY_CODE = {*keyword.kwlist, "np", "math", "scipy", "abs", "int", "float", "type"}
_BETWEEN = {"add": "plus", "subtract": "minus", "multiply": "times", "divide": "over",
            "matmul": "dot", "dot": "dot", "power": "to_the", "equal": "is"}  # fmt: skip
_LONGEST = 24


class Names:
    """Gives out names, each once.

    Parameters
    ----------
    users : set of str
        The user's own names: they may be Python builtins, and nothing else may take them.
    """

    def __init__(self, users: set[str]) -> None:
        self.users = users
        self.taken: set[str] = set()
        self._next: dict[tuple[str, bool], int] = {}  # smaller numbers are all taken

    def of_user(self, wanted: str) -> str:
        """A name the user gave; with a number behind it where it stands for several values."""
        return self._first_free(f"{wanted}_" if wanted in USED_BY_CODE else wanted, True)

    def unique(self, wanted: str) -> str:
        """A name of ours: itself if it is free, else with a number behind it."""
        return self._first_free(f"{wanted}_" if wanted in _RESERVED else wanted, False)

    def _first_free(self, wanted: str, of_user: bool) -> str:
        others: set[str] = set() if of_user else self.users
        n = self._next.get((wanted, of_user), 1)
        name = wanted if n == 1 else f"{wanted}_{n}"
        while name in self.taken or name in others:
            n += 1
            name = f"{wanted}_{n}"
        self.taken.add(name)
        self._next[wanted, of_user] = n
        return name


def weak_names(
    circuit: Circuit, names: Mapping[Wire, str], recognised: Mapping[Wire, Gate]
) -> dict[Wire, str]:
    """A readable name for every wire of a forward circuit the user did not name.

    ``x + y`` becomes x_plus_y, ``np.sum(exps)`` sum_exps, what goes into the gate that drives
    ``h`` becomes h_in; where nothing reads well, t1, t2, ...
    """
    readers: dict[Operand, list[Gate]] = {}
    for gate in circuit.gates:
        for operand in gate.inputs:
            readers.setdefault(operand, []).append(gate)
    found: dict[Wire, str] = {}
    for gate in circuit.gates:
        for wire in gate.outputs:
            if wire not in names:
                shown = recognised.get(wire, gate)
                found[wire] = _weak(shown, wire, names, readers.get(wire, []), len(found))
    return found


def _weak(
    gate: Gate, wire: Wire, names: Mapping[Wire, str], readers: list[Gate], number: int
) -> str:
    if gate.op.name == "getitem" and gate.inputs[0] in names:
        template = gate.static["template"]
        plain = all(type(part) is int and part >= 0 for part in template)
        tail = "_".join(map(str, template)) if plain and template else "at"
        return f"{names[gate.inputs[0]]}_{tail}"  # type: ignore[index]
    known = [names.get(i) for i in gate.inputs if isinstance(i, Wire)]
    if (
        gate.op.name == "equal"
        and len(known) == 2
        and known[1]
        and known[1][:4] in ("max_", "min_")
    ):
        return f"is_{known[1]}"
    between = _BETWEEN.get(gate.op.name)
    if between and len(known) == 2 and all(known):
        name = f"{known[0]}_{between}_{known[1]}"
        if len(name) <= _LONGEST:
            return name
    if len(known) == 1 and known[0] and gate.op.name not in _BETWEEN:
        name = f"{gate.op.name}_{known[0]}"
        if len(name) <= _LONGEST:
            return name
    if len(readers) == 1 and readers[0].outputs and readers[0].output in names:
        reader = readers[0]
        if sum(isinstance(i, Wire) and i not in names for i in reader.inputs) == 1:
            return f"{names[reader.output]}_in"
    return f"t{number + 1}"


def weak_name(gate: Gate, names: Mapping[Wire, str], number: int) -> str:
    """The same for one gate of a backward pass."""
    return _weak(gate, gate.output, names, [], number)
