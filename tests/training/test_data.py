"""load_cifar10: 무엇을 쓰는지 말하고, 이름 붙인 폴더가 잘못되면 조용히 넘어가지 않는다."""

import pickle
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mirror_servers import BODY, FILES, SMALL, Mirror, running
from PIL import Image

from cnnlab.errors import LearnerError
from cnnlab.training import data
from cnnlab.training.archive import CIFAR10, FOLDER
from cnnlab.training.data import DataError, ImageData, MirrorsError, data_folder, find_source, load_cifar10
from cnnlab.training.folders import shown


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """네트워크도 데이터도 없는 프로젝트의 notebooks/에서 시작한다."""
    for name in ("notebooks", "data"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    monkeypatch.setenv("CNNLAB_MIRRORS", "http://127.0.0.1:9/nothing-listens-here")
    monkeypatch.setattr(data, "make_shapes10", lambda: replace(tiny(), name="shapes10 (내장 그림)", source="시험용"))
    return tmp_path


def tiny(count: int = 4) -> ImageData:
    images = torch.zeros(count, 3, 32, 32, dtype=torch.uint8)
    labels = torch.arange(count) % 2
    return ImageData(images, labels, images.clone(), labels.clone(), ("가", "나"), "작은 그림", "시험용")


def write_photos(folder: Path, classes: tuple[str, ...] = ("cat", "dog")) -> None:
    for part in ("train", "test"):
        for name in classes:
            (folder / part / name).mkdir(parents=True)
            Image.new("RGB", (48, 40), "red").save(folder / part / name / "a.png")


# 무엇을 쓰는가 --------------------------------------------------------------------------------------------------------


def test_without_data_and_network_it_says_plainly_that_shapes10_is_not_cifar10(project, capsys) -> None:
    assert find_source() == "없음: 내려받거나 내장 shapes10을 씁니다"
    loaded = load_cifar10()
    printed = capsys.readouterr().out
    assert not loaded.is_cifar10
    assert "shapes10은 CIFAR-10이 아니므로" in printed
    assert "연결하지 못했습니다" in printed
    assert str(project) not in printed
    assert list((project / "data").glob("cifar*")) == []


def test_download_false_never_touches_the_network(project, monkeypatch, capsys) -> None:
    monkeypatch.setattr(data, "_download_into", lambda folder: pytest.fail("네트워크에 나갔다"))
    load_cifar10(download=False)
    assert "내려받지 않기로 했습니다" in capsys.readouterr().out


def test_an_unwritable_data_folder_still_gives_shapes10(project, capsys) -> None:
    (project / "data").rmdir()
    (project / "notebooks" / "data").write_text("폴더 자리에 파일")
    assert load_cifar10().name.startswith("shapes10")
    assert "쓸 수 없습니다" in capsys.readouterr().out


def test_data_is_found_beside_notebooks_from_anywhere_below(project, monkeypatch) -> None:
    (project / "notebooks" / "deep").mkdir()
    monkeypatch.chdir(project / "notebooks" / "deep")
    assert data_folder() == project / "data"
    assert shown(data_folder() / "cifar10") == "data/cifar10"


def test_outside_a_checkout_data_lies_in_the_current_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_folder() == tmp_path / "data"


def test_pictures_in_the_project_are_used_and_named_relative_to_it(project, capsys) -> None:
    write_photos(project / "data" / "cifar10")
    assert find_source() == "사진 폴더(data/cifar10)"
    loaded = load_cifar10()
    assert loaded.classes == ("cat", "dog")
    assert loaded.source == "사진 data/cifar10, 학습 2장과 시험 2장"
    assert capsys.readouterr().out == "데이터: 사진 폴더 cifar10 | 사진 data/cifar10, 학습 2장과 시험 2장\n"


def test_results_and_runs_in_data_are_not_taken_for_pictures(project) -> None:
    (project / "data" / "results").mkdir()
    (project / "data" / "runs").mkdir()
    assert find_source().startswith("없음")


def test_a_broken_unnamed_folder_is_passed_over_aloud(project, capsys) -> None:
    write_photos(project / "data" / "cifar10", ("cat",))
    assert load_cifar10().name.startswith("shapes10")
    assert "건너뜁니다: data/cifar10: 클래스가 둘 이상" in capsys.readouterr().out


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_named_folder_comes_before_the_project(project, monkeypatch, by: str) -> None:
    write_photos(project / "data" / "cifar10")
    write_photos(project / "my_photos", ("사과", "배", "감"))
    if by == "environment":
        monkeypatch.setenv("CNNLAB_DATA", str(project / "my_photos"))
    loaded = load_cifar10(project / "my_photos" if by == "argument" else None)
    assert loaded.classes == ("감", "배", "사과")
    assert loaded.name == "사진 폴더 my_photos"


def test_shapes10_can_be_asked_for_by_name_without_network(project, monkeypatch, capsys) -> None:
    monkeypatch.setattr(data, "_download_into", lambda folder: pytest.fail("네트워크에 나갔다"))
    write_photos(project / "data" / "cifar10")
    monkeypatch.setenv("CNNLAB_DATA", "shapes10")
    assert find_source() == "내장 shapes10(CIFAR-10 아님)"
    assert load_cifar10().name.startswith("shapes10")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: None, "데이터 폴더가 없습니다"),
        (lambda folder: folder.mkdir(), "데이터를 찾지 못했습니다"),
        (lambda folder: (folder / "train").mkdir(parents=True), "test 폴더가 없습니다|클래스가 둘"),
        (lambda folder: (folder / FOLDER).mkdir(parents=True), "data_batch_1 파일이 없습니다"),
        (lambda folder: folder.write_text("파일"), "데이터를 찾지 못했습니다"),
    ],
)
def test_an_unusable_named_folder_is_an_error_not_a_fallback(project, monkeypatch, make, said: str) -> None:
    folder = project / "named"
    make(folder)
    monkeypatch.setenv("CNNLAB_DATA", str(folder))
    assert isinstance(find_source(), str)
    with pytest.raises(DataError, match=said) as caught:
        load_cifar10()
    assert isinstance(caught.value, LearnerError)
    assert isinstance(caught.value, ValueError)
    assert str(project) not in str(caught.value)


