"""제멋대로인 작은 그래프에서, 이론과 기울기가 화소 하나하나를 따라간 집합과 같은지 본다."""

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from cnnlab.analysis import UnknownOpError, layer_table, measure_receptive_field, trace
from cnnlab.analysis.fields.field import fields_of

# --- 독립된 구현: 채널과 자리마다 보이는 화소의 집합을 bool 배열 (C, H, W, 입력 H, 입력 W)로 들고 다닌다


def start(channels, height, width):
    eye = np.eye(height * width, dtype=bool).reshape(height, width, height, width)
    return np.broadcast_to(eye, (channels, height, width, height, width))


def slide(seen, kernel, stride, padding, dilation):
    pad = [(0, 0), (padding[0], padding[0]), (padding[1], padding[1]), (0, 0), (0, 0)]
    padded = np.pad(seen, pad)
    sizes = [(padded.shape[1 + a] - dilation[a] * (kernel[a] - 1) - 1) // stride[a] + 1 for a in (0, 1)]
    out = np.zeros((seen.shape[0], *sizes, *seen.shape[3:]), dtype=bool)
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            rows = slice(i * dilation[0], i * dilation[0] + (sizes[0] - 1) * stride[0] + 1, stride[0])
            columns = slice(j * dilation[1], j * dilation[1] + (sizes[1] - 1) * stride[1] + 1, stride[1])
            out |= padded[:, rows, columns]
    return out


def mix_channels(seen, groups, out_channels):
    per = seen.reshape(groups, -1, *seen.shape[1:]).any(axis=1)
    return np.repeat(per, out_channels // groups, axis=0)


# --- 한 걸음: (모듈 목록에 더하고, 실제 계산과 집합의 계산을 함께 돌려준다)


class Graph(nn.Module):
    """steps를 차례로 실행한다. 값의 목록에서 골라 쓰고 결과를 뒤에 붙인다."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps
        self.layers = nn.ModuleDict({str(i): step[1] for i, step in enumerate(steps) if isinstance(step[1], nn.Module)})

    def forward(self, x):
        values = [x]
        for number, (kind, what, sources) in enumerate(self.steps):
            given = [values[source] for source in sources]
            values.append(self.layers[str(number)](given[0]) if kind == "layer" else TORCH[kind](what, *given))
        return values[-1]


def shuffle(t):
    n, c, h, w = t.shape
    return t.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


TORCH = {
    "add": lambda _, a, b: a + b,
    "add_": lambda _, a, b: torch.relu(a).add_(b),
    "cat": lambda _, a, b: torch.cat([a, b], 1),
    "gate": lambda _, a, b: a * torch.sigmoid(F.adaptive_avg_pool2d(b, 1)),
    "half": lambda which, a: a.chunk(2, 1)[which],
    "crop": lambda box, a: a[:, :, box[0] : a.shape[2] - box[1] : box[2], box[3] :],
    "shuffle": lambda _, a: shuffle(a),
    "up": lambda scale, a: F.interpolate(a, scale_factor=scale),
    "channels_last": lambda _, a: F.layer_norm(a.permute(0, 2, 3, 1), (a.shape[1],)).permute(0, 3, 1, 2),
    "transpose": lambda _, a: a.transpose(2, 3),
    "flip": lambda _, a: a.flip(2),
    "roll": lambda by, a: a.roll(by, (1, 3)),
    "prefix": lambda _, a: a.cumsum(3),
    "twice": lambda _, a: a.repeat(1, 1, 2, 1),
    "write": lambda _, a: written(a),
}


def written(t):
    """채널 0을 지우고 그 값을 채널 1에 쓴다."""
    out = t * 1
    out[:, 1:2] = t[:, :1]
    out[:, 0] = 0
    return out


def half(which, a):
    middle = -(-a.shape[0] // 2)
    return a[:middle] if which == 0 else a[middle:]


SETS = {
    "add": lambda _, a, b: a | b,
    "add_": lambda _, a, b: a | b,
    "cat": lambda _, a, b: np.concatenate([a, b]),
    "gate": lambda _, a, b: a | b.any(axis=(1, 2))[:, None, None],
    "half": half,
    "crop": lambda box, a: a[:, box[0] : a.shape[1] - box[1] : box[2], box[3] :],
    "shuffle": lambda _, a: a.reshape(2, -1, *a.shape[1:]).swapaxes(0, 1).reshape(a.shape),
    "up": lambda scale, a: a.repeat(scale, axis=1).repeat(scale, axis=2),
    "channels_last": lambda _, a: np.broadcast_to(a.any(axis=0), a.shape),
    "transpose": lambda _, a: a.swapaxes(1, 2),
    "flip": lambda _, a: a[:, ::-1],
    "roll": lambda by, a: np.roll(a, by, (0, 2)),
    "prefix": lambda _, a: np.logical_or.accumulate(a, axis=2),
    "twice": lambda _, a: np.concatenate([a, a], axis=1),
    "write": lambda _, a: np.concatenate([np.zeros_like(a[:1]), a[:1], a[2:]]),
}


class Example:
    def __init__(self, model, size, expected):
        self.model, self.size, self.expected = model, size, expected

    def __repr__(self):
        return f"{self.size} {self.model.steps}"


@st.composite
def graphs(draw):
    size = (draw(st.sampled_from([2, 4])), draw(st.integers(5, 11)), draw(st.integers(5, 11)))
    steps, seen = [], [start(*size)]

    def add(kind, what, *sources):
        given = [seen[source] for source in sources]
        if kind == "layer":
            if isinstance(what, nn.Conv2d):
                out = slide(given[0], what.kernel_size, what.stride, what.padding, what.dilation)
                out = mix_channels(out, what.groups, what.out_channels)
            else:
                k, s, p = what.kernel_size, what.stride, what.padding
                out = slide(given[0], (k, k), (s, s), (p, p), (1, 1))
        else:
            out = SETS[kind](what, *given)
        steps.append((kind, what, sources))
        seen.append(out)
        return len(seen) - 1

    current = 0
    for _ in range(draw(st.integers(2, 7))):
        c, h, w = seen[current].shape[:3]
        kind = draw(st.sampled_from(["conv", "conv", "pool", "one", "pick", *["join"] * 4]))
        pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
        if kind == "conv":
            groups = draw(st.sampled_from([g for g in (1, 2, c) if c % g == 0]))
            dilation, stride = draw(st.tuples(st.integers(1, 2), st.integers(1, 2))), draw(pair)
            kernel = tuple(min(k, (n - 1) // d + 1) for k, n, d in zip(draw(pair), (h, w), dilation, strict=True))
            padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
            current = add("layer", nn.Conv2d(c, c, kernel, stride, padding, dilation, groups), current)
        elif kind == "pool" and min(h, w) >= 3:
            current = add("layer", nn.MaxPool2d(draw(st.integers(2, 3)), draw(st.integers(1, 2)), 1), current)
        elif kind == "one":
            kinds = (
                ["up"] * (max(h, w) <= 8)
                + ["channels_last", "transpose", "flip", "roll", "prefix"]
                + ["shuffle"] * (c % 2 == 0)
            )
            kinds += ["twice"] * (h <= 8) + ["write"] * (c >= 2)
            kind = draw(st.sampled_from(kinds))
            what = {"up": 2, "roll": (1, draw(st.integers(-2, 2)))}.get(kind)
            current = add(kind, what, current)
        elif kind == "pick" and min(h, w) >= 4:
            if c >= 2 and draw(st.booleans()):
                current = add("half", draw(st.integers(0, 1)), current)
            else:
                current = add(
                    "crop", (draw(st.integers(0, 1)), draw(st.integers(0, 1)), draw(st.integers(1, 2)), 1), current
                )
        elif kind == "join":
            same = [i for i, s in enumerate(seen) if s.shape[1:3] == (h, w) and i != current]
            equal = [i for i in same if seen[i].shape[0] == c]
            everything = [i for i, s in enumerate(seen) if s.shape[0] == c]
            how = draw(st.sampled_from(["add", "add_"] * bool(equal) + ["cat"] * (bool(same) and c <= 8) + ["gate"]))
            other = draw(st.sampled_from(everything if how == "gate" else same if how == "cat" else equal))
            current = add(how, None, current, other)
    if not steps:
        add("transpose", None, current)
    # 쓰이지 않는 가지가 마지막일 수 있다: current가 마지막 값이 되게 한다
    return Example(Graph(steps).eval(), size, seen[-1])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_theory_equals_measurement_pixel_for_pixel_on_random_graphs(graph):
    model, size, expected = graph.model, graph.size, graph.expected
    try:
        table = layer_table(model, size)
    except UnknownOpError:  # 세로와 가로를 뒤바꾼 것과 그렇지 않은 것을 합칠 때만 거절한다
        assert any(kind == "transpose" for kind, *_ in model.steps)
        return
    assert table.output.iloc[-1] == expected.shape[:3]
    traced = trace(model, size)
    sight = fields_of(traced)[traced.layers[-1].nodes[-1].id]
    unpadded = not any(np.any(layer.padding) for layer in model.layers.values())
    places = expected.any(axis=0)  # 채널을 합친 것
    flipped = sight.place("y") == 2 or sight.place("x") == 1
    for i in range(places.shape[0]):
        for j in range(places.shape[1]):
            rows, columns = np.nonzero(places[i, j])
            unit = (j, i) if flipped else (i, j)
            unit = tuple(min(u, axis.count - 1) for u, axis in zip(unit, sight.axes, strict=True))  # 모두 같은 곳
            theory = [axis.seen_by(u) for axis, u in zip(sight.axes, unit, strict=True)]
            if len(rows):
                assert theory == [(rows.min(), rows.max()), (columns.min(), columns.max())]
                for axis, u, (first, last), pixels in zip(sight.axes, unit, theory, size[1:], strict=True):
                    start, end = axis.unit(u)  # 패딩까지 포함한 식의 구간
                    assert start <= first <= last <= end
                    if unpadded and start >= 0 and end < pixels:
                        assert (start, end) == (first, last)
    measured = measure_receptive_field(model, size)
    y, x = (measured.unit[1], measured.unit[0]) if flipped else measured.unit
    assert np.array_equal(measured.mask, places[y, x])
    if places[y, x].any():
        assert measured.agrees
    if measured.inside and table.jump.iloc[-1] != "":
        assert measured.size == measured.theory == table.rf.iloc[-1]
