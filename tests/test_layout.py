"""Layouts: what has to hold of every one, on random circuits with and without frames."""

import itertools
import json
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgrad.show.layout import Box, Frame, Net, Spacing, layout, measure
from glassgrad.show.layout.channels import Passage, tracks
from glassgrad.show.layout.order import arrange, crossings, layered
from glassgrad.show.layout.ranks import ranks, topological

SPACING = Spacing(column=28, box=16, wire=9, pad=14)


@st.composite
def circuits(draw, frames=False):
    """Boxes, wires and frames as a trace makes them: frames are stretches of the forward pass."""
    count = draw(st.integers(1, 24))
    inputs = draw(st.integers(1, min(5, count)))
    reads = [[]] * inputs
    for box in range(inputs, count):
        reads.append(draw(st.lists(st.integers(0, box - 1), min_size=0, max_size=3)))
    read = {s for each in reads for s in each}
    ends = [b for b in range(count) if b not in read or draw(st.integers(0, 9)) == 0]
    homes, outlines = [None] * count, []
    if frames:
        stack, parents = [], []
        for box in range(inputs, count):
            for _ in range(draw(st.integers(0, 2))):
                if stack and draw(st.booleans()):
                    stack.pop()
                elif len(stack) < 3:
                    parents.append(stack[-1] if stack else None)
                    stack.append(len(parents) - 1)
            homes[box] = stack[-1] if stack else None
        outlines = [Frame(p, 20, 60) for p in parents]
    boxes = []
    for box in range(count):
        several = len(reads[box])
        boxes.append(Box(
            draw(st.sampled_from([34, 60, 97.5, 140])), max(40, 14 * several + 10),
            tuple(5 + 14 * n for n in range(several)),
            () if not draw(st.booleans()) and box not in read and box not in ends else (20,),
            homes[box], "left" if box < inputs else None,
        ))  # fmt: skip
    sinks = {}
    for box, sources in enumerate(reads):
        for port, source in enumerate(sources):
            sinks.setdefault(source, []).append((box, port))
    for end in ends:
        sinks.setdefault(end, []).append((len(boxes), 0))
        boxes.append(Box(9, 14, (7,), (), None, "right"))
    return boxes, [Net(s, 0, tuple(t)) for s, t in sorted(sinks.items())], outlines


def check(boxes, nets, frames, laid):
    count = len(boxes)
    # Nothing stands on anything.
    for a in range(count):
        for b in range(a + 1, count):
            assert not laid.boxes[a].overlaps(laid.boxes[b]), (a, b)
        place = laid.boxes[a]
        assert place.x >= 0 and place.y >= 0
        assert place.x + place.width <= laid.width and place.y + place.height <= laid.height
    # Inputs left, outputs right, every wire goes to the right.
    left = [p.x for p, b in zip(laid.boxes, boxes) if b.side == "left"]
    right = [p.x for p, b in zip(laid.boxes, boxes) if b.side == "right"]
    assert set(left) <= {0.0} and len(set(right)) <= 1
    assert all(p.x < min(right) for p, b in zip(laid.boxes, boxes) if b.side != "right" and right)
    for net, route in zip(nets, laid.routes, strict=True):
        source = laid.boxes[net.source]
        begin = (source.x + source.width, source.y + boxes[net.source].outputs[net.port])
        ends = [b.sink for b in route.branches if b.sink is not None]
        assert sorted(ends) == sorted(net.sinks)
        reached = [begin]
        for branch in route.branches:
            for (ax, ay), (bx, by) in zip(branch.points, branch.points[1:]):
                assert (ax == bx) != (ay == by), "wires run across or down, and nowhere in place"
                assert bx >= ax
            if branch.sink is not None:
                box, port = branch.sink
                place = laid.boxes[box]
                x, y = branch.points[-1]
                assert x == pytest.approx(place.x)
                assert y == pytest.approx(place.y + boxes[box].inputs[port])
            reached += branch.points
        # A tree: each branch begins on one before it, the first at the source.
        assert route.branches[0].points[0] == begin
        for n, branch in enumerate(route.branches[1:], 1):
            assert any(on(branch.points[0], other) for other in route.branches[:n])
        assert all(any(on(f, b) for b in route.branches) for f in route.forks)
    # No wire goes through a box.
    for route in laid.routes:
        for branch in route.branches:
            for a, b in zip(branch.points, branch.points[1:]):
                for place in laid.boxes:
                    assert not through(a, b, place)
    # Wires cross, but no two run along each other.
    lines = [(n, a, b) for n, r in enumerate(laid.routes) for br in r.branches
             for a, b in zip(br.points, br.points[1:])]  # fmt: skip
    by_place = {}
    for n, a, b in lines:
        axis = 0 if a[1] == b[1] else 1
        key = axis, round(a[1 - axis], 4)
        by_place.setdefault(key, []).append((*sorted((a[axis], b[axis])), n))
    for stretches in by_place.values():
        for low, high, n in stretches:
            for start, stop, m in stretches:
                assert n == m or min(high, stop) - max(low, start) < 1e-6


