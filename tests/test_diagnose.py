"""Each diagnosis with its fault planted in realistic code, named with the right line; and silence."""

import json

import numpy as np
import pytest

import glassgrad as gg
from benchmarks.cases import CASES
from glassgrad.diagnose import KINDS
from tests.support.diagnosis import line_of, only

# -- networks --------------------------------------------------------------------------------------


def deep(params, X, labels):
    h = X
    for W, b in zip(params["W"], params["b"], strict=True):
        h = np.tanh(h @ W + b)  # the layer
    scores = h @ params["out"]
    shifted = scores - scores.max(axis=1, keepdims=True)
    logs = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]
    return logs.mean()


def deep_relu(params, X, labels):
    h = X
    for W, b in zip(params["W"], params["b"], strict=True):
        h = np.maximum(h @ W + b, 0)  # the layer
    scores = h @ params["out"]
    return np.mean((scores - np.eye(10)[labels]) ** 2)


def network(scale, layers=10, width=64, rows=48, bias=0.0):
    rng = np.random.default_rng(3)
    W = [rng.normal(size=(width, width)) * scale / np.sqrt(width) for _ in range(layers)]
    b = [np.full(width, bias) for _ in range(layers)]
    out = rng.normal(size=(width, 10)) / np.sqrt(width)
    X = rng.normal(size=(rows, width))
    return {"W": W, "b": b, "out": out}, X, rng.integers(10, size=rows)


def seen(function, *args, argnums=0):
    return gg.backprop(function, *args, argnums=argnums)


def test_a_ten_layer_network_that_is_well_initialised_has_nothing_to_report():
    diagnosis = seen(deep, *network(1.0)).diagnose()
    assert len(diagnosis) == 0 and not diagnosis
    assert str(diagnosis) == "nothing to report"
    assert not seen(deep_relu, *network(np.sqrt(2.0))).diagnose()


def test_weights_too_small_make_gradients_vanish():
    found = only(seen(deep, *network(0.1)).diagnose(), "vanishing")
    assert found.line == line_of(deep, "# the layer")
    assert "np.tanh(h @ W + b)" in found.statement
    assert 1e-12 < found.numbers["ratio"] < 1e-7
    assert found.numbers["layers"] >= 10
    assert 0.05 < found.numbers["product_factor"] < 0.2
    assert "params['W'][0]" in found.wires
    assert "the 1st of the 10 times it ran" in found.says
    assert "0.125" in found.mend  # 1 / sqrt(64)


def test_the_times_a_line_ran_are_counted_past_helpers_and_comprehensions():
    def layer(h, W):
        return relu(h @ W) * 1.0  # the layer

    def net(Ws, X):
        for W in [1.0 * W for W in Ws]:
            X = layer(X, W)
        return np.mean(X**2)

    rng = np.random.default_rng(0)
    t = gg.backprop(net, [rng.normal(size=(9, 9)) for _ in range(4)], rng.normal(size=(20, 9)))
    found = {}
    for gate in t.study.recorded.circuit.gates:
        found.setdefault((gate.place.line, gate.op.name), []).append(gate.place.statement)
    assert len(set(found[line_of(layer, "# the layer"), "matmul"])) == 4
    assert (
        found[line_of(layer, "# the layer"), "matmul"]
        == found[line_of(layer, "# the layer"), "multiply"]
    )
    assert len(set(found[line_of(relu, "# rectify"), "maximum"])) == 4


def test_weights_too_large_make_gradients_explode():
    found = only(seen(deep_relu, *network(6.0)).diagnose(), "exploding")
    assert found.line == line_of(deep_relu, "# the layer")
    assert found.numbers["ratio"] > 1e3


def sigmoids(params, X, y):
    for W in params[:-1]:
        X = 1 / (1 + np.exp(-(X @ W)))  # squash
    return np.mean((X @ params[-1] - y) ** 2)


def test_sigmoids_make_gradients_vanish_and_are_named():
    rng = np.random.default_rng(0)
    params = [rng.normal(size=(20, 20)) / np.sqrt(20) for _ in range(10)] + [rng.normal(size=20)]
    found = only(
        seen(sigmoids, params, rng.normal(size=(30, 20)), np.zeros(30)).diagnose(), "vanishing"
    )
    assert found.line == line_of(sigmoids, "# squash")
    assert "sigmoid" in found.says and "quarter" in found.mend
    assert found.numbers["between_factor"] < 0.26


