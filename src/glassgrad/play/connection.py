"""One connection: how long it may stay, how many there may be, and what a broken request is told.

It knows bytes and clocks, not what is asked. uvicorn itself waits for ever for a request's end.
"""

from __future__ import annotations

import asyncio
import sys
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from glassgrad.play.bounds import Bounds
from glassgrad.play.guard import HEADERS

__all__ = ["protocol"]


def protocol(bounds: Bounds) -> type[asyncio.Protocol]:
    """The protocol of a server with these bounds."""
    waiting: dict[_Connection, None] = {}  # without a whole request, longest first

    class Bounded(_Connection):
        _bounds, _waiting = bounds, waiting

    return Bounded


class _Connection(H11Protocol):
    """Is either waiting for a whole request or for its answer, and has a deadline for each."""

    _bounds: Bounds
    _waiting: dict[_Connection, None]
    _deadline: asyncio.TimerHandle | None = None
    _began = False  # bytes of a request have come

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > self._bounds.connections:
            longest = next(iter(self._waiting))
            longest._leave()
            longest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._began = True
        super().data_received(data)
        if self in self._waiting and self._whole():
            self._answer()

    def on_response_complete(self) -> None:
        self._wait()
        super().on_response_complete()  # goes on with what has come meanwhile
        if self._whole() and not self.transport.is_closing():
            self._answer()

    def send_400_response(self, msg: str) -> None:
        """Tell of what cannot be read as a request; h11's error knows the status."""
        error = sys.exception()
        self._refuse(getattr(error, "error_status_hint", 400), "this is no request of HTTP")

    def _whole(self) -> bool:
        return self.conn.their_state in (h11.DONE, h11.MUST_CLOSE)

    def _wait(self) -> None:
        self._leave()
        if self.transport.is_closing():  # an answer that nobody reads is dropped in the end
            self._deadline = self.loop.call_later(self._bounds.patience, self.transport.abort)
            return
        self._began = False
        self._waiting[self] = None
        self._deadline = self.loop.call_later(self._bounds.patience, self._late)

    def _answer(self) -> None:
        self._leave()
        self._deadline = self.loop.call_later(self._bounds.answering, self.transport.abort)

    def _leave(self) -> None:
        self._waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()

    def _late(self) -> None:
        self._leave()
        if self._began:
            self._refuse(408, "the request took too long to arrive")
        self.transport.abort() if self.transport.get_write_buffer_size() else self.transport.close()

    def _refuse(self, status: int, text: str) -> None:
        """Answer in the app's place where nothing has been answered yet, and close."""
        self._leave()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        body = f"{text}\n".encode()
        headers: list[tuple[Any, Any]] = [
            *HEADERS.items(), ("content-type", "text/plain; charset=utf-8"),
            ("content-length", str(len(body))), ("connection", "close"),
        ]  # fmt: skip
        reason = HTTPStatus(status).phrase.encode()
        response = h11.Response(status_code=status, headers=headers, reason=reason)
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
