"""The command line, as a user meets it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.cli.arguments import arrange

NOTES = ["(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)", "x=3", "y=-4"]
GRADIENTS = (2.0595697955721652, 1.5922327514838093)
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


@pytest.fixture
def cli(monkeypatch, capsys):
    """Run the command line in this process: (exit status, standard output, standard error)."""

    def run(*words):
        from glassgrad.cli import main

        monkeypatch.setattr(sys, "argv", ["glassgrad", *words])
        monkeypatch.setenv("NO_COLOR", "1")
        try:
            main()
            status = 0
        except SystemExit as done:
            status = done.code or 0
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def in_a_process(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "glassgrad", *words], capture_output=True, text=True, check=False,
        env=ENVIRONMENT, timeout=60, **options,
    )  # fmt: skip


# -- what is printed -----------------------------------------------------------------------------


def test_table_code_and_check(cli):
    status, out, err = cli(*NOTES)
    assert status == 0 and err == ""
    table, code, proof = out.index("1.54564"), out.index("# backprop"), out.index("gradient right")
    assert table < code < proof and "sigmoid_y = 1 / (1 + math.exp(-y))" in out
    assert max(map(len, out.splitlines())) <= 100 and "\x1b" not in out
    assert out.endswith("\n") and not out.endswith("\n\n")


def test_no_check(cli):
    status, out, _ = cli(*NOTES, "--no-check")
    assert status == 0 and "1.54564" in out and "# backprop" in out and "gradient right" not in out


def test_code_only_runs(cli):
    status, out, _ = cli(*NOTES, "--code")
    namespace = {}
    exec(out, namespace)
    value, gradients = namespace["f_and_gradient"](3, -4)
    assert status == 0 and value == pytest.approx(1.5456448841066441, rel=1e-15)
    assert gradients == pytest.approx(GRADIENTS, rel=1e-15)


def test_json(cli):
    status, out, _ = cli("sum((W @ x)**2)", "W=[[1,2],[3,4]]", "x=[1,-1]", "--json")
    told = json.loads(out)
    assert status == 0 and told["value"] == 2.0
    assert told["gradients"] == {"W": [[-2.0, 2.0], [-2.0, 2.0]], "x": [-8.0, -12.0]}
    assert told["check"]["right"] is True and told["check"]["compared"] == 6
    assert abs(told["check"]["worst"]["difference"]) < 1e-8
    W = told["wires"][0]
    assert (W["name"], W["shape"], W["op"], W["value"]) == ("W", [2, 2], "input", [[1, 2], [3, 4]])
    assert all(w["statement"] for w in told["wires"][2:])


def test_json_has_strings_for_what_json_has_not(cli):
    _, out, _ = cli("sum(sqrt(x)) + y", "x=[0, 4]", "y=-inf", "--json", "--no-check")
    told = json.loads(out, parse_constant=lambda c: pytest.fail(c))
    assert told["gradients"]["x"] == ["inf", 0.25] and told["check"] is None
    assert told["value"] == "-inf"
    _, out, _ = cli("x * y", "x=nan", "y=1", "--json", "--no-check")
    assert json.loads(out)["value"] == "nan"


def test_named_statements_keep_their_names(cli):
    status, out, _ = cli("q = x + y; q * z", "x=-2", "y=5", "z=-4", "--code")
    assert status == 0 and "q = x + y" in out and "dq = z" in out


def test_inputs_may_have_any_name(cli):
    """Names such as those of the options of `backprop` and `check_grad`, and of Python's modules."""
    words = ["argnums=2", "seed=3", "mode=4", "function=5", "upstream=6", "np=7", "f=8"]
    product = "argnums * seed * mode * function * upstream * np * f"
    status, out, _ = cli(product, *words, "--json")
    told = json.loads(out)
    assert status == 0 and told["value"] == 40320.0 and told["gradients"]["seed"] == 13440.0


# -- a formula that begins with a minus -----------------------------------------------------------

MINUS = [
    ["-x*y", "x=1", "y=2"], ["--code", "-x*y", "x=1", "y=2"], ["-x*y", "--no-check", "x=1", "y=2"],
    ["-x - y", "x=1", "y=1"], ["-x-y", "x=1", "y=1"], ["-x", "x=2"], ["-h", "h=2"], ["-2*x", "x=1"],
    ["-sin(x)**0-1", "x=1"], ["--x*2", "x=-1"], ["--", "--x", "x=-2"], ["-(x)*2", "x=1"],
    ["-x.T@x", "x=[1,1]"], ["-sum(x)", "x=[1,1]"], ["-x[0]*2", "x=[1]"], ["-.5*x", "x=4"],
]  # fmt: skip


