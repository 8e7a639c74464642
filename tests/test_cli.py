"""The command line, as a user meets it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import glassgrad

NOTES = ["(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)", "x=3", "y=-4"]


@pytest.fixture
def cli(monkeypatch, capsys):
    """Run the command line in this process: (exit status, standard output, standard error)."""

    def run(*arguments):
        from glassgrad.cli import main

        monkeypatch.setattr(sys, "argv", ["glassgrad", *arguments])
        monkeypatch.setenv("NO_COLOR", "1")
        try:
            main()
            status = 0
        except SystemExit as done:
            status = done.code or 0
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def test_table_code_and_check(cli):
    status, out, err = cli(*NOTES)
    assert status == 0 and err == ""
    assert "1.54564" in out and "# backprop" in out and "gradient right" in out
    assert "sigmoid_y = 1 / (1 + math.exp(-y))" in out
    assert max(map(len, out.splitlines())) <= 100 and "\x1b" not in out


def test_code_only_runs(cli):
    status, out, _ = cli(*NOTES, "--code")
    namespace = {}
    exec(out, namespace)
    value, gradients = namespace["f_and_gradient"](3, -4)
    assert status == 0 and value == pytest.approx(1.5456448841066441, rel=1e-15)
    assert gradients == pytest.approx((2.0595697955721652, 1.5922327514838093), rel=1e-15)


def test_json(cli):
    status, out, _ = cli("sum((W @ x)**2)", "W=[[1,2],[3,4]]", "x=[1,-1]", "--json")
    told = json.loads(out)
    assert status == 0 and told["value"] == 2.0 and told["check"]["right"] is True
    assert told["gradients"]["x"] == [-8.0, -12.0]
    assert [w["name"] for w in told["wires"]][:2] == ["W", "x"]


def test_json_has_strings_for_what_json_has_not(cli):
    _, out, _ = cli("sum(sqrt(x))", "x=[0, 4]", "--json", "--no-check")
    assert json.loads(out)["gradients"]["x"] == ["inf", 0.25]


def test_named_statements_keep_their_names(cli):
    status, out, _ = cli("q = x + y; q * z", "x=-2", "y=5", "z=-4", "--code")
    assert status == 0 and "q = x + y" in out and "dq = z" in out


def test_a_formula_may_begin_with_a_minus(cli):
    status, out, _ = cli("-x*y", "x=1", "y=2", "--code", "--no-check")
    assert status == 0 and "f_and_gradient" in out


REFUSED = [
    (["x.real", "x=1"], "attribute"),
    (["x", "x=1", "y=2"], "does not occur"),
    (["x*y", "x=1"], "no value for y"),
    (["x", "x"], "name=value"),
    (["x", "x=[1,[2]]"], "ragged"),
    (["9**9**9"], "tower"),
    (["x", "x=1", "--no-such-option"], "No such option"),
    (["no_such.py:loss", "--args", "a.npz"], "no file"),
    (["x*y", "x=[1,2]", "y=3"], "vjp"),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED)
def test_refused_with_one_clear_message(cli, arguments, said):
    status, out, err = cli(*arguments)
    assert status == 2 and out == ""
    assert said in err and "Traceback" not in err


def test_a_function_that_raises(cli):
    status, _, err = cli("log(x)", "x=-1")
    assert status == 1 and "ValueError" in err and "Traceback" not in err


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "model.py"
    file.write_text(
        "import numpy as np\n\n\ndef loss(W, x, scale=2.0):\n"
        "    h = np.tanh(W @ x)\n    return scale * np.sum(h**2)\n"
    )
    np.savez(tmp_path / "data.npz", W=np.eye(2), x=np.array([0.5, -1.0]))
    return file


def test_a_function_in_a_file(cli, model):
    status, out, err = cli(f"{model}:loss", "--args", str(model.parent / "data.npz"))
    assert status == 0, err
    assert "h = np.tanh(W @ x)" in out and "gradient right" in out


def test_arguments_that_do_not_fit(cli, model, tmp_path):
    np.savez(tmp_path / "bad.npz", W=np.eye(2), z=1.0)
    status, _, err = cli(f"{model}:loss", "--args", str(tmp_path / "bad.npz"))
    assert status == 2 and "missing: x" in err and "unknown: z" in err
    status, _, err = cli(f"{model}:nothing", "--args", str(tmp_path / "bad.npz"))
    assert status == 2 and "it has loss" in err
    status, _, err = cli(f"{model}:loss")
    assert status == 2 and "missing: W, x" in err


def test_python_dash_m_is_the_same():
    done = subprocess.run(
        [sys.executable, "-m", "glassgrad", "--version"], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}, timeout=60,
    )  # fmt: skip
    assert done.stdout == f"glassgrad {glassgrad.__version__}\n"


def test_help_shows_examples(cli):
    status, out, _ = cli("--help")
    assert status == 0 and "model.py:loss" in out and "--json" in out
