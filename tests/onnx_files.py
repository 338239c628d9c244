"""ONNX files, written node by node."""

import onnx
from onnx import helper


def onnx_file(path, nodes, inputs, outputs, weights=(), **how) -> str:
    """A network of nodes from inputs to outputs: {name: shape}, or {name: (type, shape)} where they are no floats."""

    def entry(name, form):
        kind, shape = form if isinstance(form, tuple) else (onnx.TensorProto.FLOAT, form)
        return helper.make_tensor_value_info(name, kind, shape)

    sides = ([entry(*item) for item in side.items()] for side in (inputs, outputs))
    graph = helper.make_graph(nodes, "embedder", *sides, list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path, **how)
    return str(path)


def energies_onnx(path, shape) -> str:
    """The energy of each clip, for clips of this shape."""
    node = helper.make_node("ReduceSumSquare", ["waves"], ["energy"], axes=[len(shape) - 1], keepdims=len(shape) == 2)
    return onnx_file(path, [node], {"waves": shape}, {"energy": [shape[0], 1]})
