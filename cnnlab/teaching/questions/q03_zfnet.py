"""03 ZFNet의 연습 문제. 기준은 Zeiler, Fergus 2014의 그림 3대로 만든 모델이다."""

from collections.abc import Callable

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.analysis.occlusion import occlusion_map
from cnnlab.analysis.tables import layer_table
from cnnlab.models.zfnet import zfnet, zfnet_b
from cnnlab.teaching.answers import Mistake, NumberAnswer, Shape, ShapeAnswer
from cnnlab.teaching.code_answers import ModuleAnswer
from cnnlab.teaching.exercises import Exercise
from cnnlab.teaching.questions.q00_convolution import field_of

# ---- 03-1, 03-2 크기와 매개변수 ------------------------------------------------------------------------------------


def _features(build: Callable[[], nn.Module], side: int = 224) -> pd.DataFrame:
    """특징 맵까지의 계층표. 256x256처럼 완전 연결이 받지 못하는 크기도 된다."""
    with torch.device("meta"):
        features = nn.Sequential()
        for name, module in build().named_children():
            if isinstance(module, nn.Flatten):
                break
            features.add_module(name, module)
    return layer_table(features, (3, side, side)).set_index("name")


def _shape(layer: str, side: int) -> Shape:
    return tuple(_features(zfnet, side)["output"][layer])


def _params(build: Callable[[], nn.Module], layer: str) -> int:
    return int(_features(build)["params"][layer])


def _floored(side: int) -> int:
    """나머지를 늘 버릴 때 pool2의 한 변."""
    for kernel, stride, padding in ((7, 2, 1), (3, 2, 0), (5, 2, 0), (3, 2, 0)):
        side = (side + 2 * padding - kernel) // stride + 1
    return side


POOL2_SHAPE = Exercise(
    id="03-1",
    title="자르지 않은 256×256을 넣으면",
    question=(
        "이 수업의 `zfnet`에 256×256 그림을 자르지 않고 넣습니다.\n"
        "conv1은 7×7, 스트라이드 2, 패딩 1이고 conv2는 5×5, 스트라이드 2, 패딩 0입니다. 합성곱은 나머지를 버립니다.\n"
        "풀링은 3×3, 스트라이드 2이고 나머지를 올립니다. pool2의 출력 형태를 (채널, 세로, 가로)로 적으세요."
    ),
    answer=ShapeAnswer(
        expected=lambda: _shape("pool2", 256),
        mistakes=(
            Mistake(lambda: _shape("pool2", 224), "224×224를 넣었을 때의 형태입니다."),
            Mistake(
                lambda: (256, _floored(256), _floored(256)), "풀링에서도 나머지를 버렸습니다. 여기에서는 올립니다."
            ),
            Mistake(
                lambda: _shape("conv2", 256),
                "둘째 풀링을 지나기 전의 형태입니다.",
            ),
            Mistake(
                lambda: (96, *_shape("pool2", 256)[1:]),
                "채널의 수를 보세요. 96은 첫 합성곱의 채널 수입니다.",
            ),
        ),
    ),
    hints=(
        "conv1을 지난 한 변은 (256 + 2 - 7) / 2의 나머지를 버리고 1을 더한 것입니다.",
        "conv1을 지나면 126, pool1을 지나면 올림해서 63, conv2를 지나면 30입니다.",
        "pool2의 한 변은 (30 - 3) / 2를 올리고 1을 더한 15입니다.",
    ),
    solution=(
        "conv1: (256 + 2 - 7) / 2 = 125.5이고 버리므로 125 + 1 = 126입니다.\n"
        "pool1: (126 - 3) / 2 = 61.5이고 올리므로 62 + 1 = 63입니다. conv2: (63 - 5) / 2 + 1 = 30입니다.\n"
        "pool2: (30 - 3) / 2 = 13.5이고 올리므로 14 + 1 = 15입니다. 채널은 conv2의 256이므로 (256, 15, 15)입니다."
    ),
    solution_code="answer = (256, 15, 15)",
)

