"""08 활성화를 앞에 둔 ResNet의 연습 문제. 기준은 He 외 2016의 그림 4와 부록대로 만든 모델이다."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from cnnlab.layers import conv
from cnnlab.models.preact_resnet import PreActBlock, basic, projection_where_needed
from cnnlab.teaching.answers import Mistake, NumberAnswer
from cnnlab.teaching.code_answers import FunctionAnswer, ModuleAnswer
from cnnlab.teaching.exercises import Exercise

# ---- 08-1, 08-2 깊이 -----------------------------------------------------------------------------------------------

RELUS_ON_THE_WAY = Exercise(
    id="08-1",
    title="ResNet-32의 길에 놓인 ReLU",
    question=(
        "처음 순서의 CIFAR-10용 ResNet-32는 6n+2층(n = 5)이고, 단계 셋에 잔차 블록이 n개씩 있습니다.\n"
        "첫 블록의 입력이 지름길만 따라 전역 평균 풀링까지 갑니다. 도중에 ReLU를 몇 번 지날까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: 3 * 5,
        mistakes=(
            Mistake(lambda: 2 * 3 * 5, "갈래 안의 ReLU까지 셌습니다. 지름길은 갈래 안을 지나지 않습니다."),
            Mistake(lambda: 5, "한 단계만 셌습니다. 단계는 셋입니다."),
            Mistake(lambda: 3 * 5 - 2, "형태가 바뀌는 블록을 뺐습니다. 그 블록도 덧셈 뒤에 ReLU가 있습니다."),
            Mistake(lambda: 3 * 5 + 1, "첫 블록보다 앞에 있는 ReLU까지 셌습니다."),
        ),
    ),
    hints=(
        "처음 순서에서 ReLU는 블록 안에 둘입니다. 하나는 갈래 안에, 하나는 덧셈 뒤에 있습니다.",
        "지름길이 지나는 것은 덧셈 뒤의 것뿐입니다. 블록이 모두 몇 개인지 세세요.",
        "블록은 단계 셋에 5개씩입니다.",
    ),
    solution=(
        "블록마다 덧셈 뒤의 ReLU를 한 번 지나므로 3 × 5 = 15번입니다.\n"
        "'모두 앞'의 지름길은 형태가 바뀌지 않는 블록에서는 한 번도 지나지 않습니다."
    ),
    solution_code="answer = 3 * 5",
)

BLOCKS_IN_A_STAGE = Exercise(
    id="08-2",
    title="ResNet-1001의 블록",
    question=(
        "ResNet-164와 ResNet-1001은 합성곱이 셋인 병목 블록을 단계 셋에 똑같이 나누어 쌓습니다.\n"
        "첫 합성곱과 마지막 완전 연결을 더한 것이 전체 층수입니다. ResNet-1001의 한 단계에는 블록이 몇 개 있을까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: (1001 - 2) // (3 * 3),
        mistakes=(
            Mistake(lambda: (1001 - 2) // 3, "단계 셋의 블록을 모두 셌습니다."),
            Mistake(lambda: (1001 - 2) / 6, "합성곱이 둘인 기본 블록으로 셌습니다. 병목 블록은 셋입니다."),
            Mistake(lambda: 18, "ResNet-164의 값입니다."),
            Mistake(lambda: 1001 // 9 + 1, "첫 합성곱과 마지막 완전 연결을 빼고 나누세요."),
        ),
    ),
    hints=(
        "블록 하나에 합성곱이 셋, 단계가 셋이므로 한 단계에 블록이 n개이면 합성곱은 9n개입니다.",
        "9n + 2 = 1001을 푸세요.",
    ),
    solution=(
        "9n + 2 = 1001이므로 n = 999 / 9 = 111개입니다.\n"
        "ResNet-164는 같은 식에서 n = 18입니다. 신호는 덧셈 333번을 지나야 합니다."
    ),
    solution_code="answer = (1001 - 2) // 9",
)

# ---- 08-3, 08-4 손으로 따라가기 ------------------------------------------------------------------------------------

_START, _BRANCHES = 50, (-30, 20, -60, 15, 25)


def _walk(x: int, branches: Sequence[int], relu: bool) -> int:
    """갈래가 정해진 값을 내는 블록들을 지난다."""
    for branch in branches:
        x = max(0, x + branch) if relu else x + branch
    return x


ORIGINAL_WALK = Exercise(
    id="08-3",
    title="블록 다섯을 지난 값",
    question=(
        "처음 순서의 블록 다섯이 있고, 갈래들은 차례로 -30, 20, -60, 15, 25를 냅니다(입력이 무엇이든 같다고 합시다).\n"
        "지름길은 항등입니다. 첫 블록에 50이 들어가면 마지막 블록에서 얼마가 나올까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _walk(_START, _BRANCHES, relu=True),
        mistakes=(
            Mistake(lambda: _walk(_START, _BRANCHES, relu=False), "덧셈 뒤의 ReLU를 빠뜨렸습니다."),
            Mistake(lambda: sum(max(0, b) for b in _BRANCHES) + _START, "갈래의 값에 ReLU를 했습니다."),
            Mistake(lambda: _walk(_START, _BRANCHES[:-1], relu=True), "넷째 블록까지의 값입니다."),
            Mistake(lambda: sum(_BRANCHES), "첫 블록에 들어간 50을 빠뜨렸습니다."),
        ),
    ),
    hints=(
        "블록 하나가 하는 일은 '더하고 ReLU'입니다. 차례로 해 보세요.",
        "둘째 블록까지 지난 값은 처음의 50보다 10 작습니다. 셋째 블록에서 거기에 -60을 더하면 음수입니다.",
    ),
    solution=(
        "50 - 30 = 20, 20 + 20 = 40, 40 - 60 = -20은 ReLU를 지나 0, 그다음은 15, 40입니다.\n"
        "답 40에는 처음의 50이 남아 있지 않습니다. 셋째 블록에서 0이 되는 순간 지워졌습니다."
    ),
    solution_code="answer = max(0, max(0, 50 - 30 + 20) - 60) + 15 + 25",
)

PREACT_WALK = Exercise(
    id="08-4",
    title="ReLU가 없는 길",
    question=(
        "08-3에서 순서만 '모두 앞'으로 바꾸었습니다. 갈래들은 그대로 -30, 20, -60, 15, 25를 내고, 50이 들어갑니다.\n"
        "마지막 블록의 출력에, 그 출력을 입력으로 미분한 값을 더하면 얼마일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _walk(_START, _BRANCHES, relu=False) + 1,
        mistakes=(
            Mistake(lambda: _walk(_START, _BRANCHES, relu=True), "08-3의 출력에, 그때의 미분값 0을 더했습니다."),
            Mistake(lambda: _walk(_START, _BRANCHES, relu=False), "미분값을 더하지 않았거나 0으로 보았습니다."),
            Mistake(
                lambda: _walk(_START, _BRANCHES, relu=True) + 1, "출력이 08-3의 것입니다. 덧셈 뒤에 ReLU가 없습니다."
            ),
            Mistake(
                lambda: _walk(_START, _BRANCHES, relu=False) + len(_BRANCHES),
                "미분값을 블록마다 하나씩 더했습니다. 블록마다 미분값은 1이고, 다섯 번 곱해도 1입니다.",
            ),
        ),
    ),
    hints=(
        "덧셈 뒤에 아무것도 없으므로 출력은 입력과 갈래들의 합입니다.",
        "출력은 50 - 30 + 20 - 60 + 15 + 25입니다. 갈래는 입력과 상관없으니, 입력이 1 커지면 출력은 얼마나 커질까요?",
    ),
    solution=(
        "출력은 50 - 30 + 20 - 60 + 15 + 25 = 20이고, 입력이 1 커지면 출력도 1 커지므로 미분값은 1, 합은 21입니다.\n"
        "처음 순서에서는 셋째 블록에서 0이 되었으므로 미분값이 0입니다. 출력은 더 크지만 입력이 바뀌어도 그대로입니다."
    ),
    solution_code="answer = (50 - 30 + 20 - 60 + 15 + 25) + 1",
)

# ---- 08-5 매개변수 -------------------------------------------------------------------------------------------------

CHANNELS = 48  # 수업에 나오지 않는 채널 수


def _params(block: nn.Module) -> int:
    return sum(p.numel() for p in block.parameters())


BLOCK_PARAMETERS = Exercise(
    id="08-5",
    title="'모두 앞' 블록 하나",
    question=(
        f"입력과 출력이 모두 {CHANNELS}채널인 '모두 앞' 블록이 있습니다. 3×3 합성곱이 둘이고 편향은 없습니다.\n"
        "배치 정규화는 채널마다 크기와 이동을 하나씩 배웁니다. 매개변수는 모두 몇 개일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: _params(PreActBlock(basic, CHANNELS, CHANNELS)),
        mistakes=(
            Mistake(lambda: 2 * 9 * CHANNELS**2, "배치 정규화의 매개변수를 빠뜨렸습니다."),
            Mistake(
                lambda: 2 * 9 * CHANNELS**2 + 2 * CHANNELS,
                "배치 정규화 하나를 빠뜨렸거나 첫 블록의 값입니다. 이 블록에는 배치 정규화가 둘 있습니다.",
            ),
            Mistake(lambda: 2 * (9 * CHANNELS + 1) * CHANNELS + 4 * CHANNELS, "합성곱에 편향을 더했습니다."),
            Mistake(
                lambda: _params(PreActBlock(basic, CHANNELS, CHANNELS)) + CHANNELS**2,
                "지름길에 1×1 합성곱을 두었습니다. 형태가 같으면 항등입니다.",
            ),
        ),
    ),
    hints=(
        "3×3 합성곱 하나의 가중치는 9 × 입력 채널 × 출력 채널입니다.",
        f"합성곱 둘에 2 × 9 × {CHANNELS} × {CHANNELS}개, 배치 정규화 둘에 2 × 2 × {CHANNELS}개입니다.",
    ),
    solution=(
        "2 × 9 × 48 × 48 = 41,472개에 2 × 2 × 48 = 192개를 더해 41,664개입니다.\n"
        "순서를 바꾸어도 계층은 그대로이므로 처음 순서의 블록과 같습니다."
    ),
    solution_code="answer = 2 * 9 * 48 * 48 + 2 * 2 * 48",
)

# ---- 08-6 블록 짜기 ------------------------------------------------------------------------------------------------


class _Wrong(nn.Module):
    """MyPreActBlock에서 한 곳씩 바꾼 것. words는 갈래의 차례, after는 덧셈 뒤의 것."""

    def __init__(self, words: str, after: str = "", keep: bool = True, opened: bool = False) -> None:
        super().__init__()
        self.keep, self.opened = keep, opened
        self.residual = nn.Sequential(*(_layer(word) for word in words.split()))
        self.after = nn.Sequential(*(_layer(word) for word in after.split()))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.residual[:2](x) if self.opened else x
        y = self.residual(x)
        return self.after(y + shortcut if self.keep else y)


def _layer(word: str) -> nn.Module:
    made: dict[str, Callable[[], nn.Module]] = {
        "BN": lambda: nn.BatchNorm2d(8),
        "ReLU": nn.ReLU,
        "conv": lambda: conv(8, 8, 3),
    }
    return made[word]()


def _maps() -> list[Tensor]:
    g = torch.Generator().manual_seed(8)
    return [torch.randn(2, 8, side, side, generator=g) for side in (6, 9)]


_FULL = "BN ReLU conv BN ReLU conv"

MY_BLOCK = Exercise(
    id="08-6",
    title="'모두 앞' 블록 짜기",
    question=(
        "입력과 출력이 모두 `channels`채널인 '모두 앞' 블록을 짜세요.\n"
        "3×3 합성곱이 둘이고 편향이 없으며 크기를 바꾸지 않습니다.\n"
        "계층은 데이터가 흐르는 순서로 만드세요. 다 짰으면 `check(MyPreActBlock)`처럼 클래스의 이름을 넣으세요."
    ),
    answer=ModuleAnswer(
        reference=lambda: PreActBlock(basic, 8, 8, shortcut=projection_where_needed),
        arguments=(8,),
        inputs=_maps,
        mistakes=(
            Mistake(lambda: _Wrong(_FULL, "ReLU"), "덧셈 뒤에 ReLU가 있습니다. 지름길이 그대로 이어지지 않습니다."),
            Mistake(lambda: _Wrong(_FULL, keep=False), "입력을 더하지 않았습니다."),
            Mistake(
                lambda: _Wrong(_FULL, opened=True), "지름길에 활성화한 값을 더했습니다. 받은 값을 그대로 더하세요."
            ),
            Mistake(lambda: _Wrong("BN conv BN ReLU conv"), "첫 배치 정규화 뒤에 ReLU가 없습니다."),
            Mistake(lambda: _Wrong("BN ReLU conv BN conv"), "두 합성곱 사이에 ReLU가 없습니다."),
            Mistake(lambda: _Wrong("BN ReLU conv ReLU conv"), "둘째 배치 정규화가 없습니다."),
        ),
    ),
    hints=(
        "갈래는 배치 정규화, ReLU, 합성곱을 두 번 되풀이한 것입니다.",
        "`nn.Sequential`에 여섯 계층을 넣고 `forward`에서 `x`를 더하세요. 합성곱은 `padding=1, bias=False`입니다.",
    ),
    solution=(
        "갈래에 여섯 계층을 차례로 두고, 받은 값을 그대로 더합니다.\n"
        "맨 앞의 배치 정규화가 새 텐서를 만들므로, ReLU에 `inplace=True`를 써도 지름길의 `x`는 바뀌지 않습니다."
    ),
    solution_code="""from torch import nn

class MyPreActBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.residual = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        )

    def forward(self, x):
        return x + self.residual(x)   # 덧셈 뒤에는 아무것도 없습니다
""",
    stub="""class MyPreActBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        ...

    def forward(self, x):
        ...
""",
    name="MyPreActBlock",
)

# ---- 08-7 살아남은 자리 --------------------------------------------------------------------------------------------


def survives(x: Tensor, branches: Tensor) -> Tensor:
    """처음 순서의 블록들을 지나는 동안 한 번도 0으로 잘리지 않은 자리. x (N,), branches (블록 수, N) -> 0과 1 (N,)."""
    alive = torch.ones_like(x)
    for branch in branches:
        x = x + branch
        alive = alive * (x > 0)
        x = x.relu()
    return alive


def _sum_only(x: Tensor, branches: Tensor) -> Tensor:
    return ((x + branches.sum(dim=0)) > 0).to(x.dtype)


def _last_only(x: Tensor, branches: Tensor) -> Tensor:
    for branch in branches:
        x = (x + branch).relu()
    return (x > 0).to(x.dtype)


def _walks() -> list[tuple[Tensor, Tensor]]:
    g = torch.Generator().manual_seed(2)
    return [(torch.rand(40, generator=g) * 2, torch.randn(count, 40, generator=g)) for count in (2, 5, 9)]


SURVIVORS = Exercise(
    id="08-7",
    title="잘리지 않고 끝까지 간 자리",
    question=(
        "처음 순서의 블록들을 지나며 **한 번도 0으로 잘리지 않은** 자리를 찾는 함수를 짜세요.\n"
        "`x`(N)는 첫 블록의 입력, `branches`(블록 수, N)는 블록마다 갈래가 낸 값입니다.\n"
        "블록 하나는 더하고 ReLU를 합니다. 합이 0 이하가 된 적이 있으면 0.0, 없으면 1.0인 (N) 텐서를 돌려주세요.\n"
        "다 짰으면 `check(survives)`처럼 함수의 이름을 넣으세요."
    ),
    answer=FunctionAnswer(
        reference=survives,
        cases=_walks,
        mistakes=(
            Mistake(_sum_only, "끝의 합만 보았습니다. 도중에 0이 된 자리도 찾아야 합니다."),
            Mistake(_last_only, "마지막 값이 0보다 큰지만 보았습니다. 잘렸다가 다시 커진 자리도 잘린 것입니다."),
            Mistake(lambda x, branches: 1 - survives(x, branches), "거꾸로입니다. 잘리지 않은 자리가 1입니다."),
            Mistake(
                lambda x, branches: (branches > 0).all(dim=0).to(x.dtype),
                "갈래의 부호만 보았습니다. 갈래가 음수여도 합이 양수이면 잘리지 않습니다.",
            ),
        ),
    ),
    hints=(
        "`alive = torch.ones_like(x)`에서 시작해 블록마다 합이 0보다 큰 자리만 남기세요.",
        "반복할 때마다 `x = x + branch`, `alive = alive * (x > 0)`, `x = x.relu()`의 차례입니다.",
    ),
    solution=(
        "블록을 하나씩 지나며 합이 0보다 큰지 확인하고, 다음 블록에는 ReLU를 한 값을 넘깁니다.\n"
        "한 번 잘린 자리는 `alive`가 0이 되어 다시 1이 되지 않습니다."
    ),
    solution_code="""import torch

def survives(x, branches):
    alive = torch.ones_like(x)
    for branch in branches:
        x = x + branch
        alive = alive * (x > 0)   # 합이 0 이하면 ReLU가 자릅니다
        x = x.relu()
    return alive
""",
    stub="""def survives(x, branches):
    ...
""",
    name="survives",
)

EXERCISES = (
    RELUS_ON_THE_WAY,
    BLOCKS_IN_A_STAGE,
    ORIGINAL_WALK,
    PREACT_WALK,
    BLOCK_PARAMETERS,
    MY_BLOCK,
    SURVIVORS,
)
