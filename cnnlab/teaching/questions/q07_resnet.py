"""07 ResNet의 연습 문제. 기준은 He 2016의 3절, 4절대로 만든 블록이다."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.models.resnet import (
    BOTTLENECK_CHANNELS,
    BasicBlock,
    Bottleneck,
    ResNet,
    projection_where_needed,
    zero_padding,
)
from cnnlab.teaching.answers import Mistake, NumberAnswer
from cnnlab.teaching.code_answers import DesignAnswer, ModuleAnswer, Requirement
from cnnlab.teaching.exercises import Exercise
from cnnlab.teaching.questions.q00_convolution import field_of


def _meta(make: Callable[..., nn.Module], *arguments: Any) -> nn.Module:
    """세기만 할 때 쓰는, 가중치의 값이 없는 것."""
    with torch.device("meta"):
        return make(*arguments)


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _conv_weights(module: nn.Module) -> int:
    return sum(m.weight.numel() for m in module.modules() if isinstance(m, nn.Conv2d))


def _macs(module: nn.Module, channels: int, side: int) -> int:
    from cnnlab.analysis.tables import layer_table

    return int(layer_table(module, (channels, side, side)).attrs["macs"])


# ---- 07-1 ~ 07-4 세기 ----------------------------------------------------------------------------------------------

BLOCK_PARAMETERS = Exercise(
    id="07-1",
    title="기본 블록의 매개변수",
    question=(
        "드나드는 채널이 48로 같은 기본 블록이 있습니다. 3×3 합성곱이 둘이고 편향은 없습니다.\n"
        "합성곱마다 배치 정규화가 있고, 채널마다 감마와 베타를 하나씩 배웁니다. 매개변수는 모두 몇 개일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _size(_meta(BasicBlock, 48, 48)),
        mistakes=(
            Mistake(lambda: _conv_weights(_meta(BasicBlock, 48, 48)), "배치 정규화를 빠뜨렸습니다."),
            Mistake(
                lambda: _conv_weights(_meta(BasicBlock, 48, 48)) + 2 * 48,
                "배치 정규화의 값을 채널마다 하나로 셌습니다. 감마와 베타 둘입니다.",
            ),
            Mistake(lambda: _size(_meta(BasicBlock, 48, 48)) // 2, "합성곱 하나만 셌습니다. 블록에는 둘 있습니다."),
            Mistake(
                lambda: _size(_meta(BasicBlock, 48, 48)) + 2 * 48,
                "편향을 더했습니다. 뒤에 배치 정규화가 있으면 편향을 두지 않습니다.",
            ),
            Mistake(
                lambda: _size(_meta(BasicBlock, 48, 48)) + 48 * 48 + 2 * 48,
                "지름길에 1×1 합성곱을 두었습니다. 형태가 같으면 지름길은 항등입니다.",
            ),
        ),
    ),
    hints=(
        "합성곱 하나의 가중치는 3 × 3 × 입력 채널 × 출력 채널입니다.",
        "합성곱과 배치 정규화 한 벌을 센 다음 두 배를 하세요. 더하기에는 매개변수가 없습니다.",
        "2 × (3 × 3 × 48 × 48 + 2 × 48)을 계산하세요.",
    ),
    solution=(
        "합성곱 하나는 3 × 3 × 48 × 48 = 20,736개, 배치 정규화는 2 × 48 = 96개입니다.\n"
        "둘씩이므로 2 × (20,736 + 96) = 41,664개입니다. 지름길은 항등이라 매개변수가 없습니다."
    ),
    solution_code="answer = 2 * (3 * 3 * 48 * 48 + 2 * 48)",
)


def _depth(block: Callable[..., nn.Module], depths: tuple[int, ...]) -> int:
    from cnnlab.analysis.tables import layer_table

    net = _meta(ResNet, block, depths, BOTTLENECK_CHANNELS)
    return int(layer_table(net, (3, 64, 64)).attrs["depth"])


DEPTH = Exercise(
    id="07-2",
    title="이름에 붙은 층의 수",
    question=(
        "논문의 표 1과 같은 방법으로, 병목 블록을 단계마다 2, 3, 5, 2개 쌓습니다.\n"
        "이름에 붙일 층의 수는 몇일까요? 가중치가 있는 합성곱과 완전 연결을 세고, 지름길의 합성곱은 세지 않습니다."
    ),
    answer=NumberAnswer(
        expected=lambda: _depth(Bottleneck, (2, 3, 5, 2)),
        mistakes=(
            Mistake(lambda: 3 * 12, "첫 합성곱과 마지막 완전 연결을 빠뜨렸습니다."),
            Mistake(lambda: 3 * 12 + 1, "첫 합성곱이나 마지막 완전 연결 가운데 하나를 빠뜨렸습니다."),
            Mistake(lambda: _depth(BasicBlock, (2, 3, 5, 2)), "기본 블록의 셈입니다. 병목 블록에는 합성곱이 셋입니다."),
            Mistake(lambda: 3 * 12 + 2 + 4, "지름길의 1×1 합성곱까지 셌습니다."),
            Mistake(lambda: 12, "블록의 수입니다. 블록마다 합성곱이 셋 있습니다."),
        ),
    ),
    hints=(
        "ResNet-50은 3, 4, 6, 3개를 쌓은 것입니다. 50이 어떻게 나오는지 먼저 맞춰 보세요.",
        "블록은 모두 12개이고 블록마다 합성곱이 셋입니다. 앞과 뒤에 하나씩 더 있습니다.",
        "3 × 12 + 2를 계산하세요.",
    ),
    solution=(
        "블록 2 + 3 + 5 + 2 = 12개에 합성곱이 셋씩이므로 36개입니다.\n"
        "맨 앞의 7×7 합성곱과 맨 뒤의 완전 연결을 더해 38층입니다. ResNet-50은 3 × 16 + 2입니다."
    ),
    solution_code="answer = 3 * (2 + 3 + 5 + 2) + 2",
)

BOTTLENECK_MACS = Exercise(
    id="07-3",
    title="병목 블록의 MAC",
    question=(
        "28×28 특징 맵에서 드나드는 채널이 512인 병목 블록이 있습니다. 형태가 바뀌지 않으므로 지름길은 항등입니다.\n"
        "속의 폭은 드나드는 채널의 1/4입니다. 블록의 MAC은 몇 번일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _macs(_meta(Bottleneck, 512, 512), 512, 28),
        mistakes=(
            Mistake(
                lambda: _macs(_meta(BasicBlock, 128, 128), 128, 28),
                "폭이 128인 기본 블록의 값입니다. 합성곱 셋의 비용을 따로 구해 더하세요.",
            ),
            Mistake(
                lambda: _macs(_meta(BasicBlock, 512, 512), 512, 28),
                "3×3 둘로 된 기본 블록의 값입니다. 병목 블록은 폭을 1/4로 줄입니다.",
            ),
            Mistake(
                lambda: 17 * 28 * 28 * 512 * 512,
                "17HWC²의 C에 드나드는 채널을 넣었습니다. C는 속의 폭입니다.",
            ),
            Mistake(lambda: 17 * 128 * 128, "가중치의 수입니다. 28×28의 자리마다 다시 씁니다."),
            Mistake(
                lambda: 13 * 28 * 28 * 128 * 128,
                "1×1 합성곱 하나를 빠뜨렸습니다. 줄일 때와 되돌릴 때 한 번씩입니다.",
            ),
            Mistake(
                lambda: 2 * _macs(_meta(Bottleneck, 512, 512), 512, 28),
                "곱셈과 덧셈을 따로 셌습니다. 여기에서는 한 쌍을 한 번으로 셉니다.",
            ),
        ),
    ),
    hints=(
        "속의 폭은 128입니다. 1×1(512 → 128), 3×3(128 → 128), 1×1(128 → 512)의 비용을 더하세요.",
        "폭을 C라고 하면 가중치는 4C², 9C², 4C²이고 모두 28 × 28번 씁니다.",
        "17 × 28 × 28 × 128 × 128을 계산하세요.",
    ),
    solution=(
        "폭 C = 128이므로 세 합성곱의 가중치는 4C² + 9C² + 4C² = 17C² = 278,528개입니다.\n"
        "28 × 28 = 784자리에서 쓰므로 MAC은 278,528 × 784 = 218,365,952번입니다.\n"
        "채널 512를 그대로 드나드는 기본 블록이라면 17배 가까이 듭니다."
    ),
    solution_code="answer = 17 * 28 * 28 * (512 // 4) ** 2",
)

PROJECTION = Exercise(
    id="07-4",
    title="지름길의 선택지 B",
    question=(
        "채널이 96에서 192로 늘고 크기가 절반이 되는 블록에 선택지 B의 지름길을 둡니다.\n"
        "스트라이드 2인 1×1 합성곱(편향 없음)과 배치 정규화입니다. 선택지 A보다 매개변수가 몇 개 많을까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _size(_meta(projection_where_needed, 96, 192, 2)) - _size(_meta(zero_padding, 96, 192, 2)),
        mistakes=(
            Mistake(lambda: 96 * 192, "배치 정규화를 빠뜨렸습니다. 채널마다 감마와 베타가 있습니다."),
            Mistake(lambda: 9 * 96 * 192 + 2 * 192, "3×3 합성곱으로 셌습니다. 지름길은 1×1입니다."),
            Mistake(lambda: 96 * 192 + 192, "배치 정규화의 값을 채널마다 하나로 셌습니다. 감마와 베타 둘입니다."),
            Mistake(
                lambda: 96 * 96 + 2 * 96, "늘어난 채널만 만든다고 셌습니다. 1×1 합성곱은 출력 채널을 모두 만듭니다."
            ),
        ),
    ),
    hints=(
        "선택지 A는 화소를 골라내고 모자라는 채널을 0으로 채웁니다. 매개변수가 있습니까?",
        "1×1 합성곱의 가중치는 입력 채널 × 출력 채널이고, 스트라이드는 매개변수를 바꾸지 않습니다.",
        "96 × 192 + 2 × 192를 계산하세요.",
    ),
    solution=(
        "선택지 A에는 매개변수가 없습니다.\n"
        "B의 1×1 합성곱은 96 × 192 = 18,432개, 배치 정규화는 2 × 192 = 384개이므로 18,816개가 많습니다."
    ),
    solution_code="answer = 96 * 192 + 2 * 192",
)

# ---- 07-5, 07-6 수용 영역과 기울기 ---------------------------------------------------------------------------------

_STEM_AND_CONV2 = ((3, 1),) * 7  # 첫 합성곱, 그리고 블록 셋의 합성곱 여섯
_FIRST_OF_CONV3 = ((3, 2), (3, 1))

FIELD = Exercise(
    id="07-5",
    title="ResNet-20의 수용 영역",
    question=(
        "CIFAR-10의 ResNet-20에서 conv3_x의 첫 블록을 지난 출력 하나는 입력에서 한 변이 몇 화소인 영역을 볼까요?\n"
        "그 블록의 첫 합성곱이 스트라이드 2입니다. 지름길은 더 좁은 곳을 보므로 긴 길만 셉니다."
    ),
    answer=NumberAnswer(
        expected=lambda: field_of(_STEM_AND_CONV2 + _FIRST_OF_CONV3),
        mistakes=(
            Mistake(lambda: field_of(_STEM_AND_CONV2), "conv2_x까지의 값입니다. 블록을 하나 더 지나세요."),
            Mistake(lambda: field_of(((3, 1),) * 9), "스트라이드를 빠뜨렸습니다. 그다음 합성곱은 두 배로 넓힙니다."),
            Mistake(
                lambda: field_of((*_STEM_AND_CONV2, (3, 2))),
                "블록의 첫 합성곱까지의 값입니다. 블록에는 합성곱이 둘입니다.",
            ),
        ),
    ),
    hints=(
        "맨 앞에 3×3 합성곱이 하나 있고, conv2_x에는 기본 블록이 셋 있습니다.",
        "3×3 합성곱 일곱 개를 지나면 1 + 7 × 2 = 15이고 간격은 1입니다. 스트라이드 2를 지나면 간격이 2가 됩니다.",
    ),
    solution=(
        "맨 앞과 conv2_x의 합성곱은 모두 일곱이므로 1 + 7 × 2 = 15입니다.\n"
        "conv3_x의 첫 합성곱이 2를 더해 17, 간격이 2가 되었으므로 둘째가 4를 더해 21화소입니다."
    ),
    solution_code="answer = 1 + 8 * 2 + 2 * 2",
)


def _slope(identity: float) -> int:
    """y = identity x + w2 relu(w1 x)를 x = 1에서 미분한 값."""
    x = torch.tensor(1.0, requires_grad=True)
    y = identity * x - 1.5 * F.relu(4 * x)
    y.backward()
    assert x.grad is not None
    return round(float(x.grad))


SLOPE = Exercise(
    id="07-6",
    title="기울기는 적어도 1인가",
    question=(
        "수 하나짜리 잔차 블록 y = x + F(x), F(x) = w2 · relu(w1 · x)가 있습니다(더한 다음의 ReLU는 없습니다).\n"
        "w1 = 4, w2 = -1.5일 때 x = 1에서 y를 x로 미분한 값은 얼마일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _slope(1),
        mistakes=(
            Mistake(lambda: _slope(0), "지름길을 빠뜨렸습니다. 지름길은 1을 더합니다."),
            Mistake(lambda: 1, "F의 미분을 빠뜨렸습니다. 지름길의 1에 더해집니다."),
            Mistake(lambda: 7, "w2의 부호를 보세요."),
            Mistake(lambda: -1.5 + 1, "F의 미분에 w1도 곱하세요."),
        ),
    ),
    hints=(
        "y의 미분은 지름길의 미분 1과 F의 미분을 더한 것입니다.",
        "x = 1이면 4x는 양수이므로 ReLU는 값을 그대로 내보냅니다. F(x) = -1.5 × 4 × x입니다.",
        "1 + (-1.5) × 4를 계산하세요.",
    ),
    solution=(
        "F(x) = -6x이므로 미분은 -6이고, 지름길의 1을 더해 -5입니다.\n"
        "지름길이 더하는 것은 1이지만 F의 미분이 음수일 수 있으므로 '적어도 1'은 아닙니다. w2 = -0.25이면 꼭 0입니다."
    ),
    solution_code="answer = 1 + (-1.5) * 4",
)

# ---- 07-7 기본 블록 ------------------------------------------------------------------------------------------------


class _Block(nn.Module):
    """기본 블록의 틀: 더하는 자리와 지름길을 바꾼다. 인자를 주지 않으면 선택지 A의 기본 블록이다."""

    def __init__(
        self,
        shortcut: Callable[[Tensor], Tensor] = lambda x: _with_empty(x[:, :, ::2, ::2], 0, 8),
        stride: tuple[int, int] = (2, 1),
        inner: Callable[[Tensor], Tensor] = F.relu,
        before: Callable[[Tensor], Tensor] = lambda x: x,
        after: Callable[[Tensor], Tensor] = F.relu,
        normalised: bool = True,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(8, 16, 3, stride=stride[0], padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16) if normalised else nn.Identity()
        self.conv2 = nn.Conv2d(16, 16, 3, stride=stride[1], padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(16) if normalised else nn.Identity()
        self.shortcut, self.inner, self.before, self.after = shortcut, inner, before, after

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.inner(self.bn1(self.conv1(x)))))
        return self.after(self.before(out) + self.shortcut(x))


def _with_empty(x: Tensor, front: int, back: int) -> Tensor:
    return F.pad(x, (0, 0, 0, 0, front, back))


def _maps() -> list[Tensor]:
    g = torch.Generator().manual_seed(1)
    return [torch.randn(2, 8, 8, 8, generator=g) for _ in range(2)]


MY_BLOCK = Exercise(
    id="07-7",
    title="형태가 바뀌는 기본 블록 짜기",
    question=(
        "입력 8채널을 받아 16채널을 내고 크기를 절반으로 줄이는 기본 블록을 짜세요. 지름길은 선택지 A입니다.\n"
        "잔차 갈래는 3×3 합성곱(스트라이드 2), 배치 정규화, ReLU, 3×3 합성곱, 배치 정규화이고 편향은 없습니다.\n"
        "지름길은 화소를 한 칸씩 건너 고르고, 모자라는 채널을 뒤에 0으로 채웁니다. 더한 다음 ReLU를 합니다.\n"
        "다 짰으면 셀을 실행하세요."
    ),
    answer=ModuleAnswer(
        reference=_Block,
        arguments=(),
        inputs=_maps,
        mistakes=(
            Mistake(
                lambda: _Block(before=F.relu),
                "더하기 전에 ReLU를 했습니다. 그러면 F(x)가 음수일 수 없습니다. 더한 다음 하세요.",
            ),
            Mistake(
                lambda: _Block(before=F.relu, after=lambda x: x),
                "마지막 ReLU의 자리가 다릅니다. 더하기 전에 하지 말고 더한 다음 하세요.",
            ),
            Mistake(lambda: _Block(after=lambda x: x), "더한 다음의 ReLU가 없습니다."),
            Mistake(lambda: _Block(inner=lambda x: x), "두 합성곱 사이의 ReLU가 없습니다."),
            Mistake(
                lambda: _Block(shortcut=lambda x: torch.zeros(1)),
                "지름길을 더하지 않았습니다. plain 블록의 출력입니다.",
            ),
            Mistake(
                lambda: _Block(shortcut=lambda x: _with_empty(x[:, :, ::2, ::2], 8, 0)),
                "0을 앞에 채웠습니다. 원래의 채널이 앞에 오고 0이 뒤에 옵니다.",
            ),
            Mistake(
                lambda: _Block(shortcut=lambda x: _with_empty(x[:, :, ::2, ::2], 4, 4)),
                "0을 앞뒤로 나누어 채웠습니다. 모두 뒤에 채우세요.",
            ),
            Mistake(
                lambda: _Block(shortcut=lambda x: _with_empty(F.avg_pool2d(x, 2), 0, 8)),
                "지름길에서 네 화소를 평균했습니다. 선택지 A는 화소를 골라내기만 합니다.",
            ),
            Mistake(
                lambda: _Block(shortcut=lambda x: _with_empty(F.max_pool2d(x, 2), 0, 8)),
                "지름길에서 가장 큰 화소를 골랐습니다. 선택지 A는 정해진 자리의 화소를 고릅니다.",
            ),
            Mistake(
                lambda: _Block(shortcut=lambda x: torch.cat([x[:, :, ::2, ::2]] * 2, dim=1)),
                "모자라는 채널을 복사해 채웠습니다. 0으로 채우세요.",
            ),
            Mistake(
                lambda: _Block(stride=(1, 2)),
                "둘째 합성곱에서 크기를 줄였습니다. 첫 합성곱에서 줄이세요.",
            ),
            Mistake(lambda: _Block(normalised=False), "배치 정규화가 없습니다. 합성곱마다 바로 뒤에 두세요."),
        ),
    ),
    hints=(
        "계층은 합성곱, 배치 정규화, 합성곱, 배치 정규화의 차례로 만드세요. 채널은 8 → 16 → 16입니다.",
        "지름길의 화소는 `x[:, :, ::2, ::2]`로 고르고, 채널은 `F.pad(x, (0, 0, 0, 0, 0, 8))`로 채웁니다.",
        "마지막 줄은 `F.relu(out + shortcut)`입니다. out에는 아직 둘째 ReLU가 없습니다.",
    ),
    solution=(
        "잔차 갈래의 둘째 ReLU를 미루어 더한 다음에 합니다. 그래야 F(x)가 음수도 될 수 있습니다.\n"
        "`F.pad`는 마지막 축부터 앞뒤 한 쌍씩 적으므로, 채널의 뒤는 여섯째 수입니다.\n"
        "선택지 A에는 매개변수가 없습니다. 그래서 plain 블록과 매개변수의 수가 같습니다."
    ),
    solution_code="""import torch.nn.functional as F