def on(point, branch):
    x, y = point
    return any(
        min(ax, bx) - 1e-6 <= x <= max(ax, bx) + 1e-6 and min(ay, by) - 1e-6 <= y <= max(ay, by) + 1e-6
        for (ax, ay), (bx, by) in zip(branch.points, branch.points[1:])
    )  # fmt: skip


def through(a, b, place):
    low, high = sorted((a[0], b[0]))
    top, bottom = sorted((a[1], b[1]))
    return (low < place.x + place.width - 1e-6 and high > place.x + 1e-6
            and top < place.y + place.height - 1e-6 and bottom > place.y + 1e-6)  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True)
@given(circuits())
def test_what_holds_of_every_layout(circuit):
    boxes, nets, frames = circuit
    check(boxes, nets, frames, layout(boxes, nets, frames, SPACING))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(circuits(frames=True))
def test_frames_hold_what_is_theirs_and_nothing_else(circuit):
    boxes, nets, frames = circuit
    laid = layout(boxes, nets, frames, SPACING)
    check(boxes, nets, frames, laid)

    def inside(box, frame):
        at = boxes[box].frame
        while at is not None and at != frame:
            at = frames[at].parent
        return at == frame

    used = [f for f in range(len(frames)) if any(inside(b, f) for b in range(len(boxes)))]
    for frame in used:
        outline = laid.frames[frame]
        assert outline.width >= frames[frame].width
        for box, place in enumerate(laid.boxes):
            if inside(box, frame):
                assert outline.x < place.x and place.x + place.width < outline.x + outline.width
                assert outline.y + frames[frame].title < place.y
                assert place.y + place.height < outline.y + outline.height
            else:
                assert not outline.overlaps(place)
        for net, route in zip(nets, laid.routes, strict=True):
            ends = [net.source, *(b for b, _ in net.sinks)]
            if not any(inside(b, frame) for b in ends):
                for branch in route.branches:
                    for a, b in zip(branch.points, branch.points[1:]):
                        assert not through(a, b, outline), "a wire crosses a frame it is not of"


@settings(max_examples=30, deadline=None, derandomize=True)
@given(circuits(frames=True))
def test_the_same_each_time_and_plain_data(circuit):
    boxes, nets, frames = circuit
    first, second = (layout(boxes, nets, frames, SPACING) for _ in range(2))
    assert first == second
    told = json.loads(json.dumps(asdict(first)))
    assert told["boxes"][0]["x"] == first.boxes[0].x


def test_whole_sizes_give_whole_coordinates():
    """A terminal draws in cells."""
    boxes = [Box(3, 3, (), (1,), None, "left") for _ in range(3)]
    boxes += [Box(5, 3, (0, 2), (1,)), Box(5, 3, (0, 2), (1,)), Box(6, 5, (0, 2, 4), (2,))]
    nets = [Net(0, 0, ((3, 0), (5, 2))), Net(1, 0, ((3, 1), (4, 1))), Net(2, 0, ((4, 0),)),
            Net(3, 0, ((5, 0),)), Net(4, 0, ((5, 1),))]  # fmt: skip
    laid = layout(boxes, nets, spacing=Spacing(4, 1, 2, 1))
    numbers = [v for b in laid.boxes for v in (b.x, b.y)]
    numbers += [v for r in laid.routes for b in r.branches for p in b.points for v in p]
    assert all(v == int(v) for v in numbers)


