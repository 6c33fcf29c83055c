"""12 MobileNet의 연습 문제. 기준은 Howard 외 2017과 Sandler 외 2018대로 만든 모델이다."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.analysis.tables import layer_table
from cnnlab.layers import conv_bn
from cnnlab.models.mobilenet import inverted_bottleneck, separable_conv
from cnnlab.teaching.answers import Mistake, NumberAnswer
from cnnlab.teaching.code_answers import FunctionAnswer, ModuleAnswer
from cnnlab.teaching.exercises import Exercise

# ---- 12-1, 12-2 값 -------------------------------------------------------------------------------------------------

MACS = Exercise(
    id="12-1",
    title="5×5 깊이별 분리 합성곱의 MAC",
    question=(
        "64채널, 14×14인 특징 맵에 5×5 깊이별 합성곱을 하고, 이어서 256채널을 내는 점별 합성곱을 합니다.\n"
        "크기는 그대로이고 편향은 없습니다. MAC은 모두 몇 번일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: 14 * 14 * (25 * 64 + 64 * 256),
        mistakes=(
            Mistake(lambda: 14 * 14 * 25 * 64 * 256, "보통의 5×5 합성곱입니다."),
            Mistake(lambda: 14 * 14 * 25 * 64, "점별 합성곱을 빠뜨렸습니다."),
            Mistake(lambda: 14 * 14 * 64 * 256, "깊이별 합성곱을 빠뜨렸습니다."),
            Mistake(lambda: 25 * 64 + 64 * 256, "가중치의 수입니다. 자리마다 한 번씩 곱합니다."),
            Mistake(lambda: 14 * 14 * (25 * 256 + 64 * 256), "깊이별 합성곱의 채널은 들어온 64개입니다."),
            Mistake(lambda: 14 * 14 * (9 * 64 + 64 * 256), "커널이 3×3이 아니라 5×5입니다."),
        ),
    ),
    hints=(
        "자리 하나마다 깊이별은 25 × 64번, 점별은 64 × 256번 곱합니다.",
        "자리는 14 × 14개입니다. 둘을 더해 자리의 수를 곱하세요.",
    ),
    solution=(
        "자리 하나에 1,600 + 16,384 = 17,984번이고 자리가 196개이므로 3,524,864번입니다.\n"
        "보통의 5×5라면 80,281,600번입니다. 22.8배 줄었습니다."
    ),
    solution_code="answer = 14 * 14 * (5 * 5 * 64 + 64 * 256)",
)

SAVING = Exercise(
    id="12-2",
    title="아낀 MAC",
    question=(
        "96채널을 읽어 160채널을 내는 5×5 합성곱이 14×14 특징 맵을 냅니다. 크기는 그대로입니다.\n"
        "이것을 깊이별 분리 합성곱으로 바꾸면 MAC이 몇 번 줄어들까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: 14 * 14 * (25 * 96 * 160 - (25 * 96 + 96 * 160)),
        mistakes=(
            Mistake(lambda: 14 * 14 * (25 * 96 + 96 * 160), "바꾼 뒤의 MAC입니다. 줄어든 만큼을 물었습니다."),
            Mistake(lambda: 14 * 14 * 25 * 96 * 160, "바꾸기 전의 MAC입니다."),
            Mistake(lambda: 14 * 14 * (25 * 96 * 160 - 25 * 96), "점별 합성곱의 MAC을 빼지 않았습니다."),
            Mistake(lambda: 25 * 96 * 160 - (25 * 96 + 96 * 160), "자리의 수를 곱하지 않았습니다."),
            Mistake(
                lambda: 14 * 14 * (25 * 96 * 160 - (25 * 160 + 96 * 160)), "깊이별 합성곱의 채널은 들어온 96개입니다."
            ),
        ),
    ),
    hints=(
        "보통의 합성곱은 자리 하나에 25 × 96 × 160번 곱합니다.",
        "깊이별은 25 × 96번, 점별은 96 × 160번입니다. 빼고 나서 자리의 수 14 × 14를 곱하세요.",
    ),
    solution=(
        "자리 하나에 384,000 - 17,760 = 366,240번이 줄고, 자리가 196개이므로 71,783,040번입니다.\n"
        "남은 것은 1/160 + 1/25 = 4.6%입니다. 1/N + 1/k²의 N은 출력 채널입니다."
    ),
    solution_code="answer = 14 * 14 * (25 * 96 * 160 - (25 * 96 + 96 * 160))",
)

# ---- 12-3 폭 -------------------------------------------------------------------------------------------------------

WIDTH = Exercise(
    id="12-3",
    title="폭 0.75의 점별 합성곱",
    question=(
        "MobileNet-v1의 가운데에는 512채널을 읽어 512채널을 내는 점별 합성곱이 다섯 번 나옵니다(14×14).\n"
        "폭 α를 0.75로 하면 그 하나의 가중치는 몇 개가 될까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: int(512 * 0.75) ** 2,
        mistakes=(
            Mistake(lambda: 512 * 512, "폭이 1일 때의 값입니다."),
            Mistake(lambda: int(512 * 512 * 0.75), "폭을 한 번만 곱했습니다. 입력과 출력 채널이 모두 줄어듭니다."),
            Mistake(lambda: 9 * int(512 * 0.75), "깊이별 합성곱의 가중치입니다."),
            Mistake(lambda: 5 * int(512 * 0.75) ** 2, "다섯 번을 모두 더했습니다. 하나만 세세요."),
        ),
    ),
    hints=("512 × 0.75를 먼저 계산하세요.", "384채널을 읽어 384채널을 내는 1×1 합성곱입니다."),
    solution=(
        "384 × 384 = 147,456개입니다. 폭이 1일 때의 262,144개의 0.5625배, 곧 0.75의 제곱입니다.\n"
        "깊이별 합성곱은 입력 채널에만 비례하므로 0.75배로 줄어듭니다."
    ),
    solution_code="answer = int(512 * 0.75) ** 2",
)

# ---- 12-4 뒤집은 잔차 블록 -----------------------------------------------------------------------------------------


def _conv_weights(block: nn.Module) -> int:
    return sum(m.weight.numel() for m in block.modules() if isinstance(m, nn.Conv2d))


INVERTED = Exercise(
    id="12-4",
    title="뒤집은 잔차 블록의 가중치",
    question=(
        "입력과 출력이 32채널이고 확장 비율이 6인 뒤집은 잔차 블록이 있습니다.\n"
        "합성곱 셋의 가중치는 모두 몇 개일까요? 배치 정규화는 빼고, 편향은 없습니다."
    ),
    answer=NumberAnswer(
        expected=lambda: _conv_weights(inverted_bottleneck(32, 32, 1, 6)),
        mistakes=(
            Mistake(lambda: 2 * 32 * 192 + 9 * 192 * 192, "가운데의 3×3을 보통의 합성곱으로 셌습니다. 깊이별입니다."),
            Mistake(lambda: 32 * 192 + 9 * 192, "마지막의 좁히는 1×1을 빠뜨렸습니다."),
            Mistake(lambda: 2 * 32 * 192, "가운데의 깊이별 3×3을 빠뜨렸습니다."),
            Mistake(lambda: 2 * 32 * 192 + 9 * 32, "깊이별 합성곱은 넓힌 뒤의 192채널에서 합니다."),
            Mistake(lambda: 2 * 32 * 5 + 9 * 5, "ResNet의 병목처럼 가운데를 좁혔습니다. 여기에서는 넓힙니다."),
        ),
    ),
    hints=(
        "가운데는 32 × 6 = 192채널입니다.",
        "1×1이 32 × 192, 깊이별 3×3이 9 × 192, 다시 1×1이 192 × 32입니다.",
    ),
    solution=(
        "6,144 + 1,728 + 6,144 = 14,016개입니다. 가운데의 깊이별 합성곱은 12%뿐입니다.\n"
        "보통의 3×3이었다면 가운데만 331,776개입니다. 넓혀도 싼 까닭입니다."
    ),
    solution_code="answer = 32 * 192 + 9 * 192 + 192 * 32",
)

# ---- 12-5 수용 영역 ------------------------------------------------------------------------------------------------

_STRIDES = (1, 2, 1, 2, 1)


def _five() -> nn.Module:
    return nn.Sequential(*(separable_conv(4, 4, stride) for stride in _STRIDES))


FIELD = Exercise(
    id="12-5",
    title="깊이별 분리 합성곱 다섯의 수용 영역",
    question=(
        "깊이별 분리 합성곱(깊이별 3×3과 점별 1×1) 다섯을 이었습니다. 스트라이드는 차례로 1, 2, 1, 2, 1입니다.\n"
        "마지막 값 하나의 수용 영역은 한 변이 몇 화소일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: int(layer_table(_five(), (4, 64, 64)).attrs["rf"]),
        mistakes=(
            Mistake(lambda: 1 + 2 * 5, "스트라이드를 빠뜨렸습니다. 줄인 뒤의 한 칸은 여러 화소입니다."),
            Mistake(lambda: 1 + 2 * (1 + 2 + 2 + 4 + 4), "스트라이드는 그 층의 다음부터 칸의 간격을 넓힙니다."),
            Mistake(lambda: 1 + 4 * (1 + 1 + 2 + 2 + 4), "점별 합성곱도 넓힌다고 보았습니다. 1×1은 넓히지 않습니다."),
            Mistake(lambda: 3**5, "커널의 크기를 곱했습니다. 층마다 더해집니다."),
        ),
    ),
    hints=(
        "층을 지날 때마다 (3 - 1) × (지금까지의 스트라이드의 곱)을 더합니다. 처음은 1입니다.",
        "더하는 값은 차례로 2, 2, 4, 4, 8입니다.",
    ),
    solution=(
        "1 + 2 + 2 + 4 + 4 + 8 = 21화소입니다.\n"
        "점별 합성곱 다섯은 아무것도 더하지 않습니다. 줄인 뒤의 층일수록 많이 더합니다."
    ),
    solution_code="answer = 1 + 2 * (1 + 1 + 2 + 2 + 4)",
)

# ---- 12-6 배치 정규화 합치기 ---------------------------------------------------------------------------------------

_EPS = 1e-5


def normalised(x: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    """합성곱(패딩 1, 편향 없음) 다음의 시험할 때의 배치 정규화. x (N, C, H, W), weight (C_out, C, 3, 3)."""
    return F.batch_norm(F.conv2d(x, weight, padding=1), mean, var, gamma, beta, eps=_EPS)


def _joined(x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return F.conv2d(x, weight * scale[:, None, None, None], bias, padding=1)


def _cases() -> list[tuple[Tensor, ...]]:
    g = torch.Generator().manual_seed(12)
    return [
        (
            *(torch.randn(2, c_in, 5, 6, generator=g), torch.randn(c_out, c_in, 3, 3, generator=g)),
            *(torch.randn(c_out, generator=g), torch.randn(c_out, generator=g), torch.randn(c_out, generator=g)),
            torch.rand(c_out, generator=g) + 0.2,
        )
        for c_in, c_out in ((3, 5), (6, 4))
    ]


FUSE = Exercise(
    id="12-6",
    title="배치 정규화를 합성곱에 합치기",
    question=(
        "3×3 합성곱(패딩 1, 편향 없음) 뒤에 시험할 때의 배치 정규화가 있습니다. 둘을 **합성곱 한 번**으로 계산하는\n"
        "`folded(x, weight, gamma, beta, mean, var)`를 짜세요.\n"
        "가중치와 편향을 고쳐 `nn.functional.conv2d`를 한 번만 부릅니다.\n"
        "배치 정규화의 식은 (y - mean) / sqrt(var + 1e-5) × gamma + beta입니다. 다 짰으면 `check(folded)`를 부르세요."
    ),
    answer=FunctionAnswer(
        reference=normalised,
        cases=_cases,
        mistakes=(
            Mistake(
                lambda x, weight, gamma, beta, mean, var: _joined(x, weight, gamma / (var + _EPS).sqrt(), beta),
                "편향에서 평균의 몫을 빼지 않았습니다. beta - mean × (가중치에 곱한 수)입니다.",
            ),
            Mistake(
                lambda x, weight, gamma, beta, mean, var: _joined(x, weight, gamma / (var + _EPS).sqrt(), beta - mean),
                "평균에도 가중치에 곱한 수를 곱해야 합니다.",
            ),
            Mistake(
                lambda x, weight, gamma, beta, mean, var: _joined(
                    x, weight, gamma / (var + _EPS), beta - mean * gamma / (var + _EPS)
                ),
                "분산의 제곱근으로 나누어야 합니다.",
            ),
            Mistake(
                lambda x, weight, gamma, beta, mean, var: _joined(
                    x, weight, gamma * 0 + 1 / (var + _EPS).sqrt(), beta - mean / (var + _EPS).sqrt()
                ),
                "gamma를 곱하지 않았습니다.",
            ),
        ),
    ),
    hints=(
        "곱할 수는 출력 채널마다 하나입니다. `scale = gamma / (var + 1e-5).sqrt()`",
        "가중치는 `weight * scale[:, None, None, None]`, 편향은 `beta - mean * scale`입니다.",
    ),
    solution=(
        "합성곱은 선형이므로 출력에 수를 곱하는 것은 가중치에 곱하는 것과 같고, 더하는 것은 편향입니다.\n"
        "학습할 때는 평균과 분산이 미니배치마다 바뀌므로 합칠 수 없습니다."
    ),
    solution_code="""import torch.nn.functional as F