WIDE_PARAMETERS = Exercise(
    id="03-2",
    title="변형 (b)의 넷째 합성곱",
    question=(
        "변형 (b)는 conv3, 4, 5가 512, 1,024, 512채널입니다. 커널은 3×3이고 편향이 있습니다.\n"
        "conv4의 매개변수는 모두 몇 개일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _params(zfnet_b, "conv4"),
        mistakes=(
            Mistake(lambda: _params(zfnet, "conv4"), "그림 3(384-384-256)의 값입니다."),
            Mistake(lambda: 512 * 1024 * 9, "편향을 빠뜨렸습니다. 출력 채널마다 하나씩 있습니다."),
            Mistake(
                lambda: _params(zfnet_b, "conv5"),
                "편향의 수를 보세요. 편향은 입력 채널이 아니라 출력 채널마다 하나씩 있습니다.",
            ),
            Mistake(
                lambda: _params(zfnet_b, "conv3"),
                "conv3의 값입니다. conv4의 입력은 conv3의 출력입니다.",
            ),
            Mistake(
                lambda: (256 * 9 + 1) * 1024,
                "두 탑으로 나눈 것처럼 입력의 절반만 보았습니다. ZFNet은 나누지 않습니다.",
            ),
        ),
    ),
    hints=(
        "커널 하나는 앞 계층의 채널을 모두 봅니다. 앞 계층은 conv3입니다.",
        "커널 하나는 3 × 3 × 512에 편향 하나이고, 커널은 1,024개입니다.",
        "(3 × 3 × 512 + 1) × 1,024를 계산하세요.",
    ),
    solution=(
        "커널 하나가 3 × 3 × 512 + 1 = 4,609개이고 1,024개 있으므로 4,719,616개입니다.\n"
        "그림 3의 conv4는 1,327,488개입니다. 입력과 출력이 함께 늘어 네 배 가까이 됩니다."
    ),
    solution_code="answer = (3 * 3 * 512 + 1) * 1024",
)

# ---- 03-3, 03-4 수용 영역과 계단 무늬 ------------------------------------------------------------------------------

_ZFNET = ((7, 2), (3, 2), (5, 2), (3, 2), (3, 1), (3, 1), (3, 1))  # conv1 ... conv5의 (커널, 스트라이드)
_HALF = ((7, 2), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1))  # conv2의 스트라이드만 AlexNet처럼 1

FIELD = Exercise(
    id="03-3",
    title="첫 층만 고쳤다면",
    question=(
        "conv1은 ZFNet처럼 7×7, 스트라이드 2로 바꾸고, conv2는 AlexNet처럼 5×5, 스트라이드 1로 둡니다.\n"
        "나머지는 그대로입니다. conv5의 출력 하나는 입력에서 한 변이 몇 화소인 영역을 볼까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: field_of(_HALF),
        mistakes=(
            Mistake(lambda: field_of(_ZFNET), "ZFNet 그대로의 값입니다. conv2의 스트라이드를 1로 바꾸세요."),
            Mistake(lambda: field_of(((11, 4), *_HALF[1:])), "AlexNet의 값입니다. conv1은 7×7, 스트라이드 2입니다."),
            Mistake(lambda: field_of(_HALF[:-1]), "conv4까지의 값입니다. 하나 더 지나세요."),
            Mistake(lambda: field_of((*_HALF, (3, 2))), "마지막 풀링까지 지났습니다. conv5에서 멈추세요."),
            Mistake(
                lambda: field_of(tuple((kernel, 1) for kernel, _ in _HALF)),
                "스트라이드를 빠뜨렸습니다. conv1을 지나면 한 칸이 입력의 두 화소입니다.",
            ),
        ),
    ),
    hints=(
        "수용 영역 1, 간격 1에서 시작합니다. 계층마다 (커널 - 1) × 간격을 더한 뒤, 간격에 스트라이드를 곱하세요.",
        "conv1을 지나면 7(간격 2), 첫 풀링을 지나면 11(간격 4), conv2를 지나면 27(간격 4)입니다.",
    ),
    solution=(
        "7(간격 2), 7 + 2 × 2 = 11(간격 4), 11 + 4 × 4 = 27(간격 4), 27 + 2 × 4 = 35(간격 8)입니다.\n"
        "3×3 합성곱 세 개가 2 × 8 = 16씩 더하므로 35 + 3 × 16 = 83화소입니다. ZFNet은 139화소입니다.\n"
        "줄이지 않았으므로 특징 맵은 네 배로 커지고, 보는 넓이는 좁아집니다."
    ),
    solution_code="answer = 7 + 2 * 2 + 4 * 4 + 2 * 4 + 3 * (2 * 8)",
)


