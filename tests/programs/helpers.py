"""A helper module of the user's, with names bound the way people bind them."""

from math import exp, sqrt

import numpy as np
from numpy import array, sin, zeros

RATE = 2.0


def decay(x):
    return exp(-x) * RATE


def length(a, b):
    return sqrt(a * a + b * b)


def rotated(a):
    R = array([[0.0, -a], [a, 0.0]])
    buffer = zeros(2)
    buffer[0] = sin(a)
    buffer[1] = np.cos(a)
    return R @ buffer
