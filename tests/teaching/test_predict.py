"""예측과 계산을 나란히 보이는 줄."""

import torch

from cnnlab.teaching.predict import reveal


def test_three_verdicts():
    assert "먼저 적어" in repr(reveal("폭", None, 28))
    assert "예측과 같습니다" in repr(reveal("폭", 28, 28))
    assert "예측과 다릅니다" in repr(reveal("폭", 30, 28))


def test_shapes_match_whatever_the_sequence_type():
    size = torch.zeros(6, 28, 28).shape
    assert "예측과 같습니다" in repr(reveal("형태", [6, 28, 28], size))


def test_html_escapes_what_the_student_wrote():
    assert "<b>" not in reveal("폭", "<b>28</b>", 28)._repr_html_()
