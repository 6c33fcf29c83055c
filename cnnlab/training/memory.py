"""메모리가 모자란다는 말은 장치마다 다르다."""

import torch

_WORDS = ("out of memory", "not enough memory", "can't allocate memory")  # CUDA와 MPS, Windows의 CPU, Linux의 CPU


def is_out_of_memory(error: BaseException) -> bool:
    """메모리가 모자라서 난 오류인가."""
    if isinstance(error, torch.cuda.OutOfMemoryError):  # 새 판에서는 torch.OutOfMemoryError와 같은 것이다
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _WORDS)
