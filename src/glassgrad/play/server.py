"""The server: an address on this machine, uvicorn with our bounds, and a browser that opens the page."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable

import uvicorn

from glassgrad.errors import GlassgradError
from glassgrad.play.app import App
from glassgrad.play.bounds import Bounds
from glassgrad.play.connection import protocol
from glassgrad.play.examples import Example
from glassgrad.play.guard import Guard
from glassgrad.play.keys import Keys

__all__ = ["AddressError", "Server", "serve"]


class AddressError(GlassgradError):
    """The server cannot listen where it should."""


class Server:
    """The page's server; it listens from the beginning and answers while `run` runs.

    Parameters
    ----------
    first : Example, optional
        What the page shows at first.
    host : str
        An address of this machine's own, as a number; all others are refused.
    port : int
        0 takes a free one.
    bounds : Bounds, optional

    Attributes
    ----------
    port : int
    keys : Keys
    """

    def __init__(
        self, first: Example | None = None, *, host: str = "127.0.0.1", port: int = 0,
        bounds: Bounds | None = None,
    ) -> None:  # fmt: skip
        bounds = Bounds() if bounds is None else bounds
        self._socket = _listening(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._host = f"[{host}]" if ":" in host else host
        self.keys = Keys(self.port)
        app = App(bounds, first)
        hosts = [f"{name}:{self.port}" for name in (self._host, "localhost")]
        config = uvicorn.Config(
            Guard(app.router, self.keys, hosts, bounds.head),
            http=protocol(bounds), ws="none", loop="asyncio", lifespan="on", interface="asgi3",
            log_config=None, log_level="critical", access_log=False, proxy_headers=False,
            server_header=False, date_header=False, h11_max_incomplete_event_size=bounds.head,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)

    @property
    def link(self) -> str:
        """The address that opens the page, once; then it is another."""
        return f"http://{self._host}:{self.port}/?token={self.keys.token}"

    def run(self) -> None:
        """Answer until `stop`, or until Ctrl-C, which is raised again at the end."""
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        """Let `run` end; may be called from anywhere."""
        self._server.should_exit = True


def serve(server: Server, browser: bool, say: Callable[[str], object]) -> None:
    """Run a server for somebody at a terminal, until Ctrl-C.

    Parameters
    ----------
    server : Server
    browser : bool
        Whether to open the page in the browser.
    say : callable
        Takes a line for the terminal.
    """
    try:
        say(f"{server.link}\nThe link opens the page once. Ctrl-C ends it.")
        server.keys.renewed = lambda: say(f"For another browser: {server.link}")
        if browser:  # in a thread, since some browsers come back only when they are closed
            threading.Thread(target=webbrowser.open, args=(server.link,), daemon=True).start()
        server.run()
    except KeyboardInterrupt:
        say("")


def _listening(host: str, port: int) -> socket.socket:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise AddressError(f"glassgrad play listens on this machine's own addresses only, such as "
                           f"127.0.0.1; {host} is none")  # fmt: skip
    made = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6)
    try:
        if sys.platform != "win32":  # there it would let others listen on the same port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise AddressError(f"cannot listen on port {port}: {error.strerror}") from None
    return made