def test_a_network_written_layer_by_layer_names_both_ends():
    def net(W1, W2, W3, W4, X):
        a = np.tanh(X @ W1)  # first
        b = np.tanh(a @ W2)
        c = np.tanh(b @ W3)
        d = np.tanh(c @ W4)  # last
        return np.mean(d**2)

    rng = np.random.default_rng(1)
    W = [0.01 * rng.normal(size=(16, 16)) for _ in range(4)]
    found = only(
        seen(net, *W, rng.normal(size=(8, 16)), argnums=(0, 1, 2, 3)).diagnose(), "vanishing"
    )
    assert found.line == line_of(net, "# first")
    assert f"line {line_of(net, '# last')}" in found.says


# -- units -----------------------------------------------------------------------------------------


def one_hidden(W1, b1, W2, X, y, activation):
    h = activation(X @ W1 + b1)
    return np.mean((h @ W2 - y) ** 2)


def relu(z):
    return np.maximum(z, 0)  # rectify


def by_where(z):
    return np.where(z > 0, z, 0.0)  # rectify


def by_mask(z):
    return z * (z > 0)  # rectify


def by_clip(z):
    return np.clip(z, 0, None)  # rectify


def small(bias=0.0, scale=1.0):
    rng = np.random.default_rng(5)
    W1 = rng.normal(size=(8, 20)) * scale / np.sqrt(8)
    b1 = np.zeros(20)
    b1[:7] = bias
    return W1, b1, rng.normal(size=20) / 5, rng.normal(size=(40, 8)), rng.normal(size=40)


@pytest.mark.parametrize("activation", [relu, by_where, by_mask, by_clip])
def test_dead_units_are_counted(activation):
    t = gg.backprop(one_hidden, *small(-30.0), activation, argnums=(0, 1, 2))
    found = only(t.diagnose(), "dead-units")
    assert found.line == line_of(activation, "# rectify")
    assert (found.numbers["dead"], found.numbers["units"]) == (7, 20)
    assert "7 of 20 units" in found.says
    assert not gg.backprop(one_hidden, *small(), activation, argnums=(0, 1, 2)).diagnose()


def test_units_are_rows_where_the_weights_stand_left():
    def net(W1, b1, W2, X):
        h = np.maximum(W1 @ X + b1[:, None], 0)  # rectify
        return np.mean((W2 @ h) ** 2)

    W1, b1, W2, X, _ = small(-30.0)
    found = only(gg.backprop(net, W1.T, b1, W2, X.T, argnums=(0, 1, 2)).diagnose(), "dead-units")
    assert (found.numbers["dead"], found.numbers["units"]) == (7, 20)


def test_a_leaky_unit_is_not_dead():
    def leaky(z):
        return np.where(z > 0, z, 0.1 * z)

    assert not gg.backprop(one_hidden, *small(-30.0), leaky, argnums=(0, 1, 2)).diagnose()


def test_a_mask_from_outside_is_no_dead_unit():
    kept = np.arange(20) % 4 > 0

    def dropout(z):
        return np.where(kept, np.tanh(z), 0.0)

    assert not gg.backprop(one_hidden, *small(), dropout, argnums=(0, 1, 2)).diagnose()


def logistic(z):
    return 1 / (1 + np.exp(-z))  # squash


def squash(z):
    return np.tanh(z)  # squash


@pytest.mark.parametrize("activation", [logistic, squash])
def test_saturated_units_are_counted(activation):
    t = gg.backprop(one_hidden, *small(scale=20.0), activation, argnums=(0, 1, 2))
    found = only(t.diagnose(), "saturated-units")
    assert found.line == line_of(activation, "# squash")
    assert 0.5 < found.numbers["share"] < 1
    assert f"{100 * found.numbers['share']:.0f} %" in found.says
    assert not gg.backprop(one_hidden, *small(), activation, argnums=(0, 1, 2)).diagnose()


