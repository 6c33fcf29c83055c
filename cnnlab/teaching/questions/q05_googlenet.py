"""05 GoogLeNet의 연습 문제. 기준은 Szegedy 2015의 4절과 표 1대로 만든 모듈이다."""

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor, nn

from cnnlab.analysis.formulas import conv_macs
from cnnlab.models.googlenet import Inception, NaiveInception, Widths, conv_relu
from cnnlab.teaching.answers import Mistake, NumberAnswer, Shape, ShapeAnswer
from cnnlab.teaching.code_answers import ModuleAnswer
from cnnlab.teaching.exercises import Exercise
from cnnlab.teaching.questions.q00_convolution import field_of


def _weights(inputs: int, outputs: int, kernel: int) -> int:
    """편향 없는 합성곱의 가중치 수."""
    return nn.Conv2d(inputs, outputs, kernel, device="meta").weight.numel()


def _output(build: Callable[[], nn.Module], channels: int, side: int) -> Shape:
    """channels x side x side를 넣은 모듈의 출력, 배치 제외."""
    with torch.device("meta"):
        return tuple(build()(torch.zeros(1, channels, side, side)).shape[1:])


# ---- 05-1, 05-2 줄이기와 이어 붙이기 -------------------------------------------------------------------------------

REDUCED = Exercise(
    id="05-1",
    title="먼저 줄이면 몇 개인가",
    question=(
        "256채널에서 192채널을 만드는 3×3 합성곱을 두 단계로 나눕니다.\n"
        "먼저 1×1로 64채널로 줄인 다음, 3×3으로 192채널을 만듭니다. 편향은 없습니다.\n"
        "두 합성곱의 매개변수는 모두 몇 개일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _weights(256, 64, 1) + _weights(64, 192, 3),
        mistakes=(
            Mistake(lambda: _weights(256, 192, 3), "줄이지 않고 바로 3×3을 했을 때의 값입니다."),
            Mistake(lambda: _weights(64, 192, 3), "3×3만 셌습니다. 앞에 놓인 1×1도 세세요."),
            Mistake(lambda: _weights(256, 64, 1), "1×1만 셌습니다. 뒤에 오는 3×3도 세세요."),
            Mistake(
                lambda: _weights(256, 64, 3) + _weights(64, 192, 3),
                "앞의 합성곱도 3×3으로 셌습니다. 줄이는 합성곱은 1×1입니다.",
            ),
            Mistake(
                lambda: _weights(256, 64, 1) + 64 + _weights(64, 192, 3) + 192,
                "편향까지 셌습니다. 이 문제에는 편향이 없습니다.",
            ),
        ),
    ),
    hints=(
        "합성곱마다 (입력 채널) × (출력 채널) × (커널의 칸 수)를 구해 더하세요.",
        "1×1은 256 × 64 × 1, 3×3은 64 × 192 × 9입니다.",
    ),
    solution=(
        "1×1이 256 × 64 = 16,384개, 3×3이 64 × 192 × 9 = 110,592개로 모두 126,976개입니다.\n"
        "바로 3×3을 하면 256 × 192 × 9 = 442,368개이므로 29%로 줄었습니다."
    ),
    solution_code="answer = 256 * 64 + 64 * 192 * 9",
)

_WIDTHS = Widths(80, 48, 120, 16, 40, 24)

