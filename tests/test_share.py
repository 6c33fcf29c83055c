"""CPU의 몫: 허브와 컨테이너의 한도, 좌석 수를 읽어 커널마다 제 몫의 스레드만 쓴다."""

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlab import share
from cnnlab.settings import SettingError
from cnnlab.share import cpu_share


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(share, "usable_cores", lambda: 8)


@pytest.fixture
def no_cgroup(tmp_path):
    return tmp_path / "none"


@pytest.mark.parametrize(
    ("environment", "threads"),
    [
        ({}, None),
        ({"CPU_LIMIT": "2.0"}, 2),
        ({"CPU_LIMIT": "0.5"}, 1),
        ({"CPU_LIMIT": "1.5"}, 2),
        ({"CPU_LIMIT": "64"}, 8),
        ({"CPU_LIMIT": ""}, None),
        ({"CPU_LIMIT": "0.0"}, None),
        ({"CNNLAB_SEATS": "30"}, 1),
        ({"CNNLAB_SEATS": "4"}, 2),
        ({"CNNLAB_SEATS": "4", "CPU_LIMIT": "1"}, 1),
        ({"CNNLAB_THREADS": "3", "CPU_LIMIT": "1"}, 3),
    ],
)
def test_the_smallest_limit_wins_and_an_explicit_number_beats_all(environment, threads, no_cgroup) -> None:
    assert cpu_share(environment, no_cgroup) == threads


@pytest.mark.parametrize(
    ("files", "threads"),
    [
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "이상한 글"}, None),
    ],
)
def test_a_containers_limit_is_read(files, threads, tmp_path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert cpu_share({}, tmp_path) == threads


@pytest.mark.parametrize("name", ["CNNLAB_THREADS", "CNNLAB_SEATS", "CPU_LIMIT"])
@pytest.mark.parametrize("text", ["0", "-1", "많이", "inf", "nan"])
def test_a_share_that_cannot_be_used_is_told(name, text, no_cgroup) -> None:
    with pytest.raises(SettingError, match=name):
        cpu_share({name: text}, no_cgroup)


@given(seats=st.integers(1, 200))
def test_everybody_gets_a_thread_and_together_they_do_not_ask_for_much_more_than_there_is(seats) -> None:
    threads = cpu_share({"CNNLAB_SEATS": str(seats)}, share.Path("/none"))
    assert threads == max(1, math.ceil(8 / seats))
    assert seats * (threads - 1) < 8, "올림 때문에 더 쓰는 것은 한 사람에 하나보다 적다"


def test_setup_takes_the_share() -> None:
    code = "import cnnlab, torch; cnnlab.setup(); print(torch.get_num_threads())"
    environment = {**share.os.environ, "CNNLAB_THREADS": "1"}
    out = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True, encoding="utf-8")
    assert "CPU(1스레드)" in out or "GPU" in out
    assert out.split()[-1] == "1"
