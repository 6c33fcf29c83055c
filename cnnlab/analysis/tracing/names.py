"""실행 중인 연산에 이름을 붙인다."""

from collections import Counter
from dataclasses import dataclass, field

from torch import nn


@dataclass
class _Visit:
    """모듈 하나에 들어가 있는 동안의 기록."""

    path: str
    type: str
    leaf: bool
    row: str = ""  # 말단 모듈이면 그 부름에 붙은 행의 이름


@dataclass
class Namer:
    """연산에 점으로 이은 모듈 경로를 붙인다. 같은 이름이 다시 나오면 `relu:2`처럼 번호가 붙는다."""

    stack: list[_Visit] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)

    def watch(self, model: nn.Module) -> None:
        """model은 사본이므로 hook을 떼지 않아도 된다."""
        for path, module in model.named_modules():
            leaf = bool(path) and next(module.children(), None) is None
            kind = type(module).__name__
            module.register_forward_pre_hook(
                lambda _module, _args, path=path, kind=kind, leaf=leaf: self.stack.append(_Visit(path, kind, leaf))
            )
            module.register_forward_hook(lambda _module, _args, _out: self._leave())

    def _leave(self) -> None:
        self.stack.pop()

    def place(self) -> str:
        return self.stack[-1].path if self.stack else ""

    def where(self, op: str) -> str:
        """오류 메시지에서 부를 이름."""
        visit = self.stack[-1] if self.stack else _Visit("", "", False)
        return f"{visit.path}({visit.type})" if visit.leaf else self._joined(visit.path, op)

    def row(self, op: str) -> tuple[str, str]:
        """(행의 이름, 행의 type). 말단 모듈 안의 연산들은 한 행을 나눈다."""
        visit = self.stack[-1] if self.stack else _Visit("", "", False)
        if not visit.leaf:
            return self._numbered(self._joined(visit.path, op)), op
        visit.row = visit.row or self._numbered(visit.path)
        return visit.row, visit.type

    def _numbered(self, name: str) -> str:
        self.used[name] += 1
        return name if self.used[name] == 1 else f"{name}:{self.used[name]}"

    @staticmethod
    def _joined(path: str, op: str) -> str:
        return f"{path}.{op}" if path else op
