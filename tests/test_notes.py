"""The notes, to the letter: their function, their staged code, their circuits, their numbers."""

import ast
import math
import runpy
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg

from .support.tiers import tiers

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "notes.py"
NOTES = runpy.run_path(str(EXAMPLE))
F = NOTES["f"]
VALUE, GRADIENT = 1.5456448841066441, (2.0595697955721652, 1.5922327514838093)


def run(code, *args, **kwargs):
    """Run staged code as the module it is, with nothing around it."""
    namespace = {}
    exec(compile(code, "<staged>", "exec"), namespace)
    (function,) = [v for k, v in namespace.items() if k.endswith("_and_gradient")]
    return function(*args, **kwargs)


def test_value_and_gradient_of_the_notes_function():
    for _ in range(3):
        value, gradient = gg.value_and_grad(F, argnums=(0, 1))(3, -4)
        assert value == VALUE
        assert gradient == pytest.approx(GRADIENT, rel=1e-15)
        assert all(type(g) is float for g in gradient)


def test_staged_code_is_the_notes_own():
    code = gg.backprop(F, 3, -4).code
    steps = [line.strip() for line in code.splitlines() if "# backprop" in line]
    assert steps == [
        "# backprop f = num * invden  (8)",
        "# backprop invden = 1.0 / den  (7)",
        "# backprop den = sigx + xpysqr  (6)",
        "# backprop xpysqr = xpy**2  (5)",
        "# backprop xpy = x + y  (4)",
        "# backprop sigx = 1.0 / (1 + math.exp(-x))  (3)",
        "# backprop num = x + sigy  (2)",
        "# backprop sigy = 1.0 / (1 + math.exp(-y))  (1)",
    ]
    statements = [line.split("#")[0].strip() for line in code.splitlines()]
    at = statements.index("dnum = invden")
    assert [s for s in statements[at:] if s] == [
        "dnum = invden",
        "dinvden = num",
        "dden = (-invden / den) * dinvden",
        "dsigx = dden",
        "dxpysqr = dden",
        "dxpy = (2 * xpy) * dxpysqr",
        "dx = dxpy",
        "dy = dxpy",
        "dx += ((1 - sigx) * sigx) * dsigx",
        "dx += dnum",
        "dsigy = dnum",
        "dy += ((1 - sigy) * sigy) * dsigy",
        "return f, (dx, dy)",
    ]
    assert [s for s in statements if s.startswith("import")] == ["import math"]
    assert "1.0 *" not in code and "* 1.0" not in code


def test_staged_code_runs_alone_and_gives_the_same_numbers():
    code = gg.backprop(F, 3, -4).code
    value, gradient = run(code, 3, -4)
    assert value == VALUE
    assert gradient == pytest.approx(GRADIENT, rel=1e-15)
    for x, y in [(0.5, 2.0), (-3.0, 1.5), (20.0, -30.0)]:
        value, gradient = run(code, x, y)
        assert value == F(x, y)
        expected = gg.grad(F, argnums=(0, 1))(x, y)
        assert gradient == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("name", ["first_circuit", "second_circuit", "f", "product"])
def test_lines_are_short_and_the_code_parses(name):
    arguments = {"first_circuit": (-2, 5, -4), "second_circuit": (3, -4, 2, -1), "f": (3, -4),
                 "product": (1.0, 2.0, 3.0)}  # fmt: skip
    code = gg.backprop(NOTES[name], *arguments[name]).code
    ast.parse(code)
    assert max(len(line) for line in code.splitlines()) <= 100


def test_first_circuit():
    seen = gg.backprop(NOTES["first_circuit"], -2, 5, -4)
    assert seen.value == -12
    assert (seen.wire("q").value, seen.wire("q").gradient) == (3, -4)
    assert (seen.grads["z"], seen.grads["x"], seen.grads["y"]) == (3, -4, -4)
    plain = gg.value_and_grad(lambda x, y, z: (x + y) * z, argnums=(0, 1, 2))
    assert plain(-2, 5, -4) == (-12, (-4, -4, 3))


def with_python_max(x, y, z, w):
    return 2 * (x * y + max(z, w))


def with_maximum(x, y, z, w):
    return 2 * (x * y + np.maximum(z, w))


def with_branch(x, y, z, w):
    larger = z if z > w else w
    return 2 * (x * y + larger)


