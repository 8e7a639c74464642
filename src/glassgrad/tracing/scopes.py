"""Which part of the user's code a gate belongs to: the helpers called, the turns of loops.

Told from the frames that run and from where loops stand in their source; kept only while names
are collected. A function without source has no loops here.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
import tokenize
from dataclasses import dataclass, field
from types import CodeType, FrameType

from glassgrad.circuit import Scope

__all__ = ["Scopes"]


@dataclass(frozen=True, slots=True)
class _Loop:
    """A loop in the source: its first line, its last, and how it is called."""

    line: int
    last: int
    label: str


@dataclass(slots=True)
class _Running:
    """A frame that runs: its scope, and the loops it is in, the innermost last."""

    scope: Scope | None
    loops: list[_Loop]
    within: list[tuple[_Loop, Scope, Scope]] = field(default_factory=list)  # loop, it, its turn

    @property
    def innermost(self) -> Scope | None:
        return self.within[-1][2] if self.within else self.scope


class Scopes:
    """The scope of each of the user's frames that runs, and how it changes."""

    def __init__(self) -> None:
        self._running: dict[FrameType, _Running] = {}
        self._known: dict[CodeType, list[_Loop]] = {}

    def of(self, frame: FrameType) -> Scope | None:
        """The innermost helper or turn a frame is in; None in the traced function itself."""
        running = self._running.get(frame)
        return running.innermost if running is not None else None

    def entered(self, frame: FrameType) -> bool:
        """A frame begins; tells whether its lines have to be followed."""
        caller = frame.f_back
        while caller is not None and caller not in self._running:
            caller = caller.f_back
        code = frame.f_code
        scope = self.of(caller) if caller is not None else None
        name = code.co_name.strip("<>")
        if caller is not None and (code.co_name[0] != "<" or name == "lambda"):
            scope = Scope("call", name, caller.f_lineno, 0, scope)
        loops = self._known.get(code)
        if loops is None:
            loops = self._known[code] = _loops(code)
        self._running[frame] = _Running(scope, loops)
        return bool(loops)

    def left(self, frame: FrameType) -> None:
        self._running.pop(frame, None)

    def line(self, frame: FrameType) -> None:
        """A line is about to run: a loop's first line begins a turn, one behind it ends the loop."""
        running = self._running.get(frame)
        if running is None or not running.loops:
            return
        at, within = frame.f_lineno, running.within
        while within and not within[-1][0].line <= at <= within[-1][0].last:
            within.pop()
        for loop in running.loops:
            if loop.line != at:
                continue
            if within and within[-1][0] is loop:
                _, scope, turn = within.pop()
                number = turn.number + 1
            else:
                scope = Scope("loop", loop.label, at, 0, running.innermost)
                number = 1
            within.append((loop, scope, Scope("turn", loop.label, at, number, scope)))


def _loops(code: CodeType) -> list[_Loop]:
    """The loops of a function, outer ones first."""
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    if not lines or code.co_name[0] == "<":
        return []
    try:
        block = textwrap.dedent("".join(inspect.getblock(lines)))
        tree = ast.parse(block)
    except (SyntaxError, tokenize.TokenError):
        return []
    function = tree.body[0] if tree.body else None
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return []
    found: list[_Loop] = []
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, (ast.For, ast.While)):
            label = f"for {ast.unparse(node.target)}" if isinstance(node, ast.For) else "while"
            last = node.body[-1].end_lineno or node.lineno
            start = code.co_firstlineno - 1
            found.append(_Loop(node.lineno + start, last + start, label))
        waiting += ast.iter_child_nodes(node)
    return found
