"""코드로 낸 답을 채점하는 법: 함수, nn.Module, 조건을 채우는 설계.

학생의 코드는 `guarded`를 거쳐서만 부른다: 안에서 난 오류는 한 문장이 되고, 난수 상태와 학생의 모델은 그대로 남는다.
기준과 같은 가중치, 같은 입력을 넣어 출력을 견준다. 끝나지 않는 반복은 다루지 않는다(Kernel > Interrupt로 멈춘다).
"""

import copy
import linecache
import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from cnnlab.teaching.answers import Mistake, NotYet, Shape, Wrong, describe

# ---- 코드: 학생의 코드를 안전하게 부른다 ---------------------------------------------------------------------------


def student_line(error: BaseException, filename: str | None) -> str:
    """오류가 난 학생의 줄. 라이브러리 안쪽의 줄은 학생에게 도움이 되지 않는다."""
    found, step = None, error.__traceback__
    while step is not None:
        if filename is not None and step.tb_frame.f_code.co_filename == filename:
            found = step.tb_lineno
        step = step.tb_next
    if found is None or filename is None:
        return ""
    source = linecache.getline(filename, found).strip()
    return f"{found}번째 줄 `{source}`: " if source else f"{found}번째 줄: "


def source_file(answer: Any) -> str | None:
    """학생이 함수나 클래스를 적은 파일(노트북에서는 셀). nn.Sequential처럼 PyTorch의 것이면 None."""
    owner = answer if hasattr(answer, "__code__") else getattr(_class_of(answer), "forward", None)
    code = getattr(owner, "__code__", None)
    if code is None or str(getattr(owner, "__module__", "")).startswith("torch."):
        return None
    return code.co_filename


def _class_of(answer: Any) -> type:
    return answer if isinstance(answer, type) else type(answer)


def guarded(answer: Any, call: Callable[[], Any]) -> Any:
    """학생의 코드를 부른다. 안에서 난 오류는 긴 추적 기록 대신 그 줄과 한 문장이 된다."""
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return call()
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        where = student_line(error, source_file(answer))
        raise Wrong(f"실행하다 오류가 났습니다.\n{where}`{type(error).__name__}: {first}`") from error


def as_tensor(output: Any) -> torch.Tensor:
    if output is None or output is ...:
        raise NotYet
    if not isinstance(output, torch.Tensor):
        raise Wrong(f"`torch.Tensor`를 돌려주어야 합니다. 받은 것: {describe(output)}")
    return output.detach().float()


def as_values(output: Any, truth: torch.Tensor) -> torch.Tensor:
    """기준이 수이거나 수의 목록이면 학생의 수와 목록도 받는다. 기준이 특징 맵이면 텐서만 받는다."""
    if truth.dim() > 1:
        return as_tensor(output)
    if isinstance(output, numbers.Real):
        return torch.tensor(float(output))
    if isinstance(output, (list, tuple)) and output and all(isinstance(one, numbers.Real) for one in output):
        return torch.tensor([float(one) for one in output])
    return as_tensor(output)


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    # 더하는 순서가 다르면 float32의 끝자리가 달라진다: 그만큼은 같은 값으로 본다.
    return a.shape == b.shape and torch.allclose(a.float(), b.float(), rtol=1e-4, atol=1e-4)


def compare(outputs: Sequence[torch.Tensor], truths: Sequence[torch.Tensor]) -> None:
    """모든 입력에서 기준과 같은지 본다. 다르면 무엇이(형태, 값) 다른지만 말한다."""
    for output, truth in zip(outputs, truths, strict=True):
        if output.shape != truth.shape:
            raise Wrong(f"출력의 형태가 기준과 다릅니다. 받은 형태: {tuple(output.shape)}")
    if not all(map(same, outputs, truths)):
        raise Wrong("형태는 맞지만 값이 기준과 다릅니다. `hint()`를 실행하면 힌트를 하나씩 볼 수 있습니다.")


