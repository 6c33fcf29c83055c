"""모든 시험의 난수를 같은 자리에서 시작한다: 첫 가중치에 따라 가끔 실패하는 시험이 없게."""

import random

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def _same_numbers_every_time() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
