"""사진 폴더: 온전한 것은 정확히, 망가진 것은 파일 이름을 말하며; 푸는 일은 한 번만."""

import os
import subprocess
import sys
import tarfile
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab.training import pictures
from cnnlab.training.image_data import CIFAR10_CLASSES, DataError
from cnnlab.training.pictures import decode, find_pictures, load_pictures, scan

REPOSITORY = Path(__file__).parents[2]
REAL = REPOSITORY.parent / "shared" / "cifar10" / "cifar10-images.tar.gz"


def write_generated(folder: Path, per_class: int) -> None:
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for name in CIFAR10_CLASSES:
            (folder / part / name).mkdir(parents=True)
            for index in range(per_class):
                pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{index:04}.jpg", quality=75)


def write_real(folder: Path, per_class: int) -> None:
    """진짜 CIFAR-10 사진에서 클래스마다 per_class장."""
    wanted = {f"{part}/{name}": per_class for part in ("train", "test") for name in CIFAR10_CLASSES}
    with tarfile.open(REAL) as tar:
        for member in tar:
            directory, _, name = member.name.removeprefix("./").rpartition("/")
            if member.isfile() and wanted.get(directory, 0) > 0 and name.endswith(".jpg"):
                wanted[directory] -= 1
                content = tar.extractfile(member)
                assert content is not None
                (folder / directory).mkdir(parents=True, exist_ok=True)
                (folder / directory / name).write_bytes(content.read())
    assert not any(wanted.values())


@pytest.fixture(scope="session")
def original_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    (write_real if REAL.is_file() else write_generated)(folder, 20)
    return folder


