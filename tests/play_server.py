"""A real server of the page in a thread, and a client that says exactly the bytes it is told to."""

import contextlib
import json
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from glassgrad.play.bounds import Bounds
from glassgrad.play.guard import HEADERS
from glassgrad.play.server import Server

GOOD = {"formula": "(x + y) * z", "inputs": {"x": "-2", "y": "5", "z": "-4"}}
LONG = {  # seconds: the gradient of a product with zeros in it is worked out piece by piece
    "formula": "a = outer(x, x)\nsum(prod(cumprod(cumprod(cumprod(a, axis=0), axis=1), axis=0), axis=1))",
    "inputs": {"x": str([0.5] * 300)},
}


@dataclass
class Response:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)


class Client:
    """Speaks to one server over sockets of its own."""

    def __init__(self, server):
        self.server, self.port = server, server.port
        self.host = f"127.0.0.1:{self.port}"
        self.cookie = None

    def sign_in(self):
        path = self.server.link.partition(self.host)[2]
        answer = self.get(path)
        assert answer.status == 303 and answer.headers["location"] == "/"
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def headers(self, **changed):
        """The headers of the page's own requests; None leaves one out."""
        found = {"Host": self.host, "Cookie": self.cookie} | {
            name.replace("_", "-"): value for name, value in changed.items()
        }
        return {name: value for name, value in found.items() if value is not None}

    def get(self, path, method="GET", **changed):
        with self.open() as made:
            made.sendall(head(method, path, self.headers(**changed)))
            return read(made, body=method != "HEAD")

    def post(self, path, told, **changed):
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        usual = {"Origin": f"http://{self.host}", "Content_Type": "application/json",
                 "Content_Length": str(len(body))}  # fmt: skip
        return self.raw(head("POST", path, self.headers(**(usual | changed))) + body)

    def circuit(self, formula, **inputs):
        return self.post("/api/circuit", {"formula": formula, "inputs": inputs})

    def open(self):
        made = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def raw(self, data):
        with self.open() as made:
            made.sendall(data)
            return read(made)


def head(method, path, headers):
    lines = [f"{method} {path} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def read(made, body=True):
    """One response; None where the connection ends without one."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            more = made.recv(65536)
        except ConnectionResetError:
            more = b""
        if not more:
            return None
        data += more
    top, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
    while body and len(rest) < int(headers["content-length"]):
        more = made.recv(65536)
        assert more, "the response is cut off"
        rest += more
    answer = Response(int(first.split()[1]), headers, rest)
    assert HEADERS.items() <= headers.items(), "a response without the page's headers"
    return answer


@contextlib.contextmanager
def playing(first=None, **bounds):
    """A server that runs, and a client that is signed in."""
    server = Server(first, bounds=Bounds(**bounds))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        client = Client(server)
        client.sign_in()
        yield client
    finally:
        server.stop()
        thread.join(30)
        assert not thread.is_alive()


def workers(of=None):
    """The numbers of the worker processes that belong to a process (this one, if none is named)."""
    found = []
    for each in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
            words = (each / "cmdline").read_bytes().split(b"\0")
            if parent == (of or os.getpid()) and b"glassgrad.play.worker" in words:
                found.append(int(each.name))
    return found


def kill_worker():
    for number in workers():
        os.kill(number, signal.SIGKILL)


def until(told, seconds=30):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < end
        time.sleep(0.02)


def well(client):
    """The server answers."""
    answer = client.post("/api/circuit", GOOD)
    assert answer.status == 200, answer
    wires = answer.json()["document"]["wires"]
    assert [(w["value"], w["gradient"]) for w in wires if w["name"] == "z"] == [(-4.0, 3.0)]
    return True
