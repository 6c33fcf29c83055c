"""01 LeNet-5의 연습 문제. 기준은 LeCun 1998의 II-B절대로 만든 모델이다."""

from collections.abc import Callable
from contextlib import suppress

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.models import build
from cnnlab.models.lenet import C3_CONNECTIONS, SparseConv2d, Subsampling
from cnnlab.teaching.answers import Mistake, NumberAnswer, Shape, ShapeAnswer
from cnnlab.teaching.code_answers import ModuleAnswer
from cnnlab.teaching.exercises import Exercise
from cnnlab.teaching.questions.q00_convolution import field_of


def _meta(name: str) -> nn.Module:
    """세기만 할 때 쓰는, 가중치를 만들지 않은 모델."""
    with torch.device("meta"):
        return build(name)


def _parameters(model: str, layer: str) -> int:
    return sum(p.numel() for p in _meta(model).get_submodule(layer).parameters())


def _output(layer: str, model: str = "lenet5_1998", side: int = 32) -> Shape:
    """side x side 입력을 넣었을 때 그 계층의 출력, 배치 제외. 그 뒤의 계층은 실행하지 않는다."""
    shapes: list[Shape] = []

    def stop(_module: nn.Module, _inputs: tuple[Tensor, ...], out: Tensor) -> None:
        shapes.append(tuple(out.shape[1:]))
        raise StopIteration

    net = build(model)
    net.get_submodule(layer).register_forward_hook(stop)
    with torch.no_grad(), suppress(StopIteration):
        net(torch.zeros(1, 1, side, side))
    return shapes[0]


# ---- 01-1 ~ 01-4 논문의 수를 조금 바꾼 것: 수업의 표에서 베낄 수 없게 ------------------------


def _size(layer: nn.Module) -> int:
    return sum(p.numel() for p in layer.parameters())


C1_PARAMETERS = Exercise(
    id="01-1",
    title="C1을 바꾸면 매개변수는",
    question=(
        "C1의 커널을 7x7로 키우고 특징 맵을 8장으로 늘립니다. 입력은 그대로 1x32x32이고 편향이 있습니다.\n"
        "C1의 매개변수는 몇 개가 될까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _size(nn.Conv2d(1, 8, 7)),
        mistakes=(
            Mistake(lambda: nn.Conv2d(1, 8, 7).weight.numel(), "편향을 빠뜨렸습니다. 특징 맵마다 하나씩 있습니다."),
            Mistake(
                lambda: _size(nn.Conv2d(1, 8, 7)) * 26 * 26,
                "연결의 수를 셌습니다. 같은 특징 맵의 모든 자리는 한 벌의 가중치를 함께 씁니다.",
            ),
            Mistake(
                lambda: _size(nn.Conv2d(3, 8, 7)),
                "입력 채널을 3으로 셌습니다. 논문의 입력은 흑백이라 채널이 하나입니다.",
            ),
            Mistake(
                lambda: nn.Conv2d(1, 8, 7).weight.numel() + 1,
                "편향을 모두 합해 하나로 셌습니다. 편향은 특징 맵마다 하나씩 있습니다.",
            ),
            Mistake(lambda: _size(nn.Conv2d(1, 8, 5)), "커널이 5x5일 때의 값입니다. 여기에서는 7x7입니다."),
        ),
    ),
    hints=(
        "특징 맵 한 장을 만드는 가중치가 몇 개인지 세어 보세요. 입력의 크기는 쓰지 않습니다.",
        "커널 하나는 7 x 7이고 입력 채널은 하나입니다. 여기에 편향 하나가 붙습니다.",
        "(7 x 7 x 1 + 1) x 8을 계산하세요.",
    ),
    solution=(
        "커널 하나에 가중치 7 x 7 x 1 = 49개와 편향 1개, 모두 50개가 있습니다.\n"
        "특징 맵이 8장이므로 50 x 8 = 400개입니다. 논문의 C1은 (5 x 5 x 1 + 1) x 6 = 156개입니다."
    ),
    solution_code="answer = (7 * 7 * 1 + 1) * 8",
)

