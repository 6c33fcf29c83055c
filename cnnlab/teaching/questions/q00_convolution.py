"""00 합성곱의 연습 문제. 기대하는 값은 공식과 살아 있는 모델이 낸다."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.analysis.formulas import conv_output_size, pair
from cnnlab.teaching.answers import Mistake, NumberAnswer, Shape, ShapeAnswer
from cnnlab.teaching.code_answers import DesignAnswer, FunctionAnswer, Requirement
from cnnlab.teaching.exercises import Exercise

# ---- 00-1 출력의 크기 ----------------------------------------------------------------------------------------------

N, K, S, P = 32, 7, 3, 3

OUTPUT_SIZE = Exercise(
    id="00-1",
    title="출력의 크기",
    question=(
        f"{N}x{N} 그림에 {K}x{K} 커널을 스트라이드 {S}, 패딩 {P}으로 놓습니다. 출력의 한 변은 몇 칸일까요?\n"
        "수 하나를 `answer`에 적으세요."
    ),
    answer=NumberAnswer(
        expected=lambda: conv_output_size(N, K, S, P),
        mistakes=(
            Mistake(lambda: conv_output_size(N, K, S, 0), "패딩을 빠뜨렸습니다. 패딩은 그림의 양쪽에 붙습니다."),
            Mistake(
                lambda: conv_output_size(N, K, S, P) - 1,
                "마지막에 1을 더하지 않았습니다. 나눗셈은 움직인 횟수를 세고, 맨 처음 놓은 자리는 세지 않습니다.",
            ),
            Mistake(
                lambda: math.ceil((N + 2 * P - K) / S) + 1,
                "나머지를 올림했습니다. 그림 밖으로 나가는 자리에는 커널을 놓지 않습니다.",
            ),
            Mistake(
                lambda: N + 2 * P - K + 1,
                "스트라이드가 1일 때의 크기입니다. 커널은 한 번에 여러 화소씩 움직입니다.",
            ),
        ),
    ),
    hints=(
        "패딩까지 더한 그림의 한 변이 몇 화소인지 먼저 구하세요.",
        "커널의 왼쪽 끝이 갈 수 있는 가장 먼 자리를 찾고, 거기까지 몇 번 움직이는지 세어 보세요.",
        "공식은 `(입력 + 2 x 패딩 - 커널) // 스트라이드 + 1`입니다. `//`는 나머지를 버립니다.",
    ),
    solution=(
        "패딩을 양쪽에 더하면 한 변이 32 + 2 x 3 = 38화소입니다.\n"
        "커널의 왼쪽 끝은 0에서 38 - 7 = 31까지 갈 수 있고, 3화소씩 움직이면 31 // 3 = 10번입니다.\n"
        "처음 놓은 자리를 더해 11칸입니다. 남은 1화소에는 커널이 닿지 않습니다."
    ),
    solution_code="answer = (32 + 2 * 3 - 7) // 3 + 1",
)

# ---- 00-2, 00-3 매개변수와 곱셈-덧셈 -------------------------------------------------------------------------------

SIDE = 32


def _layer() -> nn.Conv2d:
    return nn.Conv2d(3, 16, kernel_size=5, padding=2, device="meta")


def _weights() -> int:
    return _layer().weight.numel()


def _biases() -> int:
    bias = _layer().bias
    return 0 if bias is None else bias.numel()


def _positions(padding: int = 2) -> int:
    return conv_output_size(SIDE, 5, 1, padding) ** 2


PARAMETERS = Exercise(
    id="00-2",
    title="매개변수의 수",
    question=(
        "`nn.Conv2d(3, 16, kernel_size=5, padding=2)`를 3x32x32 사진에 씁니다. 편향(bias)이 있습니다.\n"
        "이 계층의 매개변수는 모두 몇 개일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: sum(p.numel() for p in _layer().parameters()),
        mistakes=(
            Mistake(_weights, "커널의 가중치만 셌습니다. 편향도 매개변수입니다."),
            Mistake(
                lambda: (_weights() + _biases()) * _positions(),
                "출력의 자리마다 따로 셌습니다. 커널 하나를 모든 자리에서 함께 씁니다(가중치 공유).",
            ),
            Mistake(
                lambda: _weights() // 3 + _biases(),
                "입력 채널을 빠뜨렸습니다. 커널은 가로와 세로뿐 아니라 입력 채널 전체를 덮습니다.",
            ),
            Mistake(lambda: _weights() + 1, "편향을 하나만 셌습니다. 편향은 출력 채널마다 하나씩 있습니다."),
        ),
    ),
    hints=(
        "출력 채널 하나를 만드는 커널에 가중치가 몇 개 있는지부터 세어 보세요.",
        "그 커널은 5x5이고 입력 채널 3개를 모두 덮습니다. 여기에 편향 하나가 붙습니다.",
        "그 합에 출력 채널의 수 16을 곱하세요. 입력의 크기는 쓰지 않습니다.",
    ),
    solution=(
        "출력 채널 하나에 가중치 3 x 5 x 5 = 75개와 편향 1개가 있습니다.\n"
        "출력 채널이 16개이므로 (75 + 1) x 16 = 1,216개입니다. 그림이 커져도 이 수는 그대로입니다."
    ),
    solution_code="answer = (3 * 5 * 5 + 1) * 16",
)

MACS = Exercise(
    id="00-3",
    title="곱셈-덧셈의 수",
    question=(
        "같은 계층 `nn.Conv2d(3, 16, kernel_size=5, padding=2)`에 3x32x32 사진 한 장을 넣습니다.\n"
        "곱셈-덧셈(MAC)은 모두 몇 번일까요? 편향의 덧셈은 세지 않습니다."
    ),
    answer=NumberAnswer(
        expected=lambda: _weights() * _positions(),
        mistakes=(
            Mistake(
                lambda: 2 * _weights() * _positions(),
                "FLOP을 셌습니다. MAC은 곱셈 하나와 덧셈 하나를 묶어 한 번으로 셉니다.",
            ),
            Mistake(
                lambda: _weights() // 3 * _positions(),
                "입력 채널을 빠뜨렸습니다. 출력 하나를 만들 때 입력 채널 3개의 창을 모두 곱합니다.",
            ),
            Mistake(
                lambda: (_weights() + _biases()) * _positions(),
                "편향을 더하는 것까지 셌습니다. 이 문제에서는 커널의 곱셈-덧셈만 셉니다.",
            ),
            Mistake(lambda: _weights() * _positions(padding=0), "패딩이 없을 때의 출력 크기로 셌습니다."),
            Mistake(_weights, "한 자리에서 하는 일만 셌습니다. 커널은 출력의 모든 자리에 놓입니다."),
        ),
    ),
    hints=(
        "출력 값 하나를 만드는 데 곱셈이 몇 번 필요한지 세어 보세요.",
        "출력 값이 모두 몇 개인지 세어 보세요. 채널, 세로, 가로의 곱입니다. 패딩 2이면 한 변이 그대로입니다.",
        "두 수를 곱하세요: (16 x 32 x 32) x (3 x 5 x 5).",
    ),
    solution=(
        "출력은 16 x 32 x 32 = 16,384개이고, 하나마다 3 x 5 x 5 = 75번 곱하고 더합니다.\n"
        "16,384 x 75 = 1,228,800번입니다. 곱셈과 덧셈을 따로 세는 FLOP으로는 두 배입니다.\n"
        "매개변수와 달리 그림이 커지면 이 수도 커집니다."
    ),
    solution_code="answer = (16 * 32 * 32) * (3 * 5 * 5)",
)

# ---- 00-4 형태 -----------------------------------------------------------------------------------------------------


def _chain(padding: int = 2, pool: bool = True, ceil: bool = False) -> Shape:
    """계층을 실제로 지나간 뒤의 (채널, 세로, 가로)."""
    last: tuple[nn.Module, ...] = (nn.Conv2d(16, 32, 3, stride=2),)
    if ceil:  # 올림: 창이 그림 밖으로 한 칸 나간 것과 같다
        last = (nn.ZeroPad2d((0, 1, 0, 1)), *last)
    first = nn.Conv2d(3, 16, 5, padding=padding)
    model = nn.Sequential(first, nn.MaxPool2d(2) if pool else nn.Identity(), *last).to("meta")
    return tuple(model(torch.empty(1, 3, SIDE, SIDE, device="meta")).shape[1:])


SHAPE = Exercise(
    id="00-4",
    title="계층을 지난 뒤의 형태",
    question=(
        "3x32x32 사진이 다음 세 계층을 차례로 지납니다.\n"
        "`nn.Conv2d(3, 16, 5, padding=2)`\n"
        "`nn.MaxPool2d(2)`\n"
        "`nn.Conv2d(16, 32, 3, stride=2)`\n"
        "출력의 형태를 배치 없이 (채널, 세로, 가로)로 적으세요."
    ),
    answer=ShapeAnswer(
        expected=_chain,
        mistakes=(
            Mistake(lambda: _chain(ceil=True), "마지막 계층에서 나머지를 올림했습니다. 남는 화소는 버립니다."),
            Mistake(lambda: _chain(padding=0), "첫 계층의 패딩을 빠뜨렸습니다."),
            Mistake(lambda: _chain(pool=False), "풀링을 빠뜨렸습니다. `nn.MaxPool2d(2)`의 스트라이드는 2입니다."),
            Mistake(
                lambda: (16, *_chain()[1:]),
                "채널의 수를 보세요. 출력 채널은 마지막 합성곱의 커널 수만큼 나옵니다.",
            ),
            Mistake(lambda: (math.prod(_chain()),), "펼친 뒤의 수를 적었습니다. 펼치기 전의 형태를 적으세요."),
        ),
    ),
    hints=(
        "계층마다 출력 크기 공식을 한 번씩 쓰세요. 한 계층의 출력이 다음 계층의 입력입니다.",
        "첫 합성곱은 5x5에 패딩 2이므로 크기가 그대로이고, 풀링은 절반으로 줄입니다.",
        "마지막 계층의 입력은 16x16x16입니다. `(16 - 3) // 2 + 1`을 계산하세요.",
    ),
    solution=(
        "첫 합성곱: (32 + 2 x 2 - 5) // 1 + 1 = 32이므로 16x32x32입니다.\n"
        "풀링: (32 - 2) // 2 + 1 = 16이므로 16x16x16입니다.\n"
        "마지막 합성곱: (16 - 3) // 2 + 1 = 7이므로 (32, 7, 7)입니다. 13 // 2에서 나머지 1은 버립니다."
    ),
    solution_code="answer = (32, 7, 7)",
)

# ---- 00-5 수용 영역 ------------------------------------------------------------------------------------------------

WINDOWS = ((3, 1), (2, 2), (5, 1))  # (커널, 스트라이드): 합성곱, 풀링, 합성곱


def field_of(windows: tuple[tuple[int, int], ...]) -> int:
    """(커널, 스트라이드)를 차례로 지난 출력 하나가 보는 입력의 한 변, 화소."""
    field, jump = 1, 1
    for kernel, stride in windows:
        field += (kernel - 1) * jump
        jump *= stride
    return field


RECEPTIVE_FIELD = Exercise(
    id="00-5",
    title="수용 영역",
    question=(
        "3x3 합성곱(스트라이드 1), 2x2 풀링(스트라이드 2), 5x5 합성곱(스트라이드 1)을 차례로 지납니다.\n"
        "마지막 출력 하나가 보는 입력의 한 변은 몇 화소일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: field_of(WINDOWS),
        mistakes=(
            Mistake(
                lambda: field_of(tuple((kernel, 1) for kernel, _ in WINDOWS)),
                "풀링의 스트라이드를 빠뜨렸습니다. 풀링을 지나면 한 칸이 입력의 두 화소입니다.",
            ),
            Mistake(
                lambda: sum(kernel for kernel, _ in WINDOWS),
                "커널의 크기를 그냥 더했습니다. 이웃한 창은 겹치므로 계층마다 (커널 - 1)칸만 넓어집니다.",
            ),
            Mistake(
                lambda: math.prod(kernel for kernel, _ in WINDOWS),
                "커널의 크기를 곱했습니다. 이웃한 창은 겹치므로 수용 영역은 더해 가며 넓어집니다.",
            ),
            Mistake(
                lambda: field_of(((3, 2), (2, 1), (5, 1))),
                "풀링 자신의 창에도 간격 2를 곱했습니다. 간격은 풀링을 지난 다음 계층부터 넓어집니다.",
            ),
        ),
    ),
    hints=(
        "수용 영역 1, 간격 1에서 시작해 계층마다 두 수를 고쳐 나가세요.",
        "계층을 지날 때마다 수용 영역에 (커널 - 1) x 간격을 더한 다음, 간격에 스트라이드를 곱하세요.",
        "풀링까지 지나면 수용 영역은 4, 간격은 2입니다. 여기서 5x5 합성곱을 한 번 더 지나세요.",
    ),
    solution=(
        "3x3 합성곱: 1 + (3 - 1) x 1 = 3, 간격은 1입니다.\n"
        "2x2 풀링: 3 + (2 - 1) x 1 = 4, 그 뒤로 간격은 2입니다.\n"
        "5x5 합성곱: 4 + (5 - 1) x 2 = 12화소입니다."
    ),
    solution_code="answer = 1 + (3 - 1) * 1 + (2 - 1) * 1 + (5 - 1) * 2",
)

# ---- 00-6 합성곱 짜기 ----------------------------------------------------------------------------------------------


def _cases() -> list[tuple[Any, ...]]:
    """(x, w, b, stride, padding). 정사각형이 아닌 그림과 커널도 있어야 가로와 세로를 바꾼 코드가 드러난다."""
    g = torch.Generator().manual_seed(0)
    sizes = [((2, 3, 8, 8), (4, 3, 3, 3), 1, 0), ((1, 2, 9, 7), (3, 2, 3, 2), 2, 1), ((2, 1, 7, 7), (2, 1, 5, 5), 1, 2)]
    return [
        (torch.randn(x, generator=g), torch.randn(w, generator=g), torch.randn(w[0], generator=g), stride, padding)
        for x, w, stride, padding in sizes
    ]


def _reference(x: Tensor, w: Tensor, b: Tensor, stride: int, padding: int) -> Tensor:
    return F.conv2d(x, w, b, stride=stride, padding=padding)


CONV2D = Exercise(
    id="00-6",
    title="합성곱 짜기",
    question=(
        "`F.conv2d`를 쓰지 않고 합성곱을 짜세요. 반복문이나 `unfold`를 쓰면 됩니다.\n"
        "`x`는 (N, C, H, W), `w`는 (출력 채널, C, 커널 세로, 커널 가로), `b`는 (출력 채널,)입니다.\n"
        "다 짰으면 `check(conv2d)`처럼 함수의 이름을 넣으세요."
    ),
    answer=FunctionAnswer(
        reference=_reference,
        cases=_cases,
        mistakes=(
            Mistake(
                lambda x, w, b, stride, padding: _reference(x, w.flip(2, 3), b, stride, padding),
                "커널을 뒤집었습니다. 수학의 합성곱은 뒤집지만, 신경망의 합성곱은 뒤집지 않고 겹친 자리끼리 곱합니다.",
            ),
            Mistake(
                lambda x, w, b, stride, padding: F.conv2d(x, w, None, stride, padding),
                "편향을 더하지 않았습니다. 출력 채널마다 `b`의 값 하나를 더하세요.",
            ),
            Mistake(
                lambda x, w, b, stride, padding: _reference(x, w, b, stride, 0),
                "패딩을 쓰지 않았습니다. 먼저 `x`의 네 변에 0을 `padding`줄씩 붙이세요.",
            ),
            Mistake(
                lambda x, w, b, stride, padding: _reference(x, w, b, 1, padding),
                "스트라이드를 쓰지 않았습니다. 창은 한 번에 `stride`칸씩 움직입니다.",
            ),
        ),
    ),
    hints=(
        "`F.pad(x, (padding,) * 4)`로 네 변에 0을 붙인 다음, 출력의 세로와 가로를 공식으로 구하세요.",
        "출력의 (i, j)는 입력의 세로 `i * stride`, 가로 `j * stride`에서 시작하는 창과 커널을 곱해 더한 값입니다.",
        '창 (N, C, 커널 세로, 커널 가로)과 `w`를 `torch.einsum("nchw,ochw->no", 창, w)`로 곱해 더하고 `b`를 더하세요.',
    ),
    solution=(
        "패딩을 붙이고, 출력의 자리마다 창을 잘라 커널과 곱해 모두 더합니다.\n"
        "배치 N장과 출력 채널은 `einsum`이 한꺼번에 계산합니다. 편향은 출력 채널마다 하나입니다.\n"
        "`F.conv2d`는 같은 값을 더 빨리 계산합니다."
    ),
    solution_code="""import torch
