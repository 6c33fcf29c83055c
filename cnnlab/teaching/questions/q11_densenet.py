"""11 DenseNet의 연습 문제. 기준은 Huang 외 2017의 3절과 표 1, 표 2대로 만든 모델이다."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.layers import conv
from cnnlab.models.densenet import DenseLayer, bottleneck_layer, plain_layer
from cnnlab.teaching.answers import Mistake, NumberAnswer
from cnnlab.teaching.code_answers import FunctionAnswer, ModuleAnswer
from cnnlab.teaching.exercises import Exercise

# ---- 11-1, 11-2 채널과 매개변수 ------------------------------------------------------------------------------------

CHANNELS = Exercise(
    id="11-1",
    title="셋째 블록이 받는 채널",
    question=(
        "DenseNet-BC(L = 100, k = 12)는 첫 합성곱이 24채널을 내고, 밀집 블록 셋에 층이 16개씩 있습니다.\n"
        "블록 사이의 압축은 θ = 0.5입니다. 셋째 블록의 첫 층은 몇 채널을 읽을까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: ((24 + 16 * 12) // 2 + 16 * 12) // 2,
        mistakes=(
            Mistake(lambda: 24 + 2 * 16 * 12, "압축을 하지 않았습니다."),
            Mistake(lambda: (24 + 16 * 12) // 2, "둘째 블록의 첫 층이 읽는 채널입니다."),
            Mistake(lambda: (24 + 16 * 12) // 2 + 16 * 12, "둘째 블록의 끝입니다. 압축을 한 번 더 하세요."),
            Mistake(lambda: (24 + 2 * 16 * 12) // 4, "두 블록의 채널을 모두 더한 뒤 두 번 압축했습니다."),
            Mistake(lambda: ((24 + 16 * 12) // 2 + 16 * 12) // 2 + 12, "둘째 층이 읽는 채널입니다."),
        ),
    ),
    hints=(
        "첫 블록의 끝은 24 + 16 × 12채널이고, 압축하면 절반이 됩니다.",
        "첫 블록의 끝은 216채널, 둘째 블록은 108채널에서 시작합니다.",
    ),
    solution=(
        "첫 블록의 끝 216을 압축해 108, 둘째 블록의 끝 108 + 192 = 300을 압축해 150채널입니다.\n"
        "압축하지 않았다면 408채널입니다."
    ),
    solution_code="answer = ((24 + 16 * 12) // 2 + 16 * 12) // 2",
)

LAYER_PARAMETERS = Exercise(
    id="11-2",
    title="층 하나의 매개변수",
    question=(
        "100채널을 읽어 24채널을 만드는 밀집 블록의 층(배치 정규화, ReLU, 3×3 합성곱)이 있습니다. 병목은 없습니다.\n"
        "합성곱에 편향이 없고, 배치 정규화는 채널마다 크기와 이동을 하나씩 배웁니다. 매개변수는 모두 몇 개일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: sum(p.numel() for p in plain_layer(100, 24).parameters()),
        mistakes=(
            Mistake(lambda: 9 * 100 * 24, "배치 정규화의 매개변수를 빠뜨렸습니다."),
            Mistake(lambda: 9 * 100 * 24 + 2 * 24, "배치 정규화가 합성곱의 앞에 있습니다. 읽는 채널을 정규화합니다."),
            Mistake(lambda: 9 * 100 * 24 + 100, "배치 정규화는 채널마다 둘을 배웁니다."),
            Mistake(lambda: 9 * 100 * 124 + 2 * 100, "합성곱이 내는 것은 새로 만드는 24채널뿐입니다."),
        ),
    ),
    hints=(
        "배치 정규화는 합성곱의 앞에 있으므로 100채널을 정규화합니다.",
        "합성곱이 9 × 100 × 24개, 배치 정규화가 2 × 100개입니다.",
    ),
    solution=(
        "21,600 + 200 = 21,800개입니다.\n이어 붙인 뒤에는 124채널이 되지만, 앞의 100채널은 계산 없이 그대로 지나갑니다."
    ),
    solution_code="answer = 9 * 100 * 24 + 2 * 100",
)

# ---- 11-3 연결 -----------------------------------------------------------------------------------------------------

CONNECTIONS = Exercise(
    id="11-3",
    title="연결의 수",
    question=(
        "층이 20개인 밀집 블록이 있습니다. 층마다 블록의 입력과 앞의 모든 층의 출력을 읽습니다.\n"
        "읽는 쪽과 읽히는 쪽을 잇는 연결은 모두 몇 개일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: 20 * 21 // 2,
        mistakes=(
            Mistake(lambda: 20 * 19 // 2, "블록의 입력에서 오는 연결을 빠뜨렸습니다."),
            Mistake(lambda: 20 * 20, "뒤의 층은 앞의 층만 읽습니다. 뒤에서 앞으로 가는 연결은 없습니다."),
            Mistake(lambda: 20, "바로 앞의 것만 셌습니다. 한 줄로 이은 신경망이면 그렇습니다."),
            Mistake(lambda: 20 * 21, "두 번씩 셌습니다."),
        ),
    ),
    hints=(
        "첫 층은 하나(블록의 입력), 둘째 층은 둘, 셋째 층은 셋을 읽습니다.",
        "1부터 20까지 더하세요.",
    ),
    solution=(
        "1 + 2 + ... + 20 = 20 × 21 / 2 = 210개입니다.\n"
        "한 줄로 이은 신경망이라면 20개입니다. 논문의 L(L + 1)/2이 이 수이고, 블록 하나 안에서 셉니다."
    ),
    solution_code="answer = 20 * 21 // 2",
)

# ---- 11-4 병목 -----------------------------------------------------------------------------------------------------


def _weights(layer: nn.Module) -> int:
    return sum(m.weight.numel() for m in layer.modules() if isinstance(m, nn.Conv2d))


BOTTLENECK = Exercise(
    id="11-4",
    title="병목이 아끼는 가중치",
    question=(
        "300채널을 읽는 층이 있습니다. 성장률은 24입니다.\n"
        "병목(4k채널을 내는 1×1)을 3×3 앞에 두면, 3×3을 바로 하는 것보다 합성곱의 가중치가 몇 개 줄어들까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _weights(plain_layer(300, 24)) - _weights(bottleneck_layer(300, 24)),
        mistakes=(
            Mistake(
                lambda: _weights(bottleneck_layer(300, 24)), "병목이 있을 때의 가중치입니다. 줄어든 수를 물었습니다."
            ),
            Mistake(lambda: _weights(plain_layer(300, 24)), "병목이 없을 때의 가중치입니다."),
            Mistake(lambda: 9 * 300 * 24 - 300 * 96, "3×3의 가중치를 빼지 않았습니다. 병목 뒤에도 3×3이 있습니다."),
            Mistake(
                lambda: 9 * 300 * 24 - (300 * 24 + 9 * 24 * 24), "병목이 내는 채널은 4k = 96개입니다. 24개로 셌습니다."
            ),
        ),
    ),
    hints=(
        "바로 하면 9 × 300 × 24개입니다.",
        "병목이 있으면 1×1이 300 × 96개, 3×3이 9 × 96 × 24개입니다.",
    ),
    solution=(
        "바로 하면 64,800개, 병목이 있으면 28,800 + 20,736 = 49,536개이므로 15,264개 줄어듭니다.\n"
        "k = 24에서는 7.2 × 24 = 172.8채널보다 많이 읽을 때만 줄어듭니다."
    ),
    solution_code="answer = 9 * 300 * 24 - (300 * 96 + 9 * 96 * 24)",
)

# ---- 11-5 수용 영역 ------------------------------------------------------------------------------------------------

FIELD = Exercise(
    id="11-5",
    title="블록 끝의 가장 넓은 채널",
    question=(
        "밀집 블록에 들어온 특징 맵의 수용 영역이 모두 7화소이고, 한 칸의 간격은 2화소입니다.\n"
        "3×3 합성곱(스트라이드 1)이 하나인 층이 다섯 있습니다.\n"
        "블록 끝의 채널 가운데 가장 넓은 수용 영역은 몇 화소일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: 7 + (3 - 1) * 2 * 5,
        mistakes=(
            Mistake(lambda: 7 + (3 - 1) * 5, "한 칸의 간격이 2화소입니다."),
            Mistake(lambda: 7 + 3 * 2 * 5, "층마다 커널에서 하나를 뺀 만큼 넓어집니다."),
            Mistake(lambda: 7, "가장 좁은 채널입니다. 블록의 입력이 그대로 남아 있습니다."),
            Mistake(lambda: 7 + (3 - 1) * 2, "층 하나만 지난 채널입니다."),
        ),
    ),
    hints=(
        "가장 넓은 것은 다섯 층을 모두 지난 채널입니다.",
        "층을 지날 때마다 (3 - 1) × 2화소씩 넓어집니다.",
    ),
    solution=(
        "7 + 4 × 5 = 27화소입니다. 블록의 끝에는 7, 11, 15, 19, 23, 27화소의 여섯 가지가 함께 있습니다.\n"
        "좁게 보는 채널은 사라지지 않습니다. 더하기였다면 가장 넓은 것에 섞입니다."
    ),
    solution_code="answer = 7 + (3 - 1) * 2 * 5",
)

# ---- 11-6 밀집 블록 ------------------------------------------------------------------------------------------------


def dense_block(x: Tensor, kernels: Sequence[Tensor]) -> Tensor:
    """커널마다 지금까지의 것을 모두 읽어 새 채널을 만들고 뒤에 붙인다. x (N, C, H, W), 커널 (k, 읽는 채널, 3, 3)."""
    for kernel in kernels:
        x = torch.cat([x, F.conv2d(x.relu(), kernel, padding=1)], dim=1)
    return x


def _no_relu(x: Tensor, kernels: Sequence[Tensor]) -> Tensor:
    for kernel in kernels:
        x = torch.cat([x, F.conv2d(x, kernel, padding=1)], dim=1)
    return x


def _late_relu(x: Tensor, kernels: Sequence[Tensor]) -> Tensor:
    for kernel in kernels:
        x = torch.cat([x, F.conv2d(x, kernel, padding=1).relu()], dim=1)
    return x


def _kept_relu(x: Tensor, kernels: Sequence[Tensor]) -> Tensor:
    for kernel in kernels:
        x = x.relu()
        x = torch.cat([x, F.conv2d(x, kernel, padding=1)], dim=1)
    return x


def _cases() -> list[tuple[Tensor, list[Tensor]]]:
    g = torch.Generator().manual_seed(11)
    return [
        (
            torch.randn(2, c_in, 5, 6, generator=g),
            [torch.randn(k, c_in + k * step, 3, 3, generator=g) / 5 for step in range(layers)],
        )
        for c_in, k, layers in ((4, 3, 3), (6, 2, 4), (3, 5, 1))
    ]


DENSE_BLOCK = Exercise(
    id="11-6",
    title="밀집 블록 짜기",
    question=(
        "`x`(N, C, H, W)와 3×3 커널의 목록 `kernels`를 받는 밀집 블록 `dense_block(x, kernels)`를 짜세요.\n"
        "층마다 지금까지의 모든 채널에 ReLU를 하고 합성곱(패딩 1, 편향 없음)하여 새 채널을 만듭니다.\n"
        "새 채널은 뒤에 붙이고, 앞의 채널은 고치지 않습니다. 배치 정규화는 뺐습니다.\n"
        "다 짰으면 `check(dense_block)`을 부르세요."
    ),
    answer=FunctionAnswer(
        reference=dense_block,
        cases=_cases,
        mistakes=(
            Mistake(_no_relu, "ReLU를 하지 않았습니다."),
            Mistake(_late_relu, "ReLU를 합성곱 뒤에 했습니다. 앞에서 하세요."),
            Mistake(_kept_relu, "남겨 두는 채널까지 ReLU를 했습니다. 합성곱이 읽을 때만 하세요."),
        ),
    ),
    hints=(
        "커널을 하나씩 꺼내며 `x`를 늘려 가세요.",
        "`new = F.conv2d(x.relu(), kernel, padding=1)`을 `torch.cat([x, new], dim=1)`로 붙입니다.",
    ),
    solution=(
        "커널마다 지금까지의 것을 읽어 새 채널을 만들고 뒤에 붙입니다. 여섯 줄이면 됩니다.\n"
        "`x = x.relu()`라고 쓰면 남겨 두는 채널까지 바뀝니다."
    ),
    solution_code="""import torch
