"""체크포인트: 학습을 그 자리에서 이어 가는 데 필요한 모든 것을 파일 하나에.

쓰다가 죽어도 앞의 것이 남는다: 다른 이름으로 다 쓴 뒤 이름을 바꾼다. 코드를 실행하지 않고 읽는다(weights_only=True).
"""

from __future__ import annotations

import glob
import os
import pickle
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from cnnlab.errors import LearnerError
from cnnlab.training.image_data import ImageData

FORMAT = 1
EVERY_SECONDS = 60.0


class CheckpointError(LearnerError, ValueError):
    """체크포인트를 읽을 수 없거나, 다른 학습의 것이다."""


def save_checkpoint(path: str | Path, state: Mapping[str, Any]) -> None:
    """state를 path에 쓴다. 다 쓰이거나, 앞의 파일이 그대로 남는다. 오류: 쓸 수 없으면 OSError."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(half, "wb") as file:
            try:
                torch.save({"format": FORMAT, **state}, file)
            except RuntimeError as error:  # torch의 zip 쓰기는 가득 찬 디스크를 RuntimeError로 말한다
                raise OSError(None, "디스크가 가득 찼습니다") from error
            file.flush()
            os.fsync(file.fileno())
        os.replace(half, path)
    except BaseException:
        with suppress(OSError):
            half.unlink()
        raise
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):  # 쓰다가 꺼진 프로세스가 남긴 것
        with suppress(OSError):
            left.unlink()


def load_checkpoint(path: str | Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """save_checkpoint()가 쓴 것을 읽는다. 오류: 없거나, 체크포인트가 아니거나, 깨졌으면 CheckpointError."""
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"체크포인트가 없습니다: {path.name}. 파일 이름과 폴더를 확인하세요.")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"체크포인트로 읽을 수 없는 파일입니다: {path.name}. 다른 체크포인트를 쓰거나 처음부터 학습하세요."
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(f"cnnlab이 남긴 체크포인트가 아닙니다: {path.name}. --resume에 줄 파일을 확인하세요.")
    return state


def fingerprint(data: ImageData) -> dict[str, Any]:
    """어떤 데이터로 학습했는지: 이름과 출처, 그림 수, 정답 전부와 그림 일부의 CRC-32."""
    check = zlib.crc32(data.train_labels.cpu().numpy().tobytes())
    check = zlib.crc32(data.train_images[::101].cpu().numpy().tobytes(), check)
    return {"name": data.name, "source": data.source, "count": len(data.train_labels), "crc32": check}


def check_same_run(state: Mapping[str, Any], recipe: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """이어 갈 학습의 설정과 데이터가 체크포인트와 같지 않으면 CheckpointError."""
    wrong = [
        f"{name}={recipe[name]!r}(체크포인트는 {state['recipe'].get(name)!r})"
        for name in recipe
        if state["recipe"].get(name) != recipe[name]
    ]
    if wrong:
        raise CheckpointError(
            f"체크포인트와 설정이 달라 이어 갈 수 없습니다. 같게 맞추세요. 다른 것: {', '.join(wrong)}"
        )
    for key in ("count", "crc32"):  # 같은 그림이면 이름과 놓인 곳이 달라도 된다
        if state["data"][key] != data[key]:
            raise CheckpointError(
                "체크포인트와 데이터가 달라 이어 갈 수 없습니다. "
                f"체크포인트의 데이터: {state['data']['name']} {state['data']['count']:,}장, "
                f"지금의 데이터: {data['name']} {data['count']:,}장"
            )
