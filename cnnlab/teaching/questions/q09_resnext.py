"""09 ResNeXt의 연습 문제. 기준은 Xie 외 2017의 그림 3(c)대로 만든 모델과 nn.Conv2d의 groups다."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.layers import conv, conv_bn
from cnnlab.models.resnext import ResNeXtBlock
from cnnlab.teaching.answers import Mistake, NumberAnswer
from cnnlab.teaching.code_answers import FunctionAnswer, ModuleAnswer
from cnnlab.teaching.exercises import Exercise

# ---- 09-1, 09-2 값 -------------------------------------------------------------------------------------------------

GROUPED_WEIGHTS = Exercise(
    id="09-1",
    title="묶음 여섯인 합성곱",
    question=(
        "96채널을 읽어 192채널을 내는 3×3 합성곱을 여섯 묶음으로 나누었습니다. 편향은 없습니다.\n가중치는 몇 개일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: conv(96, 192, 3, groups=6).weight.numel(),
        mistakes=(
            Mistake(lambda: 9 * 96 * 192, "나누지 않은 합성곱입니다."),
            Mistake(lambda: 9 * 16 * 32, "묶음 하나의 가중치이거나 두 번 나눈 값입니다. 묶음은 여섯입니다."),
            Mistake(lambda: 16 * 192, "커널의 크기 9를 빠뜨렸습니다."),
            Mistake(lambda: 9 * 16 * 192 + 192, "편향을 더했습니다."),
        ),
    ),
    hints=(
        "출력 채널 하나가 보는 입력 채널의 수부터 구하세요.",
        "출력 채널 하나는 96 ÷ 6채널을 3×3씩 봅니다. 출력 채널은 192개입니다.",
    ),
    solution=(
        "출력 채널 하나가 16채널 × 9칸을 보고, 출력 채널이 192개이므로 9 × 16 × 192 = 27,648개입니다.\n"
        "나누지 않은 165,888개의 1/6입니다."
    ),
    solution_code="answer = 9 * (96 // 6) * 192",
)

BLOCK_MACS = Exercise(
    id="09-2",
    title="4×24d 블록의 MAC",
    question=(
        "입력과 출력이 모두 256채널, 28×28인 4×24d 블록이 있습니다.\n"
        "1×1, 묶음 넷인 3×3, 1×1이 이어지고 크기는 그대로입니다."
        "합성곱 셋의 MAC은 모두 몇 번일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: 28 * 28 * 4 * (256 * 24 + 9 * 24**2 + 24 * 256),
        mistakes=(
            Mistake(lambda: 4 * (256 * 24 + 9 * 24**2 + 24 * 256), "가중치의 수입니다. 자리마다 한 번씩 곱합니다."),
            Mistake(lambda: 28 * 28 * (256 * 24 + 9 * 24**2 + 24 * 256), "길 하나의 MAC입니다. 길은 넷입니다."),
            Mistake(
                lambda: 28 * 28 * (256 * 96 + 9 * 96**2 + 96 * 256), "3×3을 나누지 않았습니다. 묶음 넷끼리만 곱합니다."
            ),
            Mistake(lambda: 28 * 28 * 4 * (256 * 24 + 9 * 24**2), "마지막 1×1을 빠뜨렸습니다."),
        ),
    ),
    hints=(
        "길 하나의 가중치는 256 × 24 + 9 × 24 × 24 + 24 × 256개입니다.",
        "길이 넷이고, 자리는 28 × 28개입니다.",
    ),
    solution=(
        "길 하나의 가중치가 17,472개, 길이 넷이므로 69,888개이고, 자리 784개를 곱해 54,792,192번입니다.\n"
        "1×64d 블록은 69,632 × 784 = 54,591,488번이므로 0.4% 많을 뿐입니다."
    ),
    solution_code="answer = 28 * 28 * 4 * (256 * 24 + 9 * 24**2 + 24 * 256)",
)

# ---- 09-3 단계와 너비 ----------------------------------------------------------------------------------------------


def _middle_channels(block: ResNeXtBlock) -> int:
    return [m for m in block.residual if isinstance(m, nn.Conv2d)][1].out_channels


STAGE_CHANNELS = Exercise(
    id="09-3",
    title="16×8d의 conv4_x",
    question=(
        "ResNeXt-50의 구성을 16×8d로 바꾸었습니다(conv2_x에서 길이 16개, 너비 8).\n"
        "단계가 바뀔 때마다 너비는 두 배가 되고 카디널리티는 그대로입니다. conv4_x의 3×3 합성곱은 몇 채널을 낼까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _middle_channels(ResNeXtBlock(1024, 1024, cardinality=16, width=8)),
        mistakes=(
            Mistake(lambda: 16 * 8, "conv2_x의 채널입니다. 단계를 두 번 지났습니다."),
            Mistake(lambda: 16 * 8 * 2, "conv3_x의 채널입니다."),
            Mistake(lambda: 8 * 4, "길 하나의 너비입니다. 길은 16개입니다."),
            Mistake(lambda: 16 * 4 * 8 * 4, "카디널리티도 두 배씩 늘렸습니다. 카디널리티는 그대로입니다."),
            Mistake(lambda: 1024, "블록이 내는 채널입니다. 가운데의 3×3은 그보다 좁습니다."),
        ),
    ),
    hints=("conv2_x의 너비가 8이면 conv3_x는 16입니다.", "conv4_x의 너비에 길의 수 16을 곱하세요."),
    solution=(
        "너비는 8, 16, 32로 커지므로 conv4_x에서 16 × 32 = 512채널입니다.\n"
        "32×4d의 conv4_x와 같은 채널 수이지만, 3×3의 가중치는 두 배입니다. 묶음이 절반이기 때문입니다."
    ),
    solution_code="answer = 16 * 8 * 2 * 2",
)

# ---- 09-4 이어진 채널 ----------------------------------------------------------------------------------------------


def _reached(*groups: int, channels: int = 24) -> int:
    """그룹 1x1 합성곱들을 이었을 때 출력 채널 하나가 보는 입력 채널의 수(모든 출력에서 같다)."""
    seen = torch.eye(channels, dtype=torch.bool)
    for count in groups:
        block = torch.block_diag(*[torch.ones(channels // count, channels // count)] * count)
        seen = (block @ seen.float()) > 0
    return int(seen[0].sum())


TWO_GROUPINGS = Exercise(
    id="09-4",
    title="묶음이 엇갈리면",
    question=(
        "24채널을 읽고 내는 그룹 합성곱 둘을 이었습니다. 첫째는 네 묶음, 둘째는 세 묶음입니다.\n"
        "채널은 번호 순서대로 같은 크기로 나눕니다. 끝의 출력 채널 하나는 처음의 입력 채널 몇 개를 볼까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _reached(4, 3),
        mistakes=(
            Mistake(lambda: _reached(4), "첫째 합성곱의 묶음 하나만 셌습니다."),
            Mistake(lambda: _reached(3), "둘째 합성곱이 보는 채널입니다. 그 채널들이 다시 무엇을 보는지 따라가세요."),
            Mistake(lambda: 24, "모두 보려면 묶음이 더 엇갈려야 합니다. 첫 출력 채널부터 따라가 보세요."),
            Mistake(lambda: 24 // 4 // 3, "두 번 나누었습니다. 볼 수 있는 채널은 층을 지날수록 줄지 않습니다."),
        ),
    ),
    hints=(
        "둘째 합성곱의 첫 묶음은 0번부터 7번까지의 채널을 봅니다. 그 채널들은 첫째 합성곱의 어느 묶음에서 나왔을까요?",
        "첫째 합성곱의 묶음은 0-5, 6-11, 12-17, 18-23번입니다.",
    ),
    solution=(
        "0-7번은 첫째 합성곱의 두 묶음(0-5, 6-11)에 걸쳐 있으므로 여섯씩 둘, 12채널을 봅니다. 나머지 묶음도 같습니다.\n"
        "묶음의 수가 같으면 6채널에 머뭅니다. 엇갈리게 섞으면 1×1 없이도 번져 갑니다(ShuffleNet이 쓴 생각입니다)."
    ),
    solution_code="answer = 6 * 2",
)

# ---- 09-5 같은 값의 너비 -------------------------------------------------------------------------------------------


def _weights(cardinality: int, d: int) -> int:
    return cardinality * (2 * 256 * d + 9 * d * d)


SAME_COST = Exercise(
    id="09-5",
    title="카디널리티 16의 너비",
    question=(
        "입출력이 256채널인 블록에서 1×64d의 가중치는 69,632개입니다.\n"
        "카디널리티가 16일 때, 가중치가 그것을 **넘지 않는** 가장 큰 너비 d는 얼마일까요? d는 정수입니다."
    ),
    answer=NumberAnswer(
        expected=lambda: max(d for d in range(1, 65) if _weights(16, d) <= _weights(1, 64)),
        mistakes=(
            Mistake(lambda: 64 // 16, "64를 16으로 나누었습니다. 3×3에서 아낀 만큼 더 넓힐 수 있습니다."),
            Mistake(
                lambda: min(d for d in range(1, 65) if _weights(16, d) > _weights(1, 64)),
                "그 너비에서는 값이 69,632개를 넘습니다.",
            ),
            Mistake(
                lambda: int((_weights(1, 64) / 16 / 9) ** 0.5), "3×3의 가중치만 셌습니다. 앞뒤의 1×1도 세어야 합니다."
            ),
        ),
    ),
    hints=(
        "16 × (512d + 9d²)이 69,632를 넘지 않아야 합니다.",
        "양쪽을 16으로 나누면 512d + 9d² ≤ 4,352입니다. d를 하나씩 넣어 보세요.",
    ),
    solution=(
        "d = 7이면 512 × 7 + 9 × 49 = 4,025로 넘지 않고, d = 8이면 4,672로 넘습니다. 답은 7입니다.\n"
        "표 2의 8×14d와 32×4d 사이에 있습니다. 곧이곧대로 나눈 4보다 넓습니다."
    ),
    solution_code="answer = max(d for d in range(1, 65) if 16 * (512 * d + 9 * d * d) <= 69_632)",
)

# ---- 09-6 그룹 합성곱 짜기 -----------------------------------------------------------------------------------------


def grouped(x: Tensor, weight: Tensor, groups: int) -> Tensor:
    """묶음마다 따로 합성곱하고 이어 붙인다. x (N, C, H, W), weight (C_out, C // groups, 3, 3), 패딩 1."""
    return F.conv2d(x, weight, padding=1, groups=groups)


def _pieces(x: Tensor, weight: Tensor, groups: int) -> list[Tensor]:
    return [
        F.conv2d(part, kernel, padding=1)
        for part, kernel in zip(x.chunk(groups, 1), weight.chunk(groups, 0), strict=True)
    ]


def _maps() -> list[tuple[Tensor, Tensor, int]]:
    g = torch.Generator().manual_seed(9)
    return [
        (torch.randn(2, c_in, 6, 5, generator=g), torch.randn(c_out, c_in // groups, 3, 3, generator=g), groups)
        for c_in, c_out, groups in ((8, 8, 4), (6, 12, 3), (4, 6, 1), (12, 12, 2))
    ]


def _strided(x: Tensor, weight: Tensor, groups: int) -> Tensor:
    parts = [x[:, start::groups] for start in range(groups)]
    kernels = weight.chunk(groups, 0)
    return torch.cat([F.conv2d(p, k, padding=1) for p, k in zip(parts, kernels, strict=True)], 1)


GROUPED = Exercise(
    id="09-6",
    title="보통의 합성곱으로 그룹 합성곱 만들기",
    question=(
        "`F.conv2d`를 `groups` 없이 여러 번 불러 그룹 합성곱과 같은 값을 내는 `grouped(x, weight, groups)`를 짜세요.\n"
        "`x`는 (N, C, H, W), `weight`는 (C_out, C // groups, 3, 3)이고 패딩은 1입니다.\n"
        "채널은 번호 순서대로 나눕니다. 다 짰으면 `check(grouped)`처럼 함수의 이름을 넣으세요."
    ),
    answer=FunctionAnswer(
        reference=grouped,
        cases=_maps,
        mistakes=(
            Mistake(_strided, "채널을 하나씩 번갈아 나누었습니다. 번호 순서대로 이어진 채널이 한 묶음입니다."),
            Mistake(
                lambda x, weight, groups: torch.cat(_pieces(x, weight, groups)[::-1], 1),
                "이어 붙인 순서가 거꾸로입니다.",
            ),
            Mistake(
                lambda x, weight, groups: torch.stack(_pieces(x, weight, groups)).sum(0),
                "묶음의 출력을 더했습니다. 채널 방향으로 이어 붙이세요.",
            ),
        ),
    ),
    hints=(
        "`x`를 채널 방향으로, `weight`를 출력 채널 방향으로 `groups`조각으로 나누세요(`chunk`).",
        "조각마다 `F.conv2d(조각, 커널, padding=1)`을 하고 `torch.cat(..., dim=1)`로 이어 붙이세요.",
    ),
    solution=(
        "입력의 i번째 조각은 가중치의 i번째 조각하고만 만납니다. 나온 것을 순서대로 이어 붙입니다.\n"
        "이것이 그림 3(b)에서 (c)로 가는 길입니다."
    ),
    solution_code="""import torch
import torch.nn.functional as F

def grouped(x, weight, groups):
    parts = zip(x.chunk(groups, dim=1), weight.chunk(groups, dim=0))
    return torch.cat([F.conv2d(part, kernel, padding=1) for part, kernel in parts], dim=1)
""",
    stub="""def grouped(x, weight, groups):
    ...
""",
    name="grouped",
)

# ---- 09-7 블록 짜기 ------------------------------------------------------------------------------------------------

_CHANNELS, _CARDINALITY, _WIDTH = 16, 4, 2


class _Block(nn.Module):
    """MyResNeXtBlock과, 거기서 한 곳씩 바꾼 것."""

    def __init__(self, groups: int = _CARDINALITY, inner: int = _CARDINALITY * _WIDTH, **changes: bool) -> None:
        super().__init__()
        self.late, self.keep = changes.get("late", True), changes.get("keep", True)
        last: list[nn.Module] = [nn.ReLU()] if changes.get("extra", False) else []
        self.residual = nn.Sequential(
            *(*conv_bn(_CHANNELS, inner, 1), nn.ReLU()),
            *(*conv_bn(inner, inner, 3, groups=groups), nn.ReLU()),
            *conv_bn(inner, _CHANNELS, 1),
            *last,
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.residual(x)
        y = y + x if self.keep else y
        return F.relu(y) if self.late else y


def _inputs() -> list[Tensor]:
    g = torch.Generator().manual_seed(7)
    return [torch.randn(2, _CHANNELS, side, side, generator=g) for side in (5, 8)]


MY_BLOCK = Exercise(
    id="09-7",
    title="ResNeXt 블록 짜기",
    question=(
        "입력과 출력이 `channels`채널인 ResNeXt 블록을 그림 3(c)대로 짜세요.\n"
        "길은 `cardinality`개이고 길 하나의 너비는 `width`입니다.\n"
        "합성곱에는 편향이 없고 뒤마다 배치 정규화가 있습니다. 크기는 그대로이고, ReLU의 자리는 ResNet과 같습니다.\n"
        "계층은 데이터가 흐르는 순서로 만드세요. 다 짰으면 `check(MyResNeXtBlock)`처럼 클래스의 이름을 넣으세요."
    ),
    answer=ModuleAnswer(
        reference=_Block,
        arguments=(_CHANNELS, _CARDINALITY, _WIDTH),
        inputs=_inputs,
        mistakes=(
            Mistake(lambda: _Block(groups=1), "3×3을 나누지 않았습니다. `groups`를 넣으세요."),
            Mistake(lambda: _Block(groups=_WIDTH), "묶음의 수에 너비를 넣었습니다. 묶음의 수는 카디널리티입니다."),
            Mistake(lambda: _Block(groups=1, inner=_WIDTH), "가운데가 너비만큼입니다. 길의 수를 곱해야 합니다."),
            Mistake(lambda: _Block(late=False), "덧셈 뒤에 ReLU가 없습니다."),
            Mistake(lambda: _Block(keep=False), "입력을 더하지 않았습니다."),
            Mistake(lambda: _Block(extra=True), "갈래의 끝에 ReLU가 있습니다. 더한 다음에 한 번만 하세요."),
        ),
    ),
    hints=(
        "가운데 채널은 `cardinality * width`개이고, 3×3에 `groups=cardinality`를 넣습니다.",
        "합성곱, 배치 정규화, ReLU를 두 번, 합성곱과 배치 정규화를 한 번 한 뒤에 더하고 ReLU를 합니다.",
    ),
    solution=(
        "병목 블록에서 3×3에 `groups`만 넣고 가운데 채널을 `cardinality * width`로 하면 됩니다.\n"
        "그래서 ResNet의 코드를 한 줄 고쳐 ResNeXt를 만들 수 있습니다."
    ),
    solution_code="""from torch import nn

class MyResNeXtBlock(nn.Module):
    def __init__(self, channels, cardinality, width):
        super().__init__()
        inner = cardinality * width
        self.residual = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(),
            nn.Conv2d(inner, inner, 3, padding=1, groups=cardinality, bias=False), nn.BatchNorm2d(inner), nn.ReLU(),
            nn.Conv2d(inner, channels, 1, bias=False), nn.BatchNorm2d(channels),
        )

    def forward(self, x):
        return (self.residual(x) + x).relu()
""",
    stub="""class MyResNeXtBlock(nn.Module):
    def __init__(self, channels, cardinality, width):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MyResNeXtBlock",
)

EXERCISES = (GROUPED_WEIGHTS, BLOCK_MACS, STAGE_CHANNELS, TWO_GROUPINGS, SAME_COST, GROUPED, MY_BLOCK)
