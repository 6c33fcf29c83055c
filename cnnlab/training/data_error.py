"""데이터를 쓸 수 없을 때의 오류. torch 없이 불러진다: 내려받고 나누어 주는 명령은 torch를 기다리지 않는다."""

from __future__ import annotations

from cnnlab.errors import LearnerError


class DataError(LearnerError, ValueError):
    """데이터를 쓸 수 없다: 어느 파일이 왜 그런지, 무엇을 하면 되는지 말한다."""
