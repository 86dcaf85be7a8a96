"""What is timed: models, batches, and how much computing a training step of each is.

A step needs, for each product of two matrices and each convolution: the product, the gradient of
the weights and that of what came in, three times as much as the product alone; where the input
data come in, there is no gradient for them. A multiply-add counts as two operations; all else
counts as nothing.
"""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "bench/models"
EXAMPLES = ROOT / "examples"


def dense(inputs, units, places=1):
    return places * inputs * units


def conv(places, kernel, inputs, filters):
    return places * kernel * inputs * filters


def attention(length, width):
    return 2 * length * length * width


def resnet20():
    stages = [(32 * 32, 16, 16), (16 * 16, 16, 32), (8 * 8, 32, 64)]
    yield conv(32 * 32, 9, 3, 16)
    for places, inputs, filters in stages:
        yield conv(places, 9, inputs, filters)
        yield 5 * conv(places, 9, filters, filters)
    yield dense(64, 10)


def lstm(length=64, width=128, letters=96):
    yield 0  # a table gives the input: every product has a gradient for what comes in
    yield dense(2 * width, 4 * width, length)  # of the input and of the state
    yield dense(width, letters, length)


def transformer(length=64, width=128, hidden=512, blocks=4, letters=96):
    yield 0
    for _ in range(blocks):
        yield dense(width, 4 * width, length) + attention(length, width)
        yield dense(width, hidden, length) + dense(hidden, width, length)
    yield dense(width, letters, length)


@dataclass(frozen=True)
class Workload:
    key: str
    title: str
    model: str  # what the peers call it
    path: Path
    batch: int
    products: tuple  # multiply-adds an example, the first of them with the input data
    target: float = 0  # share of a core's peak to reach; 0: none
    inputs: tuple = (784,)  # an example's shape: height, width, channels
    outputs: tuple = (10,)
    classes: int = 10  # whole numbers among the data are below it

    @property
    def letters(self):
        """Whether a row of letters is the input, and of letters the target."""
        return len(self.inputs) == 1 and len(self.outputs) == 2

    @property
    def flop(self):
        """Of a training step."""
        return 2 * self.batch * (3 * sum(self.products) - self.products[0])


MLP = (dense(784, 128), dense(128, 10))

TRAINING = [
    Workload("W1", "mlp", "mlp", MODELS / "mlp.nn", 32, MLP, 0.85),
    Workload("W1b1", "mlp", "mlp", MODELS / "mlp.nn", 1, MLP),
    Workload("W2", "bn_mlp", "bn_mlp", MODELS / "bn_mlp.nn", 128,
             (dense(784, 512), dense(512, 512), dense(512, 10)), 0.75),
    Workload("W3", "lenet5", "lenet5", MODELS / "lenet5.nn", 64,
             (conv(28 * 28, 25, 1, 6), conv(10 * 10, 25, 6, 16), dense(400, 120), dense(120, 84),
              dense(84, 10)), 0.50, (28, 28, 1)),
    Workload("W4", "cnn", "cnn", MODELS / "cnn.nn", 128,
             (conv(26 * 26, 9, 1, 32), conv(24 * 24, 9, 32, 64), dense(9216, 128), dense(128, 10)),
             0.80, (28, 28, 1)),
    Workload("W5", "resnet20", "resnet20", MODELS / "resnet20.nn", 128, tuple(resnet20()), 0.80,
             (32, 32, 3)),
    Workload("W6", "autoencoder", "autoencoder", MODELS / "autoencoder.nn", 512,
             (dense(640, 128), 3 * dense(128, 128), 2 * dense(128, 8), 3 * dense(128, 128),
              dense(128, 640)), 0.78, (640,), (640,)),
    Workload("W7", "lstm", "lstm", MODELS / "lstm.nn", 32, tuple(lstm()), 0.75, (64,), (64, 96),
             96),
    Workload("W8", "transformer", "transformer", MODELS / "transformer.nn", 16,
             tuple(transformer()), 0.78, (64,), (64, 96), 96),
]

INFERENCE = [
    Workload(f"{key}b{batch}", name, name, path, batch, (), 0, inputs)
    for key, name, path, inputs in [
        ("I1", "mlp", MODELS / "mlp.nn", (784,)),
        ("I2", "lenet5", EXAMPLES / "lenet5.nn", (28, 28, 1)),
        ("I3", "kws_ds_cnn", EXAMPLES / "kws_ds_cnn.nn", (49, 10, 1)),
        ("I4", "resnet8", EXAMPLES / "resnet8.nn", (32, 32, 3)),
    ]
    for batch in (1, 128)
]

BY_KEY = {w.key: w for w in TRAINING + INFERENCE}
