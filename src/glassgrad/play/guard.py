"""Who may ask, and what every response carries: the gate before the app, on pure ASGI.

A web page anywhere can send requests to this machine, under any name it makes point here. So the name
asked for, the page that asks, and the cookie have to be right; otherwise nothing is even looked up.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glassgrad.play.keys import Keys

__all__ = ["HEADERS", "Guard"]

# Scripts come from this server alone, and none is written into a page; nothing else is loaded.
_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
    "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
))  # fmt: skip
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Lets through what may come, and puts its headers on every response.

    Parameters
    ----------
    app
        What answers.
    keys : Keys
    hosts : iterable of str
        Host and port, in every spelling that is right.
    head : int
        Bytes that headers may have.
    """

    def __init__(self, app: ASGIApp, keys: Keys, hosts: Iterable[str], head: int) -> None:
        self._app, self._keys, self._hosts, self._head = app, keys, frozenset(hosts), head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the server's own start and end
            await self._app(scope, receive, send)
            return
        begun = False

        async def with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        answers = self._refusal(scope) or self._app
        try:
            await answers(scope, receive, with_headers)
        except Exception:  # nobody is told what it was
            if begun:
                raise
            await _plain(500, "an error of glassgrad's own")(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """The response to what may not come, or to who brings a token; else None."""
        headers, method = Headers(scope=scope), scope["method"]
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if sum(len(n) + len(v) for n, v in headers.raw) > self._head:  # in one piece h11 lets it in
            return _plain(431, "the headers are too long")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return _plain(421, "this server answers to its own address only")
        if any(each != f"http://{hosts[0].lower()}" for each in origins):
            return _plain(403, "this server answers its own page only")
        if any(each not in ("same-origin", "none") for each in headers.getlist("sec-fetch-site")):
            return _plain(403, "this server answers its own page only; paste the link's address "
                               "into the browser")  # fmt: skip
        if method == "POST" and len(origins) != 1:
            return _plain(403, "a POST has to say its Origin")
        known = self._keys.fits(headers.getlist("cookie"))
        token = _token(scope)
        if token is not None and scope["path"] == "/" and method == "GET":
            return self._exchanged(token, known)
        if not known:
            return _plain(403, "open the link that glassgrad play has printed in the terminal")
        return None

    def _exchanged(self, token: str, known: bool) -> Response:
        right = self._keys.exchange(token)
        if not right and not known:
            return _plain(403, "this link has been used or was never right; glassgrad play has "
                               "printed a new one in the terminal")  # fmt: skip
        response = Response(status_code=303, headers={"location": "/"})
        if right:
            attributes = "Path=/; HttpOnly; SameSite=Strict"
            response.headers["set-cookie"] = f"{self._keys.cookie}; {attributes}"
        return response


def _token(scope: Scope) -> str | None:
    query = scope["query_string"].decode("latin-1")
    try:
        tokens = parse_qs(query, max_num_fields=8).get("token")
    except ValueError:
        return None
    return tokens[0] if tokens else None


def _plain(status: int, text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status)
