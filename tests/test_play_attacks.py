"""The local page under attack: each attack is refused with its status, and the server still answers."""

import json
import socket
import time

import pytest

from glassgrad.errors import GlassgradError
from glassgrad.play.server import Server
from tests.play_server import (
    GOOD,
    LONG,
    Client,
    head,
    kill_worker,
    playing,
    read,
    until,
    well,
    workers,
)


@pytest.fixture(scope="module")
def page():
    with playing(patience=2.0) as client:
        yield client


@pytest.fixture(scope="module")
def hasty():
    """A server with little patience."""
    with playing(patience=1.0, seconds=1.0, memory=4 << 30, connections=20, waiting=1) as client:
        yield client


# -- who may ask ---------------------------------------------------------------------------------


def stranger(client):
    return Client(client.server)


@pytest.mark.parametrize("path", ["/", "/glassgrad.js", "/api/examples", "/circuit/x.js", "/none"])
def test_nothing_without_the_cookie(page, path):
    answer = stranger(page).get(path)
    assert answer.status == 403 and b"<" not in answer.body and "set-cookie" not in answer.headers
    assert page.get(path).status in (200, 404)
    for cookie in (f"glassgrad-{page.port}=", f"glassgrad-{page.port}=guess", page.cookie[:-1],
                   page.cookie + "x", "x" + page.cookie, f"glassgrad-{page.port}=\xff"):  # fmt: skip
        assert page.get(path, Cookie=cookie).status == 403
    assert page.get(path, Cookie=f"glassgrad-{page.port}=tossed; {page.cookie}").status != 403


def test_no_formula_without_the_cookie(page):
    for path in ("/api/circuit", "/api/file"):
        assert page.post(path, GOOD, Cookie=None).status == 403
        assert page.post(path, GOOD, Cookie="a=b").status == 403
    assert well(page)


def test_a_wrong_token_gives_no_cookie(page):
    link = page.server.link
    for path in ("/?token=", "/?token=wrong", "/?token=%FF", "/?token=a&token=" + link[-43:],
                 "/?" + "a&" * 50 + "token=" + link[-43:]):  # fmt: skip
        answer = stranger(page).get(path)
        assert answer.status == 403 and "set-cookie" not in answer.headers
    assert page.server.link == link and well(page)


def test_a_token_is_good_once(page):
    path = page.server.link.partition(page.host)[2]
    assert stranger(page).get(path, method="HEAD").status == 403
    first = stranger(page)
    cookie = first.sign_in().headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {p.strip() for p in cookie.split(";")}
    assert stranger(page).get(path).status == 403
    again = page.get(path)  # who is known may follow an old link
    assert again.status == 303 and "set-cookie" not in again.headers
    assert page.server.link.partition(page.host)[2] != path
    assert stranger(page).sign_in().status == 303


@pytest.mark.parametrize(
    "host",
    ["example.com", "example.com:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.example.com",
     "localhost.example.com:{port}", "0.0.0.0:{port}", "[::1]:{port}", "127.0.0.2:{port}", ""],
)  # fmt: skip
def test_other_hosts_are_refused(page, host):
    host = host.format(port=page.port)
    assert page.get("/", Host=host).status == 421
    assert page.post("/api/circuit", GOOD, Host=host, Origin=f"http://{host}").status == 421
    assert stranger(page).get(page.server.link.partition(page.host)[2], Host=host).status == 421
    assert well(page)


def test_no_host_or_two_are_no_request(page):
    assert page.get("/", Host=None).status == 400
    two = f"GET / HTTP/1.1\r\nHost: {page.host}\r\nHost: example.com\r\n\r\n"
    assert page.raw(two.encode()).status == 400
    assert page.get("http://example.com/").status == 404
    assert well(page)


def test_localhost_is_right_too(page):
    name = f"localhost:{page.port}"
    assert page.get("/", Host=name).status == 200
    assert page.post("/api/circuit", GOOD, Host=name, Origin=f"http://{name}").status == 200
    assert page.post("/api/circuit", GOOD, Host=name).status == 403  # another origin


