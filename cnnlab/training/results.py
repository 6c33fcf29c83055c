"""기준 결과: 길게 한 번 학습시켜 남겨 둔 곡선. 수업에서 1분 학습의 곁에 놓는다.

파일은 프로젝트의 data/results/<모델>.json이고, 저장소 없이 설치한 곳(Colab)을 위해 똑같은 것이 패키지의
assets/results/에도 있다. 명령 하나가 둘을 함께 쓴다. 같은 일을 되풀이하려면:
    python -m cnnlab.training resnet20_cifar --epochs 10
    python -m cnnlab.training.results data/runs/resnet20_cifar-<시각>.json --hardware "CPU 2코어"
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.errors import LearnerError
from cnnlab.training.folders import data_folder, shown
from cnnlab.training.history import EPOCHS_DONE, History, HistoryError, StepRecord

if TYPE_CHECKING:
    import pandas as pd

SHIPPED = Path(__file__).resolve().parent.parent / "assets" / "results"
MOST_STEPS = 150  # 곡선의 점: 그림에는 이만하면 되고, 파일은 git에 들어갈 만큼 작다
DIGITS = 5


class ResultMissing(LearnerError, FileNotFoundError):
    """그런 기준 결과가 없다."""


class ResultError(LearnerError, ValueError):
    """기준 결과로 쓸 수 없는 기록이거나 읽을 수 없는 파일이다."""


@dataclass(frozen=True)
class Result:
    """기준 결과 하나. 설정(recipe), 시드, 데이터의 이름(source), 에폭은 history에 있다."""

    history: History
    hardware: str  # 어떤 컴퓨터에서 학습시켰는가

    def __str__(self) -> str:
        one = self.history
        return (
            f"{one.model}: {one.recipe['epochs']:g}에폭, 시험 정확도 {one.accuracy:.1%}({one.test_images:,}장), "
            f"{one.seconds / 60:.0f}분({self.hardware}, 스레드 {one.threads}개, {one.precision}), "
            f"시드 {one.seed} · {one.source}"
        )


def results_folder() -> Path:
    """기준 결과를 쓰는 폴더: 프로젝트의 data/results."""
    return data_folder() / "results"


def results() -> list[str]:
    """있는 기준 결과의 이름, 가나다순."""
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.json")})


def load_result(name: str) -> Result:
    """기준 결과를 읽는다: 프로젝트의 data/results에 있으면 그것, 없으면 패키지와 함께 온 것.

    오류: 없으면 ResultMissing(있는 이름의 목록), 읽을 수 없는 파일이면 ResultError.
    """
    path = next((path for folder in _folders() if (path := folder / f"{name}.json").is_file()), None)
    if path is None:
        known = ", ".join(results()) or "없음"
        raise ResultMissing(f"기준 결과가 없습니다: {name}. 지금 있는 것: {known}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Result(History.from_plain(values), values["hardware"])
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ResultError(
            f"기준 결과로 읽을 수 없는 파일입니다: {shown(path)}. 파일을 지우고 "
            "python -m cnnlab.training.results로 다시 만드세요."
        ) from error


def load_scores(name: str) -> pd.DataFrame:
    """점수판 하나(한 행이 학습 한 번)를 읽는다: 프로젝트의 data/results/<name>.csv, 없으면 패키지와 함께 온 것.

    오류: 없으면 ResultMissing, 읽을 수 없으면 ResultError.
    """
    import pandas as pd

    path = next((path for folder in _folders() if (path := folder / f"{name}.csv").is_file()), None)
    if path is None:
        raise ResultMissing(f"점수판이 없습니다: {name}. python benchmarks/{name}.py로 만드세요.")
    try:
        return pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise ResultError(f"점수판으로 읽을 수 없는 파일입니다: {shown(path)}. 지우고 다시 만드세요.") from error


def thinned(history: History, most: int = MOST_STEPS) -> History:
    """학습 곡선의 점을 most개 아래로: 이웃한 기록들을 평균한다(기록 하나는 바로 앞 기록부터의 평균이다)."""
    size = -(-len(history.steps) // most) or 1
    groups = [history.steps[start : start + size] for start in range(0, len(history.steps), size)]
    return replace(history, steps=[_mean(group) for group in groups])


def write_result(history: History, hardware: str, folders: Sequence[Path]) -> list[Path]:
    """마친 학습을 기준 결과의 파일로 쓴다: 폴더마다 똑같은 <모델>.json. 반환: 쓴 파일.

    오류: 에폭을 마치지 못했거나 시험 그림으로 재지 못한 기록이면 ResultError, 쓸 수 없으면 OSError.
    """
    if history.stopped != EPOCHS_DONE or not history.test_images:
        raise ResultError(
            f"끝까지 마친 학습만 기준 결과가 됩니다. --epochs로 학습시킨 기록을 주세요. "
            f"이 기록이 끝난 까닭: {history.stopped or '아직 끝나지 않음'}"
        )
    text = _as_text({**_rounded(thinned(history).plain()), "hardware": hardware})
    paths = [folder / f"{history.model}.json" for folder in folders]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return paths


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m cnnlab.training.results", description="학습이 남긴 곡선 파일로 기준 결과를 만듭니다."
    )
    parser.add_argument("curves", nargs="+", type=Path, metavar="FILE", help="python -m cnnlab.training이 남긴 .json")
    parser.add_argument("--hardware", required=True, help='학습시킨 컴퓨터(예: "CPU 2코어")')
    options = parser.parse_args(arguments)
    try:
        for curve in options.curves:
            for path in write_result(History.load(curve), options.hardware, _homes()):
                print(f"{shown(path)}: 썼습니다.")
    except (HistoryError, ResultError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"파일을 읽거나 쓰지 못했습니다({error.strerror or type(error).__name__}).", file=sys.stderr)
        return 2
    return 0


def _folders() -> tuple[Path, ...]:
    return results_folder(), SHIPPED


def _homes() -> list[Path]:
    """명령이 쓰는 곳. 저장소에서 실행하면 패키지의 사본도 함께 고친다: 둘이 어긋나지 않는다."""
    project = results_folder()
    return [project, SHIPPED] if SHIPPED.parents[2] == project.parents[1].resolve() else [project]


def _mean(group: Sequence[StepRecord]) -> StepRecord:
    last = group[-1]
    loss, accuracy = (sum(getattr(step, name) for step in group) / len(group) for name in ("loss", "accuracy"))
    return replace(last, loss=loss, accuracy=accuracy)


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    """곡선의 실수를 DIGITS자리로: 파일이 절반이 된다. 설정과 마지막 결과는 그대로 둔다."""
    curves = {
        name: [
            {key: number if number is None else round(number, DIGITS) for key, number in record.items()}
            for record in values[name]
        ]
        for name in ("steps", "evals")
    }
    return {**values, **curves}


def _as_text(values: dict[str, Any]) -> str:
    """JSON 글: 값마다 한 줄, 기록(steps, evals)은 하나에 한 줄. git에서 무엇이 바뀌었는지 보인다."""
    lines = []
    for key, value in values.items():
        inside = value if isinstance(value, list) and value and isinstance(value[0], dict) else None
        rows = ",\n".join(f"    {json.dumps(item)}" for item in inside or ())
        text = f"[\n{rows}\n  ]" if inside else json.dumps(value, ensure_ascii=False, allow_nan=False)
        lines.append(f"  {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