import torch.nn.functional as F

def dense_block(x, kernels):
    for kernel in kernels:
        new = F.conv2d(x.relu(), kernel, padding=1)
        x = torch.cat([x, new], dim=1)
    return x
""",
    stub="""def dense_block(x, kernels):
    ...
""",
    name="dense_block",
)

# ---- 11-7 병목이 있는 층 -------------------------------------------------------------------------------------------

_IN, _GROWTH = 6, 3


class _Layer(nn.Module):
    """MyDenseLayer와, 거기서 한 곳씩 바꾼 것."""

    def __init__(self, width: int = 4 * _GROWTH, order: str = "BRcBRc", keep: str = "앞") -> None:
        super().__init__()
        self.keep = keep
        layers: list[nn.Module] = []
        channels, convs = _IN, [(width, 1), (_GROWTH, 3)]
        for letter in order:
            if letter == "c":
                c_out, kernel = convs.pop(0)
                layers.append(conv(channels, c_out, kernel))
                channels = c_out
            else:
                layers.append(nn.BatchNorm2d(channels) if letter == "B" else nn.ReLU())
        self.new_maps = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        new = self.new_maps(x)
        if self.keep == "없음":
            return new
        return torch.cat([x, new] if self.keep == "앞" else [new, x], dim=1)


def _maps() -> list[Tensor]:
    g = torch.Generator().manual_seed(3)
    return [torch.randn(2, _IN, side, side, generator=g) for side in (5, 8)]


MY_LAYER = Exercise(
    id="11-7",
    title="병목이 있는 층 짜기",
    question=(
        "`c_in`채널을 읽어 `k`채널을 만들고 읽은 것의 뒤에 이어 붙이는, 병목이 있는 층을 짜세요.\n"
        "배치 정규화, ReLU, 1×1(4k채널), 배치 정규화, ReLU, 3×3(k채널)의 차례이고 합성곱에는 편향이 없습니다.\n"
        "계층은 데이터가 흐르는 순서로 만드세요. 다 짰으면 `check(MyDenseLayer)`처럼 클래스의 이름을 넣으세요."
    ),
    answer=ModuleAnswer(
        reference=lambda: DenseLayer(bottleneck_layer(_IN, _GROWTH)),
        arguments=(_IN, _GROWTH),
        inputs=_maps,
        mistakes=(
            Mistake(lambda: _Layer(keep="없음"), "읽은 것을 이어 붙이지 않았습니다."),
            Mistake(lambda: _Layer(keep="뒤"), "새 채널을 앞에 붙였습니다. 읽은 것의 뒤에 붙이세요."),
            Mistake(lambda: _Layer(order="cBRcBR"), "활성화가 합성곱의 뒤에 있습니다. 앞에 두세요."),
            Mistake(lambda: _Layer(order="BRcBc"), "둘째 배치 정규화 뒤에 ReLU가 없습니다."),
            Mistake(lambda: _Layer(width=_GROWTH), "병목이 k채널을 냅니다. 4k채널이어야 합니다."),
        ),
    ),
    hints=(
        "`nn.BatchNorm2d(c_in)`으로 시작하고, 1×1은 `nn.Conv2d(c_in, 4 * k, 1, bias=False)`입니다.",
        "`forward`에서 `torch.cat([x, self.layers(x)], dim=1)`을 돌려주세요.",
    ),
    solution=(
        "여섯 계층을 차례로 두고 `torch.cat`으로 읽은 것과 새것을 잇습니다.\n"
        "출력의 앞 `c_in`채널은 입력과 꼭 같아야 합니다."
    ),
    solution_code="""import torch
from torch import nn

class MyDenseLayer(nn.Module):
    def __init__(self, c_in, k):
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(c_in), nn.ReLU(), nn.Conv2d(c_in, 4 * k, 1, bias=False),
            nn.BatchNorm2d(4 * k), nn.ReLU(), nn.Conv2d(4 * k, k, 3, padding=1, bias=False),
        )

    def forward(self, x):
        return torch.cat([x, self.layers(x)], dim=1)
""",
    stub="""class MyDenseLayer(nn.Module):
    def __init__(self, c_in, k):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MyDenseLayer",
)

EXERCISES = (CHANNELS, LAYER_PARAMETERS, CONNECTIONS, BOTTLENECK, FIELD, DENSE_BLOCK, MY_LAYER)
