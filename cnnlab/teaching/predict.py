"""먼저 예측하고, 그다음 확인한다."""

from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Reveal:
    """예측과, 살아 있는 모델에서 방금 계산한 값."""

    question: str
    prediction: Any
    actual: Any

    @property
    def verdict(self) -> str:
        if self.prediction is None or self.prediction is ...:
            return "예측을 먼저 적어 보세요."
        return (
            "예측과 같습니다."
            if _plain(self.prediction) == _plain(self.actual)
            else "예측과 다릅니다. 어디에서 갈라졌을까요?"
        )

    def __repr__(self) -> str:
        guess = "없음" if self.prediction is None or self.prediction is ... else _plain(self.prediction)
        return f"{self.question}\n  예측 {_show(guess)}\n  계산 {_show(_plain(self.actual))}\n  {self.verdict}"

    def _repr_html_(self) -> str:
        return f'<pre style="margin:0;font-family:inherit;line-height:1.7">{escape(repr(self))}</pre>'


def reveal(question: str, prediction: Any, actual: Any) -> Reveal:
    """예측(prediction)을 방금 계산한 값(actual)과 나란히 보인다. 예측이 None이면 아직 적지 않은 것이다."""
    return Reveal(question, prediction, actual)


def _plain(value: Any) -> Any:
    """torch.Size와 list는 tuple로: (6, 28, 28)과 [6, 28, 28]은 같은 예측이다."""
    return tuple(value) if isinstance(value, list | tuple) else value


def _show(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
