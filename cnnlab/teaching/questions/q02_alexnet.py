"""02 AlexNet의 연습 문제. 기준은 Krizhevsky 2012의 3절대로 만든 모델이다."""

from collections.abc import Callable
from contextlib import suppress

import torch
from torch import Tensor, nn

from cnnlab.layers import LocalResponseNorm
from cnnlab.models.alexnet import alexnet
from cnnlab.teaching.answers import Mistake, NumberAnswer, Shape, ShapeAnswer
from cnnlab.teaching.code_answers import ModuleAnswer
from cnnlab.teaching.exercises import Exercise
from cnnlab.teaching.questions.q00_convolution import field_of


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0, groups: int = 1) -> nn.Conv2d:
    """세기만 할 때 쓰는, 가중치의 값이 없는 합성곱."""
    return nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, groups=groups, device="meta")


def _size(layer: nn.Module) -> int:
    return sum(p.numel() for p in layer.parameters())


def _side(conv: nn.Conv2d, side: int) -> int:
    """side x side 그림에 댄 합성곱의 출력 한 변."""
    channels = conv.in_channels
    return int(conv(torch.zeros(1, channels, side, side, device="meta")).shape[-1])


def _output(layer: str, side: int) -> Shape:
    """side x side 입력을 넣은 논문의 AlexNet에서 그 계층의 출력, 배치 제외. 그 뒤의 계층은 실행하지 않는다."""
    shapes: list[Shape] = []

    def stop(_module: nn.Module, _inputs: tuple[Tensor, ...], out: Tensor) -> None:
        shapes.append(tuple(out.shape[1:]))
        raise StopIteration

    with torch.device("meta"):
        net = alexnet()
    net.get_submodule(layer).register_forward_hook(stop)
    with torch.no_grad(), suppress(StopIteration):
        net(torch.zeros(1, 3, side, side, device="meta"))
    return shapes[0]


# ---- 02-1 ~ 02-3 크기와 매개변수 -----------------------------------------------------------------------------------

CONV1_SIDE = Exercise(
    id="02-1",
    title="자르지 않은 256×256을 넣으면",
    question=(
        "torchvision의 AlexNet에 256×256 사진을 자르지 않고 넣습니다.\n"
        "첫 합성곱은 11×11, 스트라이드 4, 패딩 2입니다. 출력의 한 변은 몇 칸일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _side(_conv(3, 64, 11, stride=4, padding=2), 256),
        mistakes=(
            Mistake(
                lambda: _side(_conv(3, 64, 11, stride=4), 256),
                "패딩을 빠뜨렸거나, 커널이 움직인 횟수만 세고 처음 놓은 자리를 세지 않았습니다.",
            ),
            Mistake(
                lambda: _side(_conv(3, 64, 11, stride=4, padding=2), 256) + 1,
                "나머지를 올렸습니다. PyTorch의 합성곱은 나머지를 버립니다.",
            ),
            Mistake(
                lambda: _side(_conv(3, 64, 11, stride=4, padding=2), 224),
                "224×224를 넣었을 때의 값입니다. 여기에서는 256×256입니다.",
            ),
        ),
    ),
    hints=(
        "패딩까지 더한 그림의 한 변을 먼저 구하세요. 패딩은 양쪽에 붙습니다.",
        "260화소 위에서 11화소짜리 커널이 4화소씩 몇 번 움직이는지 세고, 처음 자리를 더하세요.",
        "(256 + 2 × 2 - 11) // 4 + 1을 계산하세요.",
    ),
    solution=(
        "패딩을 더하면 256 + 2 × 2 = 260화소입니다.\n"
        "(260 - 11) / 4 = 62.25이고 나머지를 버리므로 62번 움직입니다. 처음 자리를 더해 63칸입니다."
    ),
    solution_code="answer = (256 + 2 * 2 - 11) // 4 + 1",
)