def test_a_batch_with_a_wrong_md5_is_named_and_never_unpickled(project) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return (pytest.fail, ("확인하지 않은 pickle을 풀었다",))

    folder = project / "named" / FOLDER
    folder.mkdir(parents=True)
    for name in CIFAR10.members:
        (folder / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match="data_batch_1 파일의 md5가"):
        load_cifar10(project / "named")


@pytest.mark.parametrize("given", ["parent", "itself"])
def test_a_batches_folder_may_be_named_itself_or_by_its_parent(project, monkeypatch, given: str) -> None:
    folder = project / "named" / FOLDER
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    monkeypatch.setattr(data, "CIFAR10", SMALL)
    loaded = load_cifar10(folder if given == "itself" else folder.parent)
    assert loaded.name == "CIFAR-10"
    assert loaded.is_cifar10
    assert len(loaded.train_labels) == 60


# 내려받기에서 그림까지 ------------------------------------------------------------------------------------------------


@pytest.fixture
def mirror(project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setattr(data, "CIFAR10", SMALL)
    with running(Mirror()) as server:
        monkeypatch.setenv("CNNLAB_MIRRORS", f"{server.url}/good/")
        yield server


def test_it_downloads_once_unpacks_and_then_needs_no_server(project, mirror: Mirror, capsys) -> None:
    first = load_cifar10()
    again = load_cifar10()
    assert first.is_cifar10
    assert first.train_images.equal(again.train_images)
    assert mirror.requests == [("good", None)]
    assert find_source() == "CIFAR-10 원본(data)"
    assert (project / "data" / SMALL.name).read_bytes() == BODY  # 나누어 줄 수 있게 압축도 남는다
    assert capsys.readouterr().out.count("데이터: CIFAR-10 |") == 2


def test_a_half_data_folder_is_repaired_by_the_download(project, mirror: Mirror, capsys) -> None:
    half = project / "data" / FOLDER
    half.mkdir()
    (half / "data_batch_1").write_bytes(FILES["data_batch_1"])
    assert load_cifar10().is_cifar10
    assert "data_batch_2 파일이 없습니다" in capsys.readouterr().out


def test_a_broken_archive_in_the_project_is_downloaded_again(project, mirror: Mirror, capsys) -> None:
    (project / "data" / SMALL.name).write_bytes(BODY[:500])
    assert load_cifar10().is_cifar10
    assert f"건너뜁니다: data/{SMALL.name}: 압축이 깨졌거나" in capsys.readouterr().out


def test_a_teachers_address_written_wrong_is_an_error_not_a_fallback(project, monkeypatch) -> None:
    monkeypatch.setenv("CNNLAB_MIRRORS", "192.168.0.10:8000")
    with pytest.raises(MirrorsError, match="http://"):
        load_cifar10()
    assert find_source().startswith("없음")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc은 root도 쓸 수 없는 폴더라서 Linux에서만 쓴다")
def test_a_read_only_shared_folder_says_so_and_still_gives_shapes10(project, mirror, monkeypatch, capsys) -> None:
    monkeypatch.setattr(data, "data_folder", lambda: Path("/proc"))
    assert load_cifar10().name.startswith("shapes10")
    assert "/proc 폴더에 쓸 수 없습니다" in capsys.readouterr().out


# 학습자가 만든 ImageData ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"train_images": torch.zeros(4, 3, 32, 32)}, "float32 .4, 3, 32, 32."),
        ({"train_images": torch.zeros(4, 32, 32, 3, dtype=torch.uint8)}, "permute"),
        ({"test_images": torch.zeros(4, 1, 28, 28, dtype=torch.uint8)}, "test_images는"),
        ({"train_images": np.zeros((4, 3, 32, 32), np.uint8)}, "ndarray"),
        ({"train_labels": torch.zeros(4, dtype=torch.int32)}, "int32"),
        ({"train_labels": torch.zeros(4, 1, dtype=torch.int64)}, "int64 .4, 1."),
        ({"test_labels": torch.zeros(3, dtype=torch.int64)}, "그림 4장, 정답 3개"),
        ({"train_labels": torch.tensor([0, 1, 2, -1])}, r"2개.*train_labels\[2\] = 2"),
        ({"classes": ("하나",)}, "둘 이상"),
        (
            {"test_images": torch.zeros(0, 3, 32, 32, dtype=torch.uint8), "test_labels": torch.zeros(0).long()},
            "한 장도 없습니다",
        ),
    ],
)
def test_a_wrong_image_data_says_what_was_given_and_expected(change: dict, said: str) -> None:
    with pytest.raises(DataError, match=said):
        replace(tiny(), **change)


def test_image_data_is_shown_in_one_short_korean_line() -> None:
    assert repr(tiny()) == "ImageData(작은 그림: 학습 4장, 시험 4장, 클래스 2개)"


def test_image_data_can_be_compared_and_put_in_a_set() -> None:
    first, second = tiny(), tiny()
    assert first == first
    assert len({first, second}) == 2


def test_a_failed_download_leaves_no_lock_and_no_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    monkeypatch.setenv("CNNLAB_MIRRORS", "http://127.0.0.1:9/")  # 아무도 듣지 않는 자리
    assert "shapes10" in data.load_cifar10().name
    assert list(tmp_path.iterdir()) == []
