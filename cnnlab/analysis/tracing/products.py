"""곱하고 더하는 연산 읽기: 완전 연결, 행렬 곱, einsum, attention."""

import math

from cnnlab.analysis.formulas import linear_macs
from cnnlab.analysis.tracing.calls import Call, Details, tensors_in


def read_linear(call: Call) -> Details:
    weight = tuple(call.get(1, "weight").shape)
    out_in = (weight[0], weight[1]) if len(weight) == 2 else (1, weight[0])
    macs = 0 if call.out is None else linear_macs(out_in, tuple(call.out.shape[1:]))
    return Details(weight=weight, dims=(call.x.ndim - 1,), macs=macs)


def read_matmul(call: Call) -> Details:
    """x @ 상수는 마지막 축을 섞고, 갈래끼리의 곱(attention)과 상수 @ x는 einsum이다."""
    first, second = call.args[0], call.get(1, "other", call.kwargs.get("mat2"))
    if min(first.ndim, second.ndim) < 2 or call.out is None:
        raise NotImplementedError
    macs = math.prod(call.out.shape[1:]) * first.shape[-1]
    if first is call.x and len(call.graph) == 1:
        return Details(weight=tuple(second.shape), dims=(call.x.ndim - 1,), macs=macs)
    batch = "abcdefgh"[: call.out.ndim - 2]
    left, right = batch[len(batch) - first.ndim + 2 :] + "ik", batch[len(batch) - second.ndim + 2 :] + "kj"
    return Details(equation=f"{left},{right}->{batch}ij", macs=macs, kind="einsum")


def read_einsum(call: Call) -> Details:
    """곱은 둘까지만 센다: 셋 이상이면 어떤 순서로 곱하는지에 따라 비용이 다르다."""
    equation = call.args[0].replace(" ", "")
    given = list(tensors_in(call.args[1:]))
    if "->" not in equation or "." in equation or len(given) > 2:
        raise NotImplementedError
    letters = equation.split("->")[0].split(",")
    if any(len(set(term)) < len(term) for term in letters):
        raise NotImplementedError  # 대각선
    sizes = {
        name: size for term, t in zip(letters, given, strict=True) for name, size in zip(term, t.shape, strict=True)
    }
    sizes[equation.split("->")[1][:1]] = 1  # 배치
    return Details(equation=equation, macs=math.prod(sizes.values()) if len(given) == 2 else 0)


def read_multi_head(call: Call) -> Details:
    """nn.MultiheadAttention(batch_first=True)(q, k, v): 투영 셋, 점수, 모으기, 마지막 투영."""
    q, k, v, module = call.args[:4]
    if q.ndim != 3 or not module.batch_first:
        raise NotImplementedError
    width, rows, seen = module.embed_dim, q.shape[1], k.shape[1]
    projections = 2 * rows * width * width + seen * width * (k.shape[2] + v.shape[2])
    return Details(equation="bic,bjk,bjv->bid", macs=projections + 2 * rows * seen * width)


def read_attention(call: Call) -> Details:
    """scaled_dot_product_attention(q, k, v): 점수를 내는 곱과 값을 모으는 곱."""
    q, k, v = (call.get(at, name) for at, name in enumerate(("query", "key", "value")))
    batch = "abcdefgh"[: q.ndim - 2]
    head = math.prod(q.shape[1:-1]) * k.shape[-2]
    return Details(
        equation=f"{batch}ik,{batch}jk,{batch}jv->{batch}iv", macs=head * (q.shape[-1] + v.shape[-1]), kind="einsum"
    )
