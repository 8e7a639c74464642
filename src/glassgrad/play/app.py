"""What the page can ask for: itself, its script, the examples, a circuit, a file.

It knows HTTP and the worker's questions; who may ask has been settled before (`guard`). No file is
read by a name that comes from outside.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, Router

from glassgrad.play.bounds import Bounds
from glassgrad.play.examples import EXAMPLES, Example
from glassgrad.play.frames import Reply
from glassgrad.play.pool import Pool, Refused
from glassgrad.show.page import bundle

__all__ = ["App"]

_SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>glassgrad</title>
<link rel="icon" href="data:,">
<script type="module" src="/glassgrad.js"></script>
</head>
<body>
<main id="glassgrad" data-mode="play"></main>
<noscript>This page needs JavaScript.</noscript>
</body>
</html>
"""
_SCRIPT = "text/javascript; charset=utf-8"


class App:
    """The routes of one server.

    Attributes
    ----------
    pool : Pool
        Who evaluates.
    router : Router
        The ASGI app.
    """

    def __init__(self, bounds: Bounds, first: Example | None = None) -> None:
        self._bounds = bounds
        self._examples: Sequence[Example] = [*([first] if first else []), *EXAMPLES]
        self._scripts: OrderedDict[str, bytes] = OrderedDict()
        self.pool = Pool(bounds)
        self.router = Router(
            [
                Route("/", self._page),
                Route("/glassgrad.js", self._bundle),
                Route("/circuit/{id}.js", self._circuit_script),
                Route("/api/examples", self._list),
                Route("/api/circuit", self._circuit, methods=["POST"]),
                Route("/api/file", self._file, methods=["POST"]),
            ],
            redirect_slashes=False,
            lifespan=self._life,
        )

    @asynccontextmanager
    async def _life(self, _: Any) -> AsyncIterator[None]:
        async with self.pool:
            yield

    async def _page(self, _: Request) -> Response:
        return HTMLResponse(_SHELL)

    async def _bundle(self, _: Request) -> Response:
        return Response(_script_of_page(), media_type=_SCRIPT)

    async def _circuit_script(self, request: Request) -> Response:
        script = self._scripts.get(request.path_params["id"])
        if script is None:
            return Response("Not Found\n", 404, media_type="text/plain")
        return Response(b"export " + script, media_type=_SCRIPT)

    async def _list(self, _: Request) -> Response:
        return JSONResponse([dataclasses.asdict(each) for each in self._examples])

    async def _circuit(self, request: Request) -> Response:
        number = secrets.token_urlsafe(16)
        reply = await self._asked(request, number)
        if isinstance(reply, Response):
            return reply
        if reply.script:
            self._scripts[number] = reply.script
            while len(self._scripts) > self._bounds.kept:
                self._scripts.popitem(last=False)
        return Response(reply.body, reply.status, media_type="application/json")

    async def _file(self, request: Request) -> Response:
        reply = await self._asked(request, None)
        if isinstance(reply, Response):
            return reply
        if not reply.file:
            return Response(reply.body, reply.status, media_type="application/json")
        kept = {"content-disposition": f'attachment; filename="{reply.file}"'}
        return Response(reply.body, reply.status, kept, "text/html; charset=utf-8")

    async def _asked(self, request: Request, number: str | None) -> Reply | Response:
        """The worker's reply to a request, or the response that says why there is none."""
        try:
            question = _question(await self._body(request))

            async def wanted() -> bool:
                return not await request.is_disconnected()

            reply = await self.pool.ask({**question, "id": number}, wanted)
        except Refused as error:
            later = {"retry-after": "1"} if error.status == 503 else None
            return JSONResponse({"error": str(error), "where": None}, error.status, later)
        return Response(status_code=499) if reply is None else reply

    async def _body(self, request: Request) -> bytes:
        """The body, read no further than it may be long."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refused(415, "the body has to be application/json")
        length = request.headers.get("content-length")
        if length is None and "transfer-encoding" not in request.headers:
            raise Refused(411, "the request has to say how long its body is")
        most = f"the body may have {self._bounds.body} bytes"
        if length is not None and int(length) > self._bounds.body:  # h11 has read it as a number
            raise Refused(413, most)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > self._bounds.body:
                raise Refused(413, most)
        return body


def _question(body: bytes) -> Mapping[str, Any]:
    """What is asked, of the right kinds and with nothing else."""
    try:
        told = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is no JSON") from None
    formula = told.get("formula") if isinstance(told, dict) else None
    inputs = told.get("inputs", {}) if isinstance(told, dict) else None
    if not isinstance(formula, str) or not isinstance(inputs, dict) \
            or not all(isinstance(text, str) for text in inputs.values()):  # fmt: skip
        raise Refused(400, 'the body has to be {"formula": "...", "inputs": {"name": "..."}}, '
                           "all of them texts")  # fmt: skip
    return {"formula": formula, "inputs": inputs}


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


@functools.cache
def _script_of_page() -> str:
    return bundle()