@pytest.mark.parametrize("words", MINUS, ids=lambda w: " ".join(w))
def test_a_formula_may_begin_with_a_minus(cli, words):
    status, out, err = cli("--json", *words) if "--code" not in words else (0, None, "")
    if out is None:
        status, out, err = cli(*words)
        assert status == 0 and "def f_and_gradient(x, y):" in out
    else:
        assert status == 0, err
        assert json.loads(out)["value"] == -2.0


def test_minus_with_a_file_of_values(cli, tmp_path):
    np.savez(tmp_path / "d.npz", x=1, y=2.0)
    for option in (["--args", f"{tmp_path}/d.npz"], [f"--args={tmp_path}/d.npz"]):
        for words in (["-x*y", *option], [*option, "-x*y"]):
            status, out, err = cli(*words, "--json")
            assert status == 0, err
            assert json.loads(out)["gradients"] == {"x": -2.0, "y": -1.0}


def test_words_are_put_in_order():
    flags, valued = {"--code", "-h"}, {"--args"}
    assert arrange(["x", "--args"], set(), {"--args"}) == ["--args"]
    assert arrange(["-h"], flags, valued) == ["-h", "--"]
    assert arrange(["x", "--", "--code"], flags, valued) == ["--", "x", "--code"]
    assert arrange(["x", "--cod", "-c"], flags, valued) == ["--cod", "--", "x", "-c"]


# -- refusals ------------------------------------------------------------------------------------