GROUPED_PARAMETERS = Exercise(
    id="02-2",
    title="GPU가 네 개였다면",
    question=(
        "둘째 합성곱을 탑 네 개로 나눕니다. 입력 96채널, 출력 256채널, 5×5 커널이고 편향이 있습니다.\n"
        "출력 채널 하나는 같은 탑의 입력 채널만 봅니다. 매개변수는 모두 몇 개일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _size(_conv(96, 256, 5, groups=4)),
        mistakes=(
            Mistake(
                lambda: _size(_conv(96, 256, 5)), "나누지 않은 합성곱의 값입니다. 입력 채널을 모두 본다고 셌습니다."
            ),
            Mistake(lambda: _size(_conv(96, 256, 5, groups=2)), "탑이 둘일 때의 값입니다. 여기에서는 넷입니다."),
            Mistake(
                lambda: _conv(96, 256, 5, groups=4).weight.numel(),
                "편향을 빠뜨렸습니다. 출력 채널마다 하나씩 있습니다.",
            ),
            Mistake(
                lambda: _size(_conv(24, 64, 5)),
                "탑 하나의 매개변수입니다. 모든 탑을 더하세요.",
            ),
            Mistake(
                lambda: 24 * 25 + 1,
                "커널 하나의 매개변수입니다. 커널은 출력 채널마다 하나씩 있습니다.",
            ),
        ),
    ),
    hints=(
        "커널 하나가 보는 입력 채널이 몇 개인지 먼저 세어 보세요.",
        "커널 하나는 5 × 5 × 24에 편향 하나이고, 커널은 출력 채널마다 하나씩 있습니다.",
        "(5 × 5 × 24 + 1) × 256을 계산하세요.",
    ),
    solution=(
        "탑 하나의 입력은 96 / 4 = 24채널이므로 커널 하나는 5 × 5 × 24 + 1 = 601개입니다.\n"
        "커널이 256개이므로 601 × 256 = 153,856개입니다. 가중치는 나누지 않은 것의 1/4이고, 편향은 그대로입니다."
    ),
    solution_code="answer = (5 * 5 * (96 // 4) + 1) * 256",
)

POOL5_SHAPE = Exercise(
    id="02-3",
    title="더 작은 그림을 넣으면",
    question=(
        "논문의 AlexNet에 227×227 대신 195×195를 넣습니다.\n"
        "마지막 풀링(pool5)의 출력 형태를 (채널, 세로, 가로)로 적으세요."
    ),
    answer=ShapeAnswer(
        expected=lambda: _output("pool5", 195),
        mistakes=(
            Mistake(lambda: _output("pool5", 227), "227×227을 넣었을 때의 형태입니다."),
            Mistake(lambda: _output("conv5", 195), "마지막 풀링을 지나기 전의 형태입니다."),
            Mistake(
                lambda: (384, *_output("pool5", 195)[1:]),
                "채널의 수를 보세요. 풀링은 다섯째 합성곱이 만든 채널 수를 바꾸지 않습니다.",
            ),
            Mistake(
                lambda: (128, *_output("pool5", 195)[1:]),
                "탑 하나의 채널만 셌습니다. 두 탑의 채널을 더하세요.",
            ),
        ),
    ),
    hints=(
        "conv1을 지난 한 변은 (195 - 11) / 4 + 1입니다. 그다음 3×3 풀링을 스트라이드 2로 세 번 지납니다.",
        "conv1에서 47, 풀링을 한 번 지나면 23입니다. conv2부터 conv5까지는 크기를 바꾸지 않습니다.",
    ),
    solution=(
        "conv1을 지난 한 변은 (195 - 11) / 4 + 1 = 47입니다.\n"
        "풀링마다 (47 - 3) / 2 + 1 = 23, (23 - 3) / 2 + 1 = 11, (11 - 3) / 2 + 1 = 5가 됩니다.\n"
        "채널은 다섯째 합성곱의 256이므로 (256, 5, 5)입니다.\n"
        "그러면 fc6의 입력이 9,216개가 아니어서 이 신경망은 195×195를 받지 못합니다."
    ),
    solution_code="answer = (256, 5, 5)",
)

# ---- 02-4, 02-5 연결과 수용 영역 -----------------------------------------------------------------------------------


def _connections(kernel: int, stride: int) -> int:
    conv = _conv(3, 96, kernel, stride=stride)
    return _side(conv, 227) ** 2 * _size(conv)


