"""기준 결과: 커밋된 파일이 그대로 읽히고, 명령이 남긴 곡선에서 같은 파일을 만든다."""

import json
import math
from pathlib import Path

import pytest

from cnnlab.errors import LearnerError
from cnnlab.models import names
from cnnlab.models.budget import BUDGET
from cnnlab.training import results as module
from cnnlab.training.history import EPOCHS_DONE, TIME_UP, EvalRecord, History, StepRecord
from cnnlab.training.recipe import Recipe
from cnnlab.training.results import (
    SHIPPED,
    ResultError,
    ResultMissing,
    load_result,
    load_scores,
    main,
    results,
    thinned,
    write_result,
)

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = sorted((ROOT / "data" / "results").glob("*.json"))


def history(**changes) -> History:
    values = {
        "model": "tiny_cifar",
        "source": "CIFAR-10 (JPEG 사본)",
        "seed": 0,
        "device": "cpu",
        "recipe": {"minutes": None, "epochs": 2.0, "lr": 0.05, "weight_decay": 0.0000001, "seed": 0},
        "steps": [StepRecord(n / 160, n * 1.0, 2.0 + n / 3, n / 320, 0.05) for n in range(1, 321)],
        "evals": [EvalRecord(2.0, 330.0, 0.5123, 1.4)],
        "images_seen": 100_000,
        "seconds": 330.0,
        "stopped": EPOCHS_DONE,
        "accuracy": 0.5123,
        "loss": 1.4,
        "test_images": 10_000,
        "precision": "bfloat16 channels_last",
        "threads": 1,
    }
    return History(**(values | changes))


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """저장소가 아닌 곳: notebooks/와 data/가 있는 빈 폴더."""
    for name in ("notebooks", "data"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_reference_results() -> None:
    assert {"resnet20_cifar", "plain20_cifar"} <= {path.stem for path in COMMITTED}


def test_the_copy_in_the_package_is_the_same_file() -> None:
    """python -m cnnlab.training.results가 둘을 함께 쓴다. 하나만 고쳤으면 명령으로 다시 만든다."""
    assert [path.name for path in COMMITTED] == [path.name for path in sorted(SHIPPED.glob("*.json"))]
    for path in COMMITTED:
        assert path.read_bytes() == (SHIPPED / path.name).read_bytes(), path.name


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_result_says_how_it_was_made_and_is_small(path: Path, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    result = load_result(path.stem)
    one = result.history
    assert one.model == path.stem
    assert result.hardware
    assert one.source
    assert Recipe(**one.recipe).epochs  # 그대로 다시 학습시킬 수 있는 설정이다
    assert one.stopped == EPOCHS_DONE
    assert one.seed == one.recipe["seed"]
    assert 0.1 < one.accuracy < 1
    assert one.test_images == 10_000
    assert one.steps[-1].epoch == pytest.approx(one.recipe["epochs"], abs=0.01)
    assert 50 <= len(one.steps) <= module.MOST_STEPS
    assert path.stat().st_size < 30_000
    assert one.source in str(result)


def test_committed_results_differ_in_the_model_only(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    made = [load_result(path.stem) for path in COMMITTED]
    assert len({json.dumps([one.history.recipe, one.history.source, one.hardware]) for one in made}) == 1


def test_without_a_repository_the_copy_in_the_package_is_read(project) -> None:
    assert results() == [path.stem for path in COMMITTED]
    assert load_result("resnet20_cifar").history.model == "resnet20_cifar"


def test_a_result_of_ones_own_is_read_first(project, capsys) -> None:
    history(model="resnet20_cifar").save("curve.json")
    assert main(["curve.json", "--hardware", "내 노트북"]) == 0
    assert "data/results/resnet20_cifar.json" in capsys.readouterr().out
    assert load_result("resnet20_cifar").hardware == "내 노트북"


def test_the_command_keeps_everything_but_the_density_of_the_curve(project) -> None:
    before = history()
    before.save("curve.json")
    assert main(["curve.json", "--hardware", "CPU 2코어"]) == 0
    result = load_result("tiny_cifar")
    after = result.history
    assert result.hardware == "CPU 2코어"
    assert not (SHIPPED / "tiny_cifar.json").exists(), "저장소 밖에서는 패키지를 고치지 않는다"
    assert after.row() == before.row()  # 설정, 시드, 데이터, 시험 곡선
    assert after.steps[-1].epoch == before.steps[-1].epoch


def test_thinning_averages_neighbours() -> None:
    before = history()
    after = thinned(before, most=100)
    assert len(after.steps) == 80  # 네 개씩
    assert after.steps[0].loss == pytest.approx(sum(step.loss for step in before.steps[:4]) / 4)
    assert after.steps[0].epoch == before.steps[3].epoch
    assert math.fsum(s.accuracy for s in after.steps) / 80 == pytest.approx(
        math.fsum(s.accuracy for s in before.steps) / 320
    )
    assert thinned(history(steps=[])).steps == []


@pytest.mark.parametrize("changes", [{"stopped": TIME_UP}, {"stopped": ""}, {"test_images": 0}])
def test_an_unfinished_run_is_not_a_reference(project, changes, capsys) -> None:
    history(**changes).save("curve.json")
    assert main(["curve.json", "--hardware", "CPU"]) == 2
    assert "--epochs" in capsys.readouterr().err
    with pytest.raises(LearnerError, match="끝까지"):
        write_result(history(**changes), "CPU", [project])


def test_missing_and_broken_files_say_so_in_korean(project, capsys) -> None:
    with pytest.raises(LearnerError, match=r"vgg99.*resnet20_cifar"):
        load_result("vgg99")
    (project / "data" / "results").mkdir()
    for text in ("{", "{}", "[]", '{"hardware": "CPU"}'):
        (project / "data" / "results" / "broken.json").write_text(text, encoding="utf-8")
        with pytest.raises(LearnerError, match="다시 만드세요"):
            load_result("broken")
    assert main(["nothing.json", "--hardware", "CPU"]) == 2
    assert "읽거나 쓰지 못했습니다" in capsys.readouterr().err


def test_scores_are_read_and_missing_ones_say_how_to_make_them(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "_folders", lambda: (tmp_path,))
    with pytest.raises(ResultMissing, match=r"benchmarks/one_recipe\.py"):
        load_scores("one_recipe")
    (tmp_path / "one_recipe.csv").write_text("model,seed,accuracy\nlenet5_cifar,0,0.5\n", encoding="utf-8")
    table = load_scores("one_recipe")
    assert table["accuracy"].tolist() == [0.5]
    (tmp_path / "one_recipe.csv").write_text("", encoding="utf-8")
    with pytest.raises(ResultError, match="읽을 수 없는"):
        load_scores("one_recipe")


def test_both_copies_of_the_scores_are_the_same() -> None:
    copies = [ROOT / folder / "one_recipe.csv" for folder in ("data/results", "cnnlab/assets/results")]
    assert copies[0].read_bytes() == copies[1].read_bytes()
    rows = load_scores("one_recipe")
    assert set(rows["model"]) <= set(BUDGET)
    assert not rows.duplicated(["model", "seed", "epochs"]).any()
    assert rows["hardware"].notna().all()
    assert rows["source"].str.startswith("CIFAR-10").all()
    assert rows["accuracy"].between(0, 1).all()


def test_the_table_beside_the_results_says_what_the_files_say() -> None:
    """data/results/README.md: 형제마다 한 줄, 잰 것은 파일의 값, 재지 않은 것은 그렇다고."""
    text = (ROOT / "data" / "results" / "README.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| `")]
    siblings = [name for name in names() if name.endswith("_cifar")]
    assert [row[0].strip("`") for row in rows] == siblings
    for name, ours, epochs, *_ in rows:
        if name.strip("`") in results():
            one = load_result(name.strip("`")).history
            assert (ours, epochs) == (f"{100 - 100 * one.accuracy:.1f}", f"{one.recipe['epochs']:g}")
        else:
            assert (ours, epochs) == ("재지 않음", "")
