"""13 모두 견주기의 연습 문제. 기준은 수업의 신경망과 layer_table의 값이다."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from cnnlab.teaching.answers import Mistake, NumberAnswer
from cnnlab.teaching.code_answers import DesignAnswer, FunctionAnswer, Requirement
from cnnlab.teaching.exercises import Exercise

# ---- 13-1 파일의 크기 ----------------------------------------------------------------------------------------------

PARAMS_V2 = 3_504_872  # MobileNet-v2

FILE_SIZE = Exercise(
    id="13-1",
    title="파일의 크기",
    question=(
        f"MobileNet-v2의 매개변수는 {PARAMS_V2:,}개입니다. float32로 저장하면 매개변수만 몇 MB일까요?\n"
        "1 MB는 1,000,000바이트로 세고, 소수 첫째 자리까지 적으세요."
    ),
    answer=NumberAnswer(
        expected=lambda: round(PARAMS_V2 * 4 / 1e6, 1),
        mistakes=(
            Mistake(lambda: round(PARAMS_V2 / 1e6, 1), "매개변수의 수입니다. 하나가 몇 바이트인지 곱하세요."),
            Mistake(lambda: round(PARAMS_V2 * 32 / 1e6, 1), "비트로 셌습니다. 1바이트는 8비트입니다."),
            Mistake(lambda: round(PARAMS_V2 * 2 / 1e6, 1), "한 개를 2바이트로 셌습니다. 그것은 float16입니다."),
            Mistake(lambda: round(PARAMS_V2 * 4 / 2**20, 1), "1 MB를 1,048,576바이트로 셌습니다."),
            Mistake(lambda: round(PARAMS_V2 * 8 / 1e6, 1), "한 개를 8바이트로 셌습니다. 그것은 float64입니다."),
        ),
    ),
    hints=("float32는 32비트입니다. 1바이트는 8비트입니다.", "350만 개에 4를 곱하세요."),
    solution=(
        "3,504,872 × 4바이트 = 14,019,488바이트, 곧 14.0 MB입니다.\n"
        "같은 방법으로 VGG-16은 553.4 MB입니다. 실제 파일에는 배치 정규화의 통계도 들어가 조금 더 큽니다."
    ),
    solution_code="answer = round(3_504_872 * 4 / 1e6, 1)",
)

# ---- 13-2 매개변수 하나가 쓰이는 횟수 ------------------------------------------------------------------------------

USES = Exercise(
    id="13-2",
    title="한 번 쓰는 매개변수, 여러 번 쓰는 매개변수",
    question=(
        "3×3 합성곱이 64채널을 읽어 28×28 크기의 특징 맵 128장을 냅니다. 크기는 그대로이고 편향은 없습니다.\n"
        "이 계층의 매개변수 하나는 사진 한 장에서 몇 번 곱해질까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: 28 * 28,
        mistakes=(
            Mistake(lambda: 28 * 28 * 128, "출력 채널의 수까지 곱했습니다. 출력 채널마다 다른 매개변수를 씁니다."),
            Mistake(lambda: 3 * 3 * 64 * 128, "매개변수의 수입니다."),
            Mistake(lambda: 3 * 3 * 64, "출력 값 하나에 드는 곱셈의 수입니다."),
            Mistake(lambda: 1, "완전 연결 계층이라면 그렇습니다. 합성곱은 커널을 밀며 자리마다 다시 씁니다."),
            Mistake(lambda: 9 * 28 * 28, "커널의 한 칸이 아니라 아홉 칸 모두를 셌습니다."),
        ),
    ),
    hints=(
        "MAC을 매개변수의 수로 나누면 됩니다.",
        "MAC은 출력의 자리 수 × 출력 채널 × (3 × 3 × 64)이고, 매개변수는 출력 채널 × (3 × 3 × 64)입니다.",
    ),
    solution=(
        "MAC을 매개변수로 나누면 출력의 자리 수만 남습니다. 28 × 28 = 784번입니다.\n"
        "그래서 특징 맵이 큰 앞쪽의 합성곱은 매개변수가 적어도 MAC이 많고, 완전 연결 계층은 반대입니다."
    ),
    solution_code="answer = 28 * 28",
)

# ---- 13-3 ViT의 조각 -----------------------------------------------------------------------------------------------

TOKENS = Exercise(
    id="13-3",
    title="ViT의 어텐션이 보는 쌍",
    question=(
        "ViT가 한 변 384화소인 사진을 16×16 조각으로 자르고, 분류용 토큰 하나를 더합니다.\n"
        "어텐션은 토큰마다 모든 토큰(자신까지)과의 짝을 하나씩 봅니다. 짝은 모두 몇 개일까요?"
    ),
    answer=NumberAnswer(
        expected=lambda: (24 * 24 + 1) ** 2,
        mistakes=(
            Mistake(lambda: (24 * 24) ** 2, "분류용 토큰을 빠뜨렸습니다."),
            Mistake(lambda: 24 * 24 + 1, "토큰의 수입니다. 짝은 그 제곱입니다."),
            Mistake(lambda: (14 * 14 + 1) ** 2, "224화소일 때의 값입니다."),
            Mistake(lambda: (24 + 1) ** 2, "가로로 자른 조각만 셌습니다. 세로로도 자릅니다."),
            Mistake(lambda: (24 * 24 + 1) * (24 * 24) // 2, "짝의 순서를 무시하고, 자신과의 짝을 뺐습니다."),
        ),
    ),
    hints=("한 변에 조각이 384 / 16개 놓입니다.", "조각은 24 × 24개이고 토큰은 그보다 하나 많습니다."),
    solution=(
        "조각이 24 × 24 = 576개, 토큰이 577개이므로 짝은 577 × 577 = 332,929개입니다.\n"
        "한 변이 224일 때의 197 × 197 = 38,809개보다 8.6배 많습니다. 넓이는 2.9배인데 짝은 그 제곱으로 늡니다.\n"
        "합성곱의 계산은 넓이에 비례할 뿐입니다."
    ),
    solution_code="answer = (24 * 24 + 1) ** 2",
)

# ---- 13-4 공정한 비교 ----------------------------------------------------------------------------------------------

FIRST, SECOND = (61.2, 60.1, 60.8), (61.9, 60.6, 60.7)  # 시드 셋의 정확도, %


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _range(values: Sequence[float]) -> float:
    return max(values) - min(values)


FAIR = Exercise(
    id="13-4",
    title="구조의 차이인가, 시드의 흔들림인가",
    question=(
        "두 신경망을 같은 시드 셋으로 학습시켰습니다. 정확도(%)가 가는 61.2, 60.1, 60.8, 나는 61.9, 60.6, 60.7입니다.\n"
        "두 평균의 차이는, 더 크게 흔들린 쪽의 흔들림(가장 높은 시드에서 가장 낮은 시드를 뺀 값)의 몇 %일까요?\n"
        "반올림하여 정수로 적으세요."
    ),
    answer=NumberAnswer(
        expected=lambda: round(100 * (_mean(SECOND) - _mean(FIRST)) / _range(SECOND)),
        mistakes=(
            Mistake(
                lambda: round(100 * (_mean(SECOND) - _mean(FIRST)) / _range(FIRST)),
                "덜 흔들린 쪽으로 나누었습니다. 흔들림이 더 큰 쪽은 나입니다.",
            ),
            Mistake(
                lambda: round(100 * (max(SECOND) - max(FIRST)) / _range(SECOND)),
                "가장 높은 시드끼리 뺐습니다. 평균끼리 빼세요.",
            ),
            Mistake(
                lambda: round(100 * _range(SECOND) / (_mean(SECOND) - _mean(FIRST))), "나누는 순서가 뒤집혔습니다."
            ),
            Mistake(lambda: round(100 * (_mean(SECOND) - _mean(FIRST))), "평균의 차이(%p)에 100을 곱하기만 했습니다."),
        ),
    ),
    hints=(
        "가의 평균은 60.7, 나의 평균은 61.07입니다.",
        "가의 흔들림은 1.1%p, 나의 흔들림은 1.3%p입니다.",
        "평균의 차이 0.367%p를 1.3%p로 나누세요.",
    ),
    solution=(
        "평균의 차이는 0.367%p, 나의 흔들림은 1.3%p이므로 28%입니다. 시드만 바꾸어도 그보다 세 배 넘게 흔들립니다.\n"
        "게다가 셋째 시드에서는 가가 높습니다. 이 결과로는 나가 낫다고 말하기 어렵습니다. 시드를 더 늘려야 합니다."
    ),
    solution_code="answer = round(100 * ((61.9 + 60.6 + 60.7) / 3 - (61.2 + 60.1 + 60.8) / 3) / (61.9 - 60.6))",
)

# ---- 13-5 파레토 경계 ----------------------------------------------------------------------------------------------


def front(costs: Sequence[float], errors: Sequence[float]) -> Tensor:
    """(N,) 참과 거짓: 비용과 오류율이 모두 같거나 나은 다른 것이 없는가. 똑같은 것끼리는 서로 지우지 않는다."""
    return torch.tensor(
        [
            not any(c <= cost and e <= error and (c < cost or e < error) for c, e in zip(costs, errors, strict=True))
            for cost, error in zip(costs, errors, strict=True)
        ]
    )


def _cheapest(costs: Sequence[float], errors: Sequence[float]) -> Tensor:
    return torch.tensor([cost == min(costs) or error == min(errors) for cost, error in zip(costs, errors, strict=True)])


def _strict(costs: Sequence[float], errors: Sequence[float]) -> Tensor:
    return torch.tensor(
        [
            not any(c < cost and e < error for c, e in zip(costs, errors, strict=True))
            for cost, error in zip(costs, errors, strict=True)
        ]
    )


def _accuracy(costs: Sequence[float], errors: Sequence[float]) -> Tensor:
    return front(costs, [-error for error in errors])


def _itself(costs: Sequence[float], errors: Sequence[float]) -> Tensor:
    return torch.zeros(len(costs), dtype=torch.bool)


FRONT = Exercise(
    id="13-5",
    title="파레토 경계 고르기",
    question=(
        "`costs`와 `errors`는 같은 길이의 목록이고 둘 다 작을수록 좋습니다.\n"
        "신경망마다 True나 False를 담은 목록을 돌려주는 `pareto`를 짜세요.\n"
        "**둘 다 같거나 나으면서 하나라도 더 나은** 다른 신경망이 없으면 True입니다.\n"
        "값이 똑같은 둘은 서로를 지우지 않습니다. 다 짰으면 `check(pareto)`처럼 함수의 이름을 넣으세요."
    ),
    answer=FunctionAnswer(
        reference=front,
        cases=lambda: [
            ([1.0, 2.0, 3.0, 4.0, 5.0], [30.0, 25.0, 27.0, 20.0, 20.0]),
            ([2.0, 2.0, 1.0, 3.0], [10.0, 12.0, 15.0, 10.0]),
            ([7.0, 7.0, 9.0], [4.0, 4.0, 3.0]),
        ],
        mistakes=(
            Mistake(
                _cheapest, "가장 싼 것과 가장 정확한 것만 남겼습니다. 그 사이에도 아무도 이기지 못하는 것이 있습니다."
            ),
            Mistake(_strict, "둘 다 더 나아야 지웠습니다. 하나가 같고 다른 하나가 나을 때도 지워야 합니다."),
            Mistake(_accuracy, "오류율이 높은 쪽을 낫다고 보았습니다."),
            Mistake(_itself, "모두 지워졌습니다. 자신과 견주어 지우지 않았는지 보세요."),
        ),
    ),
    hints=(
        "두 겹의 반복으로 모든 쌍을 견주면 됩니다.",
        "i를 지우는 조건은 어떤 j에 대해 비용과 오류율이 모두 i 이하이고, 둘 가운데 하나는 i 미만인 것입니다.",
    ),
    solution=(
        "모든 쌍을 견줍니다. 조건에 '하나는 미만'이 있으므로 자신이나 똑같은 것에게는 지워지지 않습니다.\n"
        "신경망이 N개이면 N²번 견줍니다. 비용으로 줄을 세우면 한 번만 훑고도 구할 수 있습니다."
    ),
    stub="def pareto(costs, errors):\n    ...",
    solution_code=(
        "def pareto(costs, errors):\n"
        "    pairs = list(zip(costs, errors))\n"
        "    return [not any(c <= a and e <= b and (c < a or e < b) for c, e in pairs) for a, b in pairs]"
    ),
    name="pareto",
)

# ---- 13-6 예산에 맞는 너비 -----------------------------------------------------------------------------------------


def _params(width: int, layers: int) -> int:
    """3채널 -> width -> ... -> width인 3x3 합성곱 layers개(편향 없음)와 10클래스 완전 연결."""
    return 27 * width + (layers - 1) * 9 * width**2 + (width + 1) * 10


def _widest_by(params: Callable[[int, int], int]) -> Callable[[int, int], Tensor]:
    """params(너비, 층의 수)를 잘못 센 widest."""

    def found(layers: int, budget: int) -> Tensor:
        width = 1
        while params(width + 1, layers) <= budget:
            width += 1
        return torch.tensor(width)

    return found


widest = _widest_by(_params)  # 매개변수가 budget을 넘지 않는 가장 큰 너비

WIDEST = Exercise(
    id="13-6",
    title="예산에 맞는 너비 찾기",
    question=(
        "3채널 사진을 읽는 3×3 합성곱(편향 없음)이 `layers`개 이어지고, 모두 출력이 `width`채널입니다.\n"
        "전역 평균 풀링 뒤에 10클래스 완전 연결(편향 있음)이 하나 있습니다. 배치 정규화는 없습니다.\n"
        "매개변수가 `budget`개를 **넘지 않는** 가장 큰 `width`를 돌려주는 `widest(layers, budget)`을 짜세요."
    ),
    answer=FunctionAnswer(
        reference=widest,
        cases=lambda: [(2, 2_000), (4, _params(21, 4)), (5, 50_000), (10, 269_722), (20, 269_722)],
        mistakes=(
            Mistake(
                lambda layers, budget: widest(layers, budget) + 1,
                "예산을 넘었습니다. 마지막으로 예산을 넘기 전의 너비를 돌려주세요.",
            ),
            Mistake(
                _widest_by(lambda width, layers: _params(width, layers) - 27 * width + 9 * width**2),
                "첫 합성곱도 width채널을 읽는 것으로 셌습니다. 첫 합성곱은 3채널을 읽습니다.",
            ),
            Mistake(
                _widest_by(lambda width, layers: _params(width, layers) + layers * width),
                "합성곱에 편향을 더했습니다.",
            ),
            Mistake(
                _widest_by(lambda width, layers: _params(width, layers) - (width + 1) * 10),
                "완전 연결 계층을 빠뜨렸습니다.",
            ),
        ),
    ),
    hints=(
        "너비가 w일 때의 매개변수를 식으로 적고, w를 1씩 키우며 예산을 넘기 전까지 가세요.",
        "27w + 9w²(layers - 1) + 10(w + 1)개입니다.",
    ),
    solution=(
        "식은 27w + 9w²(layers - 1) + 10(w + 1)입니다. w를 하나씩 키우며 넘기 전에 멈춥니다.\n"
        "층을 두 배로 늘리면 같은 예산에서 너비는 1/√2배쯤 됩니다. 깊이와 너비는 예산을 나누어 가집니다."
    ),
    stub="def widest(layers, budget):\n    ...",
    solution_code=(
        "def widest(layers, budget):\n"
        "    width = 1\n"
        "    while 27 * (width + 1) + (layers - 1) * 9 * (width + 1) ** 2 + (width + 2) * 10 <= budget:\n"
        "        width += 1\n"
        "    return width"
    ),
    name="widest",
)

# ---- 13-7 설계 -----------------------------------------------------------------------------------------------------

MOST_PARAMS, MOST_MACS, LEAST_FIELD, LEAST_DEPTH = 40_000, 3_000_000, 31, 8


def _too_big(table: object, key: str, most: int, word: str) -> str | None:
    value = table.attrs[key]  # type: ignore[attr-defined]
    return None if value <= most else f"{word} {value:,}입니다. {most:,} 이하여야 합니다."


def _too_narrow(table: object) -> str | None:
    fields = [rf if isinstance(rf, int) else 10**9 for rf in table["rf"]]  # type: ignore[index]
    if max(fields, default=0) >= LEAST_FIELD:
        return None
    return f"가장 넓은 수용 영역이 {max(fields)}화소입니다. {LEAST_FIELD}화소 이상이어야 합니다."


def _too_shallow(table: object) -> str | None:
    depth = table.attrs["depth"]  # type: ignore[attr-defined]
    return None if depth >= LEAST_DEPTH else f"깊이가 {depth}층입니다. {LEAST_DEPTH}층 이상이어야 합니다."


POCKET = Exercise(
    id="13-7",
    title="주머니에 들어가는 신경망",
    question=(
        "3×32×32 사진을 열 클래스로 나누는 신경망 `model`을 `nn.Sequential`로 만드세요. 조건은 넷입니다.\n"
        f"매개변수 {MOST_PARAMS:,}개 이하, MAC {MOST_MACS:,} 이하, 가중치가 있는 층 {LEAST_DEPTH}개 이상(깊이),\n"
        f"가장 넓은 수용 영역 {LEAST_FIELD}화소 이상(사진 전체를 보는 층도 됩니다).\n"
        "다 만들었으면 `check(model)`을 부르세요."
    ),
    answer=DesignAnswer(
        input_size=(3, 32, 32),
        classes=10,
        requirements=(
            Requirement(lambda table: _too_big(table, "params", MOST_PARAMS, "매개변수의 수가")),
            Requirement(lambda table: _too_big(table, "macs", MOST_MACS, "MAC의 수가")),
            Requirement(_too_shallow),
            Requirement(_too_narrow),
        ),
    ),
    hints=(
        "MAC은 앞쪽의 큰 특징 맵에서 늘어납니다. 일찍 줄이고, 채널은 뒤에서 늘리세요.",
        "깊이별 3×3과 점별 1×1을 번갈아 쓰면 층이 늘어도 매개변수와 MAC이 조금만 늡니다.",
        "3×3 합성곱 하나로 시작해, 스트라이드 2인 깊이별 분리 합성곱을 넷 쌓아 보세요.",
    ),
    solution=(
        "깊이별 분리 합성곱을 쓰면 16채널에서 128채널까지 열 층을 두고도 매개변수 3만 2천 개, MAC 120만쯤입니다.\n"
        "크기를 세 번 줄이면 뒤의 3×3이 한 번에 넓은 곳을 봅니다. 답은 여럿입니다."
    ),
    stub="model = nn.Sequential(\n    # 여기에 층을 쌓으세요\n)",
    solution_code=(
        "def separable(c_in, c_out, stride):\n"
        "    depthwise = nn.Conv2d(c_in, c_in, 3, stride, padding=1, groups=c_in, bias=False)\n"
        "    return [depthwise, nn.BatchNorm2d(c_in), nn.ReLU(), nn.Conv2d(c_in, c_out, 1), nn.ReLU()]\n"
        "\n"
        "model = nn.Sequential(\n"
        "    nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(),\n"
        "    *separable(16, 32, 2), *separable(32, 64, 2), *separable(64, 128, 2), *separable(128, 128, 1),\n"
        "    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10),\n"
        ")"
    ),
    name="model",
)

EXERCISES = (FILE_SIZE, USES, TOKENS, FAIR, FRONT, WIDEST, POCKET)