CONNECTIONS = Exercise(
    id="02-4",
    title="더 촘촘히 보는 첫 합성곱",
    question=(
        "첫 합성곱을 7×7, 스트라이드 2로 바꿉니다. 입력은 3×227×227, 커널은 96개이고 패딩은 없습니다.\n"
        "연결은 몇 개일까요? 출력 하나로 들어오는 값에 편향까지 더해 셉니다."
    ),
    answer=NumberAnswer(
        expected=lambda: _connections(7, 2),
        mistakes=(
            Mistake(lambda: _connections(11, 4), "11×11, 스트라이드 4 그대로의 값입니다."),
            Mistake(
                lambda: _side(_conv(3, 96, 7, stride=2), 227) ** 2 * _conv(3, 96, 7).weight.numel(),
                "편향을 빼고 셌습니다. 그것은 MAC입니다.",
            ),
            Mistake(lambda: _size(_conv(3, 96, 7)), "매개변수의 수입니다. 모든 자리에서 같은 커널을 다시 씁니다."),
            Mistake(
                lambda: _side(_conv(3, 96, 7, stride=2), 227) ** 2 * 96,
                "뉴런의 수입니다. 뉴런 하나로 들어오는 값의 수를 곱하세요.",
            ),
            Mistake(
                lambda: 55 * 55 * _size(_conv(3, 96, 7)),
                "출력의 한 변이 55 그대로라고 셌습니다. 스트라이드를 줄이면 출력이 커집니다.",
            ),
        ),
    ),
    hints=(
        "출력의 한 변을 먼저 구하세요. 뉴런은 (한 변) x (한 변) × 96개입니다.",
        "한 변은 (227 - 7) / 2 + 1이고, 뉴런 하나로 7 × 7 × 3개의 값과 편향 하나가 들어옵니다.",
        "111 × 111 × 96 × 148을 계산하세요.",
    ),
    solution=(
        "한 변은 (227 - 7) / 2 + 1 = 111이고, 뉴런은 111 × 111 × 96 = 1,182,816개입니다.\n"
        "뉴런 하나에 7 × 7 × 3 + 1 = 148개가 이어지므로 1,182,816 × 148 = 175,056,768개입니다.\n"
        "커널은 작아졌지만 자리가 네 배로 늘어 연결은 오히려 많아집니다. 03에서 이 선택을 다시 봅니다."
    ),
    solution_code="answer = ((227 - 7) // 2 + 1) ** 2 * 96 * (7 * 7 * 3 + 1)",
)

_PLAIN = (
    (11, 4),
    (2, 2),
    (5, 1),
    (2, 2),
    (3, 1),
    (3, 1),
    (3, 1),
)  # 겹치지 않는 풀링: conv1 ... conv5의 (커널, 스트라이드)
_PAPER = tuple((3, 2) if window == (2, 2) else window for window in _PLAIN)

FIELD = Exercise(
    id="02-5",
    title="겹치지 않는 풀링의 수용 영역",
    question=(
        "논문의 AlexNet에서 3×3 풀링을 모두 2×2(스트라이드 2)로 바꿉니다.\n"
        "다섯째 합성곱(conv5)의 출력 하나는 입력에서 한 변이 몇 화소인 영역을 볼까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: field_of(_PLAIN),
        mistakes=(
            Mistake(lambda: field_of(_PAPER), "3×3 풀링일 때의 값입니다. 여기에서는 2×2입니다."),
            Mistake(lambda: field_of(_PLAIN[:-1]), "넷째 합성곱까지의 값입니다. 하나 더 지나세요."),
            Mistake(lambda: field_of((*_PLAIN, (2, 2))), "마지막 풀링까지 지났습니다. conv5에서 멈추세요."),
            Mistake(
                lambda: field_of(tuple((kernel, 1) for kernel, _ in _PLAIN)),
                "스트라이드를 빠뜨렸습니다. conv1을 지나면 한 칸이 입력의 네 화소입니다.",
            ),
        ),
    ),
    hints=(
        "수용 영역 1, 간격 1에서 시작합니다. 계층마다 (커널 - 1) x 간격을 더한 뒤, 간격에 스트라이드를 곱하세요.",
        "conv1을 지나면 11(간격 4), 첫 풀링을 지나면 15(간격 8), conv2를 지나면 47입니다.",
    ),
    solution=(
        "11(간격 4), 11 + 1 × 4 = 15(간격 8), 15 + 4 × 8 = 47, 47 + 1 × 8 = 55(간격 16)입니다.\n"
        "3×3 합성곱 세 개가 2 × 16 = 32씩 더하므로 55 + 3 × 32 = 151화소입니다. 겹치는 풀링에서는 163화소입니다."
    ),
    solution_code="answer = 11 + 1 * 4 + 4 * 8 + 1 * 8 + 3 * (2 * 16)",
)

