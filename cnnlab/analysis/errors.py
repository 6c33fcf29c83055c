"""분석하는 동안 학습자가 만날 수 있는 오류."""

from cnnlab.errors import LearnerError


class ModelError(LearnerError, TypeError):
    """신경망이 아닌 것을 주었거나, 아직 계산할 수 없는 신경망이다."""


class InputSizeError(LearnerError, ValueError):
    """input_size가 (채널, 높이, 너비)가 아니다."""


class InputTooSmall(LearnerError, ValueError):
    """커널이 입력보다 커서 놓을 자리가 없다."""


class WrongShape(LearnerError, ValueError):
    """계층이 기대하는 채널 수나 입력 길이와 받은 것이 다르다."""


class ForwardError(LearnerError, RuntimeError):
    """forward를 실행하다가 오류가 났다."""


class BranchError(LearnerError, NotImplementedError):
    """한 줄로 이어진 신경망에서만 할 수 있는 일인데 갈래가 있다."""


class UnknownOpError(LearnerError, NotImplementedError):
    """분석이 아직 모르는 연산이다. 틀린 값을 내지 않으려고 멈춘다."""


class LayerNameError(LearnerError, KeyError):
    """그런 이름의 계층이 없다."""

    # KeyError는 메시지를 따옴표로 감싸 보여 준다: 문장은 문장대로 보이게 한다
    __str__ = Exception.__str__
