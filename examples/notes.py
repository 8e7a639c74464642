"""The backpropagation notes, to the letter: every circuit of theirs, run and shown.

Run: python examples/notes.py
"""

import math

import numpy as np

import glassgrad as gg


def f(x, y):
    """The notes' function, staged as they stage it."""
    sigy = 1.0 / (1 + math.exp(-y))  # sigmoid in numerator
    num = x + sigy  # numerator
    sigx = 1.0 / (1 + math.exp(-x))  # sigmoid in denominator
    xpy = x + y
    xpysqr = xpy**2
    den = sigx + xpysqr  # denominator
    invden = 1.0 / den
    f = num * invden  # done!
    return f


def first_circuit(x, y, z):
    """The first picture: an add gate feeding a multiply gate."""
    q = x + y
    f = q * z
    return f


def second_circuit(x, y, z, w):
    """The second picture: add, max and multiply gates."""
    xy = x * y
    larger = max(z, w)
    total = xy + larger
    f = 2 * total
    return f


def product(x, y, z):
    """A multiply gate with three inputs: each gradient is the product of the others."""
    return x * y * z


def layer(W, X):
    """A matrix product; its gradients are found by aligning the dimensions."""
    D = W.dot(X)
    return D


def main():
    """Print what the notes tell, with the numbers they give."""
    print("f(x, y) = (x + sigmoid(y)) / (sigmoid(x) + (x + y)^2) at x = 3, y = -4\n")
    seen = gg.backprop(f, 3, -4)
    print(seen)
    print("\nThe staged code:\n")
    print(seen.code)
    print(gg.check_grad(f, 3.0, -4.0))
    print()
    print(seen.sensitivity("x", 0.001))

    print("\nThe two circuits of the pictures:\n")
    print(gg.backprop(first_circuit, -2, 5, -4))
    print()
    print(gg.backprop(second_circuit, 3, -4, 2, -1))

    print("\nThree factors:", gg.backprop(product, 2.0, 3.0, 4.0).grads)
    with_zero = gg.grad(lambda v: np.prod(v))(np.array([0.0, 3.0, 4.0]))
    print("np.prod with a zero among the factors:", with_zero)

    rng = np.random.default_rng(0)
    W, X = rng.standard_normal((5, 10)), rng.standard_normal((10, 3))
    D, pullback = gg.vjp(layer, W, X)
    dD = rng.standard_normal(D.shape)  # suppose this gradient on D came from above
    dW, dX = pullback(dD)
    assert np.allclose(dW, dD.dot(X.T)) and np.allclose(dX, W.T.dot(dD))
    print("\nA matrix product, with the upstream gradient dD as an input:\n")
    print(pullback.code)


if __name__ == "__main__":
    main()
