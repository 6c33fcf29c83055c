"""이 커널이 쓸 CPU의 몫: 한 컴퓨터에서 서른 커널이 저마다 모든 코어를 쓰려 하면 모두 느려진다."""

import math
import os
from collections.abc import Mapping
from pathlib import Path

from cnnlab.settings import positive_setting

CGROUP = Path("/sys/fs/cgroup")  # 컨테이너에 걸린 한도(Linux)
EXAMPLE = "0보다 큰 수를 적어 주세요(예: 2)"


def cpu_share(environment: Mapping[str, str] = os.environ, cgroup: Path = CGROUP) -> int | None:
    """이 커널이 쓸 스레드의 수. 정해 둔 곳이 없으면 None(torch가 정하는 대로).

    CNNLAB_THREADS가 있으면 그 값, 없으면 아래의 한도 가운데 가장 작은 것이다. 소수는 올림하고, 1보다 작아지지 않는다.
    - CPU_LIMIT: JupyterHub와 TLJH가 학생의 서버에 알려 주는 코어 수
    - CNNLAB_SEATS: 이 컴퓨터를 함께 쓰는 사람 수. 코어를 그만큼 나눈다
    - cgroup의 cpu.max(v2)나 cpu.cfs_quota_us(v1): 컨테이너의 한도
    오류: 세 환경 변수에 양수가 아닌 것이 적혀 있으면 SettingError.
    """
    threads = positive_setting(environment, "CNNLAB_THREADS", EXAMPLE)
    if threads is not None:
        return max(1, math.ceil(threads))
    seats = positive_setting(environment, "CNNLAB_SEATS", EXAMPLE)
    hub = environment.get("CPU_LIMIT", "").strip()
    limits = [
        # JupyterHub는 한도가 없을 때 0.0을 적기도 한다
        None if hub == "0.0" else positive_setting(environment, "CPU_LIMIT", EXAMPLE),
        usable_cores() / seats if seats else None,
        _cgroup_limit(cgroup),
    ]
    known = [limit for limit in limits if limit is not None]
    if not known:
        return None
    return max(1, min(math.ceil(min(known)), usable_cores()))


def usable_cores() -> int:
    """이 프로세스가 쓰도록 허락된 코어의 수."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cgroup_limit(root: Path) -> float | None:
    """컨테이너에 걸린 코어의 한도. 걸려 있지 않거나 읽을 수 없으면 None."""
    try:
        if (root / "cpu.max").is_file():
            quota, period = (root / "cpu.max").read_text().split()
        else:
            quota = (root / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu" / "cpu.cfs_period_us").read_text().strip()
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # 'max'는 한도가 없다는 뜻이다
        return None
