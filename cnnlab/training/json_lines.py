"""한 줄에 JSON 하나씩 쌓는 파일: 여러 커널이 함께 써도, 쓰다가 꺼져도 앞의 줄이 남는다."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from filelock import FileLock

LOCK_SECONDS = 5.0  # 다른 커널이 쓰는 동안 기다리는 시간


def append_line(path: Path, row: dict[str, Any]) -> None:
    """row를 path 끝에 한 줄로 덧붙인다. 한 줄이 다 들어가거나 아무것도 들어가지 않는다.

    오류: 쓸 수 없거나 디스크가 가득 찼거나 다른 커널이 오래 쥐고 있으면 OSError.
    """
    line = json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=LOCK_SECONDS):  # filelock.Timeout도 OSError다
        _append_whole(path, line.encode())


def read_lines(path: Path) -> tuple[list[dict[str, Any]], list[int]]:
    """(읽은 줄들, 읽을 수 없는 줄의 번호들). 파일이 없으면 둘 다 비어 있다."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    rows, skipped = [], []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except ValueError:  # JSON도 UTF-8도 아닌 줄
            row = None
        if isinstance(row, dict):
            rows.append(row)
        elif line.strip():
            skipped.append(number)
    return rows, skipped


def _append_whole(path: Path, line: bytes) -> None:
    with open(path, "ab", buffering=0) as file:
        size = file.tell()
        if size and _last_byte(path) != b"\n":  # 앞선 쓰기가 잘렸으면 그 줄에 이어 붙지 않게 한다
            line = b"\n" + line
        try:
            written = file.write(line)
            if written != len(line):
                raise OSError(None, "디스크가 가득 찼습니다")
        except OSError:
            file.truncate(size)
            raise


def _last_byte(path: Path) -> bytes:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)
