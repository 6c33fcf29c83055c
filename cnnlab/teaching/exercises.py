"""연습 문제: 묻고, 채점하고, 힌트를 하나씩 주고, 풀이를 보여 준다.

    q = cnnlab.exercise("00-1")
    answer = None
    q.check(answer)      # 맞음, 틀림(무엇이 틀렸는지), 아직 안 함
    q.hint()             # 부를 때마다 다음 힌트
    q.solution()

문제는 `questions/`에 자료로 있고 채점하는 법은 `answers.py`와 `code_answers.py`에 있다.
모든 함수는 값을 돌려줄 뿐 출력하지 않는다.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from cnnlab.errors import LearnerError
from cnnlab.teaching.answers import Answer, NotYet, Wrong
from cnnlab.teaching.cards import Card
from cnnlab.teaching.progress import record


class UnknownExercise(LearnerError, ValueError):
    """없는 문제 번호."""


class Outcome(Enum):
    RIGHT = "맞음"
    WRONG = "틀림"
    NOT_YET = "아직 안 함"


_TONE = {Outcome.RIGHT: "right", Outcome.WRONG: "wrong", Outcome.NOT_YET: "open"}


@dataclass(frozen=True)
class Exercise:
    """문제 하나.

    answer: 채점하는 법(기대하는 값은 그 안에서 그때그때 계산한다). name: 풀이와 빈칸 코드가 답을 담는 이름.
    stub: 학생이 채울 빈칸 코드. solution_code: 실행하면 name에 맞는 답이 담기는 코드.
    """

    id: str
    title: str
    question: str
    answer: Answer
    hints: tuple[str, ...]
    solution: str
    solution_code: str
    stub: str = "answer = None"
    name: str = "answer"

    @property
    def kind(self) -> str:
        """number, shape, code 가운데 하나."""
        return self.answer.kind


@dataclass(frozen=True, repr=False)
class Result:
    """채점 결과. 셀의 마지막 줄에 두면 저절로 보인다."""

    outcome: Outcome
    message: str

    @property
    def correct(self) -> bool:
        return self.outcome is Outcome.RIGHT

    def _card(self) -> Card:
        return Card(_TONE[self.outcome], self.outcome.value, self.message)

    def __repr__(self) -> str:
        return repr(self._card())

    def _repr_html_(self) -> str:
        return self._card()._repr_html_()


class Attempt:
    """한 학생이 한 문제를 푸는 동안의 상태: 힌트를 몇 개 보았는가."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self._hints_seen = 0

    def check(self, answer: Any = None) -> Result:
        """답을 채점하고 진도에 적는다. 학생 코드의 오류도 결과로 돌려주며, 예외를 던지지 않는다."""
        result = self.grade(answer)
        if result.outcome is not Outcome.NOT_YET:
            record(self.exercise.id, right=result.correct)
        return result

    def grade(self, answer: Any = None) -> Result:
        """적지 않고 채점만 한다."""
        try:
            if answer is None or answer is ... or (isinstance(answer, str) and not answer.strip()):
                raise NotYet
            self.exercise.answer.check(answer)
        except NotYet:
            return Result(Outcome.NOT_YET, "빈칸을 채운 뒤 이 셀을 다시 실행하세요.")
        except Wrong as wrong:
            return Result(Outcome.WRONG, str(wrong))
        return Result(Outcome.RIGHT, "맞았습니다. `solution()`을 실행해 풀이와 견주어 보세요.")

    def hint(self) -> Card:
        """다음 힌트. 다 본 뒤에는 마지막 힌트를 다시 보여 준다."""
        hints = self.exercise.hints
        self._hints_seen = min(self._hints_seen + 1, len(hints))
        return Card("hint", f"힌트 {self._hints_seen}/{len(hints)}", hints[self._hints_seen - 1])

    def solution(self) -> Card:
        """풀이와, 그대로 실행되는 코드."""
        return Card("solution", f"풀이 {self.exercise.id}", self.exercise.solution, self.exercise.solution_code)

    def _card(self) -> Card:
        one = self.exercise
        return Card("question", f"연습 {one.id}. {one.title}", one.question)

    def __repr__(self) -> str:
        return repr(self._card())

    def _repr_html_(self) -> str:
        return self._card()._repr_html_()


def exercise(exercise_id: str) -> Attempt:
    """번호로 문제를 꺼낸다: `exercise("01-3")`. 꺼낼 때마다 힌트는 처음부터다.

    오류: 없는 번호이면 UnknownExercise(있는 번호의 목록).
    """
    from cnnlab.teaching.questions import EXERCISES

    try:
        return Attempt(EXERCISES[exercise_id])
    except (KeyError, TypeError):
        known = ", ".join(EXERCISES)
        raise UnknownExercise(
            f"그런 번호의 연습 문제가 없습니다. 다음 가운데 하나를 적어 주세요: {known}. 받은 값: {exercise_id!r}"
        ) from None
