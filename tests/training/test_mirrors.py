"""내려받을 주소: 선생님이 정한 곳이 먼저, 원본은 마지막, 잘못 적으면 한국어로 말한다."""

import pytest

from cnnlab.errors import LearnerError
from cnnlab.training import mirrors as module
from cnnlab.training.mirrors import MirrorsError, mirrors

NAME = "cifar-10-python.tar.gz"


@pytest.fixture(autouse=True)
def built_in(no_real_mirrors: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIRRORS", ("https://a.example/one/", "https://b.example"))


def test_the_original_host_is_the_last_of_the_built_in_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    urls = module.MIRRORS
    assert all(url.startswith("https://") and url.endswith("/") for url in urls)
    assert [("cs.toronto.edu" in url) for url in urls] == [False, False, True]


def test_without_the_variable_the_built_in_ones_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CNNLAB_MIRRORS", raising=False)
    assert mirrors(NAME) == (f"https://a.example/one/{NAME}", f"https://b.example/{NAME}")


@pytest.mark.parametrize(
    "given",
    [
        "http://10.0.0.5:8000/ http://t/x",
        " http://10.0.0.5:8000,http://t/x/, ",
        f"http://10.0.0.5:8000/\n http://t/x/{NAME}",
    ],
)
def test_given_ones_come_first_separated_by_spaces_or_commas(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("CNNLAB_MIRRORS", given)
    assert mirrors(NAME)[:2] == (f"http://10.0.0.5:8000/{NAME}", f"http://t/x/{NAME}")
    assert mirrors(NAME)[2:] == (f"https://a.example/one/{NAME}", f"https://b.example/{NAME}")


@pytest.mark.parametrize("given", ["", "  ", ","])
def test_an_empty_value_means_no_download(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("CNNLAB_MIRRORS", given)
    assert mirrors(NAME) == ()


@pytest.mark.parametrize(
    "given",
    [
        "192.168.0.10:8000",
        "teacher",
        "ftp://a/b",
        "file:///etc/passwd",
        "http://",
        "http://a:99999/",
        "http://[::1/",
        "http://a/?x=1",
        "http://선생님/",
        '"http://a/"',
        "http://good/ bad",
    ],
)
def test_a_value_that_is_no_address_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("CNNLAB_MIRRORS", given)
    with pytest.raises(MirrorsError, match="받은 값: ") as caught:
        mirrors(NAME)
    assert isinstance(caught.value, LearnerError)
    assert isinstance(caught.value, ValueError)
    assert given.split()[-1] in str(caught.value)
