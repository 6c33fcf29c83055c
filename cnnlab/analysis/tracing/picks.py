"""축을 다루는 연산 읽기: 고르기, 나누기, 순서 바꾸기, 섞을 축."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cnnlab.analysis.tracing.calls import Call, Details, Pick


def read_extreme(call: Call) -> Details:
    """max(x, dim)은 축을 섞고 max(x, y)는 같은 자리끼리 견준다."""
    if isinstance(call.get(1, "other"), Tensor):
        return Details(kind="point")
    return read_dim(call)


def read_cat(call: Call) -> Details:
    out = call.out
    assert out is not None
    return Details(dims=(call.get(1, "dim", call.kwargs.get("axis", 0)) % out.ndim,))


def read_dim(call: Call) -> Details:
    """sum(x, dim), softmax(x, dim)..."""
    return Details(dims=call.dims(call.get(1, "dim")))


def read_normalize(call: Call) -> Details:
    """F.normalize(x, p, dim=1)."""
    return Details(dims=call.dims(call.get(2, "dim", 1)))


def read_move(call: Call) -> Details:
    """상수.index_add(dim, index, x)."""
    return Details(dims=call.dims(call.get(1, "dim")))


def read_index_select(call: Call) -> Details:
    (dim,) = call.dims(call.get(1, "dim"))
    return _pick(call.x.ndim, {dim: Pick(dim, _values(call.get(2, "index")))})


def read_narrow(call: Call) -> Details:
    """narrow(x, dim, start, length)."""
    (dim,) = call.dims(call.get(1, "dim"))
    start = int(call.get(2, "start")) % call.x.shape[dim]
    return _pick(call.x.ndim, {dim: Pick(dim, range(start, start + call.get(3, "length")))})


def read_one(call: Call) -> Details:
    """select(x, dim, index): 축 하나가 사라진다."""
    (dim,) = call.dims(call.get(1, "dim"))
    return _pick(call.x.ndim, {dim: Pick(dim, (call.get(2, "index") % call.x.shape[dim],), keep=False)})


def read_piece(call: Call, op: str, number: int, pieces: list[Tensor]) -> Details:
    """split, chunk, unbind의 number번째 조각."""
    (dim,) = call.dims(call.get(1 if op == "unbind" else 2, "dim", 0))
    if op == "unbind":
        return _pick(call.x.ndim, {dim: Pick(dim, (number,), keep=False)})
    start = sum(piece.shape[dim] for piece in pieces[:number])
    return _pick(call.x.ndim, {dim: Pick(dim, range(start, start + pieces[number].shape[dim]))})


def _pick(ndim: int, chosen: dict[int, Pick]) -> Details:
    return Details(dims=tuple(chosen), picks=tuple(chosen.get(dim, Pick(dim)) for dim in range(ndim)))


def _values(index: Any) -> tuple[int, ...]:
    """번호들. 값을 볼 수 없으면(meta) 빈 튜플이다."""
    if not isinstance(index, Tensor):
        return tuple(index)
    if index.is_meta:
        return ()
    return tuple((torch.nonzero(index) if index.dtype == torch.bool else index).flatten().tolist())


def read_layer_norm(call: Call) -> Details:
    """layer_norm은 normalized_shape만큼 뒤쪽 축들을 섞는다."""
    return Details(dims=tuple(range(call.x.ndim - len(call.get(1, "normalized_shape")), call.x.ndim)))


def read_image_norm(call: Call) -> Details:
    """group_norm, instance_norm은 그림 한 장을 통째로 섞는다. 저장된 통계를 쓰면 배치 정규화처럼 섞지 않는다."""
    return Details(dims=tuple(range(1, call.x.ndim)) if call.kwargs.get("use_input_stats", True) else ())


def read_order(call: Call) -> Details:
    """permute(x, *dims): 결과의 축마다 원래 축의 번호."""
    dims = call.kwargs.get("dims", call.args[1] if len(call.args) == 2 else call.args[1:])
    return Details(dims=tuple(dim % call.x.ndim for dim in dims))


def read_swap(call: Call) -> Details:
    return _swapped(call, call.get(1, "dim0"), call.get(2, "dim1"))


def read_transposed(call: Call) -> Details:
    """x.mT, x.t()."""
    return _swapped(call, -1, -2)


def _swapped(call: Call, first: int, second: int) -> Details:
    order = list(range(call.x.ndim))
    order[first], order[second] = order[second], order[first]
    return Details(dims=tuple(order))


def read_index(call: Call) -> Details:
    """x[:, idx]. 축이 여럿인 mask나 번호 목록을 두 축에 쓴 것은 모르는 연산이다."""
    given = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
    if any(isinstance(item, bool) or (isinstance(item, Tensor) and item.ndim > 1) for item in given):
        raise NotImplementedError
    taken = sum(1 for item in given if item is not None and item is not Ellipsis)
    picks: list[Pick] = []
    dim = 0
    for item in [*given, *([] if Ellipsis in [i for i in given if not isinstance(i, Tensor)] else [Ellipsis])]:
        if item is None:
            picks.append(Pick(None))
            continue
        if item is Ellipsis:
            picks += [Pick(dim + more) for more in range(call.x.ndim - taken)]
            dim += call.x.ndim - taken
            continue
        size = call.x.shape[dim]
        if isinstance(item, slice):
            chosen = range(*item.indices(size))
            picks.append(Pick(dim) if len(chosen) == size and chosen.step == 1 else Pick(dim, chosen))
        elif isinstance(item, int):
            picks.append(Pick(dim, (item % size,), keep=False))
        else:
            picks.append(Pick(dim, _values(item)))
        dim += 1
    lists = [item for item in given if not (item is None or item is Ellipsis or isinstance(item, (slice, int)))]
    if lists and len(_touched(picks)) > 1:
        raise NotImplementedError
    return Details(dims=_touched(picks), picks=tuple(picks))


def read_flip(call: Call) -> Details:
    """flip(x, *dims): 그 축의 번호를 거꾸로 고른다."""
    dims = call.dims(tuple(_numbers(call, "dims")))
    return _pick(call.x.ndim, {dim: Pick(dim, range(call.x.shape[dim] - 1, -1, -1)) for dim in dims})


def read_roll(call: Call) -> Details:
    """roll(x, shifts, dims): 결과의 i번째는 원래의 (i - shift)번째다. dims가 없으면 배치까지 펼쳐서 돌린다."""
    shifts, dims = (_listed(call.get(at, name, ())) for at, name in ((1, "shifts"), (2, "dims")))
    if not dims or len(set(dims)) < len(dims):
        raise NotImplementedError
    chosen = {}
    for shift, dim in zip(shifts, dims, strict=True):
        at, size = dim % call.x.ndim, call.x.shape[dim]
        if shift % size:
            chosen[at] = Pick(at, tuple((index - shift) % size for index in range(size)))
    return _pick(call.x.ndim, chosen)


def read_repeat(call: Call) -> Details:
    """repeat(x, *sizes)와 tile: 축마다 되풀이한다. 앞에 새로 생기는 축은 크기 1인 것만 안다."""
    sizes = _numbers(call, "dims" if "dims" in call.kwargs else "repeats")
    sizes = [*[1] * (call.x.ndim - len(sizes)), *sizes]
    added = len(sizes) - call.x.ndim
    if any(size != 1 for size in sizes[:added]):
        raise NotImplementedError
    picks = [
        Pick(dim) if times == 1 else Pick(dim, (*range(size),) * times)
        for dim, (size, times) in enumerate(zip(call.x.shape, sizes[added:], strict=True))
    ]
    return Details(dims=_touched(picks), picks=(*[Pick(None)] * added, *picks))


def read_repeat_interleave(call: Call) -> Details:
    """repeat_interleave(x, repeats, dim): 값 하나를 이웃하여 되풀이한다."""
    times, dim = call.get(1, "repeats"), call.get(2, "dim")
    if not isinstance(times, int) or dim is None:
        raise NotImplementedError
    (dim,) = call.dims(dim)
    return _pick(call.x.ndim, {dim: Pick(dim, tuple(index // times for index in range(call.x.shape[dim] * times)))})


def read_write(call: Call) -> Details:
    """x[index] = value: picks는 x의 축마다 써넣는 자리다."""
    target, index = call.args[0], call.args[1]
    picks = read_index(Call(target, (target, index), {})).picks
    given = index if isinstance(index, tuple) else (index,)
    if any(pick.dim is None for pick in picks) or any(isinstance(item, (Tensor, list)) for item in given):
        raise NotImplementedError
    return Details(dims=_touched(picks), picks=picks)


def _touched(picks: Sequence[Pick]) -> tuple[int, ...]:
    return tuple(pick.dim for pick in picks if pick.dim is not None and pick.indices is not None)


def _listed(value: Any) -> list[int]:
    return [value] if isinstance(value, int) else list(value)


def _numbers(call: Call, name: str) -> list[int]:
    """x.flip(2, 3)으로도 x.flip((2, 3))으로도 줄 수 있는 수들."""
    value = call.kwargs.get(name, call.args[1] if len(call.args) == 2 else call.args[1:])
    return _listed(value)


def read_nothing(call: Call) -> Details:
    return Details()
