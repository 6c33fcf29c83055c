"""여러 장치가 미니배치 하나를 나누어 학습한다(DistributedDataParallel). 혼자일 때는 아무것도 하지 않는다.

미니배치를 섞고 증강하는 난수는 모든 프로세스가 똑같이 뽑고, 저마다 제 몫만 셈한다: 배치 정규화가 없는 모델이면
한 프로세스가 같은 미니배치로 학습한 것과 반올림 오차 안에서 같다.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab.errors import LearnerError


class ParallelError(LearnerError, ValueError):
    """미니배치를 프로세스의 수로 나눌 수 없다."""


@dataclass(frozen=True)
class World:
    """함께 학습하는 프로세스가 size개, 나는 그 가운데 rank번째(0부터)."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """기록하고, 저장하고, 화면에 쓰는 프로세스인가."""
        return self.rank == 0

    def part(self, tensor: Tensor) -> Tensor:
        """(N, ...) 가운데 내 몫."""
        return tensor[self.rank :: self.size] if self.size > 1 else tensor

    def total(self, tensor: Tensor) -> Tensor:
        """모든 프로세스의 값을 더한 것."""
        if self.size > 1:
            tensor = tensor.clone()
            torch.distributed.all_reduce(tensor)
        return tensor

    def any(self, flag: bool, device: torch.device) -> bool:
        """한 프로세스라도 True인가."""
        return bool(self.total(torch.tensor(float(flag), device=device)).item()) if self.size > 1 else flag

    def same(self, text: str) -> str:
        """이끄는 프로세스의 글을 모두가 갖는다."""
        box = [text]
        if self.size > 1:
            torch.distributed.broadcast_object_list(box, src=0)
        return box[0]

    def wrap(self, model: nn.Module) -> nn.Module:
        """기울기를 프로세스끼리 평균하는 모델. GPU에서는 배치 정규화의 통계도 모두에서 낸다(CPU에는 없다)."""
        if self.size == 1:
            return model
        device = next(model.parameters()).device
        if device.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return nn.parallel.DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)

    def check_batch(self, size: int) -> None:
        """미니배치가 똑같이 나누어지지 않으면 ParallelError: 몫이 다르면 평균한 기울기가 전체의 평균이 아니다."""
        if size % self.size:
            raise ParallelError(
                f"미니배치를 프로세스 {self.size}개가 똑같이 나눌 수 없습니다. batch_size를 {self.size}의 배수로 "
                f"바꾸세요. 받은 값: {size}"
            )


ALONE = World()


@contextmanager
def joined() -> Iterator[tuple[World, torch.device | None]]:
    """torchrun이 띄운 프로세스이면 서로 잇고, 내 자리와 내 장치를 준다. 아니면 혼자이고 장치는 None이다."""
    if "WORLD_SIZE" not in os.environ or "RANK" not in os.environ:
        yield ALONE, None
        return
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if torch.cuda.is_available():
        device = torch.device("cuda", local % torch.cuda.device_count())
        torch.cuda.set_device(device)
        # GPU 하나를 여럿이 쓰면 nccl이 거절한다
        backend = "nccl" if torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", "1")) else "gloo"
    else:
        device, backend = torch.device("cpu"), "gloo"
    torch.distributed.init_process_group(backend)
    try:
        yield World(torch.distributed.get_rank(), torch.distributed.get_world_size()), device
    finally:
        torch.distributed.destroy_process_group()