REFUSED = [
    (["x.real", "x=1"], "'x.real' at column 1 reads an attribute"),
    (["__import__('os').system('ls')"], "'__import__' at column 1"),
    (["x", "x=1", "y=2"], "y does not occur in the formula: the inputs are x"),
    (["x*y", "x=1"], "no value for y"),
    (["2 + 3"], "no inputs"),
    (["x", "x"], "name=value"),
    (["x", "x==1"], "name=value"),
    (["x", "1=x"], "name=value"),
    (["x", "x="], "the value of x: the value is empty"),
    (["x", "x=[1,[2]]"], "the value of x: '[' at column 4 makes the list ragged"),
    (["x", "x=1", "-j"], "'-j' is no option"),
    (["9**9**9"], "tower"),
    (["x", "x=1", "--no-such-option"], "No such option"),
    (["x", "x=1", "--args"], "Option '--args' requires an argument"),
    ([], "Missing argument"),
    (["no_such.py:loss", "--args", "a.npz"], "no file"),
    (["no_such.py:loss"], "no file no_such.py"),
    (["x*y", "x=[1,2]", "y=3"], "sum(...) or mean(...)"),
    (["W @ x", "W=[[1,2],[3,4]]", "x=[1,2,3]"], "'W @ x' at column 1 has shapes that do not fit: (2, 2) and (3,)"),
    (["sum(outer(outer(x, x), outer(x, x)))", "x=[" + "1," * 40 + "]"], "2560000 elements"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=range(len(REFUSED)))
def test_refused_with_one_clear_message(cli, words, said):
    status, out, err = cli(*words)
    assert status == 2 and out == ""
    assert said in err and "Traceback" not in err
    assert len(err.splitlines()) == 1 or err.startswith("Usage")


RAISES = [
    (["log(x)", "x=-1"], "ValueError", "in 'log(x)' at column 1"),
    (["q = x - 1; 3 / q", "x=1"], "ZeroDivisionError", "in '3 / q' at column 12"),
    (["x**512", "x=1e9"], "OverflowError", "in 'x**512' at column 1"),
]


@pytest.mark.parametrize(("words", "kind", "where"), RAISES)
def test_a_formula_that_raises(cli, words, kind, where):
    status, out, err = cli(*words)
    assert status == 1 and out == "" and len(err.splitlines()) == 1
    assert kind in err and where in err


def test_a_wrong_gradient_is_status_1(cli, model):
    status, out, err = cli(f"{model}:cut", "x=2", "y=3")
    assert status == 1 and err == "" and "gradient wrong" in out and "# backprop" in out
    status, out, _ = cli(f"{model}:cut", "x=2", "y=3", "--json")
    assert status == 1 and json.loads(out)["check"]["right"] is False
    assert cli(f"{model}:cut", "x=2", "y=3", "--no-check")[0] == 0


def test_warnings_are_one_line_each(cli):
    status, _, err = cli("sum(1 / x + 1 / x)", "x=[0, 1]", "--no-check")
    assert status == 0 and err.count("divide by zero") == 1 and ".py" not in err
    assert all(line.startswith("glassgrad: warning: ") for line in err.splitlines())


# -- functions in files --------------------------------------------------------------------------

MODEL = """
import sys
from dataclasses import dataclass

import numpy as np
import glassgrad
from beside import twice


class Hidden:
    __signature__ = "none of your business"

    def __call__(self, x):
        return x


hidden = Hidden()


@dataclass
class Shape:
    n: int


def loss(W, x, scale=2.0):
    h = np.tanh(W @ x)
    return scale * np.sum(h**2)


def cut(x, y):
    return x * glassgrad.stop_gradient(y)


def options(seed, mode, /, order, *, y, **rest):
    print("said by the user's function")
    return seed * mode * order * y * rest["z"] + twice(y)


def clash(x, *, seed):
    return x * seed


def raises(x):
    z = x - x
    return 1 / z


def leaves(x):
    sys.exit(0)


def misfit(W, x):
    return np.sum(W @ x[:1])


def rows(x, n):
    return np.sum(x[:n] * Shape(2).n)
"""


@pytest.fixture
def model(tmp_path, monkeypatch):
    file = tmp_path / "model.py"
    file.write_text(MODEL)
    (tmp_path / "beside.py").write_text("def twice(x):\n    return 2 * x\n")
    np.savez(tmp_path / "data.npz", W=np.eye(2), x=np.array([0.5, -1.0]))
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield file
    for name in ("model", "beside"):
        sys.modules.pop(name, None)


def test_a_function_in_a_file(cli, model):
    status, out, err = cli(f"{model}:loss", "--args", str(model.parent / "data.npz"))
    assert status == 0, err
    assert "h = np.tanh(W @ x)" in out and "gradient right" in out
    assert "def loss_and_gradient(W, x" in out


def test_values_on_the_command_line_go_over_the_file(cli, model):
    words = [f"{model}:loss", "--args", str(model.parent / "data.npz"), "--json"]
    told = json.loads(cli(*words, "x=[0,0]", "scale=3")[1])
    assert told["value"] == 0.0 and set(told["gradients"]) == {"W", "x", "scale"}


def test_numbers_in_a_file_become_floats_and_integer_arrays_stay(cli, model, tmp_path):
    np.savez(tmp_path / "n.npz", x=np.int64(3), y=np.float32(2))
    told = json.loads(cli(f"{model}:cut", "--args", f"{tmp_path}/n.npz", "--json", "--no-check")[1])
    assert told["value"] == 6.0 and told["gradients"]["x"] == 2.0
    np.savez(tmp_path / "i.npz", x=np.array([1.5, 2.5]), W=np.array([[1, 2]]))
    told = json.loads(cli(f"{model}:misfit", "--args", f"{tmp_path}/i.npz", "--json", "W=[[2]]")[1])
    assert told["gradients"]["x"] == [2.0, 0.0]


def test_parameters_of_any_kind_and_name(cli, model):
    words = ["seed=2", "mode=3", "order=5", "y=7", "z=11"]
    status, out, err = cli(f"{model}:options", *words, "--json")
    told = json.loads(out)  # what the function printed has gone the other way
    assert status == 0 and told["value"] == 2324.0 and told["gradients"]["z"] == 210.0
    assert "said by the user's function" in err
    status, _, err = cli(f"{model}:clash", "x=1", "seed=2")
    assert status == 2 and "seed can only be given by position" in err


def test_arguments_that_do_not_fit(cli, model, tmp_path):
    np.savez(tmp_path / "bad.npz", W=np.eye(2), z=1.0)
    status, _, err = cli(f"{model}:loss", "--args", f"{tmp_path}/bad.npz")
    assert status == 2 and "takes W, x, scale; given: W, z; missing: x; unknown: z" in err
    status, _, err = cli(f"{model}:nothing", "--args", f"{tmp_path}/bad.npz")
    assert status == 2 and "no function 'nothing'; it has " in err and "loss" in err
    status, _, err = cli(f"{model}:loss")
    assert status == 2 and "missing: W, x" in err
    status, _, err = cli(str(model))
    assert status == 2 and "say which function" in err
    status, _, err = cli(f"{model}:hidden", "x=1")
    assert status == 2 and "does not tell the names of its parameters" in err
    status, _, err = cli(f"{model}:MODEL.x", "x=1")
    assert status == 2 and "'MODEL.x' is no name of a function" in err


def test_files_of_arguments_that_are_none(cli, model, tmp_path):
    (tmp_path / "junk.npz").write_text("junk")
    (tmp_path / "empty.npz").write_text("")
    (tmp_path / "zip.npz").write_bytes(b"PK\x03\x04 and no more")
    np.savez(tmp_path / "objects.npz", x=np.array([{}]))
    np.save(tmp_path / "one.npy", np.ones(3))
    for name in ("junk.npz", "empty.npz", "zip.npz", "objects.npz", "one.npy", "none.npz"):
        status, out, err = cli(f"{model}:loss", "--args", f"{tmp_path}/{name}")
        assert status == 2 and out == "" and name in err and len(err.splitlines()) == 1


def test_functions_that_raise(cli, model):
    line = MODEL.splitlines().index("    return 1 / z") + 1
    status, out, err = cli(f"{model}:raises", "x=1")
    assert status == 1 and out == "" and "ZeroDivisionError" in err and f"model.py:{line}" in err
    assert cli(f"{model}:leaves", "x=1")[0] == 1
    status, _, err = cli(f"{model}:misfit", "W=[[1,2]]", "x=[1,2]")
    assert status == 1 and "shapes" in err and "Traceback" not in err


def test_files_that_raise(cli, tmp_path):
    for text, said in (("x = 1\n1 / 0\n", "ZeroDivisionError"), ("def f(:\n", "SyntaxError"),
                       ("import sys\nsys.exit(0)\n", "sys.exit")):  # fmt: skip
        (tmp_path / "broken.py").write_text(text)
        status, out, err = cli(f"{tmp_path}/broken.py:f", "x=1")
        assert status == 1 and out == "" and said in err and len(err.splitlines()) == 1


def test_a_file_does_not_take_the_name_of_a_module(cli, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "json.py").write_text("def f(x):\n    return 2 * x\n")
    assert json.loads(cli(f"{tmp_path}/json.py:f", "x=3", "--json")[1])["value"] == 6.0
    assert sys.modules["json"] is json


# -- as a process --------------------------------------------------------------------------------


def test_python_dash_m_is_the_same():
    done = in_a_process(*NOTES)
    assert done.returncode == 0 and done.stderr == "" and "\x1b" not in done.stdout
    assert "gradient right" in done.stdout
    done = in_a_process("--version")
    assert done.stdout == f"glassgrad {gg.__version__}\n"


@pytest.mark.parametrize("call", ["softmax(x)", "log_softmax(x)", "erf(x)", "logsumexp(x)"])
def test_a_library_is_there_before_a_circuit_is_recorded(call):
    """In a process of its own: here other tests have imported it."""
    done = in_a_process(f"sum({call} * [1, 2])", "x=[1, 2]")
    assert done.returncode == 0 and "gradient right" in done.stdout, done.stderr


def test_refusals_of_a_process():
    done = in_a_process("x.real", "x=1")
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith(
        "glassgrad: 'x.real'"
    )


def test_a_closed_pipe_is_no_traceback():
    pipe, end = os.pipe()
    os.close(pipe)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "glassgrad", *NOTES], stdout=end, stderr=subprocess.PIPE,
            text=True, env=ENVIRONMENT, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(end)
    assert "Traceback" not in done.stderr