def test_a_few_numbers_at_the_ends_are_no_layer():
    def f(v):
        return np.sum(np.tanh(v))

    assert not gg.backprop(f, np.array([0.1, -0.5, 4.0])).diagnose()
    assert only(gg.backprop(f, np.array([9.0, -8.0, 7.0])).diagnose(), "saturated-units")


def test_sure_and_right_predictions_are_not_saturated():
    def loss(w, X, y):
        p = 1 / (1 + np.exp(-(X @ w)))
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    w = np.array([4.0, -3.0, 2.0])
    assert not gg.backprop(loss, w, X, (X @ w > 0) * 1.0, argnums=0).diagnose()


def test_a_layer_of_dead_units_is_told_once():
    W1, b1, W2, X, y = small()
    t = gg.backprop(one_hidden, W1, b1 - 40, W2, X, y, relu, argnums=(0, 1, 2))
    kinds = [f.kind for f in t.diagnose()]
    assert kinds.count("dead-units") == 1
    assert kinds.count("zero-gradient") <= 1


# -- scales ----------------------------------------------------------------------------------------


def regression(w, b, X, y):
    guess = X @ w + b  # weigh
    return np.mean((guess - y) ** 2)


def houses(unit=1.0):
    rng = np.random.default_rng(2)
    area = rng.normal(120, 30, 200) * unit  # square metres
    rooms = rng.normal(4, 1.2, 200)
    share = rng.normal(0.3, 0.1, 200)
    X = np.stack([area, rooms, share], axis=1)
    return np.array([1.0, 2.0, -1.0]), 0.5, X, rng.normal(size=200)


def test_features_on_wildly_different_scales():
    X = houses(1000.0)[2]
    found = only(gg.backprop(regression, *houses(1000.0), argnums=(0, 1)).diagnose(), "input-scale")
    assert found.line == line_of(regression, "# weigh")
    assert found.numbers["largest"] == pytest.approx(X[:, 0].std())
    assert found.numbers["smallest"] == pytest.approx(X[:, 2].std())
    # The curvature of the mean squared error is 2 A^T A / n; the ratio of its eigenvalues is told.
    A = np.c_[X, np.ones(len(X))]
    assert found.numbers["curvature_ratio"] == pytest.approx(np.linalg.cond(A.T @ A), rel=1e-3)
    Z = np.c_[(X - X.mean(0)) / X.std(0), np.ones(len(X))]
    assert found.numbers["curvature_ratio_standardised"] == pytest.approx(
        np.linalg.cond(Z.T @ Z), rel=1e-6
    )
    assert "columns of X" in found.says and "column 0" in found.says and "column 2" in found.says
    assert "X" in found.wires and "w" in found.wires


def test_standardised_features_are_fine():
    w, b, X, y = houses(1000.0)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    assert not gg.backprop(regression, w, b, X, y, argnums=(0, 1)).diagnose()


def test_unscaled_features_of_a_hidden_layer_with_weights_on_the_left():
    def net(W1, W2, X):
        h = np.tanh(W1 @ X)  # weigh
        return np.mean((W2 @ h) ** 2)

    rng = np.random.default_rng(0)
    X = rng.normal(size=(4, 50)) * np.array([1.0, 1e-3, 1.0, 1.0])[:, None]
    found = only(
        gg.backprop(
            net, rng.normal(size=(5, 4)) / 2, rng.normal(size=5), X, argnums=(0, 1)
        ).diagnose(),
        "input-scale",
    )
    assert found.line == line_of(net, "# weigh")
    assert "row 1" in found.says


def test_the_weights_of_each_feature_are_told_apart_in_a_square_matrix():
    def net(W1, W2, X):
        return np.mean((W2 @ np.tanh(W1 @ X)) ** 2)

    rng = np.random.default_rng(0)
    W1, W2 = rng.normal(size=(4, 4)) / 2, rng.normal(size=4)
    X = rng.normal(size=(4, 50)) * np.array([1.0, 1e-3, 0.9, 0.8])[:, None]
    t = gg.backprop(net, W1, W2, X, argnums=(0, 1))
    found = only(t.diagnose(), "input-scale")
    norm = np.linalg.norm(t.grads["W1"][:, 1])
    assert f"row 1 spreads {X[1].std():.3g}" in found.says and f" and {norm:.3g}." in found.says


