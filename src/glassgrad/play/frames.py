"""What goes over the pipes between the server and the worker: frames, each its length and its bytes.

A question is one frame of JSON. A reply is three: a small head as JSON, the body as it goes to the
browser, and the circuit as JavaScript (or nothing). The server never reads more than it allows.
"""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

__all__ = ["Reply", "TooLarge", "framed", "read", "receive", "send"]

_LENGTH = struct.Struct(">Q")


class TooLarge(Exception):
    """A frame is longer than allowed."""


@dataclass(frozen=True)
class Reply:
    """What the worker answers.

    Attributes
    ----------
    status : int
        Of the response.
    body : bytes
    script : bytes
        The circuit as a JavaScript function; empty where there is none.
    file : str
        The name under which a browser keeps the body; empty for what is not kept.
    spent : bool
        The worker should not be asked again.
    """

    status: int
    body: bytes
    script: bytes = b""
    file: str = ""
    spent: bool = False


def framed(data: bytes) -> bytes:
    """One frame."""
    return _LENGTH.pack(len(data)) + data


def send(pipe: BinaryIO, reply: Reply) -> None:
    """Write a reply; the worker's side."""
    head = {"status": reply.status, "file": reply.file, "spent": reply.spent}
    pipe.write(framed(json.dumps(head).encode()) + framed(reply.body) + framed(reply.script))
    pipe.flush()


def read(pipe: BinaryIO) -> bytes | None:
    """Read one frame; None at the end. The worker's side, which trusts the server."""
    head = pipe.read(_LENGTH.size)
    return pipe.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else None


async def receive(pipe: asyncio.StreamReader, most: int) -> Reply:
    """Read a reply; the server's side.

    Raises
    ------
    TooLarge
        It is longer than `most` bytes.
    asyncio.IncompleteReadError
        The worker has ended.
    """
    head: dict[str, Any] = json.loads(await _frame(pipe, most))
    body = await _frame(pipe, most)
    script = await _frame(pipe, most)
    return Reply(int(head["status"]), body, script, str(head["file"]), bool(head["spent"]))


async def _frame(pipe: asyncio.StreamReader, most: int) -> bytes:
    (length,) = _LENGTH.unpack(await pipe.readexactly(_LENGTH.size))
    if length > most:
        raise TooLarge
    return await pipe.readexactly(length)