@pytest.fixture
def tree(original_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """고쳐도 되는 사진 폴더. 사용자 캐시도 시험용 폴더로 돌린다."""
    import shutil

    monkeypatch.setattr(pictures, "user_cache_folder", lambda: tmp_path / "user-cache")
    return Path(shutil.copytree(original_tree, tmp_path / "photos"))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """지금까지 푼 사진의 경로."""
    paths: list[str] = []

    def counted(path: str, decode: Callable[[str], np.ndarray] = decode) -> np.ndarray:
        paths.append(path)
        return decode(path)

    monkeypatch.setattr(pictures, "decode", counted)
    return paths


def test_pictures_equal_what_pil_shows_and_stand_in_official_class_order(tree: Path) -> None:
    data = load_pictures(tree)
    assert data.classes == CIFAR10_CLASSES
    assert data.train_images.shape == (200, 3, 32, 32)
    assert data.train_labels.tolist() == [label for label in range(10) for _ in range(20)]
    for index in (0, 77, 199):
        name = CIFAR10_CLASSES[index // 20]
        path = sorted((tree / "train" / name).iterdir())[index % 20]
        expected = np.asarray(Image.open(path).convert("RGB"))
        assert np.array_equal(data.train_images[index].permute(1, 2, 0).numpy(), expected)


def test_a_part_of_cifar10_is_not_called_cifar10(tree: Path) -> None:
    data = load_pictures(tree)
    assert not data.is_cifar10
    assert data.name == "사진 폴더 photos"


def test_a_full_copy_is_called_a_jpeg_copy(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "CIFAR10_COUNTS", {"train": 20, "test": 20})
    data = load_pictures(tree)
    assert data.is_cifar10
    assert data.name == "CIFAR-10 (JPEG 사본)"


# 사진의 종류 ----------------------------------------------------------------------------------------------------------


def gradient(width: int, height: int) -> np.ndarray:
    return np.dstack(np.broadcast_arrays(np.linspace(0, 255, width), np.linspace(0, 255, height)[:, None], 128)).astype(
        np.uint8
    )


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1"])
def test_any_png_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    source = Image.fromarray(gradient(32, 32)).convert(mode)
    source.save(tmp_path / "a.png")
    assert np.array_equal(decode(str(tmp_path / "a.png")), np.asarray(source.convert("RGB")).transpose(2, 0, 1))


def test_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (32, 32), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    red, green, blue = decode(str(tmp_path / "a.jpg")).reshape(3, -1).mean(axis=1)
    assert red > 200
    assert max(green, blue) < 60


def test_transparent_pixels_become_white_not_black(tmp_path: Path) -> None:
    Image.new("RGBA", (32, 32), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert (decode(str(tmp_path / "a.png")) == 255).all()
    palette = Image.new("P", (32, 32), 0)
    palette.putpalette([0, 0, 0] * 256)
    palette.save(tmp_path / "p.png", transparency=0)
    assert (decode(str(tmp_path / "p.png")) == 255).all()


def test_sixteen_bit_grey_keeps_its_shades(tmp_path: Path) -> None:
    shades = (np.arange(1024, dtype=np.uint16) * 64).reshape(32, 32)
    Image.fromarray(shades).save(tmp_path / "a.png")
    assert np.array_equal(decode(str(tmp_path / "a.png"))[0], shades // 256)


def test_a_wide_picture_is_cropped_in_the_middle(tmp_path: Path) -> None:
    pixels = np.zeros((64, 192, 3), np.uint8)
    pixels[:, 64:128] = (0, 255, 0)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (decode(str(tmp_path / "a.png"))[1] > 230).all()  # 검은 양옆이 남아 있지 않다


def test_a_large_jpeg_looks_like_its_small_version(tmp_path: Path) -> None:
    Image.fromarray(gradient(1600, 1600)).save(tmp_path / "a.jpg", quality=95)
    difference = decode(str(tmp_path / "a.jpg")).astype(int) - gradient(32, 32).transpose(2, 0, 1)
    assert np.abs(difference).max() < 8


def test_a_phone_picture_is_turned_upright(tmp_path: Path) -> None:
    upright = Image.fromarray(gradient(32, 32))
    exif = Image.Exif()
    exif[0x0112] = 6  # 보려면 시계 방향으로 90도 돌려야 한다
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(decode(str(tmp_path / "a.png")), np.asarray(upright).transpose(2, 0, 1))


def test_korean_folder_names_from_another_system_meet(tmp_path: Path) -> None:
    for part, form in (("train", "NFD"), ("test", "NFC")):
        for name in ("고양이", "강아지"):
            folder = tmp_path / part / unicodedata.normalize(form, name)
            folder.mkdir(parents=True)
            Image.new("RGB", (40, 50)).save(folder / "가.PNG")
            (folder / ".DS_Store").write_text("")
            (folder / "._가.png").write_text("")
    (tmp_path / "train" / ".ipynb_checkpoints").mkdir()
    data = load_pictures(tmp_path)
    assert data.classes == ("강아지", "고양이")
    assert len(data.train_labels) == 2


# 망가진 폴더 ----------------------------------------------------------------------------------------------------------


def remove(path: Path) -> None:
    import shutil

    shutil.rmtree(path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda tree: remove(tree / "test"), "test 폴더가 없습니다"),
        (lambda tree: remove(tree / "train"), "train 폴더가 없습니다"),
        (lambda tree: remove(tree / "test" / "cat"), "train에만 있는 것: cat"),
        (lambda tree: remove(tree / "train" / "dog"), "test에만 있는 것: dog"),
        (lambda tree: [path.unlink() for path in (tree / "train" / "frog").iterdir()], "train/frog: 사진이 없습니다"),
        (
            lambda tree: [
                remove(tree / part / name) for part in ("train", "test") for name in CIFAR10_CLASSES if name != "cat"
            ],
            "둘 이상 필요합니다",
        ),
    ],
)
def test_a_tree_that_does_not_fit_is_refused_with_the_place(tree: Path, damage: Callable, said: str) -> None:
    damage(tree)
    with pytest.raises(DataError, match=said):
        load_pictures(tree)
    assert not (tree / ".cnnlab-cache").exists()


@pytest.mark.parametrize("content", [b"", b"<html>", "cut"])
def test_an_unreadable_picture_is_named_and_no_cache_is_left(tree: Path, content: bytes | str) -> None:
    bad = sorted((tree / "train" / "deer").iterdir())[3]
    bad.write_bytes(bad.read_bytes()[:400] if isinstance(content, str) else content)
    with pytest.raises(DataError, match="1장") as caught:
        load_pictures(tree)
    assert f"train/deer/{bad.name}" in str(caught.value)
    assert {path.suffix for path in (tree / ".cnnlab-cache").iterdir()} <= {".lock"}


# 캐시 -----------------------------------------------------------------------------------------------------------------


def test_a_second_load_decodes_nothing_and_is_the_same(tree: Path, decoded: list[str]) -> None:
    first = load_pictures(tree)
    assert len(decoded) == 400
    again = load_pictures(tree)
    assert len(decoded) == 400
    assert again.train_images.equal(first.train_images)
    assert again.test_labels.equal(first.test_labels)
    again.train_images[0] = 0  # 캐시에서 온 것도 고칠 수 있는 보통 텐서다


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes() + b" "),
        lambda path: os.utime(path, ns=(1, 1)),
        lambda path: path.rename(path.with_name("zzz.jpg")),
        lambda path: path.unlink(),
        lambda path: path.rename(path.parent.parent / "ship" / "new.jpg"),
    ],
)
def test_a_changed_picture_is_noticed(tree: Path, decoded: list[str], change: Callable[[Path], object]) -> None:
    load_pictures(tree)
    decoded.clear()
    change(sorted((tree / "train" / "truck").iterdir())[0])
    load_pictures(tree)
    assert len(decoded) >= 399