@dataclass(frozen=True)
class FunctionAnswer:
    """기준 함수와 같은 출력(텐서, 수, 수의 목록)을 내야 하는 함수. cases는 인자 묶음의 목록."""

    reference: Callable[..., torch.Tensor]
    cases: Callable[[], list[tuple[Any, ...]]]
    mistakes: tuple[Mistake, ...]
    kind: str = field(default="code", init=False)

    def check(self, answer: Any) -> None:
        if not callable(answer) or isinstance(answer, (type, nn.Module)):
            raise Wrong(f"함수를 넣어 주세요. 괄호 없이 이름만 적습니다. 받은 것: {describe(answer)}")
        cases = self.cases()
        truths = [self.reference(*case) for case in cases]
        made = [guarded(answer, partial(answer, *_copies(case))) for case in cases]
        outputs = [as_values(output, truth) for output, truth in zip(made, truths, strict=True)]
        if all(map(same, outputs, truths)):
            return
        for mistake in self.mistakes:
            if all(same(output, mistake.made(*case)) for output, case in zip(outputs, cases, strict=True)):
                raise Wrong(mistake.advice)
        compare(outputs, truths)


def _copies(case: tuple[Any, ...]) -> list[Any]:
    """학생의 함수가 입력을 바꾸어도 다음 비교에 번지지 않게 복사해 건넨다."""
    return [arg.clone() if isinstance(arg, torch.Tensor) else arg for arg in case]


# ---- 코드: nn.Module -----------------------------------------------------------------------------------------------


def plain_shape(weight: torch.Tensor) -> Shape:
    """(출력 수, 출력 하나에 드는 가중치 수).

    (6,)과 (1, 6, 1, 1), Conv2d(16, 120, 5)와 Linear(400, 120)은 같은 것으로 본다.
    """
    sizes = [size for size in weight.shape if size > 1]
    return (*sizes[:1], *([math.prod(sizes[1:])] if len(sizes) > 1 else []))


def weight_shapes(module: nn.Module) -> list[Shape]:
    return [plain_shape(p) for p in module.parameters()]


def set_weights(module: nn.Module, names: list[str]) -> None:
    """정해진 난수로 매개변수를 채운다. 이름이 기준과 같으면 이름으로, 아니면 차례로 맞춘다."""
    own = dict(module.named_parameters())
    order = names if set(names) == set(own) else list(own)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name in order:
            weight = own[name]
            # 출력의 크기가 1 근처여야 tanh와 ReLU, 합과 평균의 차이가 드러난다.
            shape = plain_shape(weight)
            scale = 1.5 / math.sqrt(shape[1]) if len(shape) > 1 else 0.5
            values = torch.randn(weight.numel(), generator=generator) * scale
            weight.copy_(values.reshape(weight.shape).to(weight))


