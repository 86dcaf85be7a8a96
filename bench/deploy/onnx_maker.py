"""Networks as ONNX models. ONNX keeps channels first: a Transpose stands before and after."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file


class Onnx:
    def __init__(self, weights):
        self.weights = weights
        self.nodes, self.constants = [], []

    def node(self, kind, *inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def input(self, *shape):
        self.entry = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, *shape])
        return self.node("Transpose", "input", perm=[0, 3, 1, 2]) if len(shape) == 3 else "input"

    def convolution(self, x, name, w, group=1, stride=1, same=True):
        return self.node("Conv", x, self.constant(w), self.constant(self.weights[f"{name}.b"]),
                         group=group, strides=[stride, stride],
                         auto_pad="SAME_UPPER" if same else "VALID")

    def conv(self, x, name, stride=1, same=True):
        return self.convolution(x, name, self.weights[f"{name}.w"].transpose(3, 2, 0, 1),
                                stride=stride, same=same)

    def depthwise(self, x, name):
        w = self.weights[f"{name}.w"].transpose(3, 2, 0, 1)
        return self.convolution(x, name, w, group=w.shape[0])

    def dense(self, x, name):
        return self.node("Gemm", x, self.constant(self.weights[f"{name}.w"]),
                         self.constant(self.weights[f"{name}.b"]))

    def batchnorm(self, x, name):
        parts = ("gamma", "beta", "running_mean", "running_var")
        return self.node("BatchNormalization", x, *(self.constant(self.weights[f"{name}.{part}"])
                                                    for part in parts), epsilon=1e-5)

    def activation(self, x, kind):
        return self.node({"relu": "Relu", "tanh": "Tanh", "softmax": "Softmax"}[kind], x)

    def average(self, x, size):
        return self.node("AveragePool", x, kernel_shape=[size, size], strides=[size, size])

    def global_average(self, x):
        return self.node("Flatten", self.node("GlobalAveragePool", x))

    def add(self, x, y):
        return self.node("Add", x, y)

    def flatten(self, x):
        return self.node("Flatten", self.node("Transpose", x, perm=[0, 2, 3, 1]))

    def finish(self, y):
        out = helper.make_tensor_value_info(y, TensorProto.FLOAT, ["batch", "values"])
        graph = helper.make_graph(self.nodes, "network", [self.entry], [out], self.constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(made)
        return made


def model(network, folder):
    builder = Onnx(load_file(folder / f"{network.name}.safetensors"))
    return builder.finish(network.build(builder))
