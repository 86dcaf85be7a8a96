"""The networks that are compared, as calls of a builder: every peer's is made of nnc's weights.

A builder has input, conv, depthwise, dense, batchnorm, activation, average, global_average, add,
flatten and finish; what is passed from one call to the next is its own. Weights are named as
nnc names them in MODEL.safetensors.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Network:
    name: str
    title: str
    path: Path
    shape: tuple
    classes: int  # 0: the target is the input
    build: Callable

    @property
    def only_dense(self):
        return len(self.shape) == 1


def dense64(b):
    x = b.activation(b.dense(b.input(64), "dense"), "relu")
    return b.activation(b.dense(x, "dense_2"), "softmax")


def lenet5(b):
    x = b.input(28, 28, 1)
    x = b.average(b.activation(b.conv(x, "conv2d"), "tanh"), 2)
    x = b.average(b.activation(b.conv(x, "conv2d_2", same=False), "tanh"), 2)
    x = b.flatten(x)
    for name in ("dense", "dense_2"):
        x = b.activation(b.dense(x, name), "tanh")
    return b.activation(b.dense(x, "dense_3"), "softmax")


def normalized(b, x, name):
    return b.activation(b.batchnorm(x, name), "relu")


def kws_ds_cnn(b):
    x = normalized(b, b.conv(b.input(49, 10, 1), "conv2d", stride=2), "batchnorm")
    for block in ("depthwise_block", *(f"depthwise_block_{i}" for i in (2, 3, 4))):
        x = normalized(b, b.depthwise(x, f"{block}.depthwise_conv2d"), f"{block}.batchnorm")
        x = normalized(b, b.conv(x, f"{block}.conv2d"), f"{block}.batchnorm_2")
    return b.activation(b.dense(b.global_average(x), "dense"), "softmax")


def resnet8(b):
    x = normalized(b, b.conv(b.input(32, 32, 3), "conv2d"), "batchnorm")
    for block, stride in (("residual_block", 1), ("residual_block_2", 2), ("residual_block_3", 2)):
        y = normalized(b, b.conv(x, f"{block}.conv2d", stride=stride), f"{block}.batchnorm")
        y = b.batchnorm(b.conv(y, f"{block}.conv2d_2"), f"{block}.batchnorm_2")
        if stride > 1:
            x = b.conv(x, f"{block}.shortcut.conv2d", stride=stride)
        x = b.activation(b.add(y, x), "relu")
    return b.activation(b.dense(b.global_average(x), "dense"), "softmax")


def anomaly_autoencoder(b):
    x = b.input(640)
    for block in ("step_down", *(f"step_down_{i}" for i in range(2, 10))):
        x = normalized(b, b.dense(x, f"{block}.dense"), f"{block}.batchnorm")
    return b.dense(x, "dense")


EXAMPLES = ROOT / "examples"
NETWORKS = [
    Network("dense64", "dense 64-32-10", ROOT / "bench/models/dense64.nn", (64,), 10, dense64),
    Network("lenet5", "LeNet-5", EXAMPLES / "lenet5.nn", (28, 28, 1), 10, lenet5),
    Network("kws_ds_cnn", "DS-CNN", EXAMPLES / "kws_ds_cnn.nn", (49, 10, 1), 12, kws_ds_cnn),
    Network("resnet8", "ResNet-8", EXAMPLES / "resnet8.nn", (32, 32, 3), 10, resnet8),
    Network("anomaly_autoencoder", "autoencoder", EXAMPLES / "anomaly_autoencoder.nn", (640,), 0,
            anomaly_autoencoder),
]
BY_NAME = {network.name: network for network in NETWORKS}