S4_SHAPE = Exercise(
    id="01-2",
    title="28x28을 그대로 넣으면",
    question=(
        "MNIST 숫자는 28x28입니다. 가장자리를 덧대지 않고 1x28x28 그대로 1998년 LeNet-5에 넣습니다.\n"
        "C1과 C3은 5x5 합성곱(패딩 없음), S2와 S4는 2x2 축소입니다. S4의 출력 형태를 (채널, 세로, 가로)로 적으세요."
    ),
    answer=ShapeAnswer(
        expected=lambda: _output("s4", side=28),
        mistakes=(
            Mistake(lambda: _output("s4"), "32x32를 넣었을 때의 형태입니다. 입력이 28x28로 줄었습니다."),
            Mistake(
                lambda: (16, 28 // 4, 28 // 4), "합성곱에서 크기가 줄지 않았습니다. 패딩이 없으면 양쪽이 줄어듭니다."
            ),
            Mistake(lambda: _output("c3", side=28), "C3까지만 지났습니다. S4의 축소가 한 번 더 남았습니다."),
            Mistake(lambda: _output("s2", side=28), "S2의 형태입니다. C3과 S4를 더 지나세요."),
            Mistake(
                lambda: (6, *_output("s4", side=28)[1:]),
                "채널의 수를 보세요. 축소는 채널의 수를 바꾸지 않으므로 C3이 만든 수 그대로입니다.",
            ),
        ),
    ),
    hints=(
        "5x5 합성곱은 패딩이 없으면 한 변을 4화소 줄이고, 2x2 축소는 절반으로 줄입니다.",
        "C1을 지나면 24, S2를 지나면 12입니다. C3과 S4를 이어서 계산하세요.",
    ),
    solution=(
        "C1: 28 - 5 + 1 = 24, S2: 24 / 2 = 12, C3: 12 - 5 + 1 = 8, S4: 8 / 2 = 4입니다.\n"
        "채널은 C3이 만든 16 그대로이므로 (16, 4, 4)입니다. 그러면 C5의 5x5 커널을 놓을 수 없습니다."
    ),
    solution_code="answer = (16, 4, 4)",
)

# 표 I를 바꾼 것: 처음 6장이 2장씩만 본다
_THINNER = tuple(sources[:2] if n < 6 else sources for n, sources in enumerate(C3_CONNECTIONS))


def _sparse(connections: tuple[tuple[int, ...], ...]) -> int:
    return _size(SparseConv2d(connections, kernel_size=5))


C3_PARAMETERS = Exercise(
    id="01-3",
    title="C3을 더 성기게 이으면",
    question=(
        "표 I를 바꾸어 C3의 처음 6장은 S2의 특징 맵을 2장씩만 보게 합니다.\n"
        "다음 9장은 4장씩, 마지막 한 장은 6장을 모두 보는 것은 그대로이고 커널은 5x5입니다.\n"
        "C3의 매개변수는 몇 개일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _sparse(_THINNER),
        mistakes=(
            Mistake(lambda: _sparse(C3_CONNECTIONS), "표 I 그대로의 값입니다. 처음 6장은 이제 2장씩만 봅니다."),
            Mistake(lambda: _size(nn.Conv2d(6, 16, 5)), "C3이 S2의 특징 맵을 모두 본다고 셌습니다."),
            Mistake(lambda: _sparse(_THINNER) - 16, "편향을 빠뜨렸습니다. 특징 맵마다 하나씩 있습니다."),
            Mistake(
                lambda: _sparse(_THINNER) * 10 * 10,
                "연결의 수를 셌습니다. 10x10의 모든 자리가 한 벌의 가중치를 함께 쓰므로 매개변수는 100분의 1입니다.",
            ),
            Mistake(
                lambda: 16 * (25 + 1),
                "특징 맵마다 커널을 하나씩만 셌습니다. 보는 입력 특징 맵마다 5x5 커널이 하나씩 있습니다.",
            ),
        ),
    ),
    hints=(
        "이어진 (입력, 출력) 쌍마다 5x5 커널이 하나씩 있습니다. 쌍이 몇 개인지 먼저 세어 보세요.",
        "쌍은 6 x 2 + 9 x 4 + 1 x 6 = 54개입니다. 편향은 특징 맵마다 하나입니다.",
        "54 x 25 + 16을 계산하세요.",
    ),
    solution=(
        "이어진 쌍은 6 x 2 + 9 x 4 + 1 x 6 = 54개이고, 쌍마다 가중치가 25개입니다.\n"
        "편향 16개를 더해 54 x 25 + 16 = 1,366개입니다. 논문의 표 I는 60쌍이므로 1,516개입니다."
    ),
    solution_code="answer = (6 * 2 + 9 * 4 + 1 * 6) * 25 + 16",
)

_WIDER = ((7, 1), (2, 2), (5, 1), (2, 2), (5, 1))  # C1만 7x7: C1, S2, C3, S4, C5의 (커널, 스트라이드)

S4_FIELD = Exercise(
    id="01-4",
    title="C1을 7x7로 바꾼 S4의 수용 영역",
    question=(
        "C1의 커널만 7x7로 바꿉니다. C3은 5x5(스트라이드 1), S2와 S4는 2x2(스트라이드 2) 그대로입니다.\n"
        "S4의 출력 하나는 입력에서 한 변이 몇 화소인 영역을 볼까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: field_of(_WIDER[:4]),
        mistakes=(
            Mistake(
                lambda: field_of(_WIDER[:3]),
                "C3까지의 수용 영역이거나, C1이 5x5일 때의 값이거나, 네 커널의 크기를 그냥 더한 값입니다. "
                "7x7에서 시작해 S4까지 (커널 - 1) x 간격을 더해 가세요.",
            ),
            Mistake(lambda: field_of(_WIDER), "C5의 수용 영역입니다. S4에서 멈추세요."),
            Mistake(lambda: 7 + 5, "합성곱의 커널만 더했습니다. 축소도 보는 영역과 간격을 넓힙니다."),
            Mistake(
                lambda: field_of(tuple((kernel, 1) for kernel, _ in _WIDER[:4])),
                "스트라이드를 빠뜨렸습니다. S2를 지나면 한 칸이 입력의 두 화소입니다.",
            ),
        ),
    ),
    hints=(
        "수용 영역 1, 간격 1에서 시작합니다. 계층마다 (커널 - 1) x 간격을 더한 뒤, 간격에 스트라이드를 곱하세요.",
        "C1을 지나면 7, S2를 지나면 8이고 간격은 2가 됩니다. C3의 4칸은 입력에서 8화소입니다.",
    ),
    solution=(
        "C1: 1 + 6 x 1 = 7, S2: 7 + 1 x 1 = 8(간격 2), C3: 8 + 4 x 2 = 16, S4: 16 + 1 x 2 = 18화소입니다.\n"
        "C1을 5x5에서 7x7로 바꾸면 뒤의 모든 수용 영역이 2화소씩 넓어집니다."
    ),
    solution_code="answer = 1 + 6 * 1 + 1 * 1 + 4 * 2 + 1 * 2",
)

# ---- 01-5 학습되는 축소 --------------------------------------------------------------------------------------------


class _Subsampling(nn.Module):
    """틀린 축소를 만드는 틀: 창을 모으는 법, 계수와 편향의 수를 바꾼다(0이면 없음)."""

    def __init__(self, gather: Callable[[Tensor], Tensor], coefficients: int = 6, biases: int = 6) -> None:
        super().__init__()
        self.gather = gather
        self.weights = nn.ParameterList(torch.zeros(n, 1, 1) for n in (coefficients, biases) if n)
        self.has = (coefficients > 0, biases > 0)

    def forward(self, x: Tensor) -> Tensor:
        x, weights = self.gather(x), list(self.weights)
        if self.has[0]:
            x = x * weights.pop(0)
        return x + weights.pop(0) if self.has[1] else x


def _mean(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2)


def _sum(x: Tensor) -> Tensor:
    return 4 * F.avg_pool2d(x, 2)


def _max(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2)


def _pictures(channels: int, side: int) -> list[Tensor]:
    g = torch.Generator().manual_seed(1)
    return [torch.randn(2, channels, side, side, generator=g) for _ in range(2)]


_ONE_FOR_ALL = "계수나 편향을 하나만 만들어 모든 특징 맵에 함께 썼습니다. 특징 맵마다 하나씩 있어야 합니다."

SUBSAMPLING = Exercise(
    id="01-5",
    title="1998년의 축소(subsampling) 짜기",
    question=(
        "S2와 S4는 겹치지 않는 2x2 창의 네 값을 더하고, 특징 맵마다 하나씩 둔 계수를 곱하고 편향을 더합니다.\n"
        "매개변수의 이름은 `coefficient`와 `bias`로 하고, 활성화 함수는 넣지 마세요.\n"
        "다 짰으면 `check(MySubsampling)`처럼 클래스의 이름을 넣으세요."
    ),
    answer=ModuleAnswer(
        reference=lambda: Subsampling(6),
        arguments=(6,),
        inputs=lambda: _pictures(6, 8),
        mistakes=(
            Mistake(
                lambda: _Subsampling(_mean),
                "네 값을 더하지 않고 평균을 냈습니다. 논문의 II-B절은 네 값의 합에 계수를 곱합니다.",
            ),
            Mistake(
                lambda: _Subsampling(_max),
                "최대 풀링을 했습니다. 1998년의 축소는 네 값을 모두 더합니다.",
            ),
            Mistake(lambda: _Subsampling(_sum, coefficients=1), _ONE_FOR_ALL),
            Mistake(lambda: _Subsampling(_sum, coefficients=1, biases=1), _ONE_FOR_ALL),
            Mistake(lambda: _Subsampling(_sum, biases=0), "편향이 없습니다. 특징 맵마다 편향을 하나씩 더하세요."),
            Mistake(lambda: _Subsampling(_sum, coefficients=0), "계수가 없습니다. 특징 맵마다 계수를 하나씩 곱하세요."),
        ),
    ),
    hints=(
        "`F.avg_pool2d(x, 2)`는 네 값의 평균입니다. 여기서 합을 얻으려면 무엇을 곱해야 할지 생각해 보세요.",
        "매개변수의 형태를 (channels, 1, 1)로 만들면 (N, channels, H, W)에 특징 맵마다 따로 곱할 수 있습니다.",
        "`nn.Parameter(torch.ones(channels, 1, 1))`과 `nn.Parameter(torch.zeros(channels, 1, 1))`을 만들어 쓰세요.",
    ),
    solution=(
        "평균에 4를 곱하면 합입니다. 계수와 편향은 특징 맵마다 하나씩이므로 형태가 (channels, 1, 1)입니다.\n"
        "S2의 매개변수는 6 x 2 = 12개, S4의 매개변수는 16 x 2 = 32개로 논문과 같습니다."
    ),
    solution_code="""import torch
import torch.nn.functional as F
from torch import nn

class MySubsampling(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.coefficient = nn.Parameter(torch.full((channels, 1, 1), 0.25))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x):
        total = 4 * F.avg_pool2d(x, 2)               # (N, channels, H/2, W/2)
        return self.coefficient * total + self.bias
""",
    stub="""class MySubsampling(nn.Module):
    def __init__(self, channels):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MySubsampling",
)

# ---- 01-6 CIFAR-10용 LeNet-5 ---------------------------------------------------------------------------------------

Layer = Callable[[], nn.Module]


def _variant(
    channels: int = 3,
    conv: Layer = nn.ReLU,
    pool: Callable[[int], nn.Module] = nn.MaxPool2d,
    a5: Layer = nn.ReLU,
    a6: Layer = nn.ReLU,
    last: Layer = nn.Identity,
) -> nn.Sequential:
    """lenet5_cifar에서 한 곳씩 바꾼 것. 인자를 주지 않으면 lenet5_cifar와 같은 계산이다."""
    return nn.Sequential(
        *(nn.Conv2d(channels, 6, 5), conv(), pool(2)),
        *(nn.Conv2d(6, 16, 5), conv(), pool(2)),
        *(nn.Flatten(), nn.Linear(400, 120), a5()),
        *(nn.Linear(120, 84), a6()),
        *(nn.Linear(84, 10), last()),
    )


_NO_ACTIVATION = (
    "뒤쪽 계층 사이에 활성화 함수가 빠진 곳이 있습니다. 활성화 함수 없이 이은 두 완전 연결 계층은 하나와 같습니다."
)

MY_LENET5 = Exercise(
    id="01-6",
    title="CIFAR-10용 LeNet-5 짜기",
    question=(
        "3x32x32 사진을 받는 LeNet-5를 짜세요. 활성화 함수는 ReLU, 풀링은 2x2 최대 풀링입니다.\n"
        "5x5 합성곱으로 특징 맵 6개 -> 풀링 -> 5x5 합성곱으로 16개 -> 풀링 -> 120 -> 84 -> 출력 10개입니다.\n"
        "출력은 로짓(logit)입니다. 계층은 데이터가 흐르는 순서로 만드세요.\n"
        "다 짰으면 `check(MyLeNet5)`처럼 클래스의 이름을 넣으세요."
    ),
    answer=ModuleAnswer(
        reference=lambda: build("lenet5_cifar"),
        arguments=(),
        inputs=lambda: _pictures(3, 32),
        mistakes=(
            Mistake(
                lambda: _variant(conv=nn.Tanh, a5=nn.Tanh, a6=nn.Tanh),
                "활성화 함수가 tanh입니다. 이 문제에서는 ReLU를 쓰세요.",
            ),
            Mistake(lambda: _variant(pool=nn.AvgPool2d), "평균 풀링을 했습니다. 이 문제에서는 최대 풀링을 쓰세요."),
            Mistake(
                lambda: _variant(conv=nn.Tanh, a5=nn.Tanh, a6=nn.Tanh, pool=nn.AvgPool2d),
                "tanh와 평균 풀링은 흑백 숫자용 `lenet5`의 구성입니다. ReLU와 최대 풀링으로 바꾸세요.",
            ),
            Mistake(lambda: _variant(a5=nn.Identity), _NO_ACTIVATION),
            Mistake(lambda: _variant(a6=nn.Identity), _NO_ACTIVATION),
            Mistake(lambda: _variant(a5=nn.Identity, a6=nn.Identity), _NO_ACTIVATION),
            Mistake(
                lambda: _variant(conv=nn.Identity),
                "합성곱 뒤에 활성화 함수가 없습니다. 합성곱을 지날 때마다 ReLU를 넣으세요.",
            ),
            Mistake(
                lambda: _variant(last=lambda: nn.Softmax(dim=1)),
                "출력에 softmax를 씌웠습니다. 손실 함수인 교차 엔트로피(cross entropy)가 그 일을 하므로 "
                "로짓을 그대로 내보내세요.",
            ),
            Mistake(
                lambda: _variant(last=nn.ReLU),
                "출력에 ReLU를 씌웠습니다. 로짓은 음수일 수도 있어야 합니다.",
            ),
            Mistake(
                lambda: _variant(channels=1),
                "입력 채널이 하나입니다. CIFAR-10은 컬러 사진이라 빨강, 초록, 파랑의 세 채널이 있습니다.",
            ),
        ),
    ),
    hints=(
        "`__init__`에서 가중치가 있는 계층 다섯 개를 순서대로 만들고, `forward`에서 이으세요.",
        "합성곱을 지날 때마다 ReLU와 최대 풀링을 차례로 씁니다. 둘째 풀링 뒤의 형태는 (N, 16, 5, 5)입니다.",
        "`x.flatten(1)`로 (N, 400)을 만든 뒤 400 -> 120 -> 84 -> 10으로 잇고, 앞의 두 계층 뒤에 ReLU를 넣으세요.",
    ),
    solution=(
        "합성곱 -> ReLU -> 풀링을 두 번 지나면 (N, 16, 5, 5)이고, 펼치면 400개입니다.\n"
        "C5는 5x5 특징 맵에 놓은 5x5 합성곱이므로 400 -> 120의 완전 연결 계층과 같은 계산입니다.\n"
        "마지막 계층에는 활성화 함수를 두지 않습니다. 손실 함수가 로짓을 받습니다."
    ),
    solution_code="""import torch.nn.functional as F
from torch import nn

class MyLeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(3, 6, 5)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.c5 = nn.Linear(16 * 5 * 5, 120)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)   # (N, 6, 14, 14)
        x = F.max_pool2d(F.relu(self.c3(x)), 2)   # (N, 16, 5, 5)
        x = F.relu(self.c5(x.flatten(1)))         # (N, 120)
        x = F.relu(self.f6(x))                    # (N, 84)
        return self.output(x)
""",
    stub="""class MyLeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MyLeNet5",
)

