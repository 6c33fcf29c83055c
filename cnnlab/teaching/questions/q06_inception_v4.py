"""06 Inception-v4의 연습 문제. 기준은 논문(Szegedy 2016, arXiv:1602.07261)의 그림대로 만든 블록이다."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.models.inception_v4 import REDUCTION_A, reduction_a
from cnnlab.teaching.answers import Mistake, NumberAnswer, Shape, ShapeAnswer
from cnnlab.teaching.code_answers import ModuleAnswer
from cnnlab.teaching.exercises import Exercise
from cnnlab.teaching.questions.q00_convolution import field_of

# ---- 06-1 ~ 06-3 나누기와 줄이기 -----------------------------------------------------------------------------------


def _weights(*convs: tuple[int, int, tuple[int, int]]) -> int:
    """(입력 채널, 출력 채널, 커널)을 이은 합성곱의 가중치, 편향 제외."""
    return sum(nn.Conv2d(*conv, device="meta").weight.numel() for conv in convs)


FACTORED = Exercise(
    id="06-1",
    title="9x9를 나누면",
    question=(
        "입력 96채널에서 160채널을 만드는 9x9 합성곱을 1x9와 9x1로 나눕니다.\n"
        "가운데 채널은 128입니다. 두 합성곱의 가중치는 모두 몇 개일까요? 편향은 없습니다."
    ),
    answer=NumberAnswer(
        expected=lambda: _weights((96, 128, (1, 9)), (128, 160, (9, 1))),
        mistakes=(
            Mistake(lambda: _weights((96, 160, (9, 9))), "나누지 않은 합성곱의 값입니다."),
            Mistake(
                lambda: _weights((96, 160, (1, 9)), (96, 160, (9, 1))),
                "두 합성곱이 모두 96채널에서 160채널을 만든다고 셌습니다. 가운데 채널을 지나갑니다.",
            ),
            Mistake(
                lambda: _weights((96, 128, (9, 9)), (128, 160, (9, 9))),
                "커널을 둘 다 9x9로 셌습니다. 한쪽 변은 1입니다.",
            ),
            Mistake(lambda: _weights((96, 128, (1, 9))), "첫 합성곱만 셌습니다."),
            Mistake(
                lambda: _weights((96, 128, (1, 9)), (128, 160, (9, 1))) + 128 + 160,
                "편향까지 셌습니다. 여기에서는 없습니다.",
            ),
        ),
    ),
    hints=(
        "합성곱마다 (커널의 넓이) x (입력 채널) x (출력 채널)입니다.",
        "첫째는 1 x 9 x 96 x 128, 둘째는 9 x 1 x 128 x 160입니다.",
    ),
    solution=(
        "1 x 9 x 96 x 128 = 110,592개, 9 x 1 x 128 x 160 = 184,320개를 더해 294,912개입니다.\n"
        "나누지 않으면 9 x 9 x 96 x 160 = 1,244,160개이므로 1/4보다 적습니다."
    ),
    solution_code="answer = 9 * 96 * 128 + 9 * 128 * 160",
)


def _reduced(side: int) -> Shape:
    """side x side, 384채널을 Inception-v4의 Reduction-A에 넣은 출력."""
    with torch.device("meta"):
        block = reduction_a(384, REDUCTION_A["inception_v4"])
        return tuple(block(torch.zeros(2, 384, side, side)).shape[1:])


REDUCED = Exercise(
    id="06-2",
    title="더 작은 특징 맵을 줄이면",
    question=(
        "Inception-v4의 Reduction-A에 384x29x29를 넣습니다. 세 갈래는 이렇습니다.\n"
        "- 3x3 최대 풀링, 스트라이드 2\n"
        "- 3x3 합성곱 384개, 스트라이드 2\n"
        "- 1x1 192개, 3x3 224개(크기를 지킴), 3x3 256개(스트라이드 2)\n"
        "스트라이드 2인 것에는 패딩이 없습니다. 출력 형태를 (채널, 세로, 가로)로 적으세요."
    ),
    answer=ShapeAnswer(
        expected=lambda: _reduced(29),
        mistakes=(
            Mistake(
                lambda: (640, *_reduced(29)[1:]),
                "풀링 갈래의 채널을 빠뜨렸습니다. 풀링은 채널 수를 바꾸지 않으므로 384채널이 그대로 이어 붙습니다.",
            ),
            Mistake(
                lambda: (384 + 384 + 192 + 224 + 256, *_reduced(29)[1:]),
                "셋째 갈래의 가운데 채널까지 더했습니다. 갈래마다 마지막 채널만 이어 붙습니다.",
            ),
            Mistake(
                lambda: (1024, 15, 15),
                "크기를 보세요. 패딩이 없으므로 커널이 놓이는 자리가 하나 적습니다.",
            ),
            Mistake(
                lambda: (384, *_reduced(29)[1:]),
                "갈래 하나의 채널입니다. 세 갈래를 채널 방향으로 이어 붙이면 채널 수가 늘어납니다.",
            ),
            Mistake(lambda: _reduced(35), "35x35를 넣었을 때의 형태입니다."),
        ),
    ),
    hints=(
        "세 갈래의 출력은 크기가 같고, 채널은 갈래마다의 마지막 값을 더합니다.",
        "한 변은 (29 - 3) // 2 + 1입니다.",
        "채널은 384 + 384 + 256입니다.",
    ),
    solution=(
        "한 변은 (29 - 3) / 2 + 1 = 14이고 채널은 384 + 384 + 256 = 1,024입니다.\n"
        "따라서 (1024, 14, 14)입니다. 풀링 갈래는 매개변수 없이 384채널을 보탭니다."
    ),
    solution_code="answer = (1024, 14, 14)",
)


def _longest(blocks_b: int) -> tuple[tuple[int, int], ...]:
    """Inception-v4에서 세로로 가장 넓게 보는 길의 (커널, 스트라이드)."""
    stem = ((3, 2), (3, 1), (3, 1), (3, 2), (7, 1), (3, 1), (3, 2))
    stage_a = ((3, 1), (3, 1)) * 4 + ((3, 1), (3, 2))
    stage_b = ((7, 1), (7, 1)) * blocks_b + ((7, 1), (3, 2))
    return stem + stage_a + stage_b + ((3, 1), (3, 1)) * 3


DEEPER = Exercise(
    id="06-3",
    title="Inception-B를 더 쌓으면",
    question=(
        "Inception-v4는 Inception-B가 7개이고 마지막 합성곱의 수용 영역이 2071입니다.\n"
        "Inception-B를 10개로 늘리면 마지막 합성곱의 수용 영역은 한 변이 몇 화소일까요?\n"
        "17x17에서 이웃한 두 칸의 간격은 입력의 16화소입니다."
    ),
    answer=NumberAnswer(
        expected=lambda: field_of(_longest(10)),
        mistakes=(
            Mistake(
                lambda: field_of(_longest(7)) + 3 * 12,
                "늘어나는 칸을 화소로 바꾸지 않았습니다. 17x17의 한 칸은 입력의 여러 화소입니다.",
            ),
            Mistake(
                lambda: field_of(_longest(7)) + 3 * 6 * 16,
                "세로로 넓히는 커널을 블록마다 하나만 셌습니다. 가장 긴 갈래에는 7x1이 두 번 있습니다.",
            ),
            Mistake(
                lambda: field_of(_longest(7)) + 3 * 14 * 16,
                "커널 하나가 7칸을 넓힌다고 셌습니다. 한 칸은 이미 보고 있습니다.",
            ),
            Mistake(
                lambda: field_of(_longest(7)) + 3 * 24 * 16,
                "네 커널을 모두 더했습니다. 1x7은 세로로 넓히지 않습니다.",
            ),
            Mistake(lambda: 10 * 12 * 16, "늘어난 뒤의 Inception-B만 셌습니다. 나머지 계층도 그대로 있습니다."),
        ),
    ),
    hints=(
        "블록 하나의 가장 긴 갈래가 세로로 몇 칸을 넓히는지 세세요. 1xn은 가로만, nx1은 세로만 넓힙니다.",
        "7x1 하나는 6칸, 둘이면 12칸이고 한 칸은 16화소입니다.",
        "2071에 세 블록의 몫인 3 x 12 x 16을 더하세요.",
    ),
    solution=(
        "블록 하나가 세로로 (7 - 1) x 2 = 12칸, 곧 12 x 16 = 192화소를 넓힙니다.\n"
        "세 블록의 몫을 더하면 2071 + 3 x 192 = 2,647입니다. 가로도 같습니다."
    ),
    solution_code="answer = 2071 + 3 * 2 * (7 - 1) * 16",
)

# ---- 06-4, 06-5 직사각형과 지름길 ----------------------------------------------------------------------------------

_CHAIN = (((1, 7), 1), ((7, 1), 1), ((1, 7), 1), ((3, 3), 2), ((1, 7), 1))  # (커널, 스트라이드)


def _rectangle(chain: tuple[tuple[tuple[int, int], int], ...]) -> Shape:
    return tuple(field_of(tuple((kernel[axis], stride) for kernel, stride in chain)) for axis in (0, 1))


RECTANGLE = Exercise(
    id="06-4",
    title="세로와 가로가 다른 수용 영역",
    question=(
        "스트라이드 1인 1x7, 7x1, 1x7을 차례로 지나고, 스트라이드 2인 3x3을 지나고, 다시 1x7을 지납니다.\n"
        "마지막 출력 하나의 수용 영역을 (세로, 가로)로 적으세요. 1x7은 세로 1, 가로 7입니다."
    ),
    answer=ShapeAnswer(
        expected=lambda: _rectangle(_CHAIN),
        mistakes=(
            Mistake(lambda: _rectangle(_CHAIN)[::-1], "세로와 가로가 바뀌었습니다."),
            Mistake(
                lambda: _rectangle(tuple((kernel, 1) for kernel, _ in _CHAIN)),
                "스트라이드를 빠뜨렸습니다. 3x3을 지나면 한 칸이 입력의 두 화소입니다.",
            ),
            Mistake(lambda: _rectangle(_CHAIN[:-1]), "마지막 1x7을 지나지 않았습니다."),
            Mistake(
                lambda: _rectangle(tuple(((7, 7) if 7 in kernel else kernel, stride) for kernel, stride in _CHAIN)),
                "1x7과 7x1이 모두 두 방향으로 넓힌다고 셌습니다. 1x7은 가로만, 7x1은 세로만 넓힙니다.",
            ),
            Mistake(
                lambda: (_rectangle(_CHAIN)[1],) * 2,
                "세로에도 가로의 값을 적었습니다. 세로는 7x1과 3x3만 넓힙니다.",
            ),
        ),
    ),
    hints=(
        "세로와 가로를 따로 세세요. 1x7은 세로로 0칸, 가로로 6칸을 넓힙니다.",
        "3x3까지 지나면 세로는 1 + 6 + 2, 가로는 1 + 6 + 6 + 2이고, 그다음부터 한 칸이 두 화소입니다.",
        "마지막 1x7은 가로만 6 x 2만큼 넓힙니다.",
    ),
    solution=(
        "세로: 1 + 6 + 2 = 9이고 마지막 1x7은 더하지 않습니다.\n"
        "가로: 1 + 6 + 6 + 2 = 15에 6 x 2 = 12를 더해 27입니다. 따라서 (9, 27)입니다."
    ),
    solution_code="answer = (9, 27)",
)

EXPAND = Exercise(
    id="06-5",
    title="채널을 되돌리는 1x1",
    question=(
        "Inception-ResNet의 블록에서 세 갈래가 48, 64, 80채널을 내고 이어 붙습니다.\n"
        "블록의 입력은 512채널입니다. 더할 수 있게 채널을 되돌리는 1x1 합성곱의 매개변수는 몇 개일까요? 편향도 셉니다."
    ),
    answer=NumberAnswer(
        expected=lambda: sum(p.numel() for p in nn.Conv2d(48 + 64 + 80, 512, 1, device="meta").parameters()),
        mistakes=(
            Mistake(lambda: (48 + 64 + 80) * 512, "편향을 빠뜨렸습니다."),
            Mistake(
                lambda: 512 * (48 + 64 + 80) + (48 + 64 + 80),
                "편향의 수를 보세요. 출력 채널마다 하나씩 있습니다.",
            ),
            Mistake(lambda: (80 + 1) * 512, "마지막 갈래만 이었습니다. 세 갈래를 이어 붙인 것이 들어옵니다."),
            Mistake(
                lambda: (48 + 64 + 80 + 512 + 1) * 512,
                "블록의 입력까지 이어 붙였습니다. 지름길은 이어 붙이지 않고 더합니다.",
            ),
        ),
    ),
    hints=(
        "1x1 합성곱에 들어오는 채널은 세 갈래를 이어 붙인 수입니다.",
        "나가는 채널은 블록의 입력과 같아야 더할 수 있습니다.",
        "(48 + 64 + 80 + 1) x 512를 계산하세요.",
    ),
    solution=(
        "들어오는 채널은 48 + 64 + 80 = 192이고 나가는 채널은 512입니다.\n"
        "출력 채널마다 가중치 192개와 편향 하나가 있으므로 193 x 512 = 98,816개입니다."
    ),
    solution_code="answer = (48 + 64 + 80 + 1) * 512",
)

# ---- 06-6, 06-7 코드 -----------------------------------------------------------------------------------------------


def _maps(channels: int, side: int) -> list[Tensor]:
    g = torch.Generator().manual_seed(1)
    return [torch.randn(2, channels, side, side, generator=g) for _ in range(2)]


class _Reduction(nn.Module):
    """줄이는 블록의 틀. 인자를 주지 않으면 풀링과 합성곱을 나란히 두고 이어 붙인 것이다."""

    def __init__(
        self,
        pool: Callable[[], nn.Module] = lambda: nn.MaxPool2d(3, stride=2),
        padding: int = 0,
        gather: Callable[[Tensor, Tensor], Tensor] = lambda pooled, made: torch.cat([pooled, made], dim=1),
        outputs: int = 12,
    ) -> None:
        super().__init__()
        self.pool = pool()
        self.conv = nn.Conv2d(8, outputs, 3, stride=2, padding=padding)
        self.gather = gather

    def forward(self, x: Tensor) -> Tensor:
        return self.gather(self.pool(x), self.conv(x))


class _InOrder(nn.Module):
    """풀링 다음 합성곱."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.pool, self.conv = nn.MaxPool2d(3, stride=2), nn.Conv2d(8, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.pool(x))


