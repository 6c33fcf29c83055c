"""코드 모양과 자료형: 검사 도구가 흠을 찾으면 그 출력을 그대로 보인다."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


# 노트북의 모양은 고치지 않는다: 연습의 빈칸(`...`)이 def 줄에 붙어 버린다
@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "cnnlab", "tests", "conftest.py"), ("mypy", "cnnlab")],
    ids=["ruff check", "ruff format", "mypy"],
)
def test_tool_finds_nothing(command: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
