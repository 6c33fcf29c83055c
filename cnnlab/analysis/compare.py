"""큰 신경망을 한눈에: 표를 단계로 접고, 여러 신경망을 한 표에서 견준다."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from cnnlab.analysis.tables import layer_table
from cnnlab.errors import LearnerError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["name", "layers", "input", "output", "params", "macs", "activation_kb", "rf", "jump"]
COMPARED = ["model", "params", "macs", "activation_kb", "training_kb", "depth", "rf"]


class FoldError(LearnerError, ValueError):
    """접는 깊이가 잘못되었다."""


@dataclass(frozen=True)
class Fold:
    """표의 이어진 행들을 접은 한 줄. rows는 표에서의 위치다."""

    name: str
    rows: range


def folds_of(table: "pd.DataFrame", depth: int = 1) -> list[Fold]:
    """`fold_table`이 접는 묶음. 규칙은 둘이다.

    - 이름의 앞 depth 마디가 같은 이어진 행은 한 줄이다: 신경망을 만든 사람이 나눈 단계다.
    - 어느 단계에도 들지 않은 이어진 행들은 곱셈이 있는 행(합성곱, 완전 연결)에서 끊는다:
      뒤따르는 정규화, 활성화, 풀링, 펼치기는 앞의 줄에 든다.
    """
    found: list[Fold] = []
    before: tuple[str, ...] | None = None
    for at, (name, macs) in enumerate(zip(table["name"], table["macs"], strict=True)):
        parts = tuple(str(name).split(":")[0].split("."))
        loose = len(parts) <= depth
        key = ("", *parts[:-1]) if loose else parts[:depth]  # 단계에 들지 않은 행의 열쇠는 빈 마디로 시작한다
        if key == before and not (loose and macs):
            last = found[-1]
            found[-1] = Fold(
                f"{last.name.split('~')[0]}~{name}" if loose else last.name, range(last.rows.start, at + 1)
            )
        else:
            found.append(Fold(str(name) if loose else ".".join(key), range(at, at + 1)))
        before = key
    return found


def fold_table(table: "pd.DataFrame", depth: int = 1) -> "pd.DataFrame":
    """`layer_table`의 표를 이름의 앞 depth 마디로 접는다: `layer3.0.conv1`은 depth=1이면 `layer3`, 2이면 `layer3.0`.

    반환: 이어지는 행의 묶음마다 한 행. layers: 묶은 행의 수. params, macs, activation_kb: 합.
      input은 첫 행의 입력, output, rf, jump는 마지막 행의 것이다. attrs는 그대로다.
    단계에 들지 않은 행은 합성곱이나 완전 연결에서 끊어 묶고, 첫 행과 마지막 행의 이름을 적는다: `conv1~maxpool`.
    오류: depth가 1 이상의 정수가 아니면 ValueError.
    """
    import pandas as pd

    if not isinstance(depth, int) or isinstance(depth, bool) or depth < 1:
        raise FoldError(f"depth는 1 이상의 정수여야 합니다. 받은 값: {depth!r}")
    rows = []
    for fold in folds_of(table, depth):
        members = table.iloc[fold.rows.start : fold.rows.stop]
        first, last = members.iloc[0], members.iloc[-1]
        sums = [members[column].sum() for column in ("params", "macs", "activation_kb")]
        rows.append([fold.name, len(members), first["input"], last["output"], *sums, last["rf"], last["jump"]])
    folded = pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    folded = folded.astype({"layers": "int64", "params": "int64", "macs": "int64", "activation_kb": "float64"})
    folded.attrs = table.attrs
    return folded


def compare_models(
    models: Sequence[nn.Module] | Mapping[str, nn.Module], input_size: tuple[int, ...] = (3, 32, 32)
) -> "pd.DataFrame":
    """신경망마다 한 행인 표. 같은 크기의 그림을 넣었을 때의 값이다.

    models: 신경망들. 이름 -> 신경망이면 그 이름으로, 아니면 클래스의 이름으로 적는다(겹치면 번호가 붙는다).
    반환: model, params, macs, activation_kb(특징 맵의 합), training_kb,
      depth(입력에서 출력까지 가장 긴 길에 있는 합성곱과 완전 연결의 수),
      rf(그림 전체를 보기 전까지 가장 큰 수용 영역).
    오류: `layer_table`과 같다.
    """
    import pandas as pd

    given = list(models.items()) if isinstance(models, Mapping) else [("", model) for model in models]
    rows: list[list[Any]] = []
    names: list[str] = []
    for label, model in given:
        attrs = layer_table(model, input_size).attrs
        name = label or attrs["model"]
        names.append(name)
        count = names.count(name)
        cells = [attrs[key] for key in COMPARED[1:]]
        rows.append([name if count == 1 else f"{name}:{count}", *cells])
    return pd.DataFrame(rows, columns=COMPARED)
