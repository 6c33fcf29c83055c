"""환경 변수로 받는 설정."""

import math
from collections.abc import Mapping

from cnnlab.errors import LearnerError


class SettingError(LearnerError, ValueError):
    """환경 변수나 인자로 받은 설정을 쓸 수 없다."""


def positive_setting(environment: Mapping[str, str], name: str, what: str) -> float | None:
    """환경 변수 name에 적힌 양수. 비어 있거나 없으면 None.

    what: 오류에 적는, 무엇을 적어야 하는가(예: '0보다 큰 분 수를 적어 주세요(예: 0.5)').
    오류: 양수가 아니면 SettingError.
    """
    text = environment.get(name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise SettingError(f"환경 변수 {name}에는 {what}. 지금 값: {text!r}")
    return value
