"""10 SENet의 연습 문제. 기준은 Hu 외 2018의 식 (2)-(5)대로 만든 게이트다."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.models.senet import SqueezeExcitation
from cnnlab.teaching.answers import Mistake, NumberAnswer
from cnnlab.teaching.code_answers import FunctionAnswer, ModuleAnswer
from cnnlab.teaching.exercises import Exercise

# ---- 10-1, 10-2 매개변수 -------------------------------------------------------------------------------------------

CHANNELS, RATIO = 320, 8


def _gate_size(channels: int, reduction: int) -> int:
    with torch.device("meta"):
        gate = SqueezeExcitation(channels, reduction)
    return sum(p.numel() for p in gate.parameters())


GATE_PARAMETERS = Exercise(
    id="10-1",
    title="게이트 하나의 매개변수",
    question=(
        f"채널이 {CHANNELS}인 특징 맵에 축소비 {RATIO}인 SE를 답니다. 완전 연결 둘에는 편향이 있습니다.\n"
        "게이트 하나의 매개변수는 모두 몇 개일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _gate_size(CHANNELS, RATIO),
        mistakes=(
            Mistake(lambda: 2 * CHANNELS * CHANNELS // RATIO, "편향을 빠뜨렸습니다."),
            Mistake(lambda: CHANNELS * CHANNELS // RATIO + CHANNELS // RATIO, "첫 완전 연결만 셌습니다."),
            Mistake(
                lambda: 2 * (CHANNELS * CHANNELS // RATIO + CHANNELS),
                "편향의 수를 보세요. 첫 완전 연결의 출력은 줄어든 채널의 수만큼입니다.",
            ),
            Mistake(lambda: 2 * CHANNELS * (CHANNELS + 1), "축소비를 쓰지 않았습니다."),
        ),
    ),
    hints=(
        "첫 완전 연결은 채널을 축소비로 나눈 수로 줄이고, 둘째는 되돌립니다. 압축에는 매개변수가 없습니다.",
        "320 / 8 = 40이므로 가중치는 320 × 40짜리 행렬 둘입니다. 편향은 출력마다 하나씩입니다.",
        "2 × 320 × 40 + 40 + 320을 계산하세요.",
    ),
    solution=(
        "은닉 유닛은 320 / 8 = 40개입니다. 가중치는 2 × 320 × 40 = 25,600개, 편향은 40 + 320 = 360개입니다.\n"
        "모두 25,960개입니다. 전역 평균과 곱셈에는 매개변수가 없습니다."
    ),
    solution_code="answer = 2 * 320 * 40 + 40 + 320",
)

STAGES = ((2, 128), (3, 256), (4, 512))  # (블록의 수, 채널)


def _equation_5(stages: Sequence[tuple[int, int]], reduction: int) -> int:
    return sum(2 * n * c * (c // reduction) for n, c in stages)


STAGE_WEIGHTS = Exercise(
    id="10-2",
    title="식 (5)",
    question=(
        "단계가 셋인 신경망이 있습니다. 블록은 2, 3, 4개이고 채널은 128, 256, 512입니다.\n"
        "블록마다 축소비 16인 SE를 달면 가중치가 몇 개 늘까요? 편향은 세지 않습니다(논문의 식 (5))."
    ),
    answer=NumberAnswer(
        expected=lambda: _equation_5(STAGES, 16),
        mistakes=(
            Mistake(lambda: _equation_5(STAGES, 16) // 2, "행렬이 둘입니다. 줄일 때와 되돌릴 때 하나씩입니다."),
            Mistake(lambda: _equation_5([(1, c) for _, c in STAGES], 16), "단계마다 블록의 수를 곱하세요."),
            Mistake(lambda: 16 * _equation_5(STAGES, 16), "축소비로 나누지 않았습니다."),
            Mistake(lambda: _equation_5(STAGES[2:], 16), "마지막 단계만 셌습니다."),
            Mistake(
                lambda: 2 * sum(n * c for n, c in STAGES) ** 2 // 16,
                "채널을 먼저 더했습니다. 저마다 제곱한 다음 더하세요.",
            ),
        ),
    ),
    hints=(
        "게이트 하나의 가중치는 채널 × 채널/16짜리 행렬 둘입니다.",
        "단계마다 블록의 수 × 채널의 제곱을 구해 더하고, 2/16를 곱하세요.",
        "(2 × 128² + 3 × 256² + 4 × 512²) × 2 / 16을 계산하세요.",
    ),
    solution=(
        "2 × 128² = 32,768, 3 × 256² = 196,608, 4 × 512² = 1,048,576을 더하면 1,277,952입니다.\n"
        "2/16를 곱하면 159,744개입니다. 마지막 단계가 82%를 차지합니다."
    ),
    solution_code="answer = 2 * (2 * 128**2 + 3 * 256**2 + 4 * 512**2) // 16",
)

# ---- 10-3 손으로 따라가기 ------------------------------------------------------------------------------------------

BRANCH, SHORTCUT = -60, 100


def _through(gate: float, after: bool = False) -> float:
    """게이트를 곱하고 더한 다음 ReLU. after: 더한 다음에 곱한다."""
    return gate * max(0, SHORTCUT + BRANCH) if after else max(0, SHORTCUT + gate * BRANCH)


def _half() -> float:
    """가중치와 편향이 모두 0인 게이트의 값."""
    gate = SqueezeExcitation(4, 2)
    for p in gate.parameters():
        nn.init.zeros_(p)
    return float(gate(torch.ones(1, 4, 1, 1)).detach()[0, 0, 0, 0])


BY_HAND = Exercise(
    id="10-3",
    title="게이트를 곱하고 더하기",
    question=(
        "SE를 갈래 끝에 둔 잔차 블록이 있습니다. 둘째 완전 연결의 가중치와 편향이 모두 0입니다.\n"
        f"어느 한 자리에서 갈래는 {BRANCH}, 지름길은 {SHORTCUT}입니다. 그 자리에서 블록은 얼마를 낼까요?\n"
        "블록은 더한 다음 ReLU를 합니다."
    ),
    answer=NumberAnswer(
        expected=lambda: int(_through(_half())),
        mistakes=(
            Mistake(lambda: _through(1), "게이트를 곱하지 않았습니다. 시그모이드에 0을 넣으면 얼마입니까?"),
            Mistake(
                lambda: _through(0),
                "갈래의 몫이 사라졌습니다. 시그모이드에 0을 넣으면 0이 아니고, 갈래에는 ReLU를 하지 않습니다.",
            ),
            Mistake(lambda: _through(_half(), after=True), "더한 다음에 곱했습니다. 갈래에만 곱하세요."),
            Mistake(lambda: max(0, SHORTCUT * _half() + BRANCH), "지름길에 곱했습니다. 갈래에 곱하세요."),
        ),
    ),
    hints=(
        "둘째 완전 연결의 출력은 입력이 무엇이든 0입니다.",
        "시그모이드(0)은 0.5입니다. 이 수를 갈래에 곱하세요.",
        "100 + 0.5 × (-60)을 계산하세요.",
    ),
    solution=(
        "게이트는 시그모이드(0) = 0.5이고, 갈래는 0.5 × (-60) = -30이 됩니다.\n"
        "100 - 30 = 70이고 양수이므로 ReLU를 지나도 70입니다. 갓 만든 SE는 이 값에 가깝습니다."
    ),
    solution_code="answer = max(0, 100 + 0.5 * -60)",
)

# ---- 10-4, 10-5 계산과 수용 영역 -----------------------------------------------------------------------------------

SIDE = 14


def _macs(gate: nn.Module, channels: int, side: int) -> int:
    from cnnlab.analysis.tables import layer_table

    return int(layer_table(gate, (channels, side, side)).attrs["macs"])


class _NoSqueeze(nn.Module):
    """평균을 내지 않고 자리마다 계산하는 게이트."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, channels // reduction, 1)
        self.expand = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.expand(F.relu(self.reduce(x))))


