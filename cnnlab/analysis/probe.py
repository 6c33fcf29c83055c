"""신경망의 가중치를 그대로 쓰며 중간 계층의 값을 들여다본다. 모드, hook, 장치는 그대로 둔다."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from cnnlab.analysis.errors import ForwardError, InputSizeError, LayerNameError, ModelError
from cnnlab.analysis.tracing.sandbox import check_model

# 말단 모듈을 한 번 부를 때마다: (계층 이름, 모듈, 입력, 출력). 이름은 `layer_table`과 같다(두 번째 부름은 "relu:2")
Listener = Callable[[str, nn.Module, Tensor, Tensor], None]


class Stop(Exception):
    """들을 것을 다 들었다: 나머지 계층은 계산하지 않는다."""


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """eval 모드로, 기울기 없이. 나갈 때 모든 부분 모듈의 모드를 되돌린다."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        with torch.no_grad():
            model.eval()
            yield
    finally:
        for module, training in modes:
            module.training = training


def listen(model: nn.Module, images: Tensor, listener: Listener) -> None:
    """images (N, C, H, W)를 흘리며 말단 모듈을 부를 때마다 listener에 알린다. listener가 Stop을 내면 거기에서 멈춘다.

    오류: forward에서 난 오류는 ForwardError.
    """
    calls: Counter[str] = Counter()

    def hook(name: str) -> Callable[[nn.Module, tuple[object, ...], object], None]:
        def called(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
            calls[name] += 1
            if len(inputs) == 1 and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
                listener(name if calls[name] == 1 else f"{name}:{calls[name]}", module, inputs[0], output)

        return called

    with ExitStack() as stack, evaluating(model):
        for name, module in model.named_modules():
            if name and next(module.children(), None) is None:
                stack.callback(module.register_forward_hook(hook(name)).remove)
        try:
            model(images)
        except Stop:
            pass
        except RuntimeError as error:
            raise ForwardError(
                f"{type(model).__name__}에 {tuple(images.shape)} 모양의 그림을 넣자 오류가 났습니다. "
                f"그림의 크기와 채널 수를 확인하세요. 원래 메시지: {error}"
            ) from error


def layer_output(model: nn.Module, images: Tensor, layer: str) -> Tensor:
    """그 계층의 출력 (N, C, H, W). images: (N, C, H, W), 모델의 장치로 옮긴 것.

    layer: 말단 모듈의 이름(`layer_table`의 name). 오류: 없거나 특징 맵이 아니면 LayerNameError.
    """
    seen: list[Tensor] = []
    names: list[str] = []

    def keep(name: str, _module: nn.Module, _x: Tensor, out: Tensor) -> None:
        names.append(name)
        if name == layer:
            seen.append(out.clone())  # 다음 계층이 inplace로 바꿀 수 있다
            raise Stop

    listen(model, images, keep)
    if not seen:
        raise no_such_layer(model, layer, names)
    need_map(seen[0], layer)
    return seen[0]


def no_such_layer(model: nn.Module, layer: str, names: list[str]) -> LayerNameError:
    return LayerNameError(
        f"{type(model).__name__}에 그런 이름의 모듈 계층이 없습니다. 받은 이름: {layer!r}. "
        f"쓸 수 있는 이름: {', '.join(names)}"
    )


def need_map(out: Tensor, layer: str) -> None:
    """(N, C, H, W)가 아니면 LayerNameError."""
    if out.ndim != 4:
        raise LayerNameError(
            f"{layer}의 출력은 (채널, 높이, 너비) 모양의 특징 맵이 아닙니다. 합성곱이나 풀링 계층을 고르세요. "
            f"출력의 모양: {tuple(out.shape[1:])}"
        )


def need_channel(out: Tensor, layer: str, channel: int) -> None:
    """출력 (N, C, H, W)에 그 채널이 없으면 LayerNameError."""
    if not 0 <= channel < out.shape[1]:
        raise LayerNameError(f"{layer}의 채널은 0부터 {out.shape[1] - 1}까지입니다. 받은 채널: {channel}")


def images_for(model: nn.Module, images: Tensor) -> Tensor:
    """images (N, C, H, W)를 살펴 모델의 장치와 자료형으로 옮긴다. 오류: ModelError, InputSizeError."""
    check_model(model)
    if not isinstance(images, Tensor) or images.ndim != 4 or not len(images) or not images.is_floating_point():
        got = f"{tuple(images.shape)}, {images.dtype}" if isinstance(images, Tensor) else type(images).__name__
        raise InputSizeError(
            "그림은 (장수, 채널, 높이, 너비) 모양의 실수 텐서여야 합니다. 한 장이면 image[None]으로, uint8이면 "
            f"학습할 때처럼 정규화해서 주세요. 받은 것: {got}"
        )
    home = next((tensor for tensor in model.parameters() if tensor.is_floating_point()), images)
    if home.is_meta:
        raise ModelError("meta 장치의 신경망에는 가중치의 값이 없습니다. 장치를 정하지 않고 신경망을 다시 만드세요.")
    return images.detach().to(home.device, home.dtype)