def test_features_that_hardly_vary_for_how_large_they_are():
    rng = np.random.default_rng(0)
    X = np.stack([2000 + 5 * rng.normal(size=99), 1000 + 4 * rng.normal(size=99)], axis=1)
    found = only(
        gg.backprop(regression, np.ones(2), 0.0, X, np.ones(99), argnums=(0, 1)).diagnose(),
        "input-scale",
    )
    assert "far off zero" in found.says


def test_features_of_other_lengths_are_no_columns():
    def f(w, x, z):
        return np.sum((w[0] * x + w[1] * z + w[2]) ** 2)

    assert not gg.backprop(f, np.ones(3), np.ones(1), np.arange(9.0) / 9, argnums=0).diagnose()


def test_features_that_are_written_one_by_one():
    def price(w, area, rooms, y):
        guess = w[0] * area + w[1] * rooms + w[2]  # weigh
        return np.mean((guess - y) ** 2)

    _, _, X, y = houses(1000.0)
    w = np.array([1.0, 2.0, 0.5])
    found = only(gg.backprop(price, w, X[:, 0], X[:, 1], y, argnums=0).diagnose(), "input-scale")
    assert found.line == line_of(price, "# weigh")
    A = np.c_[X[:, :2], np.ones(len(X))]
    assert found.numbers["curvature_ratio"] == pytest.approx(np.linalg.cond(A.T @ A), rel=1e-3)
    assert found.wires[:2] == ("area", "rooms")
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    assert not gg.backprop(price, w, Z[:, 0], Z[:, 1], y, argnums=0).diagnose()


# -- silence ---------------------------------------------------------------------------------------

SLOW = {"mixture-64", "nbody-1000", "blackscholes", "lstm", "rk4", "mlp-1024", "mlp-1024-f32"}


@pytest.mark.parametrize("name", sorted(set(CASES) - SLOW))
def test_nothing_is_said_of_the_benchmarks(name):
    case = CASES[name]
    data = case.data()
    diagnosis = gg.backprop(case.model, *data, argnums=case.argnums).diagnose()
    assert not diagnosis, str(diagnosis)
    assert not gg.backprop(case.model, *data).diagnose()


@pytest.mark.parametrize("rate", [0.05, 1.0])
def test_nothing_is_said_while_a_network_learns(rate):
    def loss(W1, b1, W2, b2, X, y):
        scores = np.maximum(X @ W1 + b1, 0) @ W2 + b2
        return np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(y)), y])

    rng = np.random.default_rng(1)
    centres = rng.normal(size=(4, 6))
    y = rng.integers(4, size=200)
    X = centres[y] + rng.normal(size=(200, 6)) / 2
    weights = [
        rng.normal(size=(6, 32)) / 2,
        np.zeros(32),
        rng.normal(size=(32, 4)) / 5,
        np.zeros(4),
    ]
    gradient = gg.value_and_grad(loss, argnums=(0, 1, 2, 3))
    for step in range(61):
        if step % 20 == 0:
            diagnosis = gg.backprop(loss, *weights, X, y, argnums=(0, 1, 2, 3)).diagnose()
            assert not diagnosis, str(diagnosis)
        value, d = gradient(*weights, X, y)
        weights = [w - rate * dw for w, dw in zip(weights, d, strict=True)]
    assert value < 0.5


def test_attention_layer_norm_and_a_way_round_are_fine():
    def normalised(x, g, b):
        mean = x.mean(axis=-1, keepdims=True)
        return g * (x - mean) / np.sqrt(((x - mean) ** 2).mean(axis=-1, keepdims=True) + 1e-5) + b

    def softmax(z):
        odds = np.exp(z - z.max(axis=-1, keepdims=True))
        return odds / odds.sum(axis=-1, keepdims=True)

    def model(blocks, E, tokens, following):
        x = E[tokens]
        seen = np.tril(np.ones((len(tokens), len(tokens)))) > 0
        for p in blocks:
            h = normalised(x, p["g"], p["b"])
            scores = (h @ p["Q"]) @ (h @ p["K"]).T / 4
            x = x + softmax(np.where(seen, scores, -np.inf)) @ (h @ p["V"])
            x = x + np.maximum(normalised(x, p["g"], p["b"]) @ p["W"], 0) @ p["U"]
        p = softmax(x @ E.T)
        return -np.mean(np.log(p[np.arange(len(tokens)), following]))

    rng = np.random.default_rng(0)

    def matrix(a, b):
        return rng.normal(size=(a, b)) / np.sqrt(a)

    blocks = [{"g": np.ones(16), "b": np.zeros(16), "Q": matrix(16, 16), "K": matrix(16, 16),
               "V": matrix(16, 16), "W": matrix(16, 64), "U": matrix(64, 16)} for _ in range(6)]  # fmt: skip
    E = rng.normal(size=(30, 16)) / 4
    tokens, following = rng.integers(30, size=(2, 12))
    diagnosis = gg.backprop(model, blocks, E, tokens, following, argnums=(0, 1)).diagnose()
    assert not diagnosis, str(diagnosis)