# ---- 02-6 국소 반응 정규화 -----------------------------------------------------------------------------------------


class _Normalise(nn.Module):
    """LRN의 틀: 이웃의 범위와 식을 바꾼다. 인자를 주지 않으면 논문의 식이다."""

    def __init__(
        self,
        before: int = 2,
        after: int = 2,
        mean: bool = False,
        square: bool = True,
        beta: float = 0.75,
        k: float = 2.0,
    ) -> None:
        super().__init__()
        self.before, self.after, self.mean, self.square, self.beta, self.k = before, after, mean, square, beta, k

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        squares = x.square() if self.square else x
        near = [squares[:, max(0, i - self.before) : i + self.after + 1] for i in range(channels)]
        total = torch.stack([part.sum(dim=1) for part in near], dim=1)  # (N, C, H, W)
        if self.mean:
            total = total / (self.before + self.after + 1)
        return x / (self.k + 1e-4 * total) ** self.beta


def _wide(channels: int) -> list[Tensor]:
    """alpha가 0.0001이므로 값이 커야 정규화가 드러난다. ReLU를 지난 것처럼 음수가 없다."""
    g = torch.Generator().manual_seed(1)
    return [60 * torch.randn(2, channels, 4, 4, generator=g).relu() for _ in range(2)]


MY_LRN = Exercise(
    id="02-6",
    title="국소 반응 정규화 짜기",
    question=(
        "논문 3.3절의 식을 짜세요: b[i] = a[i] / (2 + 0.0001 × S) ** 0.75.\n"
        "S는 같은 자리에서 채널 i-2부터 i+2까지의 제곱합이고, 끝을 넘는 채널은 세지 않습니다.\n"
        "입력은 (N, C, H, W)입니다. `nn.LocalResponseNorm`은 쓰지 마세요.\n"
        "다 짰으면 셀을 실행하세요."
    ),
    answer=ModuleAnswer(
        reference=LocalResponseNorm,
        arguments=(),
        inputs=lambda: _wide(9),
        mistakes=(
            Mistake(
                lambda: _Normalise(mean=True),
                "제곱합을 5로 나누어 평균을 냈습니다. 논문의 식은 더하기만 합니다.",
            ),
            Mistake(lambda: _Normalise(square=False), "채널의 값을 그대로 더했습니다. 제곱한 다음 더하세요."),
            Mistake(lambda: _Normalise(beta=1.0), "괄호를 0.75제곱하지 않았습니다."),
            Mistake(lambda: _Normalise(before=1, after=1), "이웃을 앞뒤로 하나씩만 보았습니다. 앞뒤로 둘씩입니다."),
            Mistake(
                lambda: _Normalise(before=4, after=0),
                "앞의 채널만 보았습니다. 앞으로 둘, 뒤로 둘입니다.",
            ),
            Mistake(lambda: _Normalise(k=1.0), "괄호 안의 상수를 1로 두었습니다. 논문은 2입니다."),
            Mistake(
                lambda: nn.LocalResponseNorm(3, 3e-4, 0.75, 2.0),
                "이웃을 앞뒤로 하나씩만 보았습니다. 앞뒤로 둘씩입니다.",
            ),
        ),
    ),
    hints=(
        "채널마다 반복해도 됩니다. i번째 채널의 이웃은 `x[:, max(0, i - 2) : i + 3]`입니다.",
        "이웃을 제곱해 `sum(dim=1)`로 더하면 (N, H, W)이고, `torch.stack(..., dim=1)`으로 모으면 (N, C, H, W)입니다.",
        "마지막 줄은 `x / (2 + 1e-4 * total) ** 0.75`입니다.",
    ),
    solution=(
        "채널마다 이웃의 제곱합을 구해 모은 다음, 식을 그대로 적습니다.\n"
        "시작이 0보다 작아지지 않게 `max(0, i - 2)`로 막습니다. 끝은 슬라이스가 알아서 멈춥니다.\n"
        "`nn.LocalResponseNorm`은 제곱의 합이 아니라 평균을 쓰므로 alpha에 5를 곱해야 같아집니다."
    ),
    solution_code="""import torch
from torch import nn

class MyLRN(nn.Module):
    def forward(self, x):
        squares = x.square()
        near = [squares[:, max(0, i - 2) : i + 3].sum(dim=1) for i in range(x.shape[1])]
        total = torch.stack(near, dim=1)              # (N, C, H, W)
        return x / (2 + 1e-4 * total) ** 0.75
""",
    stub="""class MyLRN(nn.Module):
    def forward(self, x):
        ...
""",
    name="MyLRN",
)

