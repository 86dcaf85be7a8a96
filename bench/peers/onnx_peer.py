"""Predictions by ONNX Runtime: onnx_peer.py WORKLOAD THREADS

The models are written as ONNX graphs here, with made-up weights and batch normalization where the
files have it: ONNX Runtime folds it, as all its optimizations are on. Input and output are bound
once.
"""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

import serve

random = np.random.default_rng(1)


class Net:
    """Nodes in a row; each method appends a layer to `self.x`, whose channels come first."""

    def __init__(self):
        self.nodes, self.weights = [], []
        self.x, self.trained = "input", 0

    def node(self, op, inputs=(), **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.x, *inputs], [name], **attributes))
        self.x = name

    def weight(self, values, trained=True):
        name = f"w{len(self.weights)}"
        values = np.asarray(values, np.float32)
        self.weights.append(onnx.numpy_helper.from_array(values, name))
        self.trained += values.size if trained else 0
        return name

    def drawn(self, *shape):
        fan_in = shape[0] if len(shape) == 2 else int(np.prod(shape[1:]))
        return self.weight(random.standard_normal(shape) / fan_in ** 0.5)

    def dense(self, inputs, units):
        self.node("Gemm", [self.drawn(inputs, units), self.weight(np.zeros(units))])

    def conv(self, inputs, filters, kernel, stride=1, same=True, groups=1):
        kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        weights = [self.drawn(filters, inputs // groups, *kernel), self.weight(np.zeros(filters))]
        self.node("Conv", weights, kernel_shape=kernel, strides=(stride, stride), group=groups,
                  auto_pad="SAME_UPPER" if same else "VALID")

    def norm(self, width):
        self.node("BatchNormalization",
                  [self.weight(np.ones(width)), self.weight(np.zeros(width)),
                   self.weight(random.random(width), False),
                   self.weight(random.random(width) + 0.5, False)], epsilon=1e-5)

    def conv_norm_relu(self, *args, **keys):
        self.conv(*args, **keys)
        self.norm(args[1])
        self.node("Relu")

    def residual(self, inputs, filters, stride):
        before = self.x
        self.conv_norm_relu(inputs, filters, 3, stride)
        self.conv(filters, filters, 3)
        self.norm(filters)
        main, self.x = self.x, before
        if inputs != filters or stride > 1:
            self.conv(inputs, filters, 1, stride)
        self.node("Add", [main])
        self.node("Relu")

    def pool_all(self):
        self.node("GlobalAveragePool")
        self.node("Flatten")

    def classify(self, inputs, classes):
        self.dense(inputs, classes)
        self.node("Softmax", axis=-1)


def mlp(n):
    n.dense(784, 128)
    n.node("Relu")
    n.classify(128, 10)


def lenet5(n):
    for inputs, filters in [(1, 6), (6, 16)]:
        n.conv(inputs, filters, 5, same=inputs == 1)
        n.node("Tanh")
        n.node("AveragePool", kernel_shape=(2, 2), strides=(2, 2))
    n.node("Flatten")
    for inputs, units in [(400, 120), (120, 84)]:
        n.dense(inputs, units)
        n.node("Tanh")
    n.classify(84, 10)


def kws_ds_cnn(n):
    n.conv_norm_relu(1, 64, (10, 4), 2)
    for _ in range(4):
        n.conv_norm_relu(64, 64, 3, groups=64)
        n.conv_norm_relu(64, 64, 1)
    n.pool_all()
    n.classify(64, 12)


def resnet8(n):
    n.conv_norm_relu(3, 16, 3)
    inputs = 16
    for filters, stride in [(16, 1), (32, 2), (64, 2)]:
        n.residual(inputs, filters, stride)
        inputs = filters
    n.pool_all()
    n.classify(64, 10)


MODELS = {f.__name__: f for f in (mlp, lenet5, kws_ds_cnn, resnet8)}


def session(net, shape, threads):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(net.nodes, "model", [value("input", TensorProto.FLOAT, shape)],
                              [value(net.x, TensorProto.FLOAT, None)], net.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options,
                                        providers=["CPUExecutionProvider"])


def channels_first(w):
    return (w.batch, *w.inputs[-1:], *w.inputs[:-1])


def main():
    args = serve.arguments()
    answers = serve.quiet_stdout()
    w, net = args.workload, Net()
    MODELS[w.model](net)
    shape = channels_first(w)
    s = session(net, shape, args.threads)
    x = onnxruntime.OrtValue.ortvalue_from_numpy(random.random(shape, np.float32))
    binding = s.io_binding()
    binding.bind_ortvalue_input("input", x)
    outputs = s.run([net.x], {"input": x.numpy()})
    y = onnxruntime.OrtValue.ortvalue_from_numpy(outputs[0])
    binding.bind_ortvalue_output(net.x, y)
    serve.serve(answers, {"parameters": net.trained}, lambda: s.run_with_iobinding(binding),
                lambda _: float(y.numpy().flat[0]))


if __name__ == "__main__":
    main()