def test_a_fit_at_its_optimum_is_fine():
    def misfit(p, t, m):
        return np.sum((p[0] * np.exp(-p[1] * t) + p[2] - m) ** 2)

    t = np.linspace(0, 4, 60)
    near = np.array([2.0, 0.8, 0.5]) * (1 + 1e-10)
    m = 2.0 * np.exp(-0.8 * t) + 0.5
    assert not gg.backprop(misfit, near, t, m, argnums=0).diagnose()
    assert not gg.backprop(misfit, near, t, m).diagnose()


def test_a_gradient_that_is_zero_but_for_rounding_has_no_digits_to_lose():
    def f(A):
        U = np.linalg.svd(A, full_matrices=False)[0]
        return np.sum(U * U)  # the columns have length 1, whatever A is

    A = np.random.default_rng(0).normal(size=(4, 2))
    assert not gg.backprop(f, A).diagnose()
    assert not gg.backprop(f, A.astype(np.float32)).diagnose()


# -- the report ------------------------------------------------------------------------------------


def test_the_report_is_a_sequence_reads_as_text_and_goes_into_json():
    diagnosis = gg.backprop(regression, *houses(1000.0), argnums=(0, 1)).diagnose()
    assert list(diagnosis) == [diagnosis[0]] and bool(diagnosis)
    text = str(diagnosis)
    assert text.startswith("1 finding") and f"line {diagnosis[0].line}" in text
    assert "guess = X @ w + b" in text and "mend:" in text
    assert all(len(line) <= 100 for line in text.splitlines())
    told = json.loads(diagnosis.json())
    assert told[0]["kind"] == "input-scale" and told[0]["line"] == diagnosis[0].line
    assert set(told[0]) == {
        "kind",
        "severity",
        "title",
        "says",
        "mend",
        "file",
        "line",
        "statement",
        "wires",
        "shown",
        "numbers",
    }
    assert all(f.kind in KINDS for f in diagnosis)


def test_the_wires_of_a_finding_are_wires_of_the_record():
    t = seen(deep, *network(0.1))
    found = only(t.diagnose(), "vanishing")
    names = [w.name for w in t.wires]
    assert found.shown and all(name in names for name in found.shown)
    assert found.shown[0] == "W_0"
    hidden = gg.backprop(one_hidden, *small(-30.0), relu, argnums=(0, 1, 2))
    assert only(hidden.diagnose(), "dead-units").shown[0] == "h"


def test_numbers_that_json_cannot_say_are_strings():
    with np.errstate(all="ignore"):
        diagnosis = gg.backprop(lambda x: np.log(x), 0.0).diagnose()
    assert "-inf" in json.dumps(json.loads(diagnosis.json()))


def test_the_records_own_numbers_are_not_changed_by_looking():
    t = seen(deep, *network(0.1))
    before = [np.copy(w.gradient) for w in t.wires if w.gradient is not None]
    t.diagnose()
    after = [w.gradient for w in t.wires if w.gradient is not None]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_what_a_terminal_would_obey_is_not_printed(tmp_path):
    file = tmp_path / "odd.py"
    file.write_text("import numpy as np\n\ndef f(x):\n    return np.sqrt(x * 0)  # \x1b[31m\n")
    namespace: dict[str, object] = {}
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    record = gg.backprop(namespace["f"], 1.0)
    told = str(record.diagnose())
    assert "np.sqrt(x * 0)" in told and "\x1b" not in told