def test_help_shows_examples(cli):
    for word in ("--help", "-h"):
        status, out, _ = cli(word)
        assert status == 0 and "model.py:loss" in out and "--json" in out and "Exit status" in out
        assert max(map(len, out.splitlines())) <= 100


# -- pictures ------------------------------------------------------------------------------------


def test_picture_alone(cli):
    status, out, err = cli("q = x + y; q * z", "x=-2", "y=5", "z=-4", "--picture")
    assert status == 0 and err == "" and "│ + ├" in out and "gradient right" not in out
    assert "statement" not in out and "-12" in out


def test_svg_and_save_write_files_and_the_report_is_printed(cli, tmp_path):
    svg, save = tmp_path / "a.txt", tmp_path / "b.svg"
    status, out, err = cli(*NOTES, "--svg", str(svg), "--save", str(save))
    assert status == 0 and err == "" and "1.54564" in out and "gradient right" in out
    assert svg.read_text(encoding="utf-8") == save.read_text(encoding="utf-8")
    assert svg.read_text(encoding="utf-8").startswith("<svg ")
    status, out, _ = cli(*NOTES, "--svg", "-")
    assert status == 0 and out == svg.read_text(encoding="utf-8")


def test_what_cannot_be_written_is_said_in_one_message(cli, tmp_path, monkeypatch):
    for option in ("--svg", "--save"):
        status, out, err = cli(*NOTES, option, str(tmp_path / "none" / "a.svg"))
        assert status == 2 and out == "" and len(err.splitlines()) == 1 and "cannot write" in err
    status, _, err = cli(*NOTES, "--save", str(tmp_path / "a.gif"))
    assert status == 2 and ".svg, .png or .pdf" in err
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    status, _, err = cli(*NOTES, "--save", str(tmp_path / "a.png"))
    assert status == 2 and "pip install 'glassgrad[pictures]'" in err


@pytest.mark.parametrize("command", [["x * y"], [__file__ + ":in_a_process"], ["play", "x * y"]])
def test_a_name_is_given_one_value(cli, command):
    status, out, err = cli(*command, "x=2", "y=1", "x=3")
    assert status == 2 and not out
    assert "x is given two values" in err