MY_REDUCTION = Exercise(
    id="06-6",
    title="줄이는 블록 짜기",
    question=(
        "8채널을 받아 높이와 너비를 절반쯤으로 줄이고 20채널을 내는 블록을 짜세요. 두 갈래를 나란히 둡니다.\n"
        "- 3x3 최대 풀링, 스트라이드 2\n"
        "- 3x3 합성곱 12개, 스트라이드 2, 편향 있음(`nn.Conv2d(8, 12, 3, stride=2)`)\n"
        "패딩은 없고, 풀링의 출력을 앞에 두고 채널 방향으로 이어 붙입니다. 배치 정규화와 ReLU는 쓰지 마세요.\n"
        "다 짰으면 `check(MyReduction)`처럼 클래스의 이름을 넣으세요."
    ),
    answer=ModuleAnswer(
        reference=_Reduction,
        arguments=(),
        inputs=lambda: _maps(8, 9),
        mistakes=(
            Mistake(
                lambda: _Reduction(gather=lambda pooled, made: torch.cat([made, pooled], dim=1)),
                "이어 붙이는 순서가 바뀌었습니다. 풀링의 출력이 앞에 옵니다.",
            ),
            Mistake(
                lambda: _Reduction(pool=lambda: nn.AvgPool2d(3, stride=2)),
                "평균 풀링을 썼습니다. 여기에서는 최대 풀링입니다.",
            ),
            Mistake(
                lambda: _Reduction(pool=lambda: nn.MaxPool2d(3, stride=2, padding=1), padding=1),
                "패딩을 붙였습니다. 두 갈래 모두 패딩이 없습니다.",
            ),
            Mistake(
                lambda: _InOrder(20),
                "풀링 다음에 합성곱을 이었습니다. 두 갈래가 같은 입력을 따로 받습니다.",
            ),
            Mistake(
                lambda: _Reduction(outputs=20, gather=lambda _pooled, made: made),
                "합성곱이 20채널을 모두 만들고 풀링을 버렸습니다. 8채널은 풀링에서 옵니다.",
            ),
            Mistake(
                lambda: _Reduction(outputs=8, gather=lambda pooled, made: pooled + made),
                "두 갈래를 더했습니다. 채널 방향으로 이어 붙이세요.",
            ),
        ),
    ),
    hints=(
        "`__init__`에서 `nn.MaxPool2d(3, stride=2)`와 합성곱을 만드세요.",
        "`forward`에서 두 갈래에 같은 `x`를 넣으세요.",
        "`torch.cat([self.pool(x), self.conv(x)], dim=1)`을 돌려주세요.",
    ),
    solution=(
        "풀링이 8채널, 합성곱이 12채널을 내므로 이어 붙이면 20채널입니다.\n"
        "커널, 스트라이드, 패딩이 같아 두 갈래의 높이와 너비가 같습니다.\n"
        "합성곱은 12채널만 만들면 되므로 계산이 적고, 나머지 8채널은 풀링이 곱셈 없이 채웁니다."
    ),
    solution_code="""import torch
from torch import nn

class MyReduction(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(3, stride=2)
        self.conv = nn.Conv2d(8, 12, 3, stride=2)

    def forward(self, x):
        return torch.cat([self.pool(x), self.conv(x)], dim=1)   # (N, 8 + 12, H', W')
""",
    stub="""class MyReduction(nn.Module):
    def __init__(self):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MyReduction",
)


class _Block(nn.Module):
    """Inception-ResNet 블록의 틀. 인자를 주지 않으면 ReLU(x + 0.2 · 1x1(두 갈래))."""

    def __init__(
        self,
        join: Callable[[Tensor, Tensor], Tensor] = lambda x, made: F.relu(x + 0.2 * made),
        swap: bool = False,
    ) -> None:
        super().__init__()
        self.one = nn.Conv2d(16, 8, 1)
        self.wide = nn.Conv2d(16, 8, (1, 5), padding=(0, 2))
        self.tall = nn.Conv2d(8, 8, (5, 1), padding=(2, 0))
        self.project = nn.Conv2d(16, 16, 1)
        self.join, self.swap = join, swap

    def forward(self, x: Tensor) -> Tensor:
        branches = [F.relu(self.one(x)), F.relu(self.tall(F.relu(self.wide(x))))]
        made = self.project(torch.cat(branches[::-1] if self.swap else branches, dim=1))
        return self.join(x, made)


MY_RESIDUAL = Exercise(
    id="06-7",
    title="배율이 있는 지름길 짜기",
    question=(
        "Inception-ResNet의 블록을 짜세요. 계층은 만들어 두었으니 `forward`만 채우면 됩니다.\n"
        "- 첫째 갈래: `one`, ReLU\n"
        "- 둘째 갈래: `wide`, ReLU, `tall`, ReLU\n"
        "- 두 갈래를 차례로 이어 붙이고 `project`를 지납니다. 이 뒤에는 활성화가 없습니다.\n"
        "- 0.2를 곱해 입력에 더하고, 마지막으로 ReLU를 지납니다.\n"
        "다 짰으면 `check(MyResidual)`처럼 클래스의 이름을 넣으세요."
    ),
    answer=ModuleAnswer(
        reference=_Block,
        arguments=(),
        inputs=lambda: _maps(16, 7),
        mistakes=(
            Mistake(
                lambda: _Block(join=lambda x, made: F.relu(x + made)),
                "0.2를 곱하지 않았습니다.",
            ),
            Mistake(
                lambda: _Block(join=lambda x, made: F.relu(0.2 * x + made)),
                "입력에 0.2를 곱했습니다. 배율은 갈래 쪽에 곱하고 지름길은 그대로 둡니다.",
            ),
            Mistake(
                lambda: _Block(join=lambda x, made: F.relu(0.2 * (x + made))),
                "더한 다음에 0.2를 곱했습니다. 더하기 전에 갈래 쪽에만 곱하세요.",
            ),
            Mistake(
                lambda: _Block(join=lambda x, made: F.relu(x + 0.2 * F.relu(made))),
                "`project` 뒤에 ReLU를 두었습니다. 그러면 더해지는 값이 음수가 될 수 없습니다.",
            ),
            Mistake(
                lambda: _Block(join=lambda x, made: x + 0.2 * F.relu(made)),
                "ReLU의 자리가 다릅니다. `project` 뒤의 것을 더한 다음으로 옮기세요.",
            ),
            Mistake(lambda: _Block(join=lambda x, made: x + 0.2 * made), "더한 다음의 ReLU를 빠뜨렸습니다."),
            Mistake(lambda: _Block(join=lambda _x, made: F.relu(0.2 * made)), "입력을 더하지 않았습니다."),
            Mistake(lambda: _Block(swap=True), "이어 붙이는 순서가 바뀌었습니다. 첫째 갈래가 앞에 옵니다."),
        ),
    ),
    hints=(
        "갈래마다의 출력은 (N, 8, H, W)이고, 이어 붙이면 (N, 16, H, W)입니다.",
        "`made = self.project(torch.cat([첫째, 둘째], dim=1))`까지가 더할 값입니다.",
        "마지막 줄은 `torch.relu(x + 0.2 * made)`입니다.",
    ),
    solution=(
        "1x5와 5x1을 지난 갈래와 1x1 갈래를 이어 붙이고, 1x1로 입력의 채널에 맞춥니다.\n"
        "0.2는 갈래 쪽에만 곱합니다. 지름길로는 입력이 그대로 지나갑니다."
    ),
    solution_code="""import torch
from torch import nn

class MyResidual(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(16, 8, 1)
        self.wide = nn.Conv2d(16, 8, (1, 5), padding=(0, 2))
        self.tall = nn.Conv2d(8, 8, (5, 1), padding=(2, 0))
        self.project = nn.Conv2d(16, 16, 1)

    def forward(self, x):
        first = torch.relu(self.one(x))
        second = torch.relu(self.tall(torch.relu(self.wide(x))))
        made = self.project(torch.cat([first, second], dim=1))   # (N, 16, H, W)
        return torch.relu(x + 0.2 * made)
""",
    stub="""class MyResidual(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(16, 8, 1)
        self.wide = nn.Conv2d(16, 8, (1, 5), padding=(0, 2))
        self.tall = nn.Conv2d(8, 8, (5, 1), padding=(2, 0))
        self.project = nn.Conv2d(16, 16, 1)

    def forward(self, x):
        ...
""",
    name="MyResidual",
)

# ---- 06-8 나눌 수 있는 커널 ----------------------------------------------------------------------------------------


def _plus(side: int) -> Tensor:
    kernel = torch.zeros(side, side)
    kernel[side // 2] = kernel[:, side // 2] = 1
    return kernel


PAIRS = Exercise(
    id="06-8",
    title="더하기 모양의 커널",
    question=(
        "채널이 하나인 7x7 커널이 있습니다. 가운데 행과 가운데 열만 1이고 나머지는 모두 0입니다(더하기 모양).\n"
        "이것을 1x7과 7x1로 똑같이 나누려면 가운데 채널이 적어도 몇 개 있어야 할까요?\n"
        "두 합성곱 사이에 활성화는 없습니다."
    ),
    answer=NumberAnswer(
        expected=lambda: int(torch.linalg.matrix_rank(_plus(7))),
        mistakes=(
            Mistake(
                lambda: 1,
                "가운데 채널이 하나면 모든 행이 서로의 배수가 됩니다. 이 커널의 행은 그렇지 않습니다.",
            ),
            Mistake(lambda: 7, "그만큼이면 어떤 커널이든 나눌 수 있습니다. 더 적어도 됩니다."),
            Mistake(
                lambda: int(_plus(7).sum()),
                "1의 개수를 셌습니다. 한 행이나 한 열은 한꺼번에 만들 수 있습니다.",
            ),
        ),
    ),
    hints=(
        "가운데 채널 하나가 만드는 커널은 (세로 값) x (가로 값)의 곱셈표입니다. 채널이 여럿이면 곱셈표들의 합입니다.",
        "커널의 행 가운데 서로 다른 것이 몇 가지인지, 하나가 다른 것의 배수인지 보세요.",
        "`torch.linalg.matrix_rank`에 커널을 넣어 보세요.",
    ),
    solution=(
        "행은 두 가지입니다. 가운데만 1인 행과 모두 1인 행이고, 서로의 배수가 아닙니다.\n"
        "그래서 곱셈표 하나로는 만들 수 없고 둘이면 됩니다. 행렬의 계수(rank)가 2입니다."
    ),
    solution_code="""import torch

kernel = torch.zeros(7, 7)
kernel[3] = kernel[:, 3] = 1
answer = int(torch.linalg.matrix_rank(kernel))
""",
)

EXERCISES = (FACTORED, REDUCED, DEEPER, RECTANGLE, EXPAND, MY_REDUCTION, MY_RESIDUAL, PAIRS)
