"""아무 nn.Module이나 들여다본다: 연산 그래프, 계층표, 수용 영역, 그림.

한 방향으로 쌓인다: errors, formulas, tracing -> graph, trace -> fields -> tables, memory -> compare, receptive_field,
effective; drawing -> diagram.
"""

from cnnlab.analysis.compare import compare_models, fold_table
from cnnlab.analysis.diagram import NetworkDrawing, draw_block, draw_network
from cnnlab.analysis.effective import effective_receptive_field
from cnnlab.analysis.errors import (
    BranchError,
    ForwardError,
    InputSizeError,
    InputTooSmall,
    LayerNameError,
    ModelError,
    UnknownOpError,
    WrongShape,
)
from cnnlab.analysis.fields.axis import Field
from cnnlab.analysis.formulas import (
    activation_kb,
    conv_macs,
    conv_output_size,
    conv_params,
    linear_macs,
    linear_params,
)
from cnnlab.analysis.graph import Layer, Node, Trace
from cnnlab.analysis.receptive_field import MeasuredField, measure_receptive_field, receptive_field
from cnnlab.analysis.tables import layer_table
from cnnlab.analysis.trace import trace

__all__ = [
    "BranchError",
    "Field",
    "ForwardError",
    "InputSizeError",
    "InputTooSmall",
    "Layer",
    "LayerNameError",
    "MeasuredField",
    "ModelError",
    "NetworkDrawing",
    "Node",
    "Trace",
    "UnknownOpError",
    "WrongShape",
    "activation_kb",
    "compare_models",
    "conv_macs",
    "conv_output_size",
    "conv_params",
    "draw_block",
    "draw_network",
    "effective_receptive_field",
    "fold_table",
    "layer_table",
    "linear_macs",
    "linear_params",
    "measure_receptive_field",
    "receptive_field",
    "trace",
]
