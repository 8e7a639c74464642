"""Black and Scholes: prices of a million calls, differentiated in all five arrays of inputs."""

from __future__ import annotations

import numpy as np
from scipy import special

from benchmarks.case import Case, Source

OPTIONS = 1_000_000
ROOT_HALF = 0.5**0.5
ROOT_TWO_PI = (2 * np.pi) ** 0.5


def prices(spot, strike, rate, volatility, years):
    spread = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * years) / spread
    d2 = d1 - spread
    discount = np.exp(-rate * years)
    return np.sum(spot * normal(d1) - strike * discount * normal(d2))


def normal(x):
    return 0.5 * (1.0 + special.erf(ROOT_HALF * x))


def by_hand(spot, strike, rate, volatility, years):
    root = np.sqrt(years)
    spread = volatility * root
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility * volatility) * years) / spread
    n1, n2 = special.ndtr(d1), special.ndtr(d1 - spread)
    discounted = np.exp(-rate * years)
    dstrike = -discounted * n2
    owed = strike * dstrike
    # spot * density(d1) is strike * discount * density(d2): most terms cancel.
    density = spot * np.exp(-0.5 * d1 * d1) / ROOT_TWO_PI
    value = np.sum(spot * n1 + owed)
    drate = -years * owed
    dyears = density * volatility / (2.0 * root) - rate * owed
    return value, (n1, dstrike, drate, density * root, dyears)


def data():
    rng = np.random.default_rng(0)
    ranges = ((80, 120), (80, 120), (0.01, 0.05), (0.1, 0.4), (0.25, 2.0))
    return tuple(rng.uniform(low, high, size=OPTIONS) for low, high in ranges)


CASE = Case(
    name="blackscholes",
    title=f"Black-Scholes, {OPTIONS:,} options",
    model=prices,
    data=data,
    argnums=(0, 1, 2, 3, 4),
    by_hand=by_hand,
    c=Source("blackscholes.c", {"N": OPTIONS}),
)
