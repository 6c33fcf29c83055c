"""deconvnet: 특징 맵의 값 하나가 그림의 무엇에서 나왔는지, 신경망을 거꾸로 지나며 화소로 되돌린다.

Zeiler, Fergus 2014, "Visualizing and Understanding Convolutional Networks", 2.1절. 풀링은 최댓값이 있던 자리(switch)에
값을 되돌려 놓고(unpooling), ReLU는 되돌리는 값에 다시 ReLU를 하고(rectification), 합성곱은 같은 커널을 뒤집어 쓴다.
역전파와 다른 것은 ReLU 하나다: 역전파는 앞으로 갈 때 0이었던 자리를 막고, deconvnet은 되돌아온 값이 음수인 자리를
막는다.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.analysis.errors import BranchError, LayerNameError, UnknownOpError
from cnnlab.analysis.probe import Stop, images_for, listen, need_channel, need_map, no_such_layer


def deconvnet(
    model: nn.Module, images: Tensor, layer: str, channel: int, place: tuple[int, int] | None = None
) -> Tensor:
    """layer의 값 하나만 남기고 나머지를 0으로 지운 뒤, 입력 화소까지 되돌린다.

    images: (N, C, H, W), 신경망이 받는 그대로(정규화한 것). layer: `layer_table`의 name인 모듈 계층.
    channel: 특징 맵의 번호. place: (세로, 가로) 자리; 생략하면 그림마다 그 채널이 가장 큰 자리.
    반환: (N, C, H, W). 정규화한 화소의 단위이고 음수도 있다. 고른 값이 0이면 모두 0이다.
    신경망은 eval 모드로 실행하고 바꾸지 않는다. 국소 반응 정규화와 드롭아웃은 그대로 지나간다(논문도 되돌리지 않는다).
    겹치는 풀링에서 한 화소가 여러 창의 최댓값이면 되돌아온 값을 더한다(논문은 말하지 않는다; 역전파와 같은 방식이다).
    오류: layer까지 한 줄로 이어지지 않으면 BranchError, 되돌릴 줄 모르는 계층이면 UnknownOpError,
      그런 계층이나 채널이나 자리가 없으면 LayerNameError, 그림이 틀리면 InputSizeError.
    출처: Zeiler, Fergus 2014, 2.1절.
    """
    images = images_for(model, images)
    chain = _chain_to(model, images, layer)
    out = chain[-1].out
    need_map(out, layer)
    need_channel(out, layer, channel)
    signal = _only(out, layer, channel, place)
    with torch.no_grad():
        for step in reversed(chain):
            signal = step.back(signal)
    return signal


@dataclass(frozen=True)
class _Step:
    """계층을 한 번 부른 것: 입력과 출력, 출력 쪽의 값을 입력 쪽으로 되돌리는 함수."""

    name: str
    x: Tensor
    out: Tensor
    back: Callable[[Tensor], Tensor]


def _only(out: Tensor, layer: str, channel: int, place: tuple[int, int] | None) -> Tensor:
    """out (N, C, H, W)에서 고른 자리의 값만 남긴 것."""
    n, _, h, w = out.shape
    if place is None:
        at = out[:, channel].flatten(1).argmax(dim=1)  # (N,)
    else:
        y, x = place
        if not (0 <= y < h and 0 <= x < w):
            raise LayerNameError(f"{layer}의 특징 맵은 {h}x{w}이므로 그런 자리가 없습니다. 받은 자리: {place}")
        at = torch.full((n,), y * w + x, device=out.device)
    signal = torch.zeros_like(out).flatten(2)  # (N, C, H*W)
    each = torch.arange(n, device=out.device)
    signal[each, channel, at] = out.flatten(2)[each, channel, at]
    return signal.view_as(out)


def _chain_to(model: nn.Module, images: Tensor, layer: str) -> list[_Step]:
    """그림에서 layer까지 한 줄로 이어진 계층들."""
    steps: list[_Step] = []

    def keep(name: str, module: nn.Module, x: Tensor, out: Tensor) -> None:
        steps.append(_Step(name, x, out, _way_back(name, module, x)))
        if name == layer:
            raise Stop

    listen(model, images, keep)
    if not steps or steps[-1].name != layer:
        raise no_such_layer(model, layer, [step.name for step in steps])
    chain = [steps.pop()]
    while chain[0].x is not images:
        # 바로 앞에서 이 텐서를 내놓은 계층. 제자리(inplace) ReLU는 받은 텐서를 그대로 내놓는다
        while steps and steps[-1].out is not chain[0].x:
            steps.pop()
        if not steps:
            raise BranchError(
                f"{chain[0].name}이 받은 값은 앞 계층의 출력 그대로가 아닙니다. deconvnet은 합성곱, ReLU, 최대 풀링 "
                "모듈이 한 줄로 이어진 신경망만 되돌립니다. 가지가 합쳐지거나(+, cat) 함수형 연산(F.relu)이 있으면 "
                "그 앞의 계층을 고르거나, 함수 대신 모듈(nn.ReLU)을 쓰세요."
            )
        chain.insert(0, steps.pop())
    return chain


def _way_back(name: str, module: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    """이 계층을 되돌리는 함수. x는 앞으로 갈 때 받은 값이다: 제자리 연산이 바꾸기 전에 switch를 적어 둔다."""
    for kind, rule in _RULES.items():
        if isinstance(module, kind):
            return rule(module, x)

    def refuse(_signal: Tensor) -> Tensor:
        raise UnknownOpError(
            f"{name}({type(module).__name__}): deconvnet은 이 계층을 되돌리지 못합니다. "
            f"되돌리는 계층: {', '.join(kind.__name__ for kind in _RULES)}"
        )

    return refuse


def _transposed_filter(module: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    """같은 커널의 전치 합성곱. 편향은 되돌리지 않는다."""
    assert isinstance(module, nn.Conv2d)
    top, left = _padding_before(module)
    h, w = x.shape[-2:]

    def back(signal: Tensor) -> Tensor:
        if module.padding_mode != "zeros":
            raise UnknownOpError(
                "deconvnet은 0으로 두른 패딩만 되돌립니다. 합성곱의 padding_mode를 'zeros'로 바꾸세요. "
                f"받은 값: {module.padding_mode!r}"
            )
        full = F.conv_transpose2d(
            signal, module.weight, stride=module.stride, groups=module.groups, dilation=module.dilation
        )  # 패딩까지 든 그림. stride로 나누어떨어지지 않아 아무도 보지 않은 끝은 모자란다
        return F.pad(full, (-left, w + left - full.shape[-1], -top, h + top - full.shape[-2]))

    return back


def _padding_before(conv: nn.Conv2d) -> tuple[int, int]:
    """위와 왼쪽에 두른 화소 수."""
    if isinstance(conv.padding, str):
        same = conv.padding == "same"
        top, left = (d * (k - 1) // 2 if same else 0 for d, k in zip(conv.dilation, conv.kernel_size, strict=True))
        return top, left
    top, left = conv.padding
    return int(top), int(left)


def _unpool(module: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    """최댓값이 있던 자리에 되돌려 놓는다. 창이 겹쳐 같은 자리가 두 번 뽑히면 더한다."""
    assert isinstance(module, nn.MaxPool2d)
    _, switches = F.max_pool2d(
        x,
        module.kernel_size,
        module.stride,
        module.padding,
        module.dilation,
        ceil_mode=module.ceil_mode,
        return_indices=True,
    )  # 자리의 번호: 세로 * W + 가로
    shape = x.shape

    def back(signal: Tensor) -> Tensor:
        empty = signal.new_zeros(shape).flatten(2)  # (N, C, H*W)
        return empty.scatter_add(2, switches.flatten(2), signal.flatten(2)).view(shape)

    return back


def _rectify(_module: nn.Module, _x: Tensor) -> Callable[[Tensor], Tensor]:
    return F.relu


def _pass(_module: nn.Module, _x: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda signal: signal


_RULES: dict[type[nn.Module], Callable[[nn.Module, Tensor], Callable[[Tensor], Tensor]]] = {
    nn.Conv2d: _transposed_filter,
    nn.MaxPool2d: _unpool,
    nn.ReLU: _rectify,
    nn.LocalResponseNorm: _pass,
    nn.Dropout: _pass,
    nn.Dropout2d: _pass,
    nn.Identity: _pass,
}