# ---- 02-7 두 탑 ----------------------------------------------------------------------------------------------------


class _Towers(nn.Module):
    """두 탑의 틀: 어느 절반을 보는지, 어떻게 모으는지를 바꾼다. 인자를 주지 않으면 nn.Conv2d(groups=2)와 같다."""

    def __init__(
        self,
        halves: tuple[int, int] = (0, 1),
        gather: Callable[[list[Tensor]], Tensor] = lambda made: torch.cat(made, dim=1),
        padding: int = 2,
        inputs: int = 24,
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, 32, 5, padding=padding)
        self.second = nn.Conv2d(inputs, 32, 5, padding=padding)
        self.halves, self.gather, self.inputs = halves, gather, inputs

    def forward(self, x: Tensor) -> Tensor:
        parts = x.split(self.inputs, dim=1) if self.inputs < x.shape[1] else (x, x)
        convs = (self.first, self.second)
        return self.gather([conv(parts[half]) for conv, half in zip(convs, self.halves, strict=True)])


class _Mixed(_Towers):
    """짝수 번호 채널과 홀수 번호 채널로 나눈다."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.first(x[:, ::2]), self.second(x[:, 1::2])], dim=1)


def _pictures(channels: int, side: int) -> list[Tensor]:
    g = torch.Generator().manual_seed(1)
    return [torch.randn(2, channels, side, side, generator=g) for _ in range(2)]


MY_TOWERS = Exercise(
    id="02-7",
    title="그룹 합성곱을 합성곱 두 개로 짜기",
    question=(
        "`nn.Conv2d(48, 64, 5, padding=2, groups=2)`와 같은 계산을 `groups` 없이 짜세요.\n"
        "합성곱 두 개가 입력 채널의 앞 절반과 뒤 절반을 따로 보고, 두 출력을 채널 방향으로 이어 붙입니다.\n"
        "앞 절반을 보는 합성곱을 먼저 만드세요. 다 짰으면 셀을 실행하세요."
    ),
    answer=ModuleAnswer(
        reference=_Towers,
        arguments=(),
        inputs=lambda: _pictures(48, 6),
        mistakes=(
            Mistake(lambda: _Towers(halves=(1, 0)), "두 합성곱이 보는 절반이 서로 바뀌었습니다."),
            Mistake(
                lambda: _Towers(gather=lambda made: torch.cat(made[::-1], dim=1)),
                "이어 붙이는 순서가 바뀌었습니다. 앞 절반을 본 출력이 앞에 옵니다.",
            ),
            Mistake(lambda: _Towers(halves=(0, 0)), "두 합성곱이 모두 앞 절반을 보았습니다."),
            Mistake(
                lambda: _Towers(gather=lambda made: made[0] + made[1]),
                "두 출력을 더했습니다. 더하지 말고 채널 방향으로 이어 붙이세요.",
            ),
            Mistake(lambda: _Towers(padding=0), "패딩이 없습니다. 5×5에서 크기를 지키려면 패딩이 2여야 합니다."),
            Mistake(
                lambda: _Towers(inputs=48),
                "합성곱마다 입력 채널 48개를 모두 봅니다. 절반인 24개만 보아야 합니다.",
            ),
            Mistake(
                _Mixed,
                "채널을 하나씩 번갈아 나누었습니다. 앞 절반과 뒤 절반으로 나누세요.",
            ),
        ),
    ),
    hints=(
        "합성곱 하나는 24채널을 받아 32채널을 냅니다.",
        "`x.chunk(2, dim=1)`은 채널을 앞뒤 절반으로 나눕니다.",
        "`torch.cat([첫째 출력, 둘째 출력], dim=1)`로 이어 붙이세요.",
    ),
    solution=(
        "채널을 둘로 나누어 따로 합성곱을 하고 이어 붙이면 groups=2와 같은 계산입니다.\n"
        "두 합성곱은 서로의 값을 쓰지 않으므로 다른 GPU에서 동시에 실행할 수 있습니다."
    ),
    solution_code="""import torch
