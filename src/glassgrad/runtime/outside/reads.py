"""What a code object can read besides its own locals, from its bytecode alone.

It knows bytecode (3.11 and later, written so that an unknown instruction with a name counts as a
read of that name) and no values: a name stays a name here. Nested code objects (lambdas,
comprehensions, inner functions and classes) are part of the code that holds them.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Literal

__all__ = ["Import", "Reads", "Use", "reads_of"]

Scope = Literal["global", "free"]

_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL", "DELETE_GLOBAL"}
_FREE = {"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"}
_ATTRIBUTE = {"LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR"}
_NOISE = {"CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "PUSH_NULL", "RESUME", "NOT_TAKEN"}
_CALLS = {"CALL", "CALL_KW", "CALL_FUNCTION_EX"}
_BY_NAME = {"getattr", "setattr", "hasattr", "delattr"}
_TYPE_TESTS = {"isinstance", "issubclass"}


@dataclass(frozen=True, slots=True)
class Use:
    """One appearance of an outside variable: its name and what is done with it.

    ``chain`` are the attributes read from it at once (``np.random.rand`` has ``("random",
    "rand")``). ``called_bare`` says that the end of the chain is called without an argument,
    ``type_test`` that it only stands in ``isinstance`` or ``except``, and ``constant`` is the
    attribute's name where the variable is ``getattr`` or a kin and the name is a constant.
    """

    name: str
    scope: Scope
    chain: tuple[str, ...] = ()
    called_bare: bool = False
    type_test: bool = False
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement inside the code."""

    module: str
    level: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reads:
    """All that a code object can read: variables, attribute names, imports.

    ``compares`` says whether two values, neither of them a constant, are compared; ``matches``
    whether there is a class pattern, which reads attributes that no instruction names.
    """

    uses: tuple[Use, ...]
    attributes: frozenset[str]
    imports: tuple[Import, ...]
    compares: bool
    matches: bool

    def hands_on(self, name: str) -> bool:
        """Whether a closure variable is used otherwise than for its attributes or as a type."""
        if name == "__class__":  # what super() reads
            return False
        uses = [use for use in self.uses if use.scope == "free" and use.name == name]
        return not uses or any(not use.chain and not use.type_test for use in uses)


@lru_cache(maxsize=4096)
def reads_of(code: CodeType) -> Reads:
    """Everything ``code`` and the code nested in it can read.

    Examples
    --------
    >>> reads = reads_of((lambda x: scale * np.sin(x)).__code__)
    >>> [(use.name, use.chain) for use in reads.uses]
    [('scale', ()), ('np', ('sin',))]
    >>> sorted(reads.attributes)
    ['sin']
    """
    uses: dict[Use, None] = {}
    attributes: set[str] = set()
    imports: dict[Import, None] = {}
    compares = matches = False
    for part in _nested(code):
        instructions = [step for step in dis.get_instructions(part) if step.opname not in _NOISE]
        called: str | None = None  # the global that was last put in place to be called
        for position, step in enumerate(instructions):
            name = step.opname
            if name in _CALLS:
                called = None
            elif name == "COMPARE_OP":
                compares = compares or not instructions[position - 1].opname.startswith(
                    ("LOAD_CONST", "LOAD_SMALL_INT")
                )
            elif name.startswith("MATCH_CLASS"):
                matches = True
            elif name == "IMPORT_NAME":
                imports[_import(instructions, position)] = None
            elif name in _GLOBAL or name in _FREE:
                if name == "LOAD_GLOBAL" and step.arg is not None and step.arg & 1:
                    called = step.argval
                uses[_use(instructions, position, called)] = None
            elif step.opcode in dis.hasname and name != "STORE_NAME":
                attributes.add(str(step.argval))
    return Reads(tuple(uses), frozenset(attributes), tuple(imports), compares, matches)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _use(steps: list[dis.Instruction], position: int, called: str | None) -> Use:
    step = steps[position]
    scope: Scope = "free" if step.opname in _FREE else "global"
    chain: list[str] = []
    after = position + 1
    while after < len(steps) and steps[after].opname in _ATTRIBUTE:
        chain.append(str(steps[after].argval))
        after += 1
    following = steps[after].opname if after < len(steps) else ""
    bare = following in _CALLS and _count(steps[after]) == 0
    if following == "LOAD_CONST" and steps[after].argval is None and after + 1 < len(steps):
        bare = steps[after + 1].opname == "CALL" and _count(steps[after + 1]) == 1
    return Use(
        name=str(step.argval),
        scope=scope,
        chain=tuple(chain),
        called_bare=bare,
        type_test=(called in _TYPE_TESTS and step.argval != called)
        or following == "CHECK_EXC_MATCH",
        constant=_constant(steps, position) if step.argval in _BY_NAME else None,
    )


def _count(step: dis.Instruction) -> int:
    # CALL_FUNCTION_EX has flags for an argument: f(*args) may or may not hand something over.
    return -1 if step.opname == "CALL_FUNCTION_EX" or step.arg is None else step.arg


def _constant(steps: list[dis.Instruction], position: int) -> str | None:
    """The attribute's name in ``getattr(x.y, "name"[, simple])``, or None where it is not plain."""
    at = position + 1
    if not steps[at].opname.startswith("LOAD_"):
        return None
    at += 1
    while at < len(steps) and steps[at].opname in ("LOAD_ATTR", "LOAD_METHOD"):
        at += 1
    if at + 1 >= len(steps) or steps[at].opname != "LOAD_CONST":
        return None
    name = steps[at].argval
    at += 1
    if steps[at].opname.startswith("LOAD_"):
        at += 1
    plain = at < len(steps) and steps[at].opname == "CALL" and isinstance(name, str)
    return name if plain else None


def _import(steps: list[dis.Instruction], position: int) -> Import:
    level = names = None
    if position >= 2:  # `import` puts the level and the names there as constants
        level, names = steps[position - 2].argval, steps[position - 1].argval
    return Import(
        module=str(steps[position].argval),
        level=level if isinstance(level, int) else 0,
        names=names if isinstance(names, tuple) else (),
    )