# -- ranks ---------------------------------------------------------------------------------------


def test_a_box_stands_right_of_all_it_reads():
    nets = [Net(0, 0, ((1, 0), (2, 0))), Net(1, 0, ((2, 1),)), Net(2, 0, ((3, 0),))]
    assert ranks(4, nets, ["left", None, None, "right"]) == [0, 1, 2, 3]


def test_a_box_moves_to_its_reader_where_that_makes_wires_shorter():
    """A constant (2) stands beside the gate that reads it, not in the first column."""
    nets = [Net(0, 0, ((1, 0),)), Net(1, 0, ((3, 0),)), Net(2, 0, ((3, 1),))]
    assert ranks(4, nets, ["left", None, None, None]) == [0, 1, 1, 2]


def test_a_cycle_is_refused():
    with pytest.raises(ValueError, match="cycle"):
        topological(2, [Net(0, 0, ((1, 0),)), Net(1, 0, ((0, 0),))])


# -- order ---------------------------------------------------------------------------------------


def test_crossings_are_counted_by_port():
    nets = [Net(0, 0, ((2, 1),)), Net(1, 0, ((2, 0),))]
    graph = layered([0, 0, 1], nets, [1, 1, 0], [0, 0, 2])
    assert crossings(graph, [[0, 1], [2]]) == 1 and crossings(graph, [[1, 0], [2]]) == 0


@settings(max_examples=60, deadline=None, derandomize=True)
@given(circuits())
def test_crossings_are_those_that_a_plain_count_finds_and_arranging_adds_none(circuit):
    boxes, nets, _ = circuit
    rank = ranks(len(boxes), nets, [b.side for b in boxes])
    graph = layered(rank, nets, [len(b.outputs) for b in boxes], [len(b.inputs) for b in boxes])

    def plain(columns):
        total = 0
        for first, second in itertools.pairwise(columns):
            a, b = ({v: n for n, v in enumerate(c)} for c in (first, second))
            edges = [((a[e.source], e.out), (b[e.target], e.into)) for v in first
                     for e in graph.right[v]]  # fmt: skip
            total += sum(p < q and s > t for p, s in edges for q, t in edges)
        return total

    assert crossings(graph, graph.columns) == plain(graph.columns)
    found = arrange(graph)
    assert [sorted(c) for c in found] == [sorted(c) for c in graph.columns]
    assert crossings(graph, found) == plain(found) <= plain(graph.columns)


def test_what_can_be_drawn_without_crossings_is():
    """A tree whose leaves come in the wrong order."""
    leaves = [3, 0, 2, 1]
    nets = [Net(leaf, 0, ((4 + n // 2, n % 2),)) for n, leaf in enumerate(leaves)]
    nets += [Net(4, 0, ((6, 0),)), Net(5, 0, ((6, 1),))]
    boxes = [Box(30, 30, (), (15,)) for _ in range(4)]
    boxes += [Box(30, 30, (8, 22), (15,)) for _ in range(3)]
    laid = layout(boxes, nets)
    assert measure([[b.points for b in r.branches] for r in laid.routes]).crossings == 0


# -- tracks --------------------------------------------------------------------------------------


def test_wires_that_change_places_do_not_run_along_each_other():
    """Each leaves where the other comes in: whichever is further left, one has to be cut."""
    swap = [Passage(0.0, [20.0]), Passage(20.0, [0.0])]
    assert tracks(swap, 8.0) == 3
    assert sum(p.then is not None for p in swap) == 1


def test_the_track_further_left_is_the_one_that_crosses_less():
    up, down = Passage(50.0, [0.0]), Passage(60.0, [10.0])
    tracks([up, down], 8.0)
    assert up.track < down.track
    up, down = Passage(0.0, [50.0]), Passage(10.0, [60.0])
    tracks([up, down], 8.0)
    assert up.track > down.track


def test_measuring():
    plus = [[[(0, 5), (10, 5)]], [[(5, 0), (5, 10)]]]
    found = measure(plus)
    assert (found.crossings, found.length, found.bends) == (1, 20.0, 0)
    assert measure([[*plus[0], *plus[1]]]).crossings == 0  # a wire does not cross itself
    assert measure([[[(0, 0), (0, 4), (4, 4)]]]).bends == 1
