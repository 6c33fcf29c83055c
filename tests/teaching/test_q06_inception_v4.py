"""06의 연습이 기대는 것: 손으로 적은 가장 긴 길이 살아 있는 모델의 수용 영역과 같다."""

import torch

from cnnlab.analysis import receptive_field
from cnnlab.models import build
from cnnlab.teaching.questions.q00_convolution import field_of
from cnnlab.teaching.questions.q06_inception_v4 import _longest


def test_the_longest_path_sees_what_the_model_sees() -> None:
    with torch.device("meta"):
        table = receptive_field(build("inception_v4"), (3, 299, 299))
    last = table[table.name.str.startswith("inception_c")].rf.iloc[-1]
    assert field_of(_longest(7)) == last
