"""04 VGG의 연습 문제. 기준은 Simonyan, Zisserman 2015의 표 1대로 만든 모델이다."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.analysis.formulas import conv_macs, conv_params
from cnnlab.models.vgg import CONFIGS, convolutions
from cnnlab.teaching.answers import Mistake, NumberAnswer, Shape, ShapeAnswer
from cnnlab.teaching.code_answers import FunctionAnswer, ModuleAnswer
from cnnlab.teaching.exercises import Exercise
from cnnlab.teaching.questions.q00_convolution import field_of

# ---- 04-1, 04-2 작은 커널을 쌓기 -----------------------------------------------------------------------------------

STACKED_FIELD = Exercise(
    id="04-1",
    title="3×3을 다섯 번 쌓으면",
    question=(
        "3×3 합성곱(스트라이드 1)을 사이에 풀링 없이 다섯 번 쌓습니다.\n"
        "마지막 출력 하나는 입력에서 한 변이 몇 화소인 영역을 볼까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: field_of(((3, 1),) * 5),
        mistakes=(
            Mistake(lambda: 3 * 5, "커널의 크기를 그냥 더했습니다. 이웃한 창은 서로 겹칩니다."),
            Mistake(lambda: 3**5, "커널의 크기를 거듭 곱했습니다. 합성곱 하나가 넓히는 화소의 수는 늘 같습니다."),
            Mistake(lambda: field_of(((3, 1),) * 4), "네 번 쌓았을 때의 값입니다. 하나 더 쌓으세요."),
            Mistake(lambda: 2 * 5, "가운데 화소를 빠뜨렸습니다. 수용 영역은 1에서 시작합니다."),
        ),
    ),
    hints=(
        "합성곱이 없으면 수용 영역은 1입니다. 3×3 하나가 양쪽으로 몇 화소를 넓히는지 생각해 보세요.",
        "3×3 하나마다 왼쪽과 오른쪽으로 한 화소씩, 모두 2화소가 넓어집니다.",
    ),
    solution=(
        "1에서 시작해 3×3 하나마다 2씩 늘어납니다. 1 + 2 × 5 = 11화소입니다.\n"
        "11×11 커널 하나와 같은 넓이를 봅니다. AlexNet의 첫 커널이 11×11이었습니다(스트라이드는 4)."
    ),
    solution_code="answer = 1 + 2 * 5",
)

C = 96  # 수업에 나오지 않는 채널 수

SAVED_PARAMETERS = Exercise(
    id="04-2",
    title="7×7 하나를 3×3 셋으로 바꾸면",
    question=(
        f"입력과 출력이 모두 {C}채널인 7×7 합성곱 하나를 3×3 합성곱 셋으로 바꿉니다. 편향이 있습니다.\n"
        "매개변수는 몇 개가 줄어들까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: conv_params(C, C, 7) - 3 * conv_params(C, C, 3),
        mistakes=(
            Mistake(lambda: (49 - 27) * C * C, "편향을 빠뜨렸습니다. 합성곱이 셋이면 편향도 세 벌입니다."),
            Mistake(lambda: conv_params(C, C, 7) - conv_params(C, C, 3), "3×3이 하나일 때의 차이입니다. 셋을 빼세요."),
            Mistake(lambda: 3 * conv_params(C, C, 3), "바꾼 뒤에 남는 수입니다. 줄어든 수를 적으세요."),
            Mistake(lambda: 3 * conv_params(C, C, 3) - conv_params(C, C, 7), "빼는 순서가 거꾸로입니다."),
            Mistake(lambda: 22 * C, "입력 채널을 빠뜨렸습니다. 커널은 입력 채널마다 한 장씩 있습니다."),
        ),
    ),
    hints=(
        "합성곱 하나의 매개변수는 (한 변 × 한 변 × 입력 채널 + 1) × 출력 채널입니다.",
        f"7×7 하나는 (49 × {C} + 1) × {C}개, 3×3 셋은 3 × (9 × {C} + 1) × {C}개입니다.",
        "두 수의 차이를 구하세요. 편향은 오히려 두 벌이 늘어납니다.",
    ),
    solution=(
        "7×7 하나는 (49 × 96 + 1) × 96 = 451,680개입니다.\n"
        "3×3 셋은 3 × (9 × 96 + 1) × 96 = 249,120개입니다.\n"
        "줄어든 것은 202,560개입니다. 같은 넓이를 보면서 ReLU는 하나에서 셋으로 늘어납니다."
    ),
    solution_code="answer = (49 * 96 + 1) * 96 - 3 * (9 * 96 + 1) * 96",
)

# ---- 04-3, 04-4 다른 크기의 그림 -----------------------------------------------------------------------------------

SIDE = 352


def _features(side: int, pools: int = 5) -> Shape:
    """side x side 입력에서 풀링 pools개까지 지난 D의 출력."""
    with torch.device("meta"):
        body = nn.Sequential(*convolutions(CONFIGS["D"][:pools]))
        return tuple(body(torch.zeros(1, 3, side, side)).shape[1:])


LARGER_INPUT = Exercise(
    id="04-3",
    title="352×352를 넣으면",
    question=(
        f"구조 D의 합성곱 부분에 3×{SIDE}×{SIDE} 그림을 넣습니다.\n"
        "합성곱은 크기를 바꾸지 않고, 2×2 풀링이 다섯 번 있습니다.\n"
        "마지막 풀링에서 나온 출력의 형태를 (채널, 세로, 가로)로 적으세요."
    ),
    answer=ShapeAnswer(
        expected=lambda: _features(SIDE),
        mistakes=(
            Mistake(lambda: _features(224), "224×224를 넣었을 때의 형태입니다."),
            Mistake(lambda: _features(SIDE, 4), "풀링을 네 번만 지났습니다. 단계는 다섯입니다."),
            Mistake(
                lambda: (1024, *_features(SIDE)[1:]),
                "채널이 한 번 더 두 배가 되었습니다. 논문의 채널은 512에서 멈춥니다.",
            ),
            Mistake(lambda: (512, SIDE // 64, SIDE // 64), "풀링을 여섯 번 지났습니다. 단계는 다섯입니다."),
        ),
    ),
    hints=(
        "풀링 하나가 한 변을 절반으로 줄입니다. 다섯 번이면 몇 분의 1인지 구하세요.",
        "2를 다섯 번 곱하면 32입니다. 352를 32로 나누고, 채널은 마지막 단계의 것을 적으세요.",
    ),
    solution=(
        "한 변은 352 / 32 = 11이고, 마지막 단계의 채널은 512이므로 (512, 11, 11)입니다.\n"
        "224일 때는 (512, 7, 7)이라 완전 연결 계층에 25,088개가 들어갑니다.\n"
        "이제는 61,952개라 그대로는 들어가지 않습니다."
    ),
    solution_code="answer = (512, 11, 11)",
)

DENSE_PLACES = Exercise(
    id="04-4",
    title="촘촘한 평가의 자리",
    question=(
        f"첫 완전 연결 계층을 7×7 합성곱으로, 나머지를 1×1 합성곱으로 바꾼 구조 D에 {SIDE}×{SIDE} 그림을 넣습니다.\n"
        "로짓은 그림의 몇 자리에서 나올까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: (_features(SIDE)[1] - 7 + 1) ** 2,
        mistakes=(
            Mistake(
                lambda: _features(SIDE)[1] ** 2, "7×7 합성곱을 빠뜨렸습니다. 패딩이 없으므로 특징 맵이 줄어듭니다."
            ),
            Mistake(lambda: _features(SIDE)[1] - 6, "한 변의 자리만 셌습니다. 세로와 가로를 곱하세요."),
            Mistake(lambda: (_features(SIDE)[1] - 7) ** 2, "마지막에 1을 더하지 않았습니다. 처음 놓은 자리도 셉니다."),
            Mistake(
                lambda: (SIDE - 224 + 1) ** 2, "입력을 한 화소씩 옮겼습니다. 특징 맵의 한 칸은 입력의 32화소입니다."
            ),
        ),
    ),
    hints=(
        "04-3의 특징 맵에 7×7 커널을 스트라이드 1, 패딩 없이 놓습니다. 한 변에 몇 자리인지 구하세요.",
        "한 변은 11 - 7 + 1자리입니다. 세로와 가로를 곱하세요.",
    ),
    solution=(
        "특징 맵의 한 변이 11이므로 7×7 커널은 한 변에 11 - 7 + 1 = 5자리, 모두 5 × 5 = 25자리에 놓입니다.\n"
        "한 번의 계산으로 224×224 조각 25개를 32화소 간격으로 보는 것과 비슷합니다(가장자리의 패딩은 다릅니다)."
    ),
    solution_code="answer = (352 // 32 - 7 + 1) ** 2",
)

# ---- 04-5 두 배의 규칙 ---------------------------------------------------------------------------------------------


def _macs(c_in: int, c_out: int, side: int) -> int:
    return conv_macs((c_out, c_in, 3, 3), (c_out, side, side))


DOUBLED_STAGE = Exercise(
    id="04-5",
    title="다섯째 단계도 두 배로 했다면",
    question=(
        "논문은 채널을 512에서 멈추었습니다. 다섯째 단계(14×14)의 채널도 1,024로 두 배로 했다고 합시다.\n"
        "그 단계의 마지막 3×3 합성곱(입력과 출력이 모두 1,024채널)의 MAC은 몇 번일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _macs(1024, 1024, 14),
        mistakes=(
            Mistake(lambda: _macs(512, 512, 14), "512채널일 때의 값입니다. 입력과 출력이 모두 두 배입니다."),
            Mistake(lambda: _macs(512, 1024, 14), "그 단계의 첫 합성곱입니다. 마지막 합성곱은 입력도 1,024채널입니다."),
            Mistake(
                lambda: conv_params(1024, 1024, 3, bias=False), "매개변수를 셌습니다. 14×14자리마다 한 번씩 계산합니다."
            ),
            Mistake(lambda: 14 * 14 * 1024 * 1024, "커널의 3×3을 빠뜨렸습니다."),
            Mistake(lambda: 14 * 14 * 9 * 1024, "입력 채널과 출력 채널 가운데 하나를 빠뜨렸습니다."),
        ),
    ),
    hints=(
        "MAC은 (출력의 자리 수) × (커널 하나의 가중치 수) × (출력 채널)입니다.",
        "자리는 14 × 14, 커널 하나의 가중치는 3 × 3 × 1,024개입니다.",
        "수업의 표에서 앞 단계의 마지막 합성곱과 견주어 보세요. 14 × 14 × 9 × 1,024 × 1,024를 계산합니다.",
    ),
    solution=(
        "14 × 14 × 9 × 1,024 × 1,024 = 1,849,688,064번입니다.\n"
        "앞의 네 단계의 마지막 합성곱과 꼭 같습니다. 자리는 1/4, 채널의 곱은 4배이기 때문입니다.\n"
        "실제 D의 다섯째 단계는 채널이 그대로라 이것의 1/4입니다."
    ),
    solution_code="answer = 14 * 14 * 9 * 1024 * 1024",
)

# ---- 04-6 한 단계 --------------------------------------------------------------------------------------------------

STAGE = (8, 16, 3)  # 입력 채널, 출력 채널, 합성곱의 수


def _stage(
    kernel: int = 3,
    padding: int = 1,
    count: int = 3,
    between: Callable[[], nn.Module] = nn.ReLU,
    last: Callable[[], nn.Module] = nn.ReLU,
    pool: Callable[[int], nn.Module] = nn.MaxPool2d,
    every: bool = False,
) -> nn.Sequential:
    """VGG의 한 단계에서 한 곳씩 바꾼 것. 인자를 주지 않으면 옳은 것이다."""
    layers: list[nn.Module] = []
    c_in, c_out = STAGE[:2]
    for n in range(count):
        layers += [nn.Conv2d(c_in, c_out, kernel, padding=padding), (last if n == count - 1 else between)()]
        layers += [pool(2)] if every else []
        c_in = c_out
    return nn.Sequential(*layers, *([] if every else [pool(2)]))


def _maps(channels: int, side: int) -> list[Tensor]:
    g = torch.Generator().manual_seed(4)
    return [torch.randn(2, channels, side, side, generator=g) for _ in range(2)]


MY_STAGE = Exercise(
    id="04-6",
    title="VGG의 한 단계 짜기",
    question=(
        "VGG의 한 단계를 짜세요. 3×3 합성곱을 `count`번 쌓고 끝에 2×2 최대 풀링을 한 번 둡니다.\n"
        "합성곱은 크기를 바꾸지 않고, 합성곱마다 뒤에 ReLU가 있습니다.\n"
        "채널은 첫 합성곱이 `c_in`에서 `c_out`으로 바꿉니다.\n"
        "계층은 데이터가 흐르는 순서로 만드세요. 다 짰으면 `check(MyStage)`처럼 클래스의 이름을 넣으세요."
    ),
    answer=ModuleAnswer(
        reference=lambda: nn.Sequential(*convolutions([[STAGE[1]] * STAGE[2]], c_in=STAGE[0])),
        arguments=STAGE,
        inputs=lambda: _maps(STAGE[0], 16),
        mistakes=(
            Mistake(lambda: _stage(padding=0), "패딩이 없어 합성곱을 지날 때마다 한 변이 2화소씩 줄어듭니다."),
            Mistake(lambda: _stage(every=True), "합성곱마다 풀링을 했습니다. 풀링은 단계의 끝에 한 번입니다."),
            Mistake(
                lambda: _stage(between=nn.Identity),
                "합성곱 사이에 ReLU가 없습니다. ReLU 없이 이은 합성곱은 큰 커널 하나로도 나타낼 수 있습니다.",
            ),
            Mistake(lambda: _stage(last=nn.Identity), "마지막 합성곱 뒤에 ReLU가 없습니다."),
            Mistake(
                lambda: _stage(between=nn.Identity, last=nn.Identity),
                "ReLU가 하나도 없습니다. 합성곱마다 뒤에 ReLU를 넣으세요.",
            ),
            Mistake(lambda: _stage(pool=nn.AvgPool2d), "평균 풀링을 했습니다. VGG는 최대 풀링을 씁니다."),
            Mistake(lambda: _stage(kernel=5, padding=2), "커널이 5×5입니다. 3×3을 쓰세요."),
            Mistake(lambda: _stage(count=2), "합성곱이 둘뿐입니다. `count`개를 쌓으세요."),
            Mistake(lambda: _stage(count=1), "합성곱이 하나뿐입니다. `count`개를 쌓으세요."),
        ),
    ),
    hints=(
        "계층의 목록을 만들어 두고 반복문에서 합성곱과 ReLU를 차례로 더하세요. 끝에 풀링을 더합니다.",
        "둘째 합성곱부터는 입력 채널도 `c_out`입니다. 반복문의 끝에서 `c_in = c_out`으로 바꾸세요.",
        "`nn.Sequential(*layers)`로 묶고 `forward`에서 그대로 부르세요. 패딩은 1입니다.",
    ),
    solution=(
        "반복할 때마다 합성곱과 ReLU를 더하고, 첫 번째가 끝나면 입력 채널을 출력 채널로 바꿉니다.\n"
        "3×3에 패딩 1이면 크기가 그대로이므로 한 변은 풀링에서만 절반이 됩니다."
    ),
    solution_code="""from torch import nn

