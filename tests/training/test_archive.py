"""압축과 원본 묶음: 확인하기 전에는 풀지 않고, 풀어도 폴더 밖에는 아무것도 쓰지 않는다."""

import pickle
import stat
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mirror_servers import BODY, CLASSES, FILES, SMALL, archive_of, packed

from cnnlab.training import archive as module
from cnnlab.training import batches
from cnnlab.training.archive import CIFAR10, FOLDER, UNPACKING, unpack
from cnnlab.training.data_error import DataError


def test_checksums_are_those_of_torchvision_and_cover_every_file() -> None:
    from torchvision import datasets

    theirs = datasets.CIFAR10

    known = {**dict(theirs.train_list), **dict(theirs.test_list), theirs.meta["filename"]: theirs.meta["md5"]}
    assert dict(CIFAR10.members) == known
    assert set(known) == {*batches.TRAIN_FILES, *batches.TEST_FILES, batches.META_FILE}
    assert (CIFAR10.name, CIFAR10.md5) == (theirs.filename, theirs.tgz_md5)


def _special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


ESCAPES = [
    tarfile.TarInfo("../escaped"),
    tarfile.TarInfo("/tmp/escaped"),
    tarfile.TarInfo(f"{FOLDER}/../../escaped"),
    _special(f"{FOLDER}/link", tarfile.SYMTYPE, "/etc/passwd"),
    _special(f"{FOLDER}/hard", tarfile.LNKTYPE, "/etc/passwd"),
    _special(f"{FOLDER}/pipe", tarfile.FIFOTYPE),
    _special(f"{FOLDER}/device", tarfile.CHRTYPE),
    tarfile.TarInfo(f"{FOLDER}/unknown"),
]


def test_unpack_writes_only_known_files_inside_the_folder(tmp_path: Path) -> None:
    body = packed(FILES, ESCAPES)
    source = tmp_path / "x.tar.gz"
    source.write_bytes(body)
    target = tmp_path / "deep" / "target"
    unpack(source, target, archive_of(body, FILES))
    assert {path.name for path in target.iterdir()} == set(FILES)
    assert all(stat.S_ISREG(path.lstat().st_mode) for path in target.iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"x.tar.gz", "deep"}
    assert [path.name for path in target.parent.iterdir()] == ["target"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_link_or_device_in_the_place_of_a_known_file_is_not_followed(tmp_path: Path, kind: bytes) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(FILES["test_batch"])
    files = {name: content for name, content in FILES.items() if name != "test_batch"}
    body = packed(files, [_special(f"{FOLDER}/test_batch", kind, str(secret))])
    source = tmp_path / SMALL.name
    source.write_bytes(body)
    with pytest.raises(DataError, match="test_batch"):
        unpack(source, tmp_path / "out", replace(archive_of(body, files), members=SMALL.members))
    assert {path.name for path in tmp_path.iterdir()} == {"secret", SMALL.name}


@pytest.mark.parametrize("bomb", ["many", "large"])
def test_an_archive_with_too_much_in_it_is_refused(tmp_path: Path, bomb: str) -> None:
    zeros = {"zeros": bytes(3 * SMALL.unpacked)} if bomb == "large" else {}
    extra = [tarfile.TarInfo(f"{number}") for number in range(module.MOST_MEMBERS)] if bomb == "many" else []
    body = packed({**zeros, **FILES}, extra)
    (tmp_path / "x").write_bytes(body)
    with pytest.raises(DataError, match="너무"):
        unpack(tmp_path / "x", tmp_path / "out", archive_of(body, FILES))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", ["truncated", "not an archive", "member missing", "member changed"])
def test_a_broken_archive_is_refused_and_nothing_is_unpacked(tmp_path: Path, damage: str) -> None:
    contents = {
        "truncated": BODY[: len(BODY) // 2],
        "not an archive": b"<html>login</html>",
        "member missing": packed({name: FILES[name] for name in list(FILES)[1:]}),
        "member changed": packed({**FILES, "test_batch": FILES["test_batch"] + b"."}),
    }
    source = tmp_path / SMALL.name
    source.write_bytes(contents[damage])
    with pytest.raises(DataError, match=SMALL.name):  # 압축의 md5에서 이미 안다
        batches.load_original(tmp_path / FOLDER, SMALL)
    same_size = replace(archive_of(contents[damage], FILES), name=SMALL.name)
    with pytest.raises(DataError, match=SMALL.name):  # 압축의 md5가 맞아도 안의 파일을 다시 본다
        batches.load_original(tmp_path / FOLDER, same_size)
    assert not (tmp_path / FOLDER).exists()
    assert list(tmp_path.glob(f"{UNPACKING}*")) == []


def test_pictures_and_labels_come_back_as_they_were_packed(tmp_path: Path) -> None:
    (tmp_path / SMALL.name).write_bytes(BODY)
    loaded = batches.load_original(tmp_path / FOLDER, SMALL)
    third = pickle.loads(FILES["data_batch_3"])
    assert loaded.is_cifar10
    assert loaded.classes == CLASSES
    assert np.array_equal(loaded.train_images[24:36].numpy().reshape(12, 3072), third["data"])
    assert loaded.train_labels[24:36].tolist() == third["labels"]
    assert len(loaded.test_labels) == 12


def test_what_a_killed_unpacking_left_is_cleared_and_never_taken_for_data(tmp_path: Path) -> None:
    (tmp_path / SMALL.name).write_bytes(BODY)
    left = tmp_path / f"{UNPACKING}dead"
    left.mkdir()
    (left / "data_batch_1").write_bytes(b"half")
    assert batches.find_original(left) is None or batches.find_original(tmp_path) != left
    assert len(batches.load_original(tmp_path / FOLDER, SMALL).train_labels) == 60
    assert not left.exists()


def test_a_half_folder_is_completed_from_the_archive(tmp_path: Path) -> None:
    (tmp_path / SMALL.name).write_bytes(BODY)
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "data_batch_1").write_bytes(b"half")
    assert len(batches.load_original(tmp_path / FOLDER, SMALL).train_labels) == 60
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} == set(FILES)


def test_many_at_once_unpack_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / SMALL.name).write_bytes(BODY)
    calls: list[Path] = []

    def counted(source: Path, folder: Path, archive: module.Archive) -> None:
        calls.append(folder)
        unpack(source, folder, archive)

    monkeypatch.setattr(batches, "unpack", counted)
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: batches.load_original(tmp_path / FOLDER, SMALL), range(8)))
    assert calls == [tmp_path / FOLDER]
    assert {len(one.train_labels) for one in loaded} == {60}


def test_a_folder_that_cannot_be_written_is_read_through_a_temporary_one(tmp_path, monkeypatch) -> None:
    (tmp_path / SMALL.name).write_bytes(BODY)

    def read_only(folder: Path, on_wait: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(batches, "alone", read_only)
    loaded = batches.load_original(tmp_path / FOLDER, SMALL)
    assert len(loaded.train_labels) == 60
    assert SMALL.name in loaded.source
    assert [path.name for path in tmp_path.iterdir()] == [SMALL.name]