import torch.nn.functional as F

def conv2d(x, w, b, stride, padding):
    x = F.pad(x, (padding,) * 4)
    kh, kw = w.shape[2:]
    rows = (x.shape[2] - kh) // stride + 1
    columns = (x.shape[3] - kw) // stride + 1
    out = torch.zeros(x.shape[0], w.shape[0], rows, columns)
    for i in range(rows):
        for j in range(columns):
            window = x[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            out[:, :, i, j] = torch.einsum("nchw,ochw->no", window, w) + b
    return out
""",
    stub="def conv2d(x, w, b, stride, padding):\n    ...\n",
    name="conv2d",
)

# ---- 00-7 설계 -----------------------------------------------------------------------------------------------------

MAX_PARAMETERS, MAX_MACS, MIN_FIELD = 50_000, 5_000_000, 16


def _last_field(table: Any) -> int:
    """펼치기 전, 창을 움직이는 마지막 계층의 수용 영역(짧은 변). 그런 계층이 없으면 1."""
    field = 1
    for row in table.itertuples():
        one_value = row.output[1:] == (1, 1) and row.macs == 0  # 그림 전체를 한 값으로 줄이는 풀링
        if len(row.output) != 3 or one_value:
            break
        if row.kernel != "" and row.rf != "전체":
            field = min(pair(row.rf))
    return field


def _too_many_parameters(table: Any) -> str | None:
    made = table.attrs["params"]
    return (
        None
        if made < MAX_PARAMETERS
        else f"매개변수는 {MAX_PARAMETERS:,}개보다 적어야 합니다. 지금은 {made:,}개입니다."
    )


def _too_many_macs(table: Any) -> str | None:
    made = table.attrs["macs"]
    return None if made < MAX_MACS else f"곱셈-덧셈은 {MAX_MACS:,}번보다 적어야 합니다. 지금은 {made:,}번입니다."


def _too_small_field(table: Any) -> str | None:
    made = _last_field(table)
    if made >= MIN_FIELD:
        return None
    return f"펼치기 전의 수용 영역이 {MIN_FIELD}화소 이상이어야 합니다. 지금은 {made}화소입니다."


DESIGN = Exercise(
    id="00-7",
    title="작은 신경망 설계하기",
    question=(
        "3x32x32 사진을 받아 수 10개를 내는 신경망을 `nn.Sequential`로 만드세요. 답은 여럿입니다.\n"
        f"1. 매개변수는 {MAX_PARAMETERS:,}개보다 적어야 합니다.\n"
        f"2. 곱셈-덧셈(MAC)은 그림 한 장에 {MAX_MACS:,}번보다 적어야 합니다.\n"
        f"3. `nn.Flatten`이나 전역 평균 풀링 바로 앞까지의 수용 영역이 {MIN_FIELD}화소 이상이어야 합니다."
    ),
    answer=DesignAnswer(
        input_size=(3, 32, 32),
        classes=10,
        requirements=(
            Requirement(_too_many_parameters),
            Requirement(_too_many_macs),
            Requirement(_too_small_field),
        ),
    ),
    hints=(
        "한 조건씩 맞추세요. 만든 모델의 표는 `cnnlab.layer_table(model, (3, 32, 32))`로 볼 수 있습니다.",
        "수용 영역은 풀링 뒤의 합성곱에서 빠르게 넓어집니다. 합성곱과 풀링을 두 번 쌓고 합성곱을 더 놓아 보세요.",
        "매개변수가 많다면 대개 `nn.Flatten` 뒤의 `nn.Linear`에 몰려 있습니다. 펼치기 전에 특징 맵을 줄이세요.",
    ),
    solution=(
        "3x3 합성곱과 2x2 풀링을 두 번 지나면 수용 영역은 10화소, 간격은 4화소입니다.\n"
        "여기에 3x3 합성곱을 하나 더 놓으면 10 + 2 x 4 = 18화소가 됩니다.\n"
        "풀링을 한 번 더 해 4x4로 줄이면 펼친 뒤의 완전 연결 계층도 작게 남습니다."
    ),
    solution_code="""from torch import nn

model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),    # (16, 16, 16)
    nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),   # (32, 8, 8)
    nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),   # (32, 4, 4)
    nn.Flatten(),
    nn.Linear(32 * 4 * 4, 10),
)
""",
    stub="model = None",
    name="model",
)

EXERCISES = (OUTPUT_SIZE, PARAMETERS, MACS, SHAPE, RECEPTIVE_FIELD, CONV2D, DESIGN)
