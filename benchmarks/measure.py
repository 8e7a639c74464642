"""The clock: first call and steady state of each peer on one case, in interleaved rounds.

Noise of the machine comes in waves. So no peer is measured in one stretch: every round takes a
short sample of each, in a turning order, and the median over the rounds is the result. Knows
nothing of what the calls do, but compares what they answer before any steady time is taken.
"""

from __future__ import annotations

import gc
import signal
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from benchmarks.case import Case
from benchmarks.peers import Call, Peer, read

SAMPLE = 2e-3  # seconds a sample should last: far above the clock's own cost
FRESH = 3  # builds to take the first call's median of ...
PATIENCE = 1.0  # ... unless they take longer than this
LIMIT = 60.0  # seconds that the first calls of a peer may take: compilers have given up later
SLOW = 5.0  # a call above this is not repeated to see it get faster
ROUNDS = (7, 400)
STEP = 1e-5  # of the differences, relative to an argument's largest element
DIFFERENCES = 1e-5  # how far they may be from the gradient by hand
PAUSE = 3e-2  # until the last library's idle threads sleep: OpenBLAS's look for work some 20 ms


@dataclass
class Timing:
    """Seconds a call, of one peer on one case; `slowest` is of the calls after the first.

    `until` is the time of all calls, made in a row, until the last tier is in use.
    """

    first: float
    second: float
    slowest: float = float("nan")
    slowest_at: int = 2
    until: float = float("nan")
    median: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    samples: int = 0
    difference: float | None = None


@dataclass
class Result:
    """What was measured on one case; peers that failed stand in `failed` with the reason.

    `reference` is how far the gradient by hand is from central differences, relative to them.
    """

    case: Case
    timings: dict[str, Timing] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    reference: float = float("nan")

    def disagreements(self) -> list[str]:
        """Peers whose numbers differ from those by hand by more than the case allows."""
        by_hand = f"by-hand by {self.reference:.1e} from differences"
        wrong = [by_hand] if self.reference > DIFFERENCES else []
        return wrong + [
            f"{name} by {timing.difference:.1e}"
            for name, timing in self.timings.items()
            if timing.difference is not None and not timing.difference <= self.case.tolerance
        ]


def measure(case: Case, peers: Mapping[str, Peer], seconds: float) -> Result:
    """Time every peer on a case and compare their numbers."""
    result = Result(case)
    args = case.data()
    reference = read(case.by_hand(*args))
    result.reference = _from_differences(case, args, reference)
    calls: dict[str, Call] = {}
    for name, peer in peers.items():
        if not peer.applies(case):
            continue
        if name in case.cannot:
            result.failed[name] = f"cannot: {case.cannot[name]}"
            continue
        began = time.perf_counter()
        try:
            with _limit(LIMIT):
                result.timings[name], calls[name] = _first_calls(case, peer, args)
                if peer.gradient:
                    result.timings[name].difference = _difference(read(calls[name]()), reference)
        except Exception as error:  # one peer's limits must not hide the others' numbers
            result.timings.pop(name, None)
            calls.pop(name, None)
            first_line = (str(error).splitlines() or [""])[0][:200]
            result.failed[name] = f"{type(error).__name__}: {first_line}"
            if time.perf_counter() - began > LIMIT:  # whatever a compiler made of being stopped
                result.failed[name] = f"cannot: not ready within {LIMIT:g} s"
    _steady(calls, result.timings, seconds)
    return result


def _from_differences(
    case: Case, args: tuple[object, ...], reference: tuple[float, list[np.ndarray]]
) -> float:
    """How far the gradient by hand is from a slope of the model itself, along one direction.

    Taken in double precision, whatever the case runs in: that is a test of its formulas.
    """
    wide = [np.asarray(a, np.float64) if _is_single(a) else a for a in args]
    gradients = [np.asarray(g) for g in reference[1]]
    rng = np.random.default_rng(1)
    # Half of the direction is along the gradient, so that the slope cannot come out near zero.
    directions = []
    for n, gradient in zip(case.argnums, gradients, strict=True):
        size = np.linalg.norm(gradient) or 1.0
        turn = rng.normal(size=gradient.shape) / np.sqrt(gradient.size)
        scale = max(float(np.max(np.abs(np.asarray(wide[n])))), 1e-3)
        directions.append(scale * (gradient / size + turn))
    slopes = []
    for h in (STEP, 2 * STEP):
        ends = []
        for sign in (h, -h):
            moved = list(wide)
            for n, direction in zip(case.argnums, directions):
                moved[n] = np.asarray(wide[n]) + sign * direction
                if isinstance(wide[n], float):
                    moved[n] = float(moved[n])
            ends.append(float(case.model(*moved)))
        slopes.append((ends[0] - ends[1]) / (2 * h))
    slope = (4 * slopes[0] - slopes[1]) / 3  # Richardson: the error of second order cancels
    by_hand = sum(float(np.sum(g * d)) for g, d in zip(gradients, directions))
    return abs(by_hand - slope) / (abs(slope) or 1.0)


def _is_single(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.float32


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Stop what takes longer, where the system has such a clock and this is the main thread."""
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _first_calls(case: Case, peer: Peer, args: tuple[object, ...]) -> tuple[Timing, Call]:
    builds: list[list[float]] = []
    until: list[float] = []
    while True:
        start = time.perf_counter()
        call = peer.build(case, args)
        built = time.perf_counter() - start
        taken = [_time(call, 1) + built * peer.compiles_in_build, _time(call, 1)]
        done = peer.ready(call)
        total = sum(taken)
        while (len(taken) < peer.calls and taken[-1] < SLOW) or not done:
            taken.append(_time(call, 1))
            if not done:
                total += taken[-1]
                done = peer.ready(call)
        builds.append(taken[: max(peer.calls, 2)])
        until.append(total)
        if len(builds) == FRESH or sum(t[0] for t in builds) > PATIENCE:
            each = [statistics.median(column) for column in zip(*builds)]
            slowest, at = max((t, n) for n, t in enumerate(each[1:], 2))
            return Timing(each[0], each[1], slowest, at, statistics.median(until)), call


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
            _rest()
            calls[name]()  # warms the caches after the peer before
            samples[name].append(_time(calls[name], repeats[name]))
    for name, taken in samples.items():
        timing = timings[name]
        timing.low, timing.median, timing.high = np.quantile(taken, (0.25, 0.5, 0.75)).tolist()
        timing.samples = len(taken)


def _rest() -> None:
    """Let the last library's threads go to sleep; a core that slept itself would begin slowly."""
    start = time.perf_counter()
    while time.perf_counter() - start < PAUSE:
        pass


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