from torch import nn

class MyBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(16)

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        shortcut = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 8))  # (N, 16, H/2, W/2)
        return F.relu(out + shortcut)
""",
    stub="""class MyBlock(nn.Module):
    def __init__(self):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MyBlock",
)

# ---- 07-8 설계 -----------------------------------------------------------------------------------------------------

LEAST_DEPTH, MOST_PARAMETERS, LEAST_ADDITIONS = 30, 120_000, 10


def _too_shallow(table: Any) -> str | None:
    depth = int(table.attrs["depth"])
    return None if depth >= LEAST_DEPTH else f"{LEAST_DEPTH}층 이상이어야 합니다. 지금은 {depth}층입니다."


def _too_many_parameters(table: Any) -> str | None:
    count = int(table["params"].sum())
    if count <= MOST_PARAMETERS:
        return None
    return f"매개변수가 {MOST_PARAMETERS:,}개를 넘지 않아야 합니다. 지금은 {count:,}개입니다."


def _too_few_shortcuts(table: Any) -> str | None:
    count = int((table["type"] == "add").sum())
    if count >= LEAST_ADDITIONS:
        return None
    return f"지름길을 더하는 곳이 {LEAST_ADDITIONS}곳 이상이어야 합니다. 지금은 {count}곳입니다."