def _gate_macs(kind: Callable[[int, int], nn.Module]) -> int:
    with torch.device("meta"):
        gate = kind(512, 16)
    return _macs(gate, 512, SIDE)


NO_SQUEEZE = Exercise(
    id="10-4",
    title="압축을 빼면",
    question=(
        f"채널 512, 크기 {SIDE}×{SIDE}인 특징 맵에 축소비 16인 게이트를 답니다.\n"
        "전역 평균을 빼고 완전 연결 둘을 같은 크기의 1×1 합성곱으로 바꾸면 게이트의 MAC은 모두 몇 번일까요?\n"
        "곱셈과 덧셈 한 쌍을 한 번으로 세고, 마지막에 특징 맵에 곱하는 것은 세지 않습니다."
    ),
    answer=NumberAnswer(
        expected=lambda: _gate_macs(_NoSqueeze),
        mistakes=(
            Mistake(lambda: _gate_macs(SqueezeExcitation), "압축을 한 게이트의 값입니다. 이제 자리마다 계산합니다."),
            Mistake(lambda: _gate_macs(_NoSqueeze) // 2, "1×1 합성곱 하나만 셌습니다."),
            Mistake(lambda: 16 * _gate_macs(_NoSqueeze), "축소비로 나누지 않았습니다."),
            Mistake(lambda: _gate_macs(SqueezeExcitation) * SIDE, "자리는 세로와 가로를 곱한 수만큼 있습니다."),
            Mistake(lambda: 2 * _gate_macs(_NoSqueeze), "곱셈과 덧셈을 따로 셌습니다."),
        ),
    ),
    hints=(
        "압축을 했을 때의 MAC은 가중치의 수와 같습니다. 사진 한 장에 한 번만 쓰기 때문입니다.",
        "가중치는 2 × 512 × 32개이고, 이제 14 × 14자리에서 한 번씩 씁니다.",
        "2 × 512 × 32 × 14 × 14를 계산하세요.",
    ),
    solution=(
        "가중치 2 × 512 × 32 = 32,768개를 14 × 14 = 196자리에서 쓰므로 6,422,528번입니다.\n"
        "압축을 하면 196분의 1입니다. 게다가 압축을 빼면 사진 전체를 보지 못합니다."
    ),
    solution_code="answer = 2 * 512 * 32 * 14 * 14",
)


def _pixels_seen(gated: bool, side: int) -> int:
    """3x3 합성곱 둘을 지난 한가운데의 출력에 영향을 주는 입력 화소의 수."""
    from cnnlab.analysis.receptive_field import measure_receptive_field

    layers = [nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)]
    gate = [SqueezeExcitation(4, 2)] if gated else []
    return int(measure_receptive_field(nn.Sequential(*layers, *gate), (4, side, side)).mask.sum())


