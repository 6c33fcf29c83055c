"""연습 문제: 풀이는 맞고, 빈칸은 아직이고, 흔한 실수는 제 진단을 받는다."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from cnnlab.errors import LearnerError
from cnnlab.teaching.answers import NumberAnswer, ShapeAnswer
from cnnlab.teaching.code_answers import DesignAnswer, FunctionAnswer
from cnnlab.teaching.exercises import Attempt, Exercise, Outcome, exercise
from cnnlab.teaching.questions import EXERCISES, LESSONS

ALL = list(EXERCISES.values())
VALUES = [one for one in ALL if isinstance(one.answer, (NumberAnswer, ShapeAnswer))]
MISTAKES = [
    pytest.param(one, mistake, id=f"{one.id}-{n}")
    for one in ALL
    for n, mistake in enumerate(getattr(one.answer, "mistakes", ()))
]


def by_id(one: Exercise) -> str:
    return one.id


def run(code: str, name: str) -> object:
    scope: dict[str, object] = {"torch": torch, "nn": nn}  # 노트북의 첫 셀이 불러오는 것
    exec(compile(code, "<cell>", "exec"), scope)
    return scope[name]


def spelled(value: object) -> list[str]:
    """기대하는 값이 글에 적힐 수 있는 꼴."""
    if isinstance(value, tuple):
        return ["x".join(map(str, value)), ", ".join(map(str, value))]
    return [f"{value:,}", str(value)]


def contains(text: str, value: object) -> bool:
    return any(re.search(rf"(?<![\d,.]){re.escape(form)}(?![\d]|,\d|\.\d)", text) for form in spelled(value))


@pytest.mark.parametrize("one", ALL, ids=by_id)
def test_solution_code_is_accepted(one: Exercise) -> None:
    result = Attempt(one).check(run(one.solution_code, one.name))
    assert result.outcome is Outcome.RIGHT, result.message


@pytest.mark.parametrize("one", ALL, ids=by_id)
def test_stub_none_and_ellipsis_are_not_attempted(one: Exercise) -> None:
    for answer in (None, ..., "", run(one.stub, one.name)):
        assert Attempt(one).check(answer).outcome is Outcome.NOT_YET


@pytest.mark.parametrize(("one", "mistake"), MISTAKES)
def test_typical_mistake_gets_its_own_diagnosis(one, mistake) -> None:
    answer = mistake.made if isinstance(one.answer, FunctionAnswer) else mistake.made()
    result = Attempt(one).check(answer)
    assert result.outcome is Outcome.WRONG
    assert result.message == mistake.advice


@pytest.mark.parametrize("one", ALL, ids=by_id)
def test_every_exercise_diagnoses_at_least_two_mistakes_and_has_staged_hints(one: Exercise) -> None:
    answer = one.answer
    known = answer.requirements if isinstance(answer, DesignAnswer) else answer.mistakes
    assert len(known) >= 2
    assert 2 <= len(one.hints) <= 3
    assert 2 <= len(one.solution.splitlines()) <= 5


@pytest.mark.parametrize("one", VALUES, ids=by_id)
def test_only_the_last_hint_and_the_solution_may_tell_the_answer(one: Exercise) -> None:
    truth = one.answer.expected()
    for text in (one.question, *one.hints[:-1], *(mistake.advice for mistake in one.answer.mistakes)):
        assert not contains(text, truth), text
    assert contains(one.solution, truth)


@pytest.mark.parametrize("one", [e for e in ALL if e.kind == "number"], ids=by_id)
def test_number_is_read_in_every_form_a_student_may_use(one: Exercise) -> None:
    n = int(one.answer.expected())
    for answer in (n, float(n), str(n), f" {n:,} ", np.int64(n), np.array(n), torch.tensor(n)):
        assert Attempt(one).check(answer).correct, repr(answer)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("스물여덟", "숫자를 적어 주세요. 받은 값: '스물여덟'"),
        (True, "숫자를 적어 주세요. 받은 값: True"),
        (float("nan"), "숫자를 적어 주세요. 받은 값: nan"),
        (float("inf"), "숫자를 적어 주세요. 받은 값: inf"),
        ("nan", "숫자를 적어 주세요. 받은 값: 'nan'"),
        (1j, "숫자를 적어 주세요. 받은 값: 1j"),
        ([28], "숫자 하나를 적어 주세요. 받은 값: [28]"),
        (torch.zeros(2), "숫자 하나를 적어 주세요. 받은 값: torch.Tensor, 형태 (2,)"),
        (object(), "숫자를 적어 주세요. 받은 값: object 객체"),
        (nn.Linear(1, 1), "숫자를 적어 주세요. 받은 값: Linear 객체"),
        (len, "숫자를 적어 주세요. 받은 값: builtin_function_or_method 객체"),
    ],
)
def test_answer_that_is_not_a_number_is_refused_in_one_korean_sentence(answer, sentence) -> None:
    result = exercise("00-1").check(answer)
    assert result.outcome is Outcome.WRONG
    assert result.message == sentence


def test_unrounded_number_is_told_that_the_answer_is_whole() -> None:
    assert "정수" in exercise("00-1").check(11.33).message


def test_shape_is_read_as_tuple_list_size_array_or_text() -> None:
    for answer in ((16, 4, 4), [16, 4, 4], torch.Size([16, 4, 4]), np.array([16, 4, 4]), "16x4x4", "(16, 4, 4)"):
        assert exercise("01-2").check(answer).correct, repr(answer)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ((1, 16, 4, 4), "배치 차원"),
        ((4, 4, 16), "순서"),
        ((16, 5), "수 3개"),
        (5, "수 3개"),
        ("열여섯", "(채널, 세로, 가로)처럼"),
        (None.__class__, "(채널, 세로, 가로)처럼"),
        ((16, "다섯", 5), "숫자를 적어 주세요"),
        ((16, 5.5, 5), "1 이상의 정수"),
        ((-1, 5, 5), "1 이상의 정수"),
    ],
)
def test_shape_in_the_wrong_form_is_told_what_is_wrong(answer, word) -> None:
    result = exercise("01-2").check(answer)
    assert result.outcome is Outcome.WRONG
    assert word in result.message


def test_error_inside_the_students_function_shows_the_line_and_no_traceback(tmp_path) -> None:
    path = tmp_path / "cell.py"
    path.write_text("def conv2d(x, w, b, stride, padding):\n    rows = 3\n    return x @ w[0, 0, 0, 0, 0]\n")
    scope: dict[str, object] = {}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    result = exercise("00-6").check(scope["conv2d"])
    assert result.outcome is Outcome.WRONG
    assert "3번째 줄 `return x @ w[0, 0, 0, 0, 0]`: `IndexError:" in result.message
    assert "Traceback" not in result.message


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (lambda x: x, "TypeError"),
        (lambda x, w, b, stride, padding: 3, "torch.Tensor"),
        (lambda x, w, b, stride, padding: x, "출력의 형태"),
        (lambda x, w, b, stride, padding: nn.functional.conv2d(x, w, b, stride, padding) * 2, "값이 기준과 다릅니다"),
        ("conv2d", "함수를 넣어"),
    ],
)
def test_wrong_function_without_a_known_mistake_still_gets_a_useful_sentence(answer, word) -> None:
    result = exercise("00-6").check(answer)
    assert result.outcome is Outcome.WRONG
    assert word in result.message


def test_function_that_changes_its_input_does_not_spoil_the_comparison() -> None:
    def conv2d(x, w, b, stride, padding):
        y = nn.functional.conv2d(x, w, b, stride, padding)
        x.zero_(), w.zero_(), b.zero_()
        return y

    assert exercise("00-6").check(conv2d).correct


def test_module_with_other_names_and_conv_c5_is_accepted_as_class_or_instance() -> None:
    class Mine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential(
                *(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
                *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
                *(nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten()),
            )
            self.head = nn.Sequential(nn.Linear(120, 84), nn.ReLU(), nn.Dropout(), nn.Linear(84, 10))

        def forward(self, x):
            return self.head(self.features(x))

    assert exercise("01-6").check(Mine).correct
    mine = Mine()
    before = [p.clone() for p in mine.parameters()]
    assert exercise("01-6").check(mine).correct
    assert mine.training
    assert all(torch.equal(a, b) for a, b in zip(before, mine.parameters(), strict=True))


def test_parameters_made_in_another_order_are_matched_by_name() -> None:
    class MySubsampling(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))
            self.coefficient = nn.Parameter(torch.ones(1, channels, 1, 1))

        def forward(self, x):
            n, c, h, w = x.shape
            total = x.reshape(n, c, h // 2, 2, w // 2, 2).sum(dim=(3, 5))
            return self.coefficient * total + self.bias

    assert exercise("01-5").check(MySubsampling).correct


@pytest.mark.parametrize(
    ("answer", "word"),
    [(nn.Linear(2, 2), "매개변수가 기준과 다릅니다"), (nn.Linear, "TypeError"), (3, "nn.Module"), (len, "nn.Module")],
)
def test_wrong_module_without_a_known_mistake_still_gets_a_useful_sentence(answer, word) -> None:
    result = exercise("01-6").check(answer)
    assert result.outcome is Outcome.WRONG
    assert word in result.message


def test_checking_leaves_the_random_state_alone() -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    solution = EXERCISES["01-5"]
    exercise("01-5").check(run(solution.solution_code, solution.name))
    exercise("00-6").check(lambda *args: torch.randn(3))
    assert torch.equal(before, torch.random.get_rng_state())


def design(width: int, hidden: int = 10, kernel: int = 3) -> nn.Sequential:
    pad = kernel // 2
    return nn.Sequential(
        *(nn.Conv2d(3, width, kernel, padding=pad), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(width, width, kernel, padding=pad), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(width, hidden, kernel, padding=pad), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(hidden * 16, 10)),
    )


def small_field() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(128, 10))


@pytest.mark.parametrize(
    "model",
    [
        design(16),
        design(8, hidden=20, kernel=5),
        nn.Sequential(nn.Conv2d(3, 12, 16, stride=8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 10)),
    ],
)
def test_several_designs_are_right(model) -> None:
    result = exercise("00-7").check(model)
    assert result.correct, result.message


@pytest.mark.parametrize(
    ("model", "sentences"),
    [
        (lambda: design(16, hidden=256), ["매개변수는 50,000개보다 적어야 합니다"]),
        (lambda: design(16, hidden=10, kernel=11), ["곱셈-덧셈은 5,000,000번보다 적어야 합니다"]),
        (small_field, ["수용 영역이 16화소 이상이어야 합니다. 지금은 7화소입니다."]),
        (lambda: design(128), ["매개변수는", "곱셈-덧셈은"]),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)), ["지금은 1화소입니다."]),
    ],
)
def test_design_is_told_each_requirement_it_misses_with_its_own_value(model, sentences) -> None:
    result = exercise("00-7").check(model())
    assert result.outcome is Outcome.WRONG
    for sentence in sentences:
        assert sentence in result.message
    assert "지금은 " in result.message


def test_design_with_the_wrong_number_of_outputs_or_a_broken_layer_is_told_so() -> None:
    assert "(2, 10)" in exercise("00-7").check(nn.Sequential(nn.Flatten(), nn.Linear(3072, 5))).message
    broken = exercise("00-7").check(nn.Sequential(nn.Flatten(), nn.Linear(7, 10))).message
    assert "RuntimeError" in broken
    assert "번째 줄" not in broken  # PyTorch 안쪽의 줄은 학생에게 도움이 되지 않는다


def test_hints_come_one_at_a_time_and_start_again_for_a_new_attempt() -> None:
    q = exercise("00-1")
    shown = [q.hint() for _ in range(4)]
    assert [card.heading for card in shown] == ["힌트 1/3", "힌트 2/3", "힌트 3/3", "힌트 3/3"]
    assert shown[0].text != shown[1].text
    assert exercise("00-1").hint().heading == "힌트 1/3"


def test_unknown_id_lists_the_ids() -> None:
    with pytest.raises(LearnerError, match=r"00-1, 00-2, .*받은 값: '00-99'"):
        exercise("00-99")
    with pytest.raises(LearnerError):
        exercise(["00-1"])  # type: ignore[arg-type]


def test_ids_are_unique_and_belong_to_their_lesson() -> None:
    assert sum(map(len, LESSONS.values())) == len(EXERCISES)
    assert all(one.id.startswith(f"{lesson}-") for lesson, group in LESSONS.items() for one in group)


def test_results_render_once_the_same_each_time_and_do_not_rely_on_colour(capsys) -> None:
    for answer, word, mark in ((11, "맞음", "✓"), (9, "틀림", "✗"), (None, "아직 안 함", "…")):
        result, again = exercise("00-1").check(answer), exercise("00-1").check(answer)
        for text in (repr(result), result._repr_html_()):
            assert word in text
            assert mark in text
        assert (repr(result), result._repr_html_()) == (repr(again), again._repr_html_())
    assert capsys.readouterr().out == ""


def test_html_escapes_what_the_student_wrote() -> None:
    html = exercise("00-1").check("<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in html


@pytest.mark.parametrize("one", ALL, ids=by_id)
def test_every_card_sets_both_ink_and_paper(one: Exercise) -> None:
    q = Attempt(one)
    for card in (q, q.hint(), q.solution(), q.check(None)):
        html = card._repr_html_()
        assert "color:#1b1b1b" in html
        assert "background:#" in html


def contrast(a: str, b: str) -> float:
    """WCAG 2.1의 명암비."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_text_and_headings_have_enough_contrast() -> None:
    from cnnlab.teaching.cards import INK, TONES

    for _, edge, paper in TONES.values():
        assert contrast(INK, paper) >= 10
        assert contrast(edge, paper) >= 4.5


def test_receptive_field_answers_agree_with_the_input_gradient() -> None:
    for exercise_id, layers in (
        ("00-5", [nn.Conv2d(1, 1, 3), nn.AvgPool2d(2), nn.Conv2d(1, 1, 5)]),
        ("01-4", [nn.Conv2d(1, 1, 7), nn.AvgPool2d(2), nn.Conv2d(1, 1, 5), nn.AvgPool2d(2)]),
    ):
        x = torch.zeros(1, 1, 32, 32, requires_grad=True)
        y = nn.Sequential(*layers)(x)
        y[0, 0, 1, 1].backward()
        rows = x.grad[0, 0].abs().sum(dim=1).nonzero().flatten()
        assert exercise(exercise_id).check(int(rows.max() - rows.min()) + 1).correct