from torch import nn

class MyTowers(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(24, 32, 5, padding=2)
        self.second = nn.Conv2d(24, 32, 5, padding=2)

    def forward(self, x):
        a, b = x.chunk(2, dim=1)                                     # (N, 24, H, W) 둘
        return torch.cat([self.first(a), self.second(b)], dim=1)     # (N, 64, H, W)
""",
    stub="""class MyTowers(nn.Module):
    def __init__(self):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MyTowers",
)

# ---- 02-8 자르기로 늘린 그림 ---------------------------------------------------------------------------------------


def _crops(side: int, crop: int) -> int:
    """side x side 그림에서 crop x crop을 자를 수 있는 자리의 수."""
    return _side(_conv(1, 1, crop), side) ** 2


CROPS = Exercise(
    id="02-8",
    title="한 장에서 몇 장을 얻는가",
    question=(
        "48×48 사진에서 40×40을 화소 단위로 아무 자리에서나 자르고, 절반의 확률로 좌우를 뒤집습니다.\n"
        "한 장에서 서로 다른 그림을 모두 몇 장까지 얻을 수 있을까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: 2 * _crops(48, 40),
        mistakes=(
            Mistake(
                lambda: 2 * (48 - 40) ** 2,
                "한 방향으로 자를 수 있는 자리를 하나 적게 셌습니다. 한 칸도 옮기지 않은 자리도 있습니다.",
            ),
            Mistake(lambda: _crops(48, 40), "뒤집은 그림을 빠뜨렸습니다."),
            Mistake(lambda: 2 * (48 - 40 + 1), "한 방향만 셌습니다. 가로와 세로로 따로 옮길 수 있습니다."),
            Mistake(lambda: (48 - 40) ** 2, "뒤집은 그림과, 한 칸도 옮기지 않은 자리를 빠뜨렸습니다."),
        ),
    ),
    hints=(
        "왼쪽 위 귀퉁이가 가로로 놓일 수 있는 자리는 0부터 48 - 40까지입니다.",
        "가로 9곳, 세로 9곳이고 저마다 뒤집은 것이 하나씩 더 있습니다.",
        "9 × 9 × 2를 계산하세요.",
    ),
    solution=(
        "가로와 세로로 48 - 40 + 1 = 9곳씩이므로 자리는 9 × 9 = 81곳이고, 뒤집은 것까지 162장입니다.\n"
        "논문은 256에서 224를 자르면 2,048배가 된다고 적었습니다(32 × 32 × 2).\n"
        "같은 방법으로 세면 33 × 33 × 2 = 2,178장입니다."
    ),
    solution_code="answer = (48 - 40 + 1) ** 2 * 2",
)

EXERCISES = (
    CONV1_SIDE,
    GROUPED_PARAMETERS,
    POOL5_SHAPE,
    CONNECTIONS,
    FIELD,
    MY_LRN,
    MY_TOWERS,
    CROPS,
)