JOINED = Exercise(
    id="05-2",
    title="갈래 넷을 이어 붙이면",
    question=(
        "320채널, 14×14인 특징 맵을 Inception 모듈에 넣습니다. 폭은 표 1의 차례로\n"
        "1×1 80, 3×3 앞의 1×1 48, 3×3 120, 5×5 앞의 1×1 16, 5×5 40, 풀링 뒤의 1×1 24입니다.\n"
        "출력의 형태를 (채널, 세로, 가로)로 적으세요."
    ),
    answer=ShapeAnswer(
        expected=lambda: _output(lambda: Inception(320, _WIDTHS), 320, 14),
        mistakes=(
            Mistake(
                lambda: (sum(_WIDTHS), 14, 14),
                "앞에서 줄이는 1×1의 채널까지 더했습니다. 이어 붙이는 것은 갈래마다 마지막 출력뿐입니다.",
            ),
            Mistake(
                lambda: _output(lambda: NaiveInception(320, _WIDTHS), 320, 14),
                "풀링 갈래를 줄이지 않았습니다. 풀링 뒤의 1×1이 채널을 바꿉니다.",
            ),
            Mistake(
                lambda: (_WIDTHS.out_channels - _WIDTHS.pool_proj, 14, 14),
                "풀링 갈래를 빠뜨렸습니다. 갈래는 넷입니다.",
            ),
            Mistake(
                lambda: (_WIDTHS.out_channels, 7, 7),
                "크기를 절반으로 줄였습니다. 모듈 안의 풀링은 스트라이드가 1이고 패딩이 있습니다.",
            ),
            Mistake(
                lambda: (320 + _WIDTHS.out_channels, 14, 14),
                "입력까지 이어 붙였습니다. 모듈은 네 갈래의 출력만 이어 붙입니다.",
            ),
        ),
    ),
    hints=(
        "높이와 너비는 네 갈래가 모두 입력과 같습니다. 그래야 이어 붙일 수 있습니다.",
        "갈래마다 마지막 합성곱의 출력 채널을 더하세요: 1×1, 3×3, 5×5, 풀링 뒤의 1×1.",
    ),
    solution=(
        "이어 붙이는 것은 80, 120, 40, 24채널이므로 모두 264채널입니다.\n"
        "줄이는 1×1의 48과 16은 갈래 안에서만 쓰입니다. 크기는 그대로여서 (264, 14, 14)입니다."
    ),
    solution_code="answer = (80 + 120 + 40 + 24, 14, 14)",
)

# ---- 05-3 ~ 05-5 불어나는 채널, 계산, 수용 영역 --------------------------------------------------------------------


def _grown(times: int) -> int:
    """64채널에 32, 64, 16채널짜리 단순한 모듈을 times번 쌓은 출력 채널."""
    channels = 64
    for _ in range(times):
        widths = Widths(32, 0, 64, 0, 16, 0)
        channels = _output(lambda c=channels, w=widths: NaiveInception(c, w), channels, 4)[0]  # type: ignore[misc]
    return channels


GROWING = Exercise(
    id="05-3",
    title="줄이지 않고 쌓으면",
    question=(
        "1×1로 줄이지 않는 단순한 모듈을 셋 쌓습니다. 처음 입력은 64채널입니다.\n"
        "모듈마다 1×1 갈래는 32채널, 3×3 갈래는 64채널, 5×5 갈래는 16채널을 내고,\n"
        "풀링 갈래는 들어온 채널을 그대로 냅니다. 셋째 모듈의 출력은 몇 채널일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _grown(3),
        mistakes=(
            Mistake(lambda: _grown(1), "모듈 하나의 값입니다. 셋을 쌓으세요."),
            Mistake(lambda: _grown(2), "모듈 둘의 값입니다. 하나를 더 쌓으세요."),
            Mistake(lambda: _grown(4), "모듈을 넷 쌓은 값입니다."),
            Mistake(lambda: _grown(1) - 64, "풀링 갈래를 빠뜨렸습니다. 들어온 채널이 그대로 더해집니다."),
            Mistake(
                lambda: 3 * (_grown(1) - 64),
                "처음 입력의 채널을 빠뜨렸습니다. 풀링 갈래가 끝까지 나릅니다.",
            ),
            Mistake(
                lambda: 3 * _grown(1),
                "모듈마다 64채널이 새로 들어온다고 셌습니다. 둘째 모듈의 입력은 첫째 모듈의 출력입니다.",
            ),
        ),
    ),
    hints=(
        "모듈 하나를 지날 때마다 채널이 얼마나 늘어나는지 먼저 구하세요.",
        "합성곱 갈래 셋이 32 + 64 + 16채널을 더합니다. 풀링 갈래는 들어온 것을 그대로 넘깁니다.",
        "64 + 3 × 112를 계산하세요.",
    ),
    solution=(
        "모듈마다 32 + 64 + 16 = 112채널이 더해집니다. 풀링 갈래 때문에 줄어드는 일은 없습니다.\n"
        "64 + 3 × 112 = 400채널입니다. 192채널에서 시작해 표 1의 폭으로 아홉 번 쌓으면 4,944채널이 됩니다."
    ),
    solution_code="answer = 64 + 3 * (32 + 64 + 16)",
)