class MyStage(nn.Module):
    def __init__(self, c_in, c_out, count):
        super().__init__()
        layers = []
        for _ in range(count):
            layers += [nn.Conv2d(c_in, c_out, 3, padding=1), nn.ReLU()]
            c_in = c_out
        self.layers = nn.Sequential(*layers, nn.MaxPool2d(2))

    def forward(self, x):
        return self.layers(x)   # (N, c_out, H/2, W/2)
""",
    stub="""class MyStage(nn.Module):
    def __init__(self, c_in, c_out, count):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MyStage",
)

# ---- 04-7 완전 연결을 합성곱으로 -----------------------------------------------------------------------------------


def dense(maps: Tensor, weight: Tensor, bias: Tensor, k: int) -> Tensor:
    """펼쳐서 곱하던 완전 연결을 k × k 합성곱으로. (N, C, H, W) -> (N, 출력, H-k+1, W-k+1)"""
    return F.conv2d(maps, weight.reshape(len(weight), -1, k, k), bias)


def _cases() -> list[tuple[Tensor, Tensor, Tensor, int]]:
    g = torch.Generator().manual_seed(7)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g)

    sizes = ((3, 2, 2), (3, 4, 5), (5, 7, 7))  # k, 높이, 너비
    return [(random(2, 4, max(k, h), max(k, w)), random(6, 4 * k * k) / k, random(6), k) for k, h, w in sizes]