DESIGN = Exercise(
    id="07-8",
    title="깊고 가벼운 ResNet 설계",
    question=(
        "3×32×32를 받아 열 클래스의 로짓을 내는 ResNet을 만들어 `model`에 담으세요. 조건은 셋입니다.\n"
        f"{LEAST_DEPTH}층 이상, 매개변수 {MOST_PARAMETERS:,}개 이하, 지름길을 더하는 곳 {LEAST_ADDITIONS}곳 이상.\n"
        "2절에서 만든 `CifarResNet`의 `n`과 `channels`를 바꾸면 됩니다. 블록을 새로 짜도 좋습니다."
    ),
    answer=DesignAnswer(
        input_size=(3, 32, 32),
        classes=10,
        requirements=(
            Requirement(_too_shallow),
            Requirement(_too_many_parameters),
            Requirement(_too_few_shortcuts),
        ),
    ),
    hints=(
        "층의 수는 6n+2입니다. 30층을 넘으려면 n이 적어도 몇이어야 합니까?",
        "매개변수는 채널의 제곱에 비례합니다. 채널을 절반으로 줄이면 1/4이 됩니다.",
        "`CifarResNet(n=5, channels=(8, 16, 32))`의 표를 `cnnlab.layer_table(model, (3, 32, 32))`로 보세요.",
    ),
    solution=(
        "n = 5이면 6 × 5 + 2 = 32층이고 블록이 15개라 더하는 곳도 15곳입니다.\n"
        "ResNet-32의 매개변수는 464,154개인데, 채널을 절반으로 줄이면 1/4쯤인 116,882개가 됩니다.\n"
        "아래의 코드는 패키지의 블록으로 같은 것을 만듭니다."
    ),
    solution_code="""from cnnlab.layers import cifar_stem
from cnnlab.models.resnet import CifarBlock, ResNet

model = ResNet(CifarBlock, (5, 5, 5), (8, 16, 32), cifar_stem, stem_channels=8, num_classes=10)
""",
    stub="model = None",
    name="model",
)

EXERCISES = (
    BLOCK_PARAMETERS,
    DEPTH,
    BOTTLENECK_MACS,
    PROJECTION,
    FIELD,
    SLOPE,
    MY_BLOCK,
    DESIGN,
)
