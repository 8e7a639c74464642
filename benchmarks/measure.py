"""The clock: first call and steady state of each peer on one case, in interleaved rounds.

Noise of the machine comes in waves. So no peer is measured in one stretch: every round takes a
short sample of each, in a turning order, and the median over the rounds is the result. Knows
nothing of what the calls do, but compares what they answer.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from benchmarks.case import Case
from benchmarks.peers import Call, Peer, read

SAMPLE = 2e-3  # seconds a sample should last: far above the clock's own cost
FRESH = 3  # builds to take the first call's median of ...
PATIENCE = 1.0  # ... unless they take longer than this
ROUNDS = (7, 400)
PAUSE = 1e-3  # lets worker threads of the last library go to sleep before the next is timed


@dataclass
class Timing:
    """Seconds a call, of one peer on one case."""

    first: float
    second: float
    median: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    samples: int = 0
    difference: float | None = None


@dataclass
class Result:
    """What was measured on one case; peers that failed stand in `failed` with the reason."""

    case: Case
    timings: dict[str, Timing] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def disagreements(self) -> list[str]:
        """Peers whose numbers differ from those by hand by more than the case allows."""
        return [
            f"{name} by {timing.difference:.1e}"
            for name, timing in self.timings.items()
            if timing.difference is not None and not timing.difference <= self.case.tolerance
        ]


def measure(case: Case, peers: Mapping[str, Peer], seconds: float) -> Result:
    """Time every peer on a case and compare their numbers."""
    result = Result(case)
    args = case.data()
    reference = read(case.by_hand(*args))
    calls: dict[str, Call] = {}
    for name, peer in peers.items():
        try:
            result.timings[name], calls[name] = _first_calls(case, peer, args)
            if peer.gradient:
                result.timings[name].difference = _difference(read(calls[name]()), reference)
        except Exception as error:  # one peer's limits must not hide the others' numbers
            result.timings.pop(name, None)
            calls.pop(name, None)
            result.failed[name] = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
    _steady(calls, result.timings, seconds)
    return result


def _first_calls(case: Case, peer: Peer, args: tuple[object, ...]) -> tuple[Timing, Call]:
    firsts: list[float] = []
    seconds: list[float] = []
    while True:
        call = peer.build(case, args)
        firsts.append(_time(call, 1))
        seconds.append(_time(call, 1))
        if len(firsts) == FRESH or sum(firsts) > PATIENCE:
            return Timing(statistics.median(firsts), statistics.median(seconds)), call


def _steady(calls: Mapping[str, Call], timings: Mapping[str, Timing], seconds: float) -> None:
    # Some libraries get ready in the first few calls: that is over before the repeats are set.
    once = {name: min(_time(call, 1) for _ in range(5)) for name, call in calls.items()}
    repeats = {name: max(1, round(SAMPLE / t)) for name, t in once.items()}
    a_round = sum((repeats[name] + 1) * t + PAUSE for name, t in once.items())
    rounds = min(max(int(seconds / a_round), ROUNDS[0]), ROUNDS[1]) if calls else 0
    names = list(calls)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            time.sleep(PAUSE)
            calls[name]()  # warms the caches after the peer before
            samples[name].append(_time(calls[name], repeats[name]))
    for name, taken in samples.items():
        timing = timings[name]
        timing.low, timing.median, timing.high = np.quantile(taken, (0.25, 0.5, 0.75)).tolist()
        timing.samples = len(taken)


def _time(call: Call, repeats: int) -> float:
    gc.collect(0)
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - start) / repeats
    finally:
        gc.enable()


def _difference(got: tuple[float, list[np.ndarray]], want: tuple[float, list[np.ndarray]]) -> float:
    """The largest difference, in relation to the largest element of what it is a part of."""
    pairs = [(np.asarray(got[0]), np.asarray(want[0])), *zip(got[1], want[1], strict=True)]
    if any(a.shape != b.shape for a, b in pairs):
        return float("inf")
    return max(float(np.max(np.abs(a - b)) / (np.max(np.abs(b)) or 1.0)) for a, b in pairs)