SEEN = Exercise(
    id="10-5",
    title="게이트가 보는 화소",
    question=(
        "20×20 입력이 3×3 합성곱 둘(스트라이드 1, 패딩 1)과 SE를 차례로 지납니다.\n"
        "SE를 지난 출력 하나(특징 맵의 한가운데)에 영향을 주는 입력 화소는 몇 개일까요? 채널은 따로 세지 않습니다."
    ),
    answer=NumberAnswer(
        expected=lambda: _pixels_seen(True, 20),
        mistakes=(
            Mistake(lambda: _pixels_seen(False, 20), "SE가 없을 때의 값입니다. 게이트는 어디를 보고 정해집니까?"),
            Mistake(lambda: 20, "한 변의 길이입니다. 화소의 수를 적으세요."),
            Mistake(lambda: 5, "합성곱 둘의 수용 영역의 한 변입니다."),
            Mistake(lambda: _pixels_seen(True, 20) + _pixels_seen(False, 20), "겹치는 화소를 두 번 셌습니다."),
        ),
    ),
    hints=(
        "게이트는 특징 맵의 모든 자리를 평균한 값에서 나옵니다.",
        "모든 자리의 값은 모든 입력 화소를 봅니다. 그러니 답은 입력의 넓이입니다.",
        "20 × 20을 계산하세요.",
    ),
    solution=(
        "게이트는 모든 자리의 평균을 거치므로 입력의 화소 20 × 20 = 400개가 모두 영향을 줍니다.\n"
        "SE가 없으면 3×3 둘을 지나 5 × 5 = 25개입니다."
    ),
    solution_code="answer = 20 * 20",
)

# ---- 10-6 게이트 짜기 ----------------------------------------------------------------------------------------------


class _Gate(nn.Module):
    """SqueezeExcitation에서 한 곳씩 바꾼 것. 인자를 주지 않으면 같다."""

    def __init__(
        self,
        squeeze: Callable[[Tensor], Tensor] = lambda x: x.mean(dim=(2, 3)),
        inner: Callable[[Tensor], Tensor] = F.relu,
        outer: Callable[[Tensor], Tensor] = torch.sigmoid,
        scale: Callable[[Tensor, Tensor], Tensor] = lambda x, s: x * s,
    ) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Linear(16, 4), nn.Linear(4, 16)
        self.squeeze, self.inner, self.outer, self.scale = squeeze, inner, outer, scale

    def forward(self, x: Tensor) -> Tensor:
        s = self.outer(self.expand(self.inner(self.reduce(self.squeeze(x)))))
        return self.scale(x, s[:, :, None, None])


