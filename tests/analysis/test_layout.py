"""갈라짐과 합쳐짐을 찾고 놓는 일을, 무작위 그래프와 따로 짠 판정으로 시험한다."""

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab.analysis.drawing.branches import Chain, Fork, Tangle, split
from cnnlab.analysis.drawing.geometry import Size
from cnnlab.analysis.drawing.layout import arrange, routes

SOURCE, SINK = -1, -2


@st.composite
def series_parallel(draw):
    """이어지고 갈라지기를 되풀이한 그래프: {상자: 값을 주는 상자들}. 0에서 시작해 마지막에서 끝난다."""
    inputs = {0: ()}

    def grow(start, depth):
        """start 뒤에 이어 붙이고 마지막 상자를 돌려준다."""
        for _ in range(draw(st.integers(1, 3))):
            if depth and draw(st.booleans()):
                ends = [grow(start, depth - 1) for _ in range(draw(st.integers(1, 3)))]
                if len(ends) == 1 or draw(st.booleans()):
                    ends.append(start)  # 지름길
            else:
                ends = [start]
            start = len(inputs)
            inputs[start] = tuple(dict.fromkeys(ends))
        return start

    grow(0, draw(st.integers(1, 3)))
    return inputs


@st.composite
def any_graph(draw):
    """앞의 것 아무것이나 받는 그래프. 모두 처음에서 마지막으로 가는 길 위에 있다."""
    count = draw(st.integers(2, 12))
    inputs = {0: ()}
    for number in range(1, count):
        inputs[number] = tuple(sorted(draw(st.sets(st.integers(0, number - 1), min_size=1, max_size=3))))
    unused = set(inputs) - {giver for givers in inputs.values() for giver in givers} - {count - 1}
    inputs[count - 1] = tuple(sorted({*inputs[count - 1], *unused}))
    return inputs


def sized(inputs):
    return {item: Size(60.0 + 10 * (item % 5), 30.0 + 5 * (item % 3), (60.0 + 10 * (item % 5)) / 2) for item in inputs}


def laid_out(inputs):
    linked = {**inputs, 0: (SOURCE,), SINK: (len(inputs) - 1,)}
    tree = split(list(inputs), linked, SOURCE, SINK)
    sizes = sized(inputs)
    placed = arrange(tree, sizes, linked, SOURCE, SINK)
    edges = [(giver, item) for item, givers in inputs.items() for giver in givers]
    return tree, sizes, placed, routes(placed, {item: size.height for item, size in sizes.items()}, edges)


def members(part):
    if isinstance(part, int):
        return [part]
    if isinstance(part, Tangle):
        return list(part.members)
    return [item for piece in (part.parts if isinstance(part, Chain) else part.branches) for item in members(piece)]


def tangles(part):
    if isinstance(part, int):
        return 0
    if isinstance(part, Tangle):
        return 1
    return sum(tangles(piece) for piece in (part.parts if isinstance(part, Chain) else part.branches))


def boxes(sizes, placed):
    return {
        item: (x - sizes[item].anchor, y, x - sizes[item].anchor + sizes[item].width, y + sizes[item].height)
        for item, (x, y) in placed.tops.items()
    }


def cross(first, second):
    """두 선분(가로나 세로)이 서로를 가로지르는가. 끝이 닿거나 겹치는 것은 아니다."""
    (ax, ay), (bx, by) = first
    (cx, cy), (dx, dy) = second
    if (ax == bx) == (cx == dx):
        return False
    if ax == bx:
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = (cx, cy), (dx, dy), (ax, ay), (bx, by)
    return min(ax, bx) < cx < max(ax, bx) and min(cy, dy) < ay < max(cy, dy)


@given(series_parallel())
@settings(max_examples=150, deadline=None)
def test_branches_that_rejoin_are_drawn_without_crossings(inputs):
    tree, sizes, placed, drawn = laid_out(inputs)
    assert tangles(tree) == 0
    assert sorted(members(tree)) == list(inputs)
    frames = boxes(sizes, placed)
    for (a, b, c, d), (e, f, g, h) in combinations(frames.values(), 2):
        assert c <= e or g <= a or d <= f or h <= b
    for (edge, points), (other, others) in combinations(drawn.items(), 2):
        if edge[0] != other[0] and edge[1] != other[1]:
            assert not any(cross(p, q) for p in pairwise(points) for q in pairwise(others)), (edge, other)
    for edge, points in drawn.items():
        for item, (left, top, right, bottom) in frames.items():
            if item not in edge:
                for (x, y), (to_x, to_y) in pairwise(points):
                    outside = (
                        max(x, to_x) <= left or min(x, to_x) >= right or max(y, to_y) <= top or min(y, to_y) >= bottom
                    )
                    assert outside, (edge, item)


@given(any_graph())
@settings(max_examples=150, deadline=None)
def test_any_graph_is_laid_out_with_every_box_apart_and_every_line_going_down(inputs):
    tree, sizes, placed, drawn = laid_out(inputs)
    assert sorted(members(tree)) == list(inputs)
    for (a, b, c, d), (e, f, g, h) in combinations(boxes(sizes, placed).values(), 2):
        assert c <= e + 1e-6 or g <= a + 1e-6 or d <= f or h <= b
    for (giver, taker), points in drawn.items():
        assert points[0] == (placed.tops[giver][0], placed.tops[giver][1] + sizes[giver].height)
        assert points[-1] == placed.tops[taker]
        assert all(y <= to_y for (_, y), (_, to_y) in pairwise(points))
    for x, y in placed.tops.values():
        assert 0 <= x <= placed.width + 1e-6
        assert 0 <= y <= placed.height + 1e-6


def test_branches_come_in_the_order_they_are_joined():
    # 0에서 1, 2, 3으로 갈라지고, 4가 3, 1, 2의 차례로 이어 붙인다
    tree = split([1, 2, 3], {1: (0,), 2: (0,), 3: (0,), 4: (3, 1, 2)}, 0, 4)
    assert tree == Chain((Fork((Chain((3,)), Chain((1,)), Chain((2,)))),))


def test_a_shortcut_is_an_empty_branch_and_a_knot_stays_a_knot():
    assert split([1], {1: (0,), 2: (1, 0)}, 0, 2) == Chain((Fork((Chain((1,)), Chain())),))
    knot = {1: (0,), 2: (0,), 3: (1,), 4: (2, 1), 5: (3, 4)}
    assert split([1, 2, 3, 4], knot, 0, 5) == Chain((Tangle((1, 2, 3, 4)),))