def folded(x, weight, gamma, beta, mean, var):
    scale = gamma / (var + 1e-5).sqrt()
    return F.conv2d(x, weight * scale[:, None, None, None], beta - mean * scale, padding=1)
""",
    stub="""def folded(x, weight, gamma, beta, mean, var):
    ...
""",
    name="folded",
)

# ---- 12-7 블록 짜기 ------------------------------------------------------------------------------------------------

_IN, _OUT, _STRIDE = 6, 10, 2


def _wrong(
    groups: int = _IN, strides: tuple[int, int] = (_STRIDE, 1), first: bool = True, last: bool = True
) -> nn.Module:
    """MySeparable에서 한 곳씩 바꾼 것."""
    return nn.Sequential(
        *(*conv_bn(_IN, _IN, 3, _STRIDE, groups=groups), *([nn.ReLU()] if first else [])),
        *(*conv_bn(_IN, _OUT, 1), *([nn.ReLU()] if last else [])),
    )


def _maps() -> list[Tensor]:
    g = torch.Generator().manual_seed(5)
    return [torch.randn(2, _IN, side, side, generator=g) for side in (6, 9)]


MY_SEPARABLE = Exercise(
    id="12-7",
    title="깊이별 분리 합성곱 짜기",
    question=(
        "`c_in`채널을 읽어 `c_out`채널을 내는 MobileNet-v1의 블록을 짜세요.\n"
        "크기는 깊이별 3×3에서 `stride`로 줄입니다. 합성곱에는 편향이 없고,\n"
        "두 합성곱 모두 뒤에 배치 정규화와 ReLU가 있습니다.\n"
        "계층은 데이터가 흐르는 순서로 만드세요. 다 짰으면 `check(MySeparable)`처럼 클래스의 이름을 넣으세요."
    ),
    answer=ModuleAnswer(
        reference=lambda: separable_conv(_IN, _OUT, _STRIDE),
        arguments=(_IN, _OUT, _STRIDE),
        inputs=_maps,
        mistakes=(
            Mistake(lambda: _wrong(groups=1), "3×3이 보통의 합성곱입니다. `groups`를 채널의 수로 하세요."),
            Mistake(lambda: _wrong(first=False), "깊이별 합성곱 뒤에 ReLU가 없습니다."),
            Mistake(lambda: _wrong(last=False), "점별 합성곱 뒤에 ReLU가 없습니다. v2의 좁은 곳과 헷갈리기 쉽습니다."),
            Mistake(
                lambda: nn.Sequential(
                    *(*conv_bn(_IN, _OUT, 1), nn.ReLU(), *conv_bn(_OUT, _OUT, 3, _STRIDE, groups=_OUT), nn.ReLU())
                ),
                "점별이 먼저입니다. 깊이별 3×3을 먼저 하세요.",
            ),
        ),
    ),
    hints=(
        "`nn.Conv2d(c_in, c_in, 3, stride, padding=1, groups=c_in, bias=False)`로 시작합니다.",
        "배치 정규화, ReLU, `nn.Conv2d(c_in, c_out, 1, bias=False)`, 배치 정규화, ReLU가 이어집니다.",
    ),
    solution=(
        "`groups=c_in`이면 채널마다 커널 하나가 됩니다. 그다음 1×1이 채널을 섞습니다.\n"
        "MobileNet-v1은 이 블록 열셋을 쌓은 것입니다."
    ),
    solution_code="""from torch import nn

class MySeparable(nn.Module):
    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(c_in, c_in, 3, stride, padding=1, groups=c_in, bias=False), nn.BatchNorm2d(c_in), nn.ReLU(),
            nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(),
        )

    def forward(self, x):
        return self.layers(x)
""",
    stub="""class MySeparable(nn.Module):
    def __init__(self, c_in, c_out, stride):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MySeparable",
)

EXERCISES = (MACS, SAVING, WIDTH, INVERTED, FIELD, FUSE, MY_SEPARABLE)