DENSE = Exercise(
    id="04-7",
    title="완전 연결을 합성곱으로 바꾸기",
    question=(
        "완전 연결 계층은 (C, k, k) 특징 맵을 펼쳐 `weight`(출력 수, C·k·k)와 곱하고 `bias`(출력 수)를 더합니다.\n"
        "같은 가중치를 더 큰 특징 맵 `maps`(N, C, H, W)의 모든 자리에서 쓰는 함수를 짜세요.\n"
        "출력은 (N, 출력 수, H-k+1, W-k+1)입니다. 다 짰으면 `check(dense)`처럼 함수의 이름을 넣으세요."
    ),
    answer=FunctionAnswer(
        reference=dense,
        cases=_cases,
        mistakes=(
            Mistake(
                lambda maps, weight, bias, k: F.conv2d(maps, weight.reshape(len(weight), -1, k, k)),
                "편향을 더하지 않았습니다.",
            ),
            Mistake(
                lambda maps, weight, bias, k: F.conv2d(
                    maps, weight.reshape(len(weight), k, k, -1).permute(0, 3, 1, 2), bias
                ),
                "가중치를 (출력, k, k, C)로 보았습니다. 펼치기는 채널을 가장 천천히 바꿉니다: (출력, C, k, k)입니다.",
            ),
            Mistake(
                lambda maps, weight, bias, k: F.conv2d(
                    maps, weight.reshape(len(weight), -1, k, k).transpose(2, 3), bias
                ),
                "세로와 가로가 바뀌었습니다.",
            ),
            Mistake(
                lambda maps, weight, bias, k: F.conv2d(
                    maps, weight.reshape(len(weight), -1, k, k), bias, padding=k // 2
                ),
                "패딩을 했습니다. 커널을 특징 맵 안에만 놓으세요.",
            ),
            Mistake(
                lambda maps, weight, bias, k: F.conv2d(maps, weight.reshape(len(weight), -1, k, k), bias, stride=k),
                "창이 겹치지 않게 옮겼습니다. 한 칸씩 옮기세요.",
            ),
        ),
    ),
    hints=(
        "합성곱도 창 안의 값을 가중치와 곱해 더합니다. 창이 (C, k, k)이면 펼쳐서 곱한 것과 같은 계산입니다.",
        "`weight`의 형태를 (출력 수, C, k, k)로 바꾸면 `F.conv2d`의 커널이 됩니다.",
        "`F.conv2d(maps, weight.reshape(len(weight), -1, k, k), bias)`입니다. `-1` 자리에는 C가 들어갑니다.",
    ),
    solution=(
        "완전 연결의 가중치 한 줄은 (C, k, k) 커널 하나를 펼친 것입니다. 형태만 바꾸면 합성곱이 됩니다.\n"
        "특징 맵이 꼭 k × k이면 출력이 1×1이고 원래의 완전 연결과 값이 같습니다.\n"
        "더 크면 자리마다 로짓이 나옵니다. 이것을 평균하는 것이 논문의 촘촘한 평가입니다(3.2절)."
    ),
    solution_code="""import torch.nn.functional as F

def dense(maps, weight, bias, k):
    kernel = weight.reshape(len(weight), -1, k, k)   # (출력 수, C, k, k)
    return F.conv2d(maps, kernel, bias)
""",
    stub="""def dense(maps, weight, bias, k):
    ...
""",
    name="dense",
)

EXERCISES = (STACKED_FIELD, SAVED_PARAMETERS, LARGER_INPUT, DENSE_PLACES, DOUBLED_STAGE, MY_STAGE, DENSE)
