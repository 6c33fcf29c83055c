"""학습자가 만날 수 있는 오류의 뿌리."""


class LearnerError(Exception):
    """무엇을 받았고, 무엇을 기대했고, 다음에 무엇을 하면 되는지 한국어로 말하는 오류.

    노트북에서는 긴 추적 기록(traceback) 대신 그 문장만 보인다. 전체 기록은 `%debug`나 `raise`로 볼 수 있다.
    """

    def _render_traceback_(self) -> list[str]:
        # IPython이 예외를 그릴 때 찾는 이름이다. 서른 줄짜리 추적 기록은 첫 학기 학생에게 답을 감춘다.
        return [f"{type(self).__name__}: {self}"]