@pytest.mark.parametrize(
    "origin",
    ["http://example.com", "null", "", "https://127.0.0.1:{port}", "http://127.0.0.1:1",
     "http://127.0.0.1", "http://127.0.0.1:{port}.example.com", "file://"],
)  # fmt: skip
def test_other_origins_are_refused(page, origin):
    origin = origin.format(port=page.port)
    for path in ("/api/circuit", "/api/file"):
        assert page.post(path, GOOD, Origin=origin).status == 403
    assert page.get("/api/examples", Origin=origin).status == 403
    assert page.get("/api/circuit", method="OPTIONS", Origin=origin).status == 403
    assert well(page)


def test_a_post_says_its_origin(page):
    assert page.post("/api/circuit", GOOD, Origin=None).status == 403
    assert page.get("/api/examples", Origin=f"http://{page.host}").status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", "anything"])
def test_pages_from_elsewhere_are_refused(page, site):
    assert page.post("/api/circuit", GOOD, Sec_Fetch_Site=site).status == 403
    assert page.get("/", Sec_Fetch_Site=site).status == 403
    assert page.get("/glassgrad.js", Sec_Fetch_Site=site).status == 403
    assert page.post("/api/circuit", GOOD, Sec_Fetch_Site="same-origin").status == 200


def test_no_other_site_may_read(page):
    for answer in (page.get("/"), page.post("/api/circuit", GOOD), page.get("/none"),
                   page.get("/", method="OPTIONS")):  # fmt: skip
        assert not any(name.startswith("access-control") for name in answer.headers)


def test_only_the_machines_own_addresses():
    for host in ("0.0.0.0", "::", "192.168.0.1", "8.8.8.8", "localhost", "example.com", ""):
        with pytest.raises(GlassgradError, match="this machine's own addresses"):
            Server(host=host)


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken, \
            pytest.raises(GlassgradError, match="cannot listen on port"):  # fmt: skip
        Server(port=taken.getsockname()[1])


# -- what may be asked ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd", "//etc/passwd",
     "/circuit/../../pyproject.toml", "/circuit/%2e%2e%2f%2e%2e%2fglassgrad.js",
     "/circuit/..%5c..%5cx.js", "/circuit/%00.js", "/glassgrad.js/", "/glassgrad.js%00", "/circuit/",
     "/circuit/.js", "/api", "/api/", "/static/", "/page.py", "/.git/config", "/favicon.ico",
     "/%ff%fe", "/" + "a" * 5000],
)  # fmt: skip
def test_no_other_paths(page, path):
    answer = page.get(path)
    assert answer.status == 404 and answer.body in (b"Not Found", b"Not Found\n")
    assert well(page)


@pytest.mark.parametrize(
    "method, path",
    [("GET", "/api/circuit"), ("GET", "/api/file"), ("PUT", "/api/circuit"), ("DELETE", "/"),
     ("OPTIONS", "/api/circuit"), ("TRACE", "/"), ("PROPFIND", "/"), ("PATCH", "/api/examples")],
)  # fmt: skip
def test_no_other_methods(page, method, path):
    answer = page.get(path, method=method)
    assert answer.status == 405 and "allow" in answer.headers
    assert page.post("/", GOOD).status == 405 and page.post("/glassgrad.js", GOOD).status == 405


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded",
                                  "multipart/form-data", "application/jsonx"])  # fmt: skip
def test_only_json(page, kind):
    assert page.post("/api/circuit", GOOD, Content_Type=kind).status == 415
    assert (
        page.post("/api/circuit", GOOD, Content_Type="Application/JSON; charset=utf-8").status
        == 200
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"x"', b"1", b"{}", b'{"formula": 1}', b'{"formula": null}',
     b'{"formula": ["x"]}', b'{"formula": "x", "inputs": []}', b'{"formula": "x", "inputs": null}',
     b'{"formula": "x", "inputs": {"x": 1}}', b'{"formula": "x", "inputs": {"x": NaN}}',
     b'{"formula": "x", "extra": Infinity}', b'{"formula": "x", "inputs": {"x": {}}}',
     b"\xff\xfe", b'{"formula": "\xff"}', b"[" * 60000, b'{"a":' * 10000, b"1" * 60000],
)  # fmt: skip
def test_bad_json(page, body):
    answer = page.post("/api/circuit", body)
    assert answer.status == 400 and "error" in answer.json()
    assert well(page)


def test_a_body_that_says_it_is_too_long_is_not_read(page):
    with page.open() as made:
        made.sendall(head("POST", "/api/circuit", page.headers(
            Origin=f"http://{page.host}", Content_Type="application/json", Content_Length="10000000",
        )))  # fmt: skip
        assert read(made).status == 413  # before a byte of it has come
    assert page.post("/api/circuit", b" " * 65_537).status == 413
    padded = json.dumps(GOOD).encode().ljust(65_536)
    assert page.post("/api/circuit", padded).status == 200


