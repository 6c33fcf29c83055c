"""한국어 CNN 노트북이 함께 쓰는 패키지.

이름은 처음 쓸 때 불러온다: `import cnnlab`이 느리면 모든 노트북의 첫 셀이 느리다.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# torch의 OpenMP 스레드는 다음 일을 기다리는 동안 CPU를 붙들고 돈다. 브라우저나 다른 커널이 같은 CPU를 쓰면 서로 막혀
# 학습이 몇 배로 느려지므로, 기다릴 때는 내려놓게 한다. torch보다 cnnlab을 먼저 불러야 듣는다.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from cnnlab.analysis.compare import compare_models, fold_table
    from cnnlab.analysis.diagram import draw_block, draw_network
    from cnnlab.analysis.effective import effective_receptive_field
    from cnnlab.analysis.receptive_field import measure_receptive_field, receptive_field
    from cnnlab.analysis.tables import layer_table
    from cnnlab.runtime import Runtime, setup
    from cnnlab.teaching.exercises import exercise
    from cnnlab.teaching.explore import (
        explore,
        explore_architecture,
        explore_convolution,
        explore_feature_maps,
        explore_filters,
        explore_receptive_field,
    )
    from cnnlab.teaching.facts import check_facts
    from cnnlab.teaching.live import fit
    from cnnlab.teaching.live_scoreboard import live_scoreboard
    from cnnlab.teaching.progress import progress
    from cnnlab.teaching.scoreboard import scoreboard
    from cnnlab.training.data import ImageData, load_cifar10
    from cnnlab.training.loop import evaluate
    from cnnlab.training.lr_find import lr_find
    from cnnlab.training.runs import History

_HOME = {
    "setup": "cnnlab.runtime",
    "Runtime": "cnnlab.runtime",
    "layer_table": "cnnlab.analysis.tables",
    "receptive_field": "cnnlab.analysis.receptive_field",
    "measure_receptive_field": "cnnlab.analysis.receptive_field",
    "fold_table": "cnnlab.analysis.compare",
    "compare_models": "cnnlab.analysis.compare",
    "effective_receptive_field": "cnnlab.analysis.effective",
    "draw_network": "cnnlab.analysis.diagram",
    "draw_block": "cnnlab.analysis.diagram",
    "load_cifar10": "cnnlab.training.data",
    "ImageData": "cnnlab.training.data",
    "evaluate": "cnnlab.training.loop",
    "History": "cnnlab.training.runs",
    "fit": "cnnlab.teaching.live",
    "lr_find": "cnnlab.training.lr_find",
    "live_scoreboard": "cnnlab.teaching.live_scoreboard",
    "progress": "cnnlab.teaching.progress",
    "scoreboard": "cnnlab.teaching.scoreboard",
    "exercise": "cnnlab.teaching.exercises",
    "explore": "cnnlab.teaching.explore",
    "explore_architecture": "cnnlab.teaching.explore",
    "explore_convolution": "cnnlab.teaching.explore",
    "explore_feature_maps": "cnnlab.teaching.explore",
    "explore_filters": "cnnlab.teaching.explore",
    "explore_receptive_field": "cnnlab.teaching.explore",
    "check_facts": "cnnlab.teaching.facts",
}
_SUBPACKAGES = ("models", "analysis", "training", "teaching", "layers", "runtime", "errors")

__all__ = [
    "History",
    "ImageData",
    "Runtime",
    "check_facts",
    "compare_models",
    "draw_block",
    "draw_network",
    "effective_receptive_field",
    "evaluate",
    "exercise",
    "explore",
    "explore_architecture",
    "explore_convolution",
    "explore_feature_maps",
    "explore_filters",
    "explore_receptive_field",
    "fit",
    "fold_table",
    "layer_table",
    "live_scoreboard",
    "load_cifar10",
    "lr_find",
    "measure_receptive_field",
    "progress",
    "receptive_field",
    "scoreboard",
    "setup",
]


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return import_module(f"cnnlab.{name}")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"cnnlab에 {name!r}이라는 이름이 없습니다. 쓸 수 있는 이름: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBPACKAGES])