def _five(reduce: int | None) -> int:
    """28x28에서 256채널을 받아 96채널을 내는 5x5 갈래의 MAC."""
    out = (1, 96, 28, 28)
    if reduce is None:
        return conv_macs((96, 256, 5, 5), out)
    return conv_macs((reduce, 256, 1, 1), (1, reduce, 28, 28)) + conv_macs((96, reduce, 5, 5), out)


FIVE_MACS = Exercise(
    id="05-4",
    title="3b의 5×5 갈래",
    question=(
        "3b의 5×5 갈래는 28×28, 256채널을 받아 1×1로 32채널로 줄이고 5×5로 96채널을 만듭니다.\n"
        "이 갈래의 MAC은 모두 얼마일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _five(32),
        mistakes=(
            Mistake(lambda: _five(None), "줄이지 않고 바로 5×5를 했을 때의 값입니다."),
            Mistake(lambda: conv_macs((96, 32, 5, 5), (1, 96, 28, 28)), "5×5만 셌습니다. 앞의 1×1도 세세요."),
            Mistake(lambda: conv_macs((32, 256, 1, 1), (1, 32, 28, 28)), "1×1만 셌습니다. 뒤의 5×5도 세세요."),
            Mistake(
                lambda: _weights(256, 32, 1) + _weights(32, 96, 5),
                "가중치의 수입니다. 28 × 28자리에서 다시 씁니다.",
            ),
            Mistake(
                lambda: 28 * 28 * (_weights(256, 32, 1) + _weights(32, 96, 3)),
                "5×5 자리에 3×3을 썼습니다. torchvision의 GoogLeNet이 그렇습니다.",
            ),
        ),
    ),
    hints=(
        "두 합성곱 모두 출력이 28×28입니다. 자리마다 쓰는 가중치의 수를 구하고 자리의 수를 곱하세요.",
        "한 자리에서 1×1은 256 × 32번, 5×5는 32 × 96 × 25번 곱합니다.",
        "28 × 28 × (256 × 32 + 32 × 96 × 25)를 계산하세요.",
    ),
    solution=(
        "한 자리에 256 × 32 + 32 × 96 × 25 = 8,192 + 76,800 = 84,992번, 784자리이므로 66,633,728번입니다.\n"
        "줄이지 않으면 256 × 96 × 25 × 784 = 481,689,600번으로 일곱 배가 넘습니다."
    ),
    solution_code="answer = 28 * 28 * (256 * 32 + 32 * 96 * 25)",
)

_STEM = ((7, 2), (3, 2), (1, 1), (3, 1), (3, 2))  # 표 1의 앞부분: conv1, 풀링, 1x1, 3x3, 풀링

FIELD = Exercise(
    id="05-5",
    title="모듈 셋을 쌓은 수용 영역",
    question=(
        "GoogLeNet의 앞부분(28×28까지)을 지나면 한 칸은 27×27화소를 보고, 이웃한 칸은 8화소 떨어져 있습니다.\n"
        "그 위에 풀링 없이 Inception 모듈을 셋 쌓습니다.\n"
        "셋째 모듈의 출력 하나가 볼 수 있는 가장 넓은 영역의 한 변은 몇 화소일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: field_of((*_STEM, (5, 1), (5, 1), (5, 1))),
        mistakes=(
            Mistake(
                lambda: field_of((*_STEM, (3, 1), (3, 1), (3, 1))),
                "3×3 갈래만 따라갔습니다. 가장 넓게 보는 갈래는 5×5입니다.",
            ),
            Mistake(lambda: field_of((*_STEM, (5, 1), (5, 1))), "모듈 둘의 값입니다. 하나를 더 쌓으세요."),
            Mistake(
                lambda: field_of(_STEM) + 3 * 4,
                "간격을 곱하지 않았습니다. 앞부분을 지나면 한 칸이 입력의 8화소입니다.",
            ),
            Mistake(
                lambda: field_of(_STEM) + 3 * 5 * 8,
                "커널의 한 변을 그대로 더했습니다. 늘어나는 것은 (커널 - 1) × 간격입니다.",
            ),
            Mistake(lambda: field_of(_STEM), "앞부분의 값입니다. 모듈 셋을 더 지나세요."),
        ),
    ),
    hints=(
        "모듈에서 가장 넓게 보는 갈래는 무엇인가요? 그 갈래가 한 번에 얼마나 넓히는지 구하세요.",
        "5×5는 한 번에 (5 - 1) × 8 = 32화소를 넓힙니다. 1×1은 넓히지 않습니다.",
        "27 + 3 × 32를 계산하세요.",
    ),
    solution=(
        "가장 넓은 길은 모듈마다 5×5 갈래를 지나는 길입니다. 한 번에 (5 - 1) × 8 = 32화소를 넓힙니다.\n"
        "27 + 3 × 32 = 123화소입니다. 1×1 갈래만 지난 값은 여전히 27×27을 봅니다."
    ),
    solution_code="answer = 27 + 3 * (5 - 1) * 8",
)