def _maps() -> list[Tensor]:
    g = torch.Generator().manual_seed(10)
    return [torch.randn(3, 16, *side, generator=g) + 0.3 for side in ((5, 5), (4, 7))]


MY_GATE = Exercise(
    id="10-6",
    title="SE 짜기",
    question=(
        "채널 `channels`, 축소비 `reduction`인 SE를 짜세요. 입력과 출력의 형태는 (N, C, H, W)입니다.\n"
        "압축은 전역 평균, 활성화는 완전 연결, ReLU, 완전 연결, 시그모이드이고 완전 연결에는 편향이 있습니다.\n"
        "계층은 데이터가 흐르는 순서로 만드세요. 다 짰으면 `check(MySE)`처럼 클래스의 이름을 넣으세요."
    ),
    answer=ModuleAnswer(
        reference=lambda: SqueezeExcitation(16, 4),
        arguments=(16, 4),
        inputs=_maps,
        mistakes=(
            Mistake(lambda: _Gate(inner=lambda z: z), "두 완전 연결 사이의 ReLU가 없습니다."),
            Mistake(lambda: _Gate(outer=lambda z: z), "마지막 시그모이드가 없습니다."),
            Mistake(
                lambda: _Gate(outer=lambda z: z.softmax(dim=1)),
                "softmax를 썼습니다. 채널마다 따로 정해야 하므로 시그모이드를 쓰세요.",
            ),
            Mistake(lambda: _Gate(outer=torch.tanh), "tanh를 썼습니다. 게이트는 0과 1 사이여야 합니다."),
            Mistake(lambda: _Gate(outer=F.relu), "마지막에 ReLU를 썼습니다. 시그모이드를 쓰세요."),
            Mistake(lambda: _Gate(squeeze=lambda x: x.amax(dim=(2, 3))), "가장 큰 값을 골랐습니다. 평균을 내세요."),
            Mistake(lambda: _Gate(squeeze=lambda x: x.sum(dim=(2, 3))), "평균 대신 합을 냈습니다."),
            Mistake(lambda: _Gate(scale=lambda x, s: x + s), "게이트를 더했습니다. 곱하세요."),
            Mistake(lambda: _Gate(scale=lambda x, s: x + x * s), "곱한 것에 입력을 더했습니다. 곱하기만 하세요."),
        ),
    ),
    hints=(
        "계층은 `nn.Linear(channels, channels // reduction)`과 그 반대 방향 하나입니다.",
        "`x.mean(dim=(2, 3))`의 형태는 (N, C)입니다. 곱하기 전에 자리의 축 둘을 늘려야 합니다.",
        "마지막 줄은 `return x * s[:, :, None, None]`입니다.",
    ),
    solution=(
        "압축은 `x.mean(dim=(2, 3))`, 활성화는 완전 연결 둘과 ReLU, 시그모이드입니다.\n"
        "`s[:, :, None, None]`의 형태는 (N, C, 1, 1)이라서 모든 자리에 같은 수가 곱해집니다."
    ),
    solution_code="""import torch
import torch.nn.functional as F
from torch import nn

class MySE(nn.Module):
    def __init__(self, channels, reduction):
        super().__init__()
        self.reduce = nn.Linear(channels, channels // reduction)
        self.expand = nn.Linear(channels // reduction, channels)

    def forward(self, x):
        z = x.mean(dim=(2, 3))  # (N, C)
        s = torch.sigmoid(self.expand(F.relu(self.reduce(z))))
        return x * s[:, :, None, None]
""",
    stub="""class MySE(nn.Module):
    def __init__(self, channels, reduction):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MySE",
)

# ---- 10-7 클래스가 설명하는 몫 -------------------------------------------------------------------------------------


def _by_class(gates: Tensor, labels: Tensor) -> Tensor:
    """사진을 제 클래스의 평균으로 바꾼 것 (N, C)."""
    return torch.stack([gates[labels == label].mean(dim=0) for label in labels])


def class_share(gates: Tensor, labels: Tensor) -> Tensor:
    """채널마다, 게이트의 분산 가운데 클래스의 평균이 설명하는 몫. gates (N, C), labels (N,) -> (C,)."""
    whole = gates.mean(dim=0)
    return (_by_class(gates, labels) - whole).square().sum(dim=0) / (gates - whole).square().sum(dim=0)


def _unweighted(gates: Tensor, labels: Tensor) -> Tensor:
    means = torch.stack([gates[labels == label].mean(dim=0) for label in labels.unique()])
    return (means - means.mean(dim=0)).square().mean(dim=0) / gates.var(dim=0, unbiased=False)


def _within(gates: Tensor, labels: Tensor) -> Tensor:
    return 1 - class_share(gates, labels)


def _between_only(gates: Tensor, labels: Tensor) -> Tensor:
    return (_by_class(gates, labels) - gates.mean(dim=0)).square().mean(dim=0)


def _one_number(gates: Tensor, labels: Tensor) -> Tensor:
    whole = gates.mean(dim=0)
    return (_by_class(gates, labels) - whole).square().sum() / (gates - whole).square().sum()


def _not_squared(gates: Tensor, labels: Tensor) -> Tensor:
    return class_share(gates, labels).sqrt()


def _gates_and_labels() -> list[tuple[Tensor, Tensor]]:
    g = torch.Generator().manual_seed(7)
    cases = []
    for count, channels, classes in ((40, 6, 3), (90, 4, 5)):
        labels = torch.cat([torch.arange(classes), torch.randint(classes - 1, (count - classes,), generator=g)])
        centres = torch.rand(classes, channels, generator=g)
        cases.append((centres[labels] + torch.rand(count, channels, generator=g) / 2, labels))
    return cases


SHARE = Exercise(
    id="10-7",
    title="클래스가 설명하는 몫",
    question=(
        "실험 3의 '클래스가 설명하는 몫'을 채널마다 구하는 함수를 짜세요.\n"
        "`gates`(N, C)는 사진마다의 게이트, `labels`(N)는 클래스의 번호입니다. 형태가 (C)인 텐서를 돌려주세요.\n"
        "몫은 사진을 제 클래스의 평균으로 바꾼 값의 분산을, 원래 게이트의 분산으로 나눈 것입니다.\n"
        "두 분산 모두 모든 사진의 평균을 기준으로 합니다.\n"
        "다 짰으면 `check(class_share)`처럼 함수의 이름을 넣으세요."
    ),
    answer=FunctionAnswer(
        reference=class_share,
        cases=_gates_and_labels,
        mistakes=(
            Mistake(_unweighted, "클래스마다 사진의 수가 다릅니다. 클래스의 평균을 사진의 수만큼 세세요."),
            Mistake(_within, "거꾸로입니다. 클래스 안에서 흩어진 몫을 구했습니다."),
            Mistake(_between_only, "전체의 분산으로 나누지 않았습니다."),
            Mistake(_one_number, "모든 채널을 합한 값 하나를 돌려주었습니다. 채널마다 구하세요."),
            Mistake(_not_squared, "표준편차의 비를 구했습니다. 분산의 비를 구하세요."),
        ),
    ),
    hints=(
        "먼저 클래스마다의 평균을 구하고, 사진마다 제 클래스의 평균을 놓아 (N, C) 텐서를 만드세요.",
        "그 텐서와 `gates`에서 저마다 `gates.mean(0)`을 빼고 제곱해 사진 방향(dim=0)으로 더하세요.",
    ),
    solution=(
        "사진을 제 클래스의 평균으로 바꾸면, 클래스 때문에 움직인 몫만 남습니다.\n"
        "그 제곱합을 전체의 제곱합으로 나눕니다. 사진의 수는 나눌 때 사라집니다.\n"
        "0이면 게이트가 클래스와 상관없고, 1이면 클래스만으로 정해집니다."
    ),
    solution_code="""import torch

def class_share(gates, labels):
    whole = gates.mean(dim=0)
    means = torch.stack([gates[labels == label].mean(dim=0) for label in labels])  # (N, C)
    return (means - whole).square().sum(dim=0) / (gates - whole).square().sum(dim=0)
""",
    stub="""def class_share(gates, labels):
    ...
""",
    name="class_share",
)

EXERCISES = (
    GATE_PARAMETERS,
    STAGE_WEIGHTS,
    BY_HAND,
    NO_SQUEEZE,
    SEEN,
    MY_GATE,
    SHARE,
)
