"""Charts: with matplotlib and, where it is missing, as text; the numbers drawn are the record's."""

import sys

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.plots import Series, curves, curves_as_text, histograms_as_text, sparkline


@pytest.fixture
def without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as pyplot

    yield pyplot
    pyplot.close("all")


def f(x, y):
    return x**2 * y


def layers(W1, W2, X):
    h = np.tanh(X @ W1)
    return np.mean((h @ W2) ** 2)


def network():
    rng = np.random.default_rng(0)
    return gg.backprop(
        layers, rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=(20, 3))
    )


def test_sensitivity_draws_the_function_and_its_tangent(pyplot):
    figure = gg.backprop(f, 3.0, 2.0).plot_sensitivity("x", points=11)
    curve, tangent, point = figure.axes[0].lines
    x = curve.get_xdata()
    assert len(x) == 11 and x[5] == 3.0
    assert np.allclose(curve.get_ydata(), 2 * x**2, rtol=1e-14)
    assert np.allclose(tangent.get_ydata(), 18 + 12 * (x - 3), rtol=1e-14)
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (3.0, 18.0)


def test_sensitivity_of_an_element_and_of_all(pyplot):
    def g(v):
        return np.sum(v**3)

    v = np.array([1.0, 2.0, 3.0])
    one = gg.backprop(g, v).plot_sensitivity("v", index=1, width=1.0, points=3).axes[0].lines
    assert np.allclose(one[0].get_ydata(), [1 + 1 + 27, 36, 1 + 27 + 27])
    assert np.allclose(one[1].get_ydata(), [36 - 12, 36, 36 + 12])
    every = gg.backprop(g, v).plot_sensitivity("v", width=1.0, points=3).axes[0].lines
    assert np.allclose(every[1].get_ydata(), [36 - 42, 36, 36 + 42])
    assert np.array_equal(v, [1.0, 2.0, 3.0])


def test_where_the_function_has_no_value_there_is_a_gap(pyplot):
    import math

    def g(x):
        return math.sqrt(x)

    lines = gg.backprop(g, 0.25).plot_sensitivity("x", width=0.5, points=5).axes[0].lines
    assert np.isnan(lines[0].get_ydata()).tolist() == [True, False, False, False, False]


def test_an_input_that_is_not_there(without_matplotlib):
    with pytest.raises(KeyError, match="no input is named 'z'"):
        gg.backprop(f, 3.0, 2.0).plot_sensitivity("z")


def test_without_matplotlib_charts_are_printed(without_matplotlib, capsys):
    assert gg.backprop(f, 3.0, 2.0).plot_sensitivity("x") is None
    told = capsys.readouterr().out
    assert "f and its tangent: slope 12 at x = 3" in told and "◆" in told and "• f" in told
    assert network().plot_gradients() is None
    told = capsys.readouterr().out
    assert "W1" in told and "h, line" in told and "█" in told
    watched = gg.watch(gg.grad(f))
    watched(3.0, 2.0)
    assert watched.plot() is None
    assert "norm over the calls" in capsys.readouterr().out


def test_histograms_have_one_row_a_layer(pyplot):
    t = network()
    figure = t.plot_gradients()
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()][::-1]
    assert labels[:3] == ["W1", "W2", "X"] and any(each.startswith("h, line") for each in labels)


def test_watching_gives_a_figure_with_a_line_a_parameter(pyplot):
    watched = gg.watch(gg.grad(layers, argnums=(0, 1)))
    rng = np.random.default_rng(0)
    for _ in range(5):
        watched(rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=(20, 3)))
    figure = watched.plot()
    lines = figure.axes[0].lines
    assert [line.get_label() for line in lines] == ["W1", "W2"]
    assert np.array_equal(lines[0].get_ydata(), watched.norms["W1"])
    assert figure.axes[0].get_yscale() == "log"


def test_many_layers_are_thinned_out(without_matplotlib, capsys):
    def deep(x):
        for _ in range(60):
            x = x * 1.01
        return np.sum(x)

    gg.backprop(deep, np.ones(4)).plot_gradients(most=10)
    assert len(capsys.readouterr().out.splitlines()) == 12


def test_charts_of_nothing():
    assert "nothing to draw" in curves_as_text("t", [Series("f", [0, 1], [np.nan, np.inf])])
    assert "100 % zeros" in histograms_as_text("t", [("a", np.zeros(3))])
    assert sparkline([0.0, 0.0], log=True) == "  "
    assert sparkline([2.0, 2.0]) == "▁▁"


def test_a_line_of_bars_is_as_long_as_wanted():
    assert len(sparkline(np.arange(1000.0), 20)) == 20
    line = sparkline([*np.ones(500), np.nan, *np.ones(499)], 20)
    assert line.count("✗") == 1


def test_a_chart_of_curves_puts_ends_where_they_belong(without_matplotlib, capsys):
    assert curves("t", [Series("f", [0, 1, 2], [5.0, 6.0, 7.0])], x="x") is None
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("    7 |") and lines[1].endswith("•")
    assert lines[16].startswith("    5 |•")