# ---- 01-7 완전 연결이었다면 ----------------------------------------------------------------------------------------


def _dense(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, device="meta")


FULLY_CONNECTED = Exercise(
    id="01-7",
    title="합성곱 대신 완전 연결이었다면",
    question=(
        "1998년 LeNet-5의 C1은 흑백 1x32x32에서 6x28x28 특징 맵을 만듭니다.\n"
        "같은 입력과 출력을 완전 연결 계층 하나로 이으면, 편향까지 더해 매개변수가 몇 개일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _size(_dense(32 * 32, 6 * 28 * 28)),
        mistakes=(
            Mistake(
                lambda: _dense(32 * 32, 6 * 28 * 28).weight.numel(),
                "편향을 빠뜨렸습니다. 출력 하나에 편향이 하나씩 있습니다.",
            ),
            Mistake(
                lambda: _size(_dense(3 * 32 * 32, 6 * 28 * 28)),
                "컬러 사진의 세 채널로 셌습니다. 논문의 입력은 흑백이라 채널이 하나입니다.",
            ),
            Mistake(
                lambda: _dense(32 * 32, 6 * 28 * 28).weight.numel() + 6,
                "편향을 특징 맵마다 하나로 셌습니다. 완전 연결 계층에서는 출력 하나마다 편향이 따로 있습니다.",
            ),
            Mistake(
                lambda: _parameters("lenet5_1998", "c1"),
                "합성곱의 매개변수를 셌습니다. 완전 연결 계층은 입력 하나와 출력 하나마다 가중치가 따로 있습니다.",
            ),
        ),
    ),
    hints=(
        "입력의 수와 출력의 수를 먼저 구하세요. 가중치는 두 수의 곱만큼 있습니다.",
        "입력은 1 x 32 x 32개, 출력은 6 x 28 x 28개입니다. 편향은 출력마다 하나입니다.",
    ),
    solution=(
        "입력은 32 x 32 = 1,024개, 출력은 6 x 28 x 28 = 4,704개입니다.\n"
        "가중치 1,024 x 4,704 = 4,816,896개에 편향 4,704개를 더해 4,821,600개입니다.\n"
        "합성곱은 156개로 같은 형태를 만듭니다. 국소 수용 영역과 가중치 공유 덕분에 3만분의 1 아래로 줄었습니다."
    ),
    solution_code="answer = (32 * 32) * (6 * 28 * 28) + 6 * 28 * 28",
)

EXERCISES = (C1_PARAMETERS, S4_SHAPE, C3_PARAMETERS, S4_FIELD, SUBSAMPLING, MY_LENET5, FULLY_CONNECTED)