def chunked(client, chunks, **changed):
    top = head("POST", "/api/circuit", client.headers(
        Origin=f"http://{client.host}", Content_Type="application/json", Transfer_Encoding="chunked",
        **changed,
    ))  # fmt: skip
    return top + b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks)


def test_a_body_in_chunks_is_cut_off_too(page):
    good = json.dumps(GOOD).encode()
    assert page.raw(chunked(page, [good[:10], good[10:], b""])).status == 200
    assert page.raw(chunked(page, [b" " * 1000] * 70)).status == 413  # and no end
    assert page.raw(chunked(page, [b"\0"]) + b"no length\r\n").status == 400
    assert well(page)


def test_a_body_without_a_length(page):
    assert page.post("/api/circuit", GOOD, Content_Length=None).status in (400, 411)
    assert page.post("/api/circuit", b"", Content_Length=None).status == 411
    assert page.post("/api/circuit", GOOD, Content_Length="-1").status == 400
    assert page.post("/api/circuit", GOOD, Content_Length="1e3").status == 400
    assert well(page)


def test_header_bombs(page):
    assert page.get("/", X="a" * 20_000).status == 431  # in one piece
    assert page.raw(b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 5_000).status == 431
    assert page.raw(b"GET /" + b"a" * 40_000).status == 431
    for junk in (b"\x16\x03\x01\x02\0\x01\0\0\xfc", b"no\r\n\r\n", b"GET / HTTP\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost\r\n\r\n", b"\0" * 100 + b"\r\n\r\n"):  # fmt: skip
        assert page.raw(junk).status == 400
    assert well(page)


def test_an_upgrade_is_not_made(page):
    answer = page.get("/", Connection="Upgrade", Upgrade="websocket")
    assert answer.status == 200 and well(page)


# -- what a formula may take ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "formula, inputs, says",
    [
        ("9**9**9**9", {}, "tower of powers"),
        ("9**(9**(9**9))", {}, "tower of powers"),
        ("x**1e9", {}, "exponent"),
        ("(" * 500 + "x" + ")" * 500, {}, ""),
        ("sin(" * 50 + "x" + ")" * 50, {}, ""),
        ("[" * 39 + "x" + "]" * 39, {}, ""),
        ("-" * 3000 + "x", {}, ""),
        ("+".join(["x"] * 1999), {}, "piece too many"),
        ("x" * 5000, {}, "characters"),
        ("sum(outer(x, x))", {"x": str(list(range(1000)))}, "1000000 elements"),
        ("a = outer(x, x)\n" + "\n".join(f"b{n} = a * {n}" for n in range(30)) + "\nsum(b7)",
         {"x": str(list(range(300)))}, "all results together"),
        ("x", {"x": "[" * 10_000}, "nested deeper"),
        ("x", {"x": "1e999"}, "too large"),
        ("x", {"x": "9" * 60_000}, "too large"),
    ],
)  # fmt: skip
def test_formulas_that_want_too_much(page, formula, inputs, says):
    answer = page.circuit(formula, **inputs)
    assert answer.status == 422 and says in answer.json()["error"], answer.body[:300]
    assert well(page)


def test_a_slow_evaluation_is_stopped(hasty):
    until(lambda: hasty.circuit("x * y").status == 200)
    answer = hasty.post("/api/circuit", LONG)
    assert answer.status == 422
    assert "took longer than 1 seconds and was stopped" in answer.json()["error"]
    assert well(hasty)


def test_memory_is_bounded():
    others = set(workers())
    with playing(memory=500_000_000, seconds=60) as client:
        assert well(client)
        (before,) = set(workers()) - others
        answer = client.post("/api/circuit", LONG)
        assert answer.status == 422 and "more memory than it may have" in answer.json()["error"]
        assert well(client) and before not in workers()


def test_an_answer_is_bounded():
    with playing(answer=20_000) as client:
        answer = client.circuit("+".join(["sin(x)"] * 100))
        assert answer.status == 422 and "20000 are allowed" in answer.json()["error"]
        assert well(client)


