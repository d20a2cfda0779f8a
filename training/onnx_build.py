"""MultiExitNet -> ONNX, written node by node, so that every name is ours and the same under any PyTorch version.

Batch norm is folded into its convolution. A block's output tensor has the block's name (`stem`, `stage1_block1`, ...):
these are the partition points. Inner tensors and nodes are named path-like below it (`stage1_block1/conv1`).
"""
from typing import List

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from model import Block, ConvBn, ExitHead, MultiExitNet

OPSET = 17


class Graph:
    def __init__(self) -> None:
        self.nodes: List[onnx.NodeProto] = []
        self.weights: List[onnx.TensorProto] = []

    def node(self, kind: str, inputs: List[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def weight(self, name: str, values: torch.Tensor) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values.detach().numpy(), np.float32), name))
        return name

    def conv(self, layer: ConvBn, source: str, output: str) -> str:
        conv, norm = layer[0], layer[1]
        scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        weight = self.weight(f"{output}.weight", conv.weight.double() * scale.view(-1, 1, 1, 1))
        bias = self.weight(f"{output}.bias", norm.bias.double() - norm.running_mean.double() * scale)
        k, s, p = conv.kernel_size, conv.stride, conv.padding
        return self.node("Conv", [source, weight, bias], output, kernel_shape=list(k), strides=list(s),
                         pads=[p[0], p[1], p[0], p[1]], dilations=[1, 1], group=1)

    def relu(self, source: str, output: str) -> str:
        return self.node("Relu", [source], output)

    def block(self, block: Block, source: str, name: str) -> str:
        y = self.relu(self.conv(block.conv1, source, f"{name}/conv1"), f"{name}/relu1")
        y = self.conv(block.conv2, y, f"{name}/conv2")
        shortcut = source
        if block.stride != 1:
            shortcut = self.node("AveragePool", [shortcut], f"{name}/pool", kernel_shape=[2, 2], strides=[2, 2])
        if block.project is not None:
            shortcut = self.conv(block.project, shortcut, f"{name}/project")
        return self.relu(self.node("Add", [y, shortcut], f"{name}/add"), name)

    def classify(self, layer: torch.nn.Linear, source: str, name: str, output: str) -> str:
        mean = self.node("ReduceMean", [source], f"{name}/mean", axes=[2, 3], keepdims=0)
        weight = self.weight(f"{name}.weight", layer.weight)
        bias = self.weight(f"{name}.bias", layer.bias)
        return self.node("Gemm", [mean, weight, bias], output, transB=1)

    def head(self, head: ExitHead, source: str, output: str) -> str:
        y = self.relu(self.conv(head.conv1, source, f"{output}/conv1"), f"{output}/relu1")
        y = self.relu(self.conv(head.conv2, y, f"{output}/conv2"), f"{output}/relu2")
        return self.classify(head.classify, y, f"{output}/classify", output)


def build(net: MultiExitNet, size: int, name: str) -> onnx.ModelProto:
    """One picture `input` [1,3,size,size] -> `exit1`, ..., `logits`, each [1,classes]. The net must be on the CPU."""
    if size % 32:
        raise ValueError(f"picture side {size} is not a multiple of 32, so pooling and convolution would disagree")
    g = Graph()
    x = g.relu(g.conv(net.stem1, "input", "stem/conv1"), "stem/relu1")
    x = g.relu(g.conv(net.stem2, x, "stem/conv2"), "stem")
    outputs = []
    for block_name, block in net.blocks.items():
        x = g.block(block, x, block_name)
        if block_name in net.exits:
            outputs.append(g.head(net.exits[block_name], x, f"exit{len(outputs) + 1}"))
    outputs.append(g.classify(net.classify, x, "classify", "logits"))
    classes = net.shape.classes
    graph = helper.make_graph(
        g.nodes, name,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info(o, TensorProto.FLOAT, [1, classes]) for o in outputs],
        initializer=g.weights,
    )
    model = helper.make_model(graph, producer_name="roomful-training", opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(model)
    return model
