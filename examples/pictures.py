"""The pictures of the documentation, drawn anew.

Run: python examples/pictures.py (writes docs/pictures; a test holds that they are what is drawn)
"""

import math
from pathlib import Path

import numpy as np

import glassgrad as gg

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"


def circuit(x, y, z):
    q = x + y
    f = q * z
    return f


def circuit2(x, y, z, w):
    f = 2 * (x * y + np.maximum(z, w))
    return f


def fraction(x, y):
    sigy = 1.0 / (1 + math.exp(-y))
    num = x + sigy
    sigx = 1.0 / (1 + math.exp(-x))
    xpy = x + y
    xpysqr = xpy**2
    den = sigx + xpysqr
    invden = 1.0 / den
    f = num * invden
    return f


def layer(x, W, b):
    z = x @ W + b
    return np.tanh(z)


def network(W1, b1, W2, b2, x, y):
    h = layer(x, W1, b1)
    out = layer(h, W2, b2)
    loss = np.mean((out - y) ** 2)
    return loss


def recurrence(xs, W, U):
    h = np.zeros(3)
    for x in xs:
        h = np.tanh(h @ W + x @ U)
    loss = np.sum(h**2)
    return loss


def score(w1, x1, w2, x2):
    s = w1 * x1 + w2 * x2
    return s


def vectors(W, X):
    D = W.dot(X)
    loss = np.sum(D**2) / 2
    return loss


def spread(*shape):
    """Numbers between -1 and 1 in no order to be seen."""
    return np.sin(1.0 + 2.3 * np.arange(math.prod(shape)).reshape(shape))


def distance(a, b):
    step = np.round(3 * a)
    d2 = np.sum((step - b) ** 2)
    dist = np.sqrt(d2)
    return dist


def drawn():
    """Each picture's file name and text."""
    first = gg.backprop(circuit, -2, 5, -4)
    second = gg.backprop(circuit2, 3.0, -4.0, 2.0, -1.0)
    net = gg.backprop(
        network, spread(3, 4), spread(4), spread(4, 2), spread(2), spread(5, 3), spread(5, 2)
    )
    whole = gg.backprop(fraction, 3, -4)
    unrolled = gg.backprop(recurrence, spread(20, 2), spread(3, 3), spread(2, 3))
    return {
        "circuit.svg": first.svg(),
        "circuit-forward-1.svg": first.svg(step=1),
        "circuit-forward-2.svg": first.svg(step=2),
        "circuit-seed.svg": first.svg(step=3),
        "circuit-backward-1.svg": first.svg(step=4),
        "circuit-backward-2.svg": first.svg(step=5),
        "circuit2.svg": second.svg(diagnosis=False),
        "fraction.svg": whole.svg(),
        "fraction-branch.svg": whole.svg(step=14),
        "score.svg": gg.backprop(score, 0.5, 1000.0, -0.3, 2.0).svg(),
        "vectors.svg": gg.backprop(vectors, spread(5, 10), spread(10, 3)).svg(),
        "network.svg": net.svg(),
        "network-dark.svg": net.svg(theme="dark"),
        "network-folded.svg": net.svg(fold=True),
        "recurrence.svg": unrolled.svg(diagnosis=False),
        "diagnosed.svg": gg.backprop(distance, np.zeros(3), np.zeros(3)).svg(),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in drawn().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
