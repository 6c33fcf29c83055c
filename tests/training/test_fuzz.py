"""제멋대로 망가뜨린 데이터 폴더 수천 개: 온전한 그림을 주거나, 한국어로 까닭을 말한다. 있던 파일은 건드리지 않는다."""

import io
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cnnlab.training import pictures
from cnnlab.training.data import load_cifar10
from cnnlab.training.image_data import DataError

CASES = 2000
HANGUL = re.compile("[가-힣]")
CLASSES = ("cat", "dog")


def picture(mode: str = "RGB", size: tuple[int, int] = (32, 32), kind: str = "PNG", seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    made = Image.fromarray(pixels).convert(mode)
    file = io.BytesIO()
    made.save(file, kind)
    return file.getvalue()


PICTURES = [picture(seed=seed) for seed in range(8)]
ODD = [
    *(picture(mode) for mode in ("L", "1", "P", "RGBA", "LA")),
    *(picture("CMYK", kind="JPEG"), picture("L", kind="JPEG")),
    *(picture(size=size) for size in ((1, 1), (1, 40), (300, 2), (31, 33))),
    *(b"", b"GIF89a", b"<html>404</html>", PICTURES[0][:60], PICTURES[0][:-20], b"\x00" * 500),
]
NAMES = ["0.png", "1.png", "2.JPG", "가.jpeg", ".hidden.png", "x.txt", "Thumbs.db", "a b.png", "-.png", "~$1.png"]
places = st.tuples(
    st.sampled_from(["train", "test", "", "cifar10/train", "Train", "cifar-10-batches-py"]),
    st.sampled_from([*CLASSES, "", "frog", "고양이", ".ipynb_checkpoints", "deep/er"]),
)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


steps = st.one_of(
    st.tuples(st.just("write"), places, st.sampled_from(NAMES), st.sampled_from([*PICTURES, *ODD])),
    st.tuples(st.just("remove"), places, st.sampled_from(["", *NAMES]), st.none()),
    st.tuples(st.just("folder"), places, st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("link"), places, st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("bytes"), places, st.sampled_from(NAMES), st.binary(max_size=40)),
    st.tuples(
        st.just("bytes"),
        st.tuples(st.sampled_from(["", "cifar-10-batches-py"]), st.just("")),
        st.sampled_from(["cifar-10-python.tar.gz", "data_batch_1", "batches.meta"]),
        st.sampled_from([b"", b"\x1f\x8b\x08\x00", b"\x80\x04]q\x00.", PICTURES[0]]),
    ),
)


def mangle(home: Path, what: str, place: tuple[str, str], name: str, content: bytes | None) -> None:
    path = home.joinpath(*place, name)
    with suppress(OSError):  # 파일 아래의 폴더처럼 할 수 없는 것은 넘어간다
        if what == "remove" and path != home:
            remove(path)
        elif what == "folder":
            path.mkdir(parents=True)
        elif what == "link":
            path.symlink_to(home / "nowhere")
        elif content is not None:
            write(path, content)


def files(home: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and ".cnnlab-cache" not in path.parts
    }


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "user_cache_folder", lambda: folder)
        yield


@settings(
    max_examples=CASES,
    deadline=None,
    derandomize="CNNLAB_FUZZ" not in os.environ,  # 정하면 할 때마다 다른 것을 만든다
    suppress_health_check=list(HealthCheck),
)
@given(whole=st.booleans(), changes=st.lists(steps, min_size=1, max_size=6))
def test_a_mangled_folder_is_read_or_refused_in_korean(cache, whole: bool, changes: list) -> None:
    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        for part in ("train", "test") if whole else ("train",):
            for number, name in enumerate(CLASSES):
                for index in range(2):
                    write(home / part / name / f"{index}.png", PICTURES[2 * number + index])
        for change in changes:
            mangle(home, *change)
        before = files(home)
        refused, data = None, None
        try:
            data = load_cifar10(home, download=False)
        except DataError as error:
            refused = str(error)
        assert HANGUL.search(refused or "가"), refused
        if data is not None:
            assert len(data.classes) >= 2
            for images, labels in (
                (data.train_images, data.train_labels),
                (data.test_images, data.test_labels),
            ):
                assert images.dtype == torch.uint8
                assert images.shape == (len(labels), 3, 32, 32)
                assert set(labels.tolist()) == set(range(len(data.classes)))
        after = files(home)
        assert {name: after.get(name) for name in before} == before