def test_a_worker_that_is_killed_is_started_anew(page):
    assert well(page) and workers()
    kill_worker()
    until(lambda: not workers())
    time.sleep(0.3)  # until the server has heard of it
    assert well(page)


def test_a_worker_that_is_killed_at_work(page):
    with page.open() as made:
        body = json.dumps(LONG).encode()
        made.sendall(head("POST", "/api/circuit", page.headers(
            Origin=f"http://{page.host}", Content_Type="application/json",
            Content_Length=str(len(body)),
        )) + body)  # fmt: skip
        time.sleep(0.3)
        kill_worker()
        answer = read(made)
    assert answer.status == 503 and "process ended" in answer.json()["error"]
    assert well(page)


def test_too_many_at_once_are_sent_away(hasty):
    until(lambda: hasty.circuit("x * y").status == 200)
    body = json.dumps(LONG).encode()
    request = head("POST", "/api/circuit", hasty.headers(
        Origin=f"http://{hasty.host}", Content_Type="application/json",
        Content_Length=str(len(body)),
    )) + body  # fmt: skip
    opened = [hasty.open() for _ in range(6)]
    for each in opened:
        each.sendall(request)
    answers = [read(each) for each in opened]
    for each in opened:
        each.close()
    assert sorted(a.status for a in answers) == [422, 422, 503, 503, 503, 503]
    assert all(a.headers["retry-after"] == "1" for a in answers if a.status == 503)
    assert well(hasty)


# -- slow and idle clients -----------------------------------------------------------------------


def test_a_request_that_comes_byte_by_byte_is_cut_off(hasty):
    whole = head("GET", "/", hasty.headers())
    with hasty.open() as made:
        sent = trickle(made, whole)
        assert sent < len(whole) and status_or_end(made) in (408, None)
    assert well(hasty)


def test_a_body_that_comes_byte_by_byte_is_cut_off(hasty):
    body = json.dumps(GOOD).encode()
    with hasty.open() as made:
        made.sendall(head("POST", "/api/circuit", hasty.headers(
            Origin=f"http://{hasty.host}", Content_Type="application/json",
            Content_Length=str(len(body)),
        )))  # fmt: skip
        assert trickle(made, body) < len(body) and status_or_end(made) in (408, None)
    with hasty.open() as made:  # in chunks, of a request that has been refused already
        made.sendall(chunked(hasty, [b"{"], Cookie="none"))
        assert read(made).status == 403
        assert trickle(made, b"1\r\n \r\n" * 100) < 600
    assert well(hasty)


def test_half_a_request_is_told_that_it_is_late(hasty):
    with hasty.open() as made:
        made.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert read(made).status == 408
    with hasty.open() as made:
        assert read(made) is None  # without a byte there is nobody to tell


def trickle(made, data):
    """Send byte by byte until nobody takes them any more; how many were sent."""
    for n in range(len(data)):
        try:
            made.sendall(data[n : n + 1])
        except OSError:
            return n
        time.sleep(0.05)
        if n and not n % 10 and ended(made):
            return n
    return len(data)


def ended(made):
    made.setblocking(False)
    try:
        return made.recv(1, socket.MSG_PEEK) is not None
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        made.settimeout(30)


def status_or_end(made):
    try:
        answer = read(made)
    except ConnectionError:
        return None
    return answer and answer.status


def test_idle_connections_block_nobody(hasty):
    idle = [hasty.open() for _ in range(60)]  # three times as many as may be open
    try:
        assert hasty.get("/").status == 200 and well(hasty)
        for each in idle:
            each.settimeout(30)
            assert status_or_end(each) is None  # closed: for room, or for having waited too long
    finally:
        for each in idle:
            each.close()
    assert well(hasty)


def test_the_connection_that_has_waited_longest_makes_way():
    with playing(patience=600.0, connections=5) as client:
        idle = [client.open() for _ in range(7)]
        try:
            assert well(client)
            for each in idle[:2]:
                each.settimeout(5)
                assert status_or_end(each) is None
            idle[-1].sendall(head("GET", "/", client.headers()))  # the newest are still there
            assert read(idle[-1]).status == 200
        finally:
            for each in idle:
                each.close()


def test_a_connection_serves_several_requests(page):
    with page.open() as made:
        for _ in range(3):
            made.sendall(head("GET", "/", page.headers()))
            assert read(made).status == 200
        made.sendall(head("GET", "/none", page.headers()) * 2)  # two at once
        assert read(made).status == 404
