"""`python -m cnnlab.training.data download`, `... serve`: 노트북 없이 데이터를 받고 나누어 준다."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cnnlab.errors import LearnerError
from cnnlab.training.archive import CIFAR10, Archive
from cnnlab.training.download import fetch
from cnnlab.training.folders import data_folder, named_folder, shown
from cnnlab.training.serve import serve


def main(arguments: Sequence[str] | None = None, archive: Archive = CIFAR10) -> int:
    """명령을 실행하고 끝 상태를 돌려준다: 0 성공, 1 할 수 없음, 2 명령이 틀림, 130 멈춤."""
    parser = argparse.ArgumentParser("python -m cnnlab.training.data", description="CIFAR-10을 받고 나누어 줍니다.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="download|serve")
    help_folder = "압축 파일이 있는(있을) 폴더. 주지 않으면 CNNLAB_DATA, 그것도 없으면 프로젝트의 data/"
    get = commands.add_parser("download", help=f"{archive.name} 파일을 폴더에 받습니다")
    give = commands.add_parser("serve", help="받은 파일을 같은 네트워크의 컴퓨터에 나누어 줍니다")
    for command in (get, give):
        command.add_argument("--folder", help=help_folder)
    give.add_argument("--port", type=int, default=8000, help="포트(8000)")
    give.add_argument("--host", default="0.0.0.0", help="받아들일 주소(0.0.0.0: 모든 네트워크)")
    given = parser.parse_args(arguments)
    folder = _folder(given.folder)
    try:
        if given.command == "serve":
            serve(folder, given.host, given.port, archive)
        else:
            print(f"{shown(fetch(folder, archive))}: 받았고 md5가 맞습니다.")
    except LearnerError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _folder(given: str | None) -> Path:
    named = named_folder(given)
    return data_folder() if named is None or named == Path("shapes10") else named