def _seen_as(period: int, stride: int) -> int:
    """period화소 무늬를 stride마다 잰 값이 나타내는 무늬의 간격, 화소: 잰 값을 푸리에 변환해 찾는다."""
    count = period * stride * 8
    samples = torch.cos(2 * torch.pi * stride * torch.arange(count, dtype=torch.float64) / period)
    peak = int(torch.fft.rfft(samples).abs().argmax())
    return round(stride * count / peak)


ALIAS = Exercise(
    id="03-4",
    title="다른 무늬로 보이기",
    question=(
        "6화소마다 되풀이되는 무늬를 스트라이드 4로 잽니다.\n"
        "잰 값만 보면 몇 화소마다 되풀이되는 무늬처럼 보일까요? 되풀이가 가장 드문 것(구별할 수 없는 가장 성긴 무늬)을 "
        "답하세요."
    ),
    answer=NumberAnswer(
        expected=lambda: _seen_as(6, 4),
        mistakes=(
            Mistake(lambda: 6, "본래의 무늬입니다. 스트라이드 4는 8화소보다 촘촘한 무늬를 담지 못합니다."),
            Mistake(lambda: _seen_as(6, 4) // 4, "잰 값이 몇 칸마다 되풀이되는지를 셌습니다. 한 칸은 4화소입니다."),
            Mistake(lambda: 8, "스트라이드 4로 담을 수 있는 가장 촘촘한 무늬입니다."),
            Mistake(lambda: 24, "6과 4를 곱했습니다. 잰 값이 처음으로 되풀이되는 칸을 찾으세요."),
            Mistake(lambda: _seen_as(5, 4), "1절의 5화소 무늬의 답입니다."),
        ),
    ),
    hints=(
        "스트라이드 4이면 0, 4, 8번째 화소를 차례로 봅니다. 6화소마다 되풀이되므로 6으로 나눈 나머지만 보면 됩니다.",
        "나머지는 0, 4, 2, 0, 4, 2, ...입니다. 몇 칸마다 되풀이됩니까? 한 칸은 4화소입니다.",
        "세 칸마다 되풀이되므로 3 × 4를 계산하세요.",
    ),
    solution=(
        "보는 자리를 6으로 나눈 나머지가 0, 4, 2, 0, 4, 2, ...이므로 잰 값은 세 칸마다 되풀이됩니다.\n"
        "한 칸이 4화소이므로 12화소 무늬와 구별할 수 없습니다.\n"
        "식으로는 1 / (1/4 - 1/6) = 12입니다. 스트라이드 2라면 6화소 무늬를 그대로 담습니다."
    ),
    solution_code="answer = 3 * 4",
)

# ---- 03-5, 03-6 되돌리기와 가리기 ----------------------------------------------------------------------------------

_FORWARD = torch.tensor([2.0, -1.0, 3.0, 0.5, -2.0])
_RETURNED = torch.tensor([-4.0, 5.0, 6.0, 1.0, -3.0])

RECTIFY = Exercise(
    id="03-5",
    title="ReLU를 거꾸로 지나기",
    question=(
        "앞으로 갈 때 ReLU가 받은 값은 [2, -1, 3, 0.5, -2]이고, 거꾸로 올 때 되돌아온 값은 [-4, 5, 6, 1, -3]입니다.\n"
        "deconvnet이 이 ReLU를 지나 내려보내는 다섯 값의 합은 얼마일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: int(_RETURNED.relu().sum()),
        mistakes=(
            Mistake(
                lambda: float((_RETURNED * (_FORWARD > 0)).sum()),
                "역전파가 내려보내는 값의 합입니다. 앞으로 갈 때 0이 된 자리를 막았습니다.",
            ),
            Mistake(
                lambda: float((_RETURNED.relu() * (_FORWARD > 0)).sum()),
                "두 가지로 모두 막았습니다(guided backpropagation). deconvnet은 하나만 봅니다.",
            ),
            Mistake(lambda: float(_RETURNED.sum()), "아무것도 막지 않았습니다."),
            Mistake(lambda: float(_FORWARD.relu().sum()), "앞으로 갈 때의 값을 더했습니다. 되돌아온 값을 보세요."),
        ),
    ),
    hints=(
        "deconvnet의 정류는 앞으로 갈 때의 값을 보지 않습니다.",
        "되돌아온 값 가운데 음수를 0으로 바꾸면 [0, 5, 6, 1, 0]입니다.",
    ),
    solution=(
        "되돌아온 값에 ReLU를 하면 [0, 5, 6, 1, 0]이므로 합은 12입니다.\n"
        "역전파는 앞에서 0이 된 둘째와 다섯째를 막아 [-4, 0, 6, 1, 0]을, 둘 다 막으면 [0, 0, 6, 1, 0]을 내려보냅니다."
    ),
    solution_code="answer = 5 + 6 + 1",
)


class _Flat(nn.Module):
    """어느 그림에나 같은 로짓을 낸다: 지도의 칸을 세는 데 쓴다."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight.expand(len(x), 2)


def _covers(side: int, size: int, step: int) -> int:
    """가림 지도를 만드느라 신경망에 넣는 그림의 수."""
    return int(occlusion_map(_Flat(), torch.zeros(1, side, side), 0, size=size, step=step, batch=4096).size)


OCCLUSIONS = Exercise(
    id="03-6",
    title="지도 한 장의 값",
    question=(
        "224×224 사진을 50×50 사각형으로 가려 가며 지도를 만듭니다.\n"
        "사각형은 6화소씩 옮기고 사진 밖으로 나가지 않습니다.\n"
        "가린 사진을 모두 몇 장 신경망에 넣을까요? 가리지 않은 사진은 세지 않습니다."
    ),
    answer=NumberAnswer(
        expected=lambda: _covers(224, 50, 6),
        mistakes=(
            Mistake(lambda: 29**2, "움직인 횟수만 셌습니다. 처음 놓은 자리도 하나의 자리입니다."),
            Mistake(lambda: 30, "한 방향만 셌습니다. 세로와 가로로 따로 옮깁니다."),
            Mistake(lambda: (224 // 6) ** 2, "사각형이 사진 밖으로 나가는 자리까지 셌습니다."),
            Mistake(lambda: (224 - 50 + 1) ** 2, "한 화소씩 옮겼을 때의 값입니다."),
            Mistake(lambda: 30**2 + 1, "가리지 않은 사진까지 셌습니다."),
        ),
    ),
    hints=(
        "사각형의 위치를 세는 것은 커널을 놓는 자리를 세는 것과 같습니다.",
        "한 방향으로 (224 - 50) / 6 + 1곳이고, 세로와 가로로 따로 옮깁니다.",
        "30 × 30을 계산하세요.",
    ),
    solution=(
        "한 방향으로 (224 - 50) / 6 + 1 = 30곳이므로 30 × 30 = 900장입니다.\n"
        "사진 한 장의 지도에 900번 분류하는 값이 듭니다. 한 화소씩 옮기면 30,625장입니다."
    ),
    solution_code="answer = ((224 - 50) // 6 + 1) ** 2",
)

# ---- 03-7 언풀링 ---------------------------------------------------------------------------------------------------


class _Unpool(nn.Module):
    """3x3, 스트라이드 2로 풀링했다가 스위치의 자리로 되돌린다. 겹친 창의 값을 모으는 법을 바꿀 수 있다."""

    def __init__(self, place: Callable[[Tensor, Tensor, Tensor], Tensor], kernel: int = 3) -> None:
        super().__init__()
        self.place, self.kernel = place, kernel

    def forward(self, x: Tensor) -> Tensor:
        values, switches = F.max_pool2d(x, self.kernel, stride=2, return_indices=True)
        empty = torch.zeros_like(x).flatten(2)
        return self.place(empty, switches.flatten(2), values.flatten(2)).view_as(x)


def _added(empty: Tensor, switches: Tensor, values: Tensor) -> Tensor:
    return empty.scatter_add(2, switches, values)


def _overwritten(empty: Tensor, switches: Tensor, values: Tensor) -> Tensor:
    return empty.scatter(2, switches, values)


class _NoSwitch(nn.Module):
    """스위치를 쓰지 않고 입력의 크기로 늘인다."""

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(F.max_pool2d(x, 3, stride=2), x.shape[-2:])


class _Corners(nn.Module):
    """스위치 대신 창의 왼쪽 위에 놓는다."""

    def forward(self, x: Tensor) -> Tensor:
        back = torch.zeros_like(x)
        values = F.max_pool2d(x, 3, stride=2)
        h, w = values.shape[-2:]
        back[:, :, : 2 * h : 2, : 2 * w : 2] = values
        return back


def _positive(channels: int) -> list[Tensor]:
    """ReLU를 지난 것처럼 음수가 없고, 이웃한 창이 같은 화소를 뽑는 일이 있는 크기."""
    g = torch.Generator().manual_seed(1)
    return [torch.rand(2, channels, side, side, generator=g) for side in (7, 9)]


MY_UNPOOL = Exercise(
    id="03-7",
    title="겹치는 풀링을 되돌리기",
    question=(
        "입력 (N, C, H, W)를 3×3, 스트라이드 2, 패딩 없이 최대 풀링한 다음, 풀링한 값을 스위치의 자리로 되돌린 "
        "(N, C, H, W)를 내는 모듈을 짜세요.\n"
        "창이 겹치므로 한 화소가 여러 창의 최댓값일 수 있습니다. 그때는 더합니다. 나머지 자리는 0입니다.\n"
        "`nn.MaxUnpool2d`는 쓰지 마세요. 다 짰으면 `check(MyUnpool)`처럼 클래스의 이름을 넣으세요."
    ),
    answer=ModuleAnswer(
        reference=lambda: _Unpool(_added),
        arguments=(),
        inputs=lambda: _positive(3),
        mistakes=(
            Mistake(
                lambda: _Unpool(_overwritten),
                "한 화소가 여러 창에서 뽑혔을 때 값을 하나만 남겼습니다. 더해야 합니다.",
            ),
            Mistake(_NoSwitch, "값을 늘여 채웠습니다. 최댓값이 있던 자리에만 놓고 나머지는 0이어야 합니다."),
            Mistake(_Corners, "창의 왼쪽 위에 놓았습니다. 최댓값이 있던 자리(스위치)에 놓으세요."),
            Mistake(lambda: _Unpool(_added, kernel=2), "2×2로 풀링했습니다. 여기에서는 3×3입니다."),
        ),
    ),
    hints=(
        "`F.max_pool2d(x, 3, stride=2, return_indices=True)`는 값과 스위치를 함께 돌려줍니다.",
        "스위치는 세로와 가로를 이어 붙인 번호입니다. (N, C, H*W) 모양의 0에 `scatter_add`로 더하세요.",
        "`torch.zeros_like(x).flatten(2).scatter_add(2, switches.flatten(2), values.flatten(2))`를 되돌려 놓습니다.",
    ),
    solution=(
        "스위치를 받아 (N, C, H*W)의 0 위에 `scatter_add`로 더한 다음 원래 모양으로 바꿉니다.\n"
        "`scatter`나 `nn.MaxUnpool2d`는 겹친 값 가운데 하나만 남기므로 겹치는 풀링에서 값이 사라집니다."
    ),
    solution_code="""import torch
import torch.nn.functional as F
from torch import nn

class MyUnpool(nn.Module):
    def forward(self, x):
        values, switches = F.max_pool2d(x, 3, stride=2, return_indices=True)
        back = torch.zeros_like(x).flatten(2)                                # (N, C, H*W)
        back = back.scatter_add(2, switches.flatten(2), values.flatten(2))
        return back.view_as(x)
""",
    stub="""class MyUnpool(nn.Module):
    def forward(self, x):
        ...
""",
    name="MyUnpool",
)

# ---- 03-8 두 층 되돌리기 -------------------------------------------------------------------------------------------


class _Return(nn.Module):
    """합성곱, ReLU, 합성곱을 앞으로 갔다가 거꾸로 온다. 되돌리는 법을 바꿀 수 있다."""

    def __init__(
        self,
        rectify: Callable[[Tensor, Tensor], Tensor] = lambda signal, _before: signal.relu(),
        bias: bool = False,
        flipped: bool = True,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 4, 3, padding=1)
        self.rectify, self.bias, self.flipped = rectify, bias, flipped

    def _back(self, signal: Tensor, conv: nn.Conv2d) -> Tensor:
        if self.bias and conv.bias is not None:
            signal = signal - conv.bias.view(1, -1, 1, 1)
        if self.flipped:
            return F.conv_transpose2d(signal, conv.weight, padding=conv.padding)  # type: ignore[arg-type]
        return F.conv2d(signal, conv.weight.transpose(0, 1), padding=conv.padding)

    def forward(self, x: Tensor) -> Tensor:
        before = self.conv1(x)
        signal = self._back(self.conv2(before.relu()), self.conv2)
        return self._back(self.rectify(signal, before), self.conv1)


def _pictures() -> list[Tensor]:
    g = torch.Generator().manual_seed(1)
    return [torch.randn(2, 3, side, side, generator=g) for side in (8, 11)]


MY_DECONVNET = Exercise(
    id="03-8",
    title="두 층짜리 deconvnet",
    question=(
        "`conv1`(3채널에서 8채널, 5×5, 패딩 2), ReLU, `conv2`(8채널에서 4채널, 3×3, 패딩 1)를 차례로 지난 다음,\n"
        "`conv2`의 출력을 하나도 지우지 않고 그대로 거꾸로 보내 (N, 3, H, W)로 되돌리는 모듈을 짜세요.\n"
        "되돌릴 때 편향은 쓰지 않습니다. 다 짰으면 `check(MyDeconvnet)`처럼 클래스의 이름을 넣으세요."
    ),
    answer=ModuleAnswer(
        reference=_Return,
        arguments=(),
        inputs=_pictures,
        mistakes=(
            Mistake(
                lambda: _Return(rectify=lambda signal, _before: signal),
                "거꾸로 올 때 정류(ReLU)를 빠뜨렸습니다. 두 전치 합성곱 사이에 있어야 합니다.",
            ),
            Mistake(
                lambda: _Return(rectify=lambda signal, before: signal * (before > 0)),
                "역전파처럼 앞으로 갈 때 0이 된 자리를 막았습니다. 되돌아온 값에 ReLU를 하세요.",
            ),
            Mistake(
                lambda: _Return(rectify=lambda signal, before: signal.relu() * (before > 0)),
                "두 가지로 모두 막았습니다. deconvnet은 되돌아온 값만 봅니다.",
            ),
            Mistake(lambda: _Return(bias=True), "되돌릴 때 편향을 뺐습니다. 편향은 되돌리지 않습니다."),
            Mistake(
                lambda: _Return(flipped=False),
                "커널의 채널만 바꾸어 합성곱했습니다. 전치 합성곱은 커널을 위아래와 좌우로도 뒤집은 것과 같습니다.",
            ),
        ),
    ),
    hints=(
        "앞으로 가는 길은 `self.conv2(self.conv1(x).relu())`입니다.",
        "거꾸로는 `F.conv_transpose2d(signal, self.conv2.weight, padding=1)`에서 시작합니다. 편향은 넣지 않습니다.",
        "그 결과에 `relu()`를 하고, `self.conv1.weight`와 `padding=2`로 한 번 더 전치 합성곱하세요.",
    ),
    solution=(
        "계층을 거꾸로 밟습니다: conv2의 전치 합성곱, 정류, conv1의 전치 합성곱.\n"
        "스트라이드가 1이면 크기가 그대로라 `output_padding`이 필요하지 않습니다.\n"
        "앞으로 갈 때의 ReLU가 무엇을 막았는지는 쓰지 않습니다. 그것을 쓰면 역전파가 됩니다."
    ),
    solution_code="""import torch.nn.functional as F
from torch import nn

class MyDeconvnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, x):
        signal = self.conv2(self.conv1(x).relu())                             # (N, 4, H, W)
        signal = F.conv_transpose2d(signal, self.conv2.weight, padding=1)     # (N, 8, H, W)
        signal = signal.relu()
        return F.conv_transpose2d(signal, self.conv1.weight, padding=2)       # (N, 3, H, W)
""",
    stub="""class MyDeconvnet(nn.Module):
    def __init__(self):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MyDeconvnet",
)

EXERCISES = (
    POOL2_SHAPE,
    WIDE_PARAMETERS,
    FIELD,
    ALIAS,
    RECTIFY,
    OCCLUSIONS,
    MY_UNPOOL,
    MY_DECONVNET,
)
