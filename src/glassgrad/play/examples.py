"""The circuits one can choose from: formulas with small inputs, and a sentence on what to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["EXAMPLES", "Example"]


@dataclass(frozen=True)
class Example:
    """A formula with inputs.

    Attributes
    ----------
    name : str
    about : str
        What there is to see, in one sentence.
    formula : str
    inputs : mapping
        The values' texts by name.
    """

    name: str
    about: str
    formula: str
    inputs: Mapping[str, str]


EXAMPLES = (
    Example(
        "(x + y) * z",
        "The first circuit of the notes: the add gate hands its gradient on, the multiply gate swaps.",
        "q = x + y\nf = q * z",
        {"x": "-2", "y": "5", "z": "-4"},
    ),
    Example(
        "2 * (x*y + max(z, w))",
        "The max gate sends the whole gradient to the larger input and nothing to the other.",
        "2 * (x*y + max(z, w))",
        {"x": "3", "y": "-4", "z": "2", "w": "-1"},
    ),
    Example(
        "A fraction with sigmoids",
        "The function of the notes that is staged: x and y are used twice, and gradients add up.",
        "sigy = sigmoid(y)\nnum = x + sigy\nsigx = sigmoid(x)\nxpy = x + y\nxpysqr = xpy**2\n"
        "den = sigx + xpysqr\ninvden = 1 / den\nf = num * invden",
        {"x": "3", "y": "-4"},
    ),
    Example(
        "A neuron",
        "Each weight's gradient is scaled by its input.",
        "s = w0*x0 + w1*x1 + w2\nf = sigmoid(s)",
        {"w0": "2", "x0": "-1", "w1": "-3", "x1": "-2", "w2": "-3"},
    ),
    Example(
        "A network of two layers",
        "The gradient comes back through both layers, and each matrix gets one of its own shape.",
        "h = tanh(W1 @ x + b1)\ny = W2 @ h + b2\nloss = sum((y - t)**2)",
        {
            "W1": "[[0.5, -0.3], [0.8, 0.2], [-0.6, 0.9]]",
            "x": "[1, -2]",
            "b1": "[0.1, 0, -0.1]",
            "W2": "[[0.7, -0.4, 0.3], [-0.2, 0.6, 0.5]]",
            "b2": "[0, 0.1]",
            "t": "[1, 0]",
        },
    ),
    Example(
        "Softmax and cross-entropy",
        "The gradient of the scores is the probability, less one where the right answer is.",
        "scores = X @ W + b\nloss = -mean(sum(Y * log_softmax(scores, axis=1), axis=1))",
        {
            "X": "[[1, 2], [-1, 0.5], [0.3, -1]]",
            "W": "[[0.2, -0.5, 0.1], [0.4, 0.3, -0.2]]",
            "b": "[0, 0.1, -0.1]",
            "Y": "[[1, 0, 0], [0, 1, 0], [0, 0, 1]]",
        },
    ),
    Example(
        "Batch norm",
        "Mean and variance are gates, too: every row's gradient hears of all the others.",
        "mu = mean(x, axis=0)\nvariance = mean((x - mu)**2, axis=0)\n"
        "normal = (x - mu) / sqrt(variance + 1e-5)\ny = gamma * normal + beta\n"
        "loss = mean((y - t)**2)",
        {
            "x": "[[1, 50], [2, 20], [4, 80], [3, 10]]",
            "gamma": "[1, 0.5]",
            "beta": "[0, 0.1]",
            "t": "[[0, 1], [1, 0], [1, 1], [0, 0]]",
        },
    ),
    Example(
        "An unrolled recurrence",
        "One weight in every step: its gradient is a sum, and early steps get little of it.",
        "h1 = tanh(w*h0 + u*x1)\nh2 = tanh(w*h1 + u*x2)\nh3 = tanh(w*h2 + u*x3)\n"
        "h4 = tanh(w*h3 + u*x4)\nloss = (h4 - t)**2",
        {"w": "0.9", "h0": "0", "u": "0.5", "x1": "1", "x2": "-0.5", "x3": "0.2", "x4": "0.7",
         "t": "0.5"},
    ),
)  # fmt: skip