# ---- 05-6 1x1 합성곱 -----------------------------------------------------------------------------------------------


class _Pointwise(nn.Module):
    """24채널에서 16채널로 가는 1x1의 틀: 축을 어떻게 옮기는지를 바꾼다."""

    def __init__(
        self,
        move: Callable[[Tensor], Tensor] = lambda x: x.permute(0, 2, 3, 1),
        back: Callable[[Tensor], Tensor] = lambda y: y.permute(0, 3, 1, 2),
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(24, 16, bias=bias)
        self.move, self.back = move, back

    def forward(self, x: Tensor) -> Tensor:
        return self.back(self.linear(self.move(x)))


def _pictures(channels: int, height: int, width: int) -> list[Tensor]:
    g = torch.Generator().manual_seed(1)
    return [torch.randn(2, channels, height, width, generator=g) for _ in range(2)]


MY_POINTWISE = Exercise(
    id="05-6",
    title="1×1 합성곱을 완전 연결로 짜기",
    question=(
        "`nn.Conv2d(24, 16, 1)`과 같은 계산을 `nn.Linear(24, 16)` 하나로 짜세요.\n"
        "입력은 (N, 24, H, W), 출력은 (N, 16, H, W)입니다. 화소마다 채널 24개를 16개로 바꿉니다.\n"
        "`nn.Linear`는 마지막 축을 바꿉니다. 다 짰으면 셀을 실행하세요."
    ),
    answer=ModuleAnswer(
        reference=lambda: nn.Conv2d(24, 16, 1),
        arguments=(),
        inputs=lambda: _pictures(24, 16, 24),  # 가로도 24라서, 축을 옮기지 않아도 오류 없이 실행된다
        mistakes=(
            Mistake(
                lambda: _Pointwise(move=lambda x: x, back=lambda y: y),
                "채널이 아니라 가로축을 섞었습니다. 채널을 마지막 축으로 옮긴 다음 넣으세요.",
            ),
            Mistake(
                lambda: _Pointwise(back=lambda y: y),
                "채널이 마지막 축에 남아 있습니다. (N, 16, H, W)로 되돌리세요.",
            ),
            Mistake(
                lambda: _Pointwise(back=lambda y: y.reshape(y.shape[0], 16, y.shape[1], y.shape[2])),
                "축을 옮기지 않고 형태만 바꾸었습니다. `reshape`는 값의 자리를 섞습니다. `permute`를 쓰세요.",
            ),
            Mistake(
                lambda: _Pointwise(move=lambda x: x.reshape(x.shape[0], x.shape[2], x.shape[3], 24)),
                "축을 옮기지 않고 형태만 바꾸었습니다. `reshape`는 값의 자리를 섞습니다. `permute`를 쓰세요.",
            ),
            Mistake(
                lambda: _Pointwise(back=lambda y: y.permute(0, 3, 2, 1)),
                "세로와 가로가 바뀌었습니다. 되돌리는 축의 차례를 보세요.",
            ),
            Mistake(
                lambda: _Pointwise(bias=False),
                "편향이 없습니다. `nn.Conv2d(24, 16, 1)`에는 출력 채널마다 편향이 하나씩 있습니다.",
            ),
        ),
    ),
    hints=(
        "`x.permute(0, 2, 3, 1)`은 (N, C, H, W)를 (N, H, W, C)로 바꿉니다.",
        "`nn.Linear`를 지난 다음 `permute(0, 3, 1, 2)`로 채널을 제자리에 돌려놓으세요.",
    ),
    solution=(
        "1×1 합성곱은 화소마다 같은 완전 연결을 하는 것입니다. 채널을 마지막 축으로 옮기면 `nn.Linear`와 같습니다.\n"
        "Network in Network라는 이름은 여기에서 왔습니다. 화소마다 작은 신경망이 하나씩 있는 셈입니다."
    ),
    solution_code="""import torch
from torch import nn

class MyPointwise(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(24, 16)

    def forward(self, x):
        x = x.permute(0, 2, 3, 1)                     # (N, H, W, 24)
        return self.linear(x).permute(0, 3, 1, 2)     # (N, 16, H, W)
""",
    stub="""class MyPointwise(nn.Module):
    def __init__(self):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MyPointwise",
)

# ---- 05-7 5x5를 3x3 둘로 -------------------------------------------------------------------------------------------


class _TwoThrees(nn.Module):
    """5x5 갈래를 3x3 둘로 바꾼 모듈의 틀: 이어 붙이는 차례, 가운데의 ReLU, 풀링을 바꾼다."""

    def __init__(
        self,
        order: tuple[int, ...] = (0, 1, 2, 3),
        middle: bool = True,
        last: int = 3,
        pool: nn.Module | None = None,
        reduced: bool = True,
        gather: Callable[[list[Tensor]], Tensor] = lambda made: torch.cat(made, dim=1),
    ) -> None:
        super().__init__()
        between = conv_relu(4, 8, 3) if middle else nn.Conv2d(4, 8, 3, padding=1)
        end = [conv_relu(8, 8, last)] if last else []
        self.one = conv_relu(32, 8, 1)
        self.three = nn.Sequential(conv_relu(32, 8, 1), conv_relu(8, 8, 3))
        self.five = nn.Sequential(conv_relu(32, 4, 1), between, *end)
        self.pool = nn.Sequential(
            pool or nn.MaxPool2d(3, stride=1, padding=1), conv_relu(32, 8, 1) if reduced else nn.Identity()
        )
        self.order, self.gather = order, gather

    def forward(self, x: Tensor) -> Tensor:
        made = [self.one(x), self.three(x), self.five(x), self.pool(x)]
        return self.gather([made[n] for n in self.order])


MY_INCEPTION = Exercise(
    id="05-7",
    title="5×5를 3×3 둘로 바꾼 모듈 짜기",
    question=(
        "32채널을 받아 갈래마다 8채널을 내는 모듈을 짜세요. 배치 정규화는 없고 합성곱마다 편향과 ReLU가 있습니다.\n"
        "1×1 갈래: 1×1(8). 3×3 갈래: 1×1(8) 다음 3×3(8).\n"
        "5×5 갈래 대신: 1×1(4) 다음 3×3(8), 다시 3×3(8). 풀링 갈래: 3×3 최대 풀링 다음 1×1(8).\n"
        "이 차례로 만들고, 채널 방향으로 이어 붙이세요. 다 짰으면 셀을 실행하세요."
    ),
    answer=ModuleAnswer(
        reference=_TwoThrees,
        arguments=(),
        inputs=lambda: _pictures(32, 6, 6),
        mistakes=(
            Mistake(
                lambda: _TwoThrees(order=(0, 1, 3, 2)),
                "이어 붙이는 차례가 다릅니다. 풀링 갈래가 마지막입니다.",
            ),
            Mistake(
                lambda: _TwoThrees(middle=False),
                "두 3×3 사이에 ReLU가 없습니다. 합성곱마다 ReLU가 있습니다.",
            ),
            Mistake(lambda: _TwoThrees(last=0), "3×3이 하나뿐입니다. 5×5와 같은 영역을 보려면 둘이 필요합니다."),
            Mistake(lambda: _TwoThrees(last=5), "둘째 3×3의 자리에 5×5를 썼습니다."),
            Mistake(
                lambda: _TwoThrees(pool=nn.AvgPool2d(3, stride=1, padding=1)),
                "평균 풀링을 썼습니다. 여기에서는 최대 풀링입니다.",
            ),
            Mistake(
                lambda: _TwoThrees(pool=nn.Identity()),
                "풀링이 없습니다. 3×3 최대 풀링을 스트라이드 1, 패딩 1로 먼저 하세요.",
            ),
            Mistake(
                lambda: _TwoThrees(reduced=False),
                "풀링 갈래에 1×1이 없습니다. 들어온 32채널이 그대로 나갑니다.",
            ),
            Mistake(
                lambda: _TwoThrees(gather=lambda made: made[0] + made[1] + made[2] + made[3]),
                "네 출력을 더했습니다. 더하지 말고 채널 방향으로 이어 붙이세요.",
            ),
        ),
    ),
    hints=(
        "2절의 `Inception`에서 5×5 합성곱 하나를 3×3 둘로 바꾸고, 배치 정규화를 빼면 됩니다.",
        "3×3의 패딩은 1입니다. 풀링은 `nn.MaxPool2d(3, stride=1, padding=1)`입니다.",
        "마지막 줄은 `torch.cat([a, b, c, d], dim=1)`입니다. ReLU는 `torch.relu`로 해도 됩니다.",
    ),
    solution=(
        "갈래 넷을 따로 지나 채널로 이어 붙입니다. 3×3 둘은 5×5 하나와 같은 영역을 봅니다.\n"
        "채널이 같으면 가중치가 25에서 18로 줄고 ReLU가 하나 더 있습니다. 06에서 이 생각을 이어 갑니다."
    ),
    solution_code="""import torch
from torch import nn

def conv(c_in, c_out, kernel):
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2), nn.ReLU())

