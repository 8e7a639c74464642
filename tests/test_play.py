"""The local page and its command: what it answers, compared with the record, and its errors in words."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.formula import parse, parse_value
from glassgrad.play.answer import file_name
from glassgrad.play.examples import EXAMPLES, Example
from glassgrad.show.document import document
from glassgrad.show.page import bundle, html
from tests.play_server import GOOD, Client, playing, until, workers

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


@pytest.fixture(scope="module")
def page():
    with playing() as client:
        yield client


# -- what it answers -----------------------------------------------------------------------------


def test_the_page_its_script_and_its_policy(page):
    shell = page.get("/")
    assert shell.status == 200 and shell.headers["content-type"].startswith("text/html")
    assert b'<script type="module" src="/glassgrad.js"></script>' in shell.body
    assert b'<main id="glassgrad" data-mode="play"></main>' in shell.body
    policy = shell.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy
    assert "unsafe" not in policy and shell.headers["cache-control"] == "no-store"
    script = page.get("/glassgrad.js")
    assert script.status == 200 and script.body.decode() == bundle()
    assert script.headers["content-type"].startswith("text/javascript")


def test_a_document_is_what_the_record_says(page):
    answer = page.post("/api/circuit", GOOD).json()
    record = gg.backprop(parse(GOOD["formula"]), -2.0, 5.0, -4.0)
    assert answer["document"] == json.loads(json.dumps(document(record)))
    assert answer["inputs"] == GOOD["inputs"]
    told = {w["name"]: (w["value"], w["gradient"]) for w in answer["document"]["wires"]}
    assert {n: told[n][1] for n in "xyz"} == dict(zip("xyz", record.grads, strict=True))
    for wire in record.wires:
        if wire.name in told:
            assert told[wire.name] == (wire.value, wire.gradient)


def test_arrays_come_back_element_by_element(page):
    answer = page.circuit("sum((W @ x)**2)", W="[[1,2],[3,4]]", x="[1,-1]").json()
    found = {w["name"]: w for w in answer["document"]["wires"]}
    record = gg.backprop(
        parse("sum((W @ x)**2)"), np.array([[1.0, 2], [3, 4]]), np.array([1.0, -1])
    )
    assert found["W"]["gradient"]["data"] == record.grads["W"].ravel().tolist()
    assert found["x"]["gradient"]["data"] == record.grads["x"].tolist()


def test_missing_inputs_begin_as_one_and_those_that_are_too_many_are_dropped(page):
    answer = page.circuit("x * y", x="3", left="[1, 2]").json()
    assert answer["inputs"] == {"x": "3", "y": "1"}
    told = {w["name"]: w["gradient"] for w in answer["document"]["wires"]}
    assert (told["x"], told["y"]) == (1.0, 3.0)


def test_a_formula_of_numbers_alone_is_a_circuit_without_gradients(page):
    answer = page.circuit("3 + 4")
    assert answer.status == 200 and answer.json()["inputs"] == {}


def test_numbers_that_are_not_finite_are_texts(page):
    answer = page.circuit("x * 2", x="inf")
    assert answer.status == 200 and b"Infinity" not in answer.body and b"NaN" not in answer.body
    assert answer.json()["document"]["wires"][0]["value"] == "inf"


def test_the_file_is_the_one_that_save_writes(page, tmp_path):
    answer = page.post("/api/file", GOOD)
    record = gg.backprop(parse(GOOD["formula"]), -2.0, 5.0, -4.0)
    assert answer.status == 200 and answer.body.decode() == html(record)
    record.save(tmp_path / "x.html")
    assert answer.body == (tmp_path / "x.html").read_bytes()
    assert answer.headers["content-disposition"] == 'attachment; filename="x-y-z.html"'


def test_the_circuit_is_a_script_of_its_own(page):
    answer = page.post("/api/circuit", GOOD).json()
    script = page.get(f"/circuit/{answer['id']}.js")
    told = answer["document"]["script"]
    if told is None:
        assert script.status == 404
    else:
        assert script.status == 200 and script.body.decode() == "export " + told["text"]
        assert script.body.startswith(b"export function evaluate(")
        assert script.headers["content-type"].startswith("text/javascript")
    assert page.get(f"/circuit/{answer['id'][:-1]}.js").status == 404
    assert len(answer["id"]) >= 20


def test_only_the_last_scripts_are_kept():
    with playing(kept=2) as client:
        ids = [client.post("/api/circuit", GOOD).json() for _ in range(3)]
        if ids[0]["document"]["script"] is None:
            pytest.skip("no circuit is a script yet")
        assert [client.get(f"/circuit/{i['id']}.js").status for i in ids] == [404, 200, 200]


def test_the_examples_are_right(page):
    told = page.get("/api/examples").json()
    assert [e["name"] for e in told] == [e.name for e in EXAMPLES] and len(told) == 8
    for each in told:
        assert set(each) == {"name", "about", "formula", "inputs"}
        formula = parse(each["formula"])
        assert set(each["inputs"]) == set(formula.names), each["name"]
        values = [parse_value(each["inputs"][n]) for n in formula.names]
        assert gg.check_grad(formula, *values), each["name"]
        answer = page.post("/api/circuit", each)
        assert answer.status == 200, (each["name"], answer.body)
        assert all(np.all(np.isfinite(g)) for g in gg.backprop(formula, *values).grads)


def test_the_notes_examples_have_the_notes_gradients(page):
    for number, wanted in ((0, {"x": -4.0, "y": -4.0, "z": 3.0}),
                           (1, {"x": -8.0, "y": 6.0, "z": 2.0, "w": 0.0})):  # fmt: skip
        each = EXAMPLES[number]
        answer = page.post("/api/circuit", {"formula": each.formula, "inputs": dict(each.inputs)})
        told = {w["name"]: w["gradient"] for w in answer.json()["document"]["wires"]}
        assert {n: told[n] for n in wanted} == wanted


def test_what_stood_on_the_command_line_comes_first():
    with playing(Example("From the command line", "It.", "a * b", {"a": "2"})) as client:
        told = client.get("/api/examples").json()
        assert told[0]["formula"] == "a * b" and len(told) == 9


# -- errors, in words ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "formula, inputs, says, where",
    [
        ("x ^ 2", {}, "write ** for a power", {"line": 1, "column": 3}),
        ("(x +\n y ** z ** w)", {}, "tower of powers", {"line": 2, "column": 2}),
        ("W @ x", {}, "for numbers write *", {"line": 1, "column": 1}),
        ("x * y", {"y": "2 3"}, "the value of y", {"input": "y", "line": 1, "column": 3}),
        ("x * y", {"y": ""}, "the value of y", {"input": "y"}),
        ("1 / x", {"x": "0"}, "ZeroDivisionError", None),
        ("log(x)", {"x": "-1"}, "math domain error, in 'log(x)' at column 1", None),
        ("[x, y]", {}, "Make it one: sum", None),
        ("__import__('os')", {}, "is no name a formula may use", {"line": 1, "column": 1}),
    ],
)  # fmt: skip
def test_errors_are_the_parsers_and_tell_the_inputs(page, formula, inputs, says, where):
    answer = page.circuit(formula, **inputs)
    told = answer.json()
    assert answer.status == 422 and says in told["error"] and told["where"] == where
    assert page.post("/api/file", {"formula": formula, "inputs": inputs}).json() == told
    if "__" not in formula and "^" not in formula and "**" not in formula:
        assert set(told["inputs"]) == set(parse(formula).names)


def test_no_markup_gets_through(page):
    evil = "<img src=x onerror=alert(1)>"
    for told in ({"formula": evil}, {"formula": "x", "inputs": {"x": evil}},
                 {"formula": "x", "inputs": {evil: "1"}}, {"formula": "\ud800</script>"}):  # fmt: skip
        answer = page.post("/api/circuit", told)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert evil not in answer.json()["inputs"]
        kept = page.post("/api/file", told)
        assert evil.encode() not in kept.body or kept.headers["content-type"] == "application/json"
    path = page.get("/%3Cscript%3Ealert(1)%3C/script%3E")
    assert path.status == 404 and b"<" not in path.body
    assert file_name('"; filename="/etc/passwd\r\nX: 1') == "filename-etc-passwd-X-1.html"
    assert file_name("λ") == "circuit.html"


def test_errors_tell_of_no_files(page):
    here = os.path.dirname(gg.__file__).encode()
    for formula in ("x @ y", "[x, y]", "log(x - 2)", "x[3]", "sum(x)[0]", "clip(x)", "x" * 99):
        answer = page.circuit(formula)
        assert b"Traceback" not in answer.body and here not in answer.body
        assert b".py" not in answer.body, answer.body


# -- the command ---------------------------------------------------------------------------------


def started(*words):
    process = subprocess.Popen(
        [sys.executable, "-m", "glassgrad", "play", "--no-browser", *words], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    return process, process.stdout.readline().strip()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_command_starts_answers_and_ends(how):
    process, link = started("a * b", "a=2")
    try:
        port = int(link.partition("127.0.0.1:")[2].partition("/")[0])

        class There:
            pass

        there = There()
        there.port, there.link = port, link
        client = Client(there)
        client.sign_in()
        assert client.circuit("a * b", a="2").status == 200
        told = client.get("/api/examples").json()[0]
        assert told["formula"] == "a * b" and told["inputs"] == {"a": "2"}
        (worker,) = workers(process.pid)
        process.send_signal(how)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert err == "" and "Traceback" not in out and "token=" in out  # the next link
    assert process.returncode == (0 if how == signal.SIGINT else -signal.SIGTERM)
    until(lambda: not os.path.exists(f"/proc/{worker}"))


def test_a_worker_does_not_outlive_a_server_that_is_killed():
    process, _ = started()
    until(lambda: workers(process.pid))
    (worker,) = workers(process.pid)
    process.kill()
    process.communicate(timeout=20)
    until(lambda: not os.path.exists(f"/proc/{worker}"))


@pytest.mark.parametrize(
    "words, says",
    [
        (["x ^ 2"], "write ** for a power"),
        (["x", "y=1"], "y does not occur"),
        (["x", "x=a"], "the value of x"),
        (["x", "x"], "gives no value"),
    ],
)
def test_the_command_refuses_at_once(words, says):
    done = subprocess.run(
        [sys.executable, "-m", "glassgrad", "play", *words], capture_output=True, text=True,
        env=ENVIRONMENT, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("glassgrad: ") and says in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra_one_message(missing, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.modules[{missing!r}] = None")
    path = os.pathsep.join([str(tmp_path), ENVIRONMENT["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "glassgrad", "play"], capture_output=True, text=True,
        env=ENVIRONMENT | {"PYTHONPATH": path}, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and done.stdout == ""
    assert f"needs {missing}: pip install 'glassgrad[play]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_formula_may_still_be_called_so():
    done = subprocess.run(
        [sys.executable, "-m", "glassgrad", "play * x", "play=2", "x=3", "--json"],
        capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False,
    )  # fmt: skip
    assert json.loads(done.stdout)["value"] == 6.0