@dataclass(frozen=True)
class ModuleAnswer:
    """기준 모듈과 같은 가중치에서 같은 출력을 내야 하는 nn.Module 클래스(또는 인스턴스).

    arguments는 클래스를 만들 때 넣는 인자, inputs는 (N, C, H, W) 입력의 목록.
    매개변수의 형태부터 기준과 다른 실수는 형태로, 형태가 같은 실수는 출력으로 가려낸다.
    """

    reference: Callable[[], nn.Module]
    arguments: tuple[Any, ...]
    inputs: Callable[[], list[torch.Tensor]]
    mistakes: tuple[Mistake, ...]
    kind: str = field(default="code", init=False)

    def check(self, answer: Any) -> None:
        module, reference = self._build(answer), self.reference().eval()
        names = [name for name, _ in reference.named_parameters()]
        inputs = self.inputs()
        fits = sorted(weight_shapes(module)) == sorted(weight_shapes(reference))
        in_order = weight_shapes(module) == weight_shapes(reference)
        if fits and not in_order and set(names) != {name for name, _ in module.named_parameters()}:
            raise Wrong("매개변수가 만들어진 차례가 다릅니다. `__init__`에서 계층을 데이터가 흐르는 순서로 만드세요.")
        if not fits:
            self._explain_shapes(module, names, inputs, answer)
        outputs = _run(module, names, inputs, answer)
        truths = _run(reference, names, inputs, reference)
        if all(map(same, outputs, truths)):
            return
        self._explain_outputs(module, names, inputs, outputs)
        compare(outputs, truths)

    def _build(self, answer: Any) -> nn.Module:
        if isinstance(answer, nn.Module):
            module: Any = copy.deepcopy(answer)  # 학생이 만든 것의 가중치는 건드리지 않는다
        elif isinstance(answer, type) and issubclass(answer, nn.Module):
            if answer.forward is nn.Module.forward:
                raise NotYet
            module = guarded(answer, lambda: answer(*self.arguments))
        else:
            raise Wrong(f"`nn.Module`을 물려받은 클래스를 넣어 주세요. 받은 것: {describe(answer)}")
        return module.eval().cpu()

    def _explain_shapes(self, module: nn.Module, names: list[str], inputs: list[torch.Tensor], answer: Any) -> None:
        """매개변수부터 기준과 다를 때: 같은 매개변수를 가진 실수를 찾고, 여럿이면 출력으로 고른다."""
        if not list(module.parameters()):
            _run(module, names, inputs, answer)  # 빈 forward이면 여기서 NotYet
        made = sorted(weight_shapes(module))
        alike = [mistake for mistake in self.mistakes if sorted(weight_shapes(mistake.made())) == made]
        if len(alike) > 1:
            self._explain_outputs(module, names, inputs, _run(module, names, inputs, answer))
        if alike:
            raise Wrong(alike[0].advice)
        listed = ", ".join(f"{name} {tuple(p.shape)}" for name, p in module.named_parameters()) or "없음"
        raise Wrong(f"매개변수가 기준과 다릅니다. 지금 만든 것: {listed}")

    def _explain_outputs(
        self, module: nn.Module, names: list[str], inputs: list[torch.Tensor], outputs: list[torch.Tensor]
    ) -> None:
        """같은 가중치에서 같은 출력을 내는 실수가 있으면 그 진단을 던진다."""
        for mistake in self.mistakes:
            wrong = mistake.made().eval()
            if sorted(weight_shapes(wrong)) != sorted(weight_shapes(module)):
                continue
            if all(map(same, outputs, _run(wrong, names, inputs, wrong))):
                raise Wrong(mistake.advice)


def _run(module: nn.Module, names: list[str], inputs: list[torch.Tensor], owner: Any) -> list[torch.Tensor]:
    """정해진 가중치를 넣고 모든 입력의 출력을 낸다. owner: 오류가 났을 때 줄을 찾을 학생의 코드."""
    set_weights(module, names)
    return [as_tensor(guarded(owner, partial(module, x.clone()))) for x in inputs]


# ---- 코드: 조건을 채우는 설계 --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Requirement:
    """조건 하나: 표를 보고, 채우지 못했으면 학생의 값이 든 문장을, 채웠으면 None을 돌려준다."""

    unmet: Callable[[Any], str | None]


@dataclass(frozen=True)
class DesignAnswer:
    """답이 여럿인 설계 문제. layer_table의 표로 조건을 하나씩 본다. classes는 출력의 수."""

    input_size: Shape
    classes: int
    requirements: tuple[Requirement, ...]
    kind: str = field(default="code", init=False)

    def check(self, answer: Any) -> None:
        from cnnlab.analysis.tables import layer_table

        if isinstance(answer, type) and issubclass(answer, nn.Module):
            answer = guarded(answer, answer)
        if not isinstance(answer, nn.Module):
            raise Wrong(f"`nn.Sequential(...)`로 만든 모델을 넣어 주세요. 받은 것: {describe(answer)}")
        if isinstance(answer, nn.Sequential) and len(answer) == 0:
            raise NotYet
        model = copy.deepcopy(answer).eval().cpu()
        output = as_tensor(guarded(answer, lambda: model(torch.zeros(2, *self.input_size))))
        if tuple(output.shape) != (2, self.classes):
            raise Wrong(f"그림 두 장을 넣으면 (2, {self.classes})이 나와야 합니다. 나온 형태: {tuple(output.shape)}")
        table = guarded(answer, lambda: layer_table(model, self.input_size))
        unmet = [sentence for r in self.requirements if (sentence := r.unmet(table)) is not None]
        if unmet:
            raise Wrong("\n".join(unmet))