@pytest.mark.parametrize("function", [with_python_max, with_maximum, with_branch])
def test_second_circuit(function):
    both = gg.value_and_grad(function, argnums=(0, 1, 2, 3))
    for _ in tiers():
        assert both(3, -4, 2, -1) == (-20, (-8, 6, 2, 0))
    assert both(3, -4, -1, 2) == (-20, (-8, 6, 0, 2))
    seen = gg.backprop(function, 3, -4, 2, -1)
    assert seen.value == -20 and tuple(seen.grads) == (-8, 6, 2, 0)


def test_many_factors_with_zeros_among_them():
    assert gg.grad(lambda x, y, z: x * y * z, argnums=(0, 1, 2))(0, 3, 4) == (12, 0, 0)
    prod = gg.grad(lambda v: np.prod(v))
    for v in ([2.0, 3.0, 4.0], [0.0, 3.0, 4.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]):
        v = np.array(v)
        others = [np.prod(np.delete(v, i)) for i in range(3)]
        assert prod(v).tolist() == others


def test_matrix_product_aligns_the_dimensions():
    rng = np.random.default_rng(0)
    W, X = rng.standard_normal((5, 10)), rng.standard_normal((10, 3))
    D, pullback = gg.vjp(NOTES["layer"], W, X)
    dD = rng.standard_normal(D.shape)
    dW, dX = pullback(dD)
    assert (dW == dD.dot(X.T)).all() and (dX == W.T.dot(dD)).all()
    assert "dW = dD.dot(X.T)  # shape (5, 10)" in pullback.code
    assert "dX = W.T.dot(dD)  # shape (10, 3)" in pullback.code
    value, gradients = run(pullback.code, W, X, dD)
    assert (value == D).all() and (gradients[0] == dW).all() and (gradients[1] == dX).all()
    at_sign = gg.vjp(lambda W, X: W @ X, W, X)[1].code
    assert "dW = dvalue @ X.T" in at_sign and "dX = W.T @ dvalue" in at_sign
    assert gg.backprop(NOTES["layer"], W, X, upstream=dD).code == pullback.code


def test_shape_mismatch_names_both_shapes_both_wires_and_the_line():
    def mismatch(W, X):
        D = W.dot(X)
        return D.sum()

    with pytest.raises(gg.errors.ShapeError) as error:
        gg.grad(mismatch)(np.ones((5, 10)), np.ones((3, 10)))
    message = str(error.value)
    for part in ("W (5, 10)", "X (3, 10)", "test_notes.py:", "D = W.dot(X)"):
        assert part in message


def test_sensitivity_tells_how_good_the_straight_line_is():
    seen = gg.backprop(lambda x, y: x * y, 4.0, -3.0)
    told = seen.sensitivity("y", 0.01)
    assert told.line == pytest.approx(told.after) and told.goodness == pytest.approx(1.0)
    curved = gg.backprop(lambda x: x**2, 1.0).sensitivity("x", 0.1)
    assert curved.error == pytest.approx(0.01)
    assert curved.goodness == pytest.approx(1 - 0.01 / 0.21)
    W = np.array([1.0, 2.0])
    element = gg.backprop(lambda W: np.sum(W**2), W).sensitivity("W", 0.5, index=1)
    assert (element.name, element.after, element.line) == ("W[1]", 7.25, 7.0)


def test_the_example_runs(capsys):
    NOTES["main"]()
    printed = capsys.readouterr().out
    assert "dden = (-invden / den) * dinvden" in printed and "gradient right" in printed


def test_the_table_fits_and_says_what_gates_do(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = str(gg.backprop(NOTES["first_circuit"], -2, 5, -4))
    assert max(map(len, text.splitlines())) <= 100 and "\x1b" not in text
    flat = [" ".join(line.split()) for line in text.splitlines()]
    assert "add: hands the gradient on to both inputs" in flat
    assert any(line.endswith("q = x + y 3 -4 add d/dx 1, d/dy 1") for line in flat)
    assert any(line.endswith("f = q * z -12 1 multiply d/dq -4, d/dz 3") for line in flat)


def test_sigmoid_and_softplus_are_recognised_at_the_ends():
    sigmoid = gg.grad(lambda x: 1 / (1 + np.exp(-x)))
    softplus = gg.grad(lambda x: np.log(1 + np.exp(x)))
    with np.errstate(over="ignore"):
        for _ in tiers():
            assert sigmoid(-800.0) == 0.0
            assert softplus(800.0) == 1.0
    assert sigmoid(0.3) == pytest.approx(math.exp(-0.3) / (1 + math.exp(-0.3)) ** 2)
