"""nn.MultiheadAttention을 연산 하나로 보게 한다: 그 안은 배치 축을 옮겨 가며 계산하여 따라갈 수 없다."""

from typing import Any

from torch import Tensor, nn
from torch.overrides import handle_torch_function, has_torch_function


def attend(module: nn.MultiheadAttention, query: Tensor, key: Tensor, value: Tensor, *rest: Any, **options: Any) -> Any:
    """module.forward 대신 부른다."""
    return multi_head_attention(query, key, value, module, [*module.parameters()], *rest, **options)


def multi_head_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    module: nn.MultiheadAttention,
    parameters: list[nn.Parameter],
    *rest: Any,
    **options: Any,
) -> Any:
    """TorchFunctionMode가 torch의 함수처럼 볼 수 있게 한 MultiheadAttention.forward."""
    given = (query, key, value)
    if has_torch_function(given):
        return handle_torch_function(multi_head_attention, given, *given, module, parameters, *rest, **options)
    return nn.MultiheadAttention.forward(module, *given, *rest, **options)
