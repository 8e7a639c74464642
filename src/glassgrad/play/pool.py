"""The worker from the server's side: started ahead, asked one question at a time, killed when it fails.

It knows processes and time, not what is asked. Whatever happens to the worker, the next question meets
a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from glassgrad.play.bounds import Bounds
from glassgrad.play.frames import Reply, TooLarge, framed, receive

__all__ = ["Pool", "Refused"]

_START = 60.0  # seconds until a new worker has imported all it needs
_ENDED = (asyncio.IncompleteReadError, ConnectionError, OSError, ValueError)
# One thread: processor time is then time, and a worker is no burden to the machine.
_ENVIRONMENT = {name: "1" for name in (
    "GLASSGRAD_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "PYTHONDONTWRITEBYTECODE",
)}  # fmt: skip


class Refused(Exception):
    """A question that got no answer, with the status that says why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Pool:
    """One worker at a time; used as an async context manager."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._turn = asyncio.Lock()
        self._asking = 0
        self._coming: asyncio.Task[_Worker] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Pool:
        self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._coming is not None:
            self._coming.cancel()
            with contextlib.suppress(asyncio.CancelledError, Refused):
                self._end(await self._coming)
        await asyncio.gather(*self._ending)

    async def ask(
        self, question: Mapping[str, Any], wanted: Callable[[], Awaitable[bool]]
    ) -> Reply | None:
        """Ask; None where nobody wants the answer any more when the turn comes.

        Raises
        ------
        Refused
            There are too many questions, or this one took too much.
        """
        if self._asking > self._bounds.waiting:
            raise Refused(503, "too many formulas are waiting to be evaluated; try again")
        self._asking += 1
        try:
            async with self._turn:
                return await self._answered(question) if await wanted() else None
        finally:
            self._asking -= 1

    async def _answered(self, question: Mapping[str, Any]) -> Reply:
        worker = await self._ready()
        reply = None
        try:
            async with asyncio.timeout(self._bounds.seconds):
                reply = await worker.ask(question, self._bounds.answer)
        except TimeoutError:
            raise Refused(422, f"the evaluation took longer than {self._bounds.seconds:g} seconds "
                               "and was stopped") from None  # fmt: skip
        except TooLarge:
            raise Refused(422, "the circuit is too large to show") from None
        except _ENDED:
            raise Refused(503, "the evaluation's process ended before its answer; a new one is "
                               "there") from None  # fmt: skip
        finally:
            if reply is None or reply.spent:  # also where this task is cancelled in between
                self._end(worker)
                self._begin()
        return reply

    def _end(self, worker: _Worker) -> None:
        task = asyncio.create_task(worker.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _begin(self) -> None:
        self._coming = asyncio.create_task(_Worker.start(self._bounds))
        self._coming.add_done_callback(lambda task: task.cancelled() or task.exception())  # seen

    async def _ready(self) -> _Worker:
        assert self._coming is not None, "a pool is entered before it is asked"
        try:
            worker = await asyncio.shield(self._coming)
            if not worker.ended:
                return worker
            self._end(worker)
        except Refused:
            pass  # it could not be started then; perhaps it can now
        self._begin()
        return await asyncio.shield(self._coming)


class _Worker:
    """A process that is ready to be asked."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._process, self._to, self._from = process, process.stdin, process.stdout

    @classmethod
    async def start(cls, bounds: Bounds) -> _Worker:
        """Start one and wait until it is ready."""
        path = os.pathsep.join(p for p in sys.path if p)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "glassgrad.play.worker",
            str(bounds.memory), str(bounds.seconds), str(bounds.answer),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=os.environ | _ENVIRONMENT | {"PYTHONPATH": path},
        )  # fmt: skip
        worker = cls(process)
        try:
            async with asyncio.timeout(_START):
                await receive(worker._from, bounds.answer)
        except (TimeoutError, TooLarge, *_ENDED):
            await worker.end()
            raise Refused(503, "the process that evaluates formulas cannot be started") from None
        except BaseException:
            await worker.end()
            raise
        return worker

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None or self._from.at_eof()

    async def ask(self, question: Mapping[str, Any], most: int) -> Reply:
        self._to.write(framed(json.dumps(question).encode()))
        await self._to.drain()
        return await receive(self._from, most)

    async def end(self) -> None:
        """Kill it and wait until it and its pipes are gone."""
        self._to.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._from.read()
        with contextlib.suppress(OSError):
            await self._to.wait_closed()