class MyInception(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = conv(32, 8, 1)
        self.three = nn.Sequential(conv(32, 8, 1), conv(8, 8, 3))
        self.five = nn.Sequential(conv(32, 4, 1), conv(4, 8, 3), conv(8, 8, 3))
        self.pool = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv(32, 8, 1))

    def forward(self, x):
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)
""",
    stub="""class MyInception(nn.Module):
    def __init__(self):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MyInception",
)

# ---- 05-8 전역 평균 풀링 -------------------------------------------------------------------------------------------


def _head(inputs: int) -> int:
    return sum(p.numel() for p in nn.Linear(inputs, 200, device="meta").parameters())


_MAP = (512, 7, 7)

POOLED_HEAD = Exercise(
    id="05-8",
    title="평균을 내면 몇 개가 줄어드는가",
    question=(
        "마지막 특징 맵이 512×7×7이고 클래스는 200개입니다.\n"
        "모두 펼쳐 완전 연결 하나로 잇는 머리와, 전역 평균 풀링을 지난 다음 완전 연결 하나로 잇는 머리가 있습니다.\n"
        "편향까지 셀 때, 뒤의 것은 매개변수가 몇 개 더 적을까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _head(prod(_MAP)) - _head(512),
        mistakes=(
            Mistake(lambda: _head(prod(_MAP)), "펼친 머리의 매개변수입니다. 두 머리의 차이를 구하세요."),
            Mistake(lambda: _head(512), "평균을 낸 머리의 매개변수입니다. 두 머리의 차이를 구하세요."),
            Mistake(
                lambda: _head(prod(_MAP)) - _head(512) + 200,
                "한쪽의 편향만 셌습니다. 두 머리 모두 편향이 200개입니다.",
            ),
            Mistake(
                lambda: _head(prod(_MAP)) - _head(512) - 200,
                "한쪽의 편향만 셌습니다. 두 머리 모두 편향이 200개입니다.",
            ),
            Mistake(
                lambda: _head(prod(_MAP)) - _head(49),
                "채널을 평균했습니다. 전역 평균 풀링은 채널마다 49칸을 평균해 512개를 남깁니다.",
            ),
        ),
    ),
    hints=(
        "전역 평균 풀링을 지나면 값이 몇 개 남는지 먼저 구하세요.",
        "펼친 머리는 (512 × 49 + 1) × 200개, 평균을 낸 머리는 (512 + 1) × 200개입니다.",
    ),
    solution=(
        "펼치면 (25,088 + 1) × 200 = 5,017,800개, 평균을 내면 (512 + 1) × 200 = 102,600개입니다.\n"
        "차이는 4,915,200개입니다. 풀링에는 매개변수가 없으므로 49분의 1로 줄어듭니다."
    ),
    solution_code="answer = 512 * 49 * 200 - 512 * 200",
)

EXERCISES = (
    REDUCED,
    JOINED,
    GROWING,
    FIVE_MACS,
    FIELD,
    MY_POINTWISE,
    MY_INCEPTION,
    POOLED_HEAD,
)