@pytest.mark.parametrize("damage", ["cut", "empty", "one byte", "not npz", "other arrays"])
def test_a_damaged_cache_is_rebuilt(tree: Path, decoded: list[str], damage: str) -> None:
    first = load_pictures(tree)
    cache = tree / ".cnnlab-cache" / "pictures.npz"
    content = bytearray(cache.read_bytes())
    if damage == "cut":
        cache.write_bytes(content[: len(content) // 2])
    elif damage == "one byte":
        content[len(content) // 2] ^= 1
        cache.write_bytes(content)
    elif damage == "other arrays":
        np.savez(cache, fingerprint=np.array(scan(tree).fingerprint()), train_images=np.zeros(3))
    else:
        cache.write_bytes(b"" if damage == "empty" else b"hello")
    decoded.clear()
    assert load_pictures(tree).train_images.equal(first.train_images)
    assert len(decoded) == 400
    load_pictures(tree)
    assert len(decoded) == 400


def test_a_cache_never_runs_code_from_a_file(tree: Path, decoded: list[str]) -> None:
    load_pictures(tree)
    objects = np.array([print], dtype=object)
    np.savez(tree / ".cnnlab-cache" / "pictures.npz", fingerprint=objects, train_images=objects)
    load_pictures(tree)
    assert len(decoded) == 800


def test_a_folder_that_cannot_be_written_uses_the_user_cache_and_says_so(tree, tmp_path, decoded, capsys) -> None:
    (tree / ".cnnlab-cache").write_text("캐시 폴더 자리에 파일")
    load_pictures(tree)
    assert "사진 폴더에 쓸 수 없어" in capsys.readouterr().out
    load_pictures(tree)
    assert len(decoded) == 400
    assert [path.suffix for path in (tmp_path / "user-cache").glob("*.npz")] == [".npz"]


def test_no_place_for_a_cache_still_loads_and_says_so(tree, tmp_path, decoded, capsys) -> None:
    (tree / ".cnnlab-cache").write_text("")
    (tmp_path / "user-cache").write_text("")
    assert len(load_pictures(tree).train_labels) == 200
    assert "처음부터 풉니다" in capsys.readouterr().out


def test_a_disk_that_fills_up_leaves_no_half_cache_and_still_loads(tree, monkeypatch, capsys) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    assert len(load_pictures(tree).train_labels) == 200
    assert "No space left" in capsys.readouterr().out
    assert {path.suffix for path in (tree / ".cnnlab-cache").iterdir()} <= {".lock"}


WORKER = """
import sys
from pathlib import Path
from cnnlab.training import pictures
decode_tree = pictures.decode_tree
def counted(tree):
    print("decoded", flush=True)
    return decode_tree(tree)
pictures.decode_tree = counted
print("sum", int(pictures.load_pictures(Path(sys.argv[1])).train_images.sum()))
"""


def test_three_processes_at_once_decode_once(tree: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tree)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"},
        )
        for _ in range(3)
    ]
    outputs = [worker.communicate(timeout=120)[0].split("\n") for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert sum(output.count("decoded") for output in outputs) == 1
    assert len({line for output in outputs for line in output if line.startswith("sum")}) == 1


def test_find_pictures_looks_in_the_folder_and_its_cifar10_child(tmp_path: Path) -> None:
    assert find_pictures(tmp_path) is None
    (tmp_path / "cifar10").mkdir()
    assert find_pictures(tmp_path) == tmp_path / "cifar10"
    (tmp_path / "train").mkdir()
    assert find_pictures(tmp_path) == tmp_path


def test_loaded_tensors_have_the_promised_types(tree: Path) -> None:
    data = load_pictures(tree)
    assert data.train_images.dtype == torch.uint8
    assert data.train_labels.dtype == torch.int64
