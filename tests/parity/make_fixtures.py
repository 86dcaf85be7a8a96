#!/usr/bin/env python3
"""make_fixtures.py - what PyTorch makes of the models in this folder, for parity.c to compare with.

Each model is built of PyTorch's own layers, in double, of weights drawn here that nnc's variables
take by their paths. MODEL.safetensors holds, by name:

    input.NAME      the inputs and the target
    variable.PATH   parameters and running statistics
    output          of the model, not training
    after.PATH      running statistics after a step of training
    loss, d.PATH    training: the loss and its gradient by every parameter

Inputs and variables are numbers that an f32 holds, so that f32 and f64 start alike. Images are
[h, w, c] in the files, as in nnc, and [c, h, w] in here, as in PyTorch.
"""

import math
import pathlib

import numpy as np
import safetensors.numpy
import torch
import torch.nn.functional as F
from torch.func import functional_call

HERE = pathlib.Path(__file__).parent


def as_f32(x):
    return x.float().double()


class Variables:
    """By path; each is drawn when it is first asked for."""

    def __init__(self, seed):
        self.random = torch.Generator().manual_seed(seed)
        self.params, self.states, self.after = {}, {}, {}

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.random, dtype=torch.float64)

    def param(self, path, shape, mean):
        if path not in self.params:
            size = math.sqrt(2 / math.prod(shape[:-1])) if len(shape) > 1 else 0.1
            self.params[path] = as_f32(mean + size * self.normal(*shape)).requires_grad_()
        return self.params[path]

    def state(self, path, shape, mean):
        """A copy, for PyTorch writes into it."""
        if path not in self.states:
            self.states[path] = as_f32(mean + 0.1 * self.normal(*shape).abs())
        return self.states[path].clone()


class Layer:
    """One instance of a layer: the second dense in a layer is dense_2, as in nnc."""

    def __init__(self, variables, training, path=""):
        self.variables, self.training, self.path = variables, training, path
        self.count = {}

    def inner(self, name):
        n = self.count[name] = self.count.get(name, 0) + 1
        path = self.path + (name if n == 1 else f"{name}_{n}") + "."
        return Layer(self.variables, self.training, path)

    def param(self, name, *shape, mean=0.0):
        return self.variables.param(self.path + name, shape, mean)

    def state(self, name, *shape, mean=0.0):
        return self.variables.state(self.path + name, shape, mean)


# --- the library's layers --------------------------------------------------------------------


def dense(m, x, units, name="dense"):
    m = m.inner(name)
    return F.linear(x, m.param("w", x.shape[-1], units).T, m.param("b", units))


def pad_same(x, kernel, stride):
    """What is odd goes to the bottom and the right; F.pad takes the last axis first."""
    pads = []
    for size, k, s in zip(x.shape[:1:-1], kernel[::-1], stride[::-1]):
        total = max((math.ceil(size / s) - 1) * s + k - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


def pair(x):
    return x if isinstance(x, tuple) else (x, x)


def convolve(m, x, filters, kernel, stride, same, groups):
    kernel, stride = pair(kernel), pair(stride)
    w = m.param("w", *kernel, x.shape[1] // groups, filters)
    b = m.param("b", filters)
    x = pad_same(x, kernel, stride) if same else x
    return F.conv2d(x, w.permute(3, 2, 0, 1), b, stride=stride, groups=groups)


def conv2d(m, x, filters, kernel=3, stride=1, same=True):
    return convolve(m.inner("conv2d"), x, filters, kernel, stride, same, 1)


def depthwise_conv2d(m, x, kernel):
    channels = x.shape[1]
    return convolve(m.inner("depthwise_conv2d"), x, channels, kernel, 1, True, channels)


def batchnorm(m, x):
    m, c = m.inner("batchnorm"), x.shape[1]
    gamma, beta = m.param("gamma", c, mean=1.0), m.param("beta", c)
    mean, var = m.state("running_mean", c), m.state("running_var", c, mean=0.5)
    kept = 0.9 * var
    y = F.batch_norm(x, mean, var, gamma, beta, training=m.training, momentum=0.1, eps=1e-5)
    if m.training:  # the running variance, and it alone, is of n - 1 in PyTorch
        n = x.numel() / c
        after = {"running_mean": mean, "running_var": kept + (var - kept) * (n - 1) / n}
        m.variables.after |= {m.path + name: value for name, value in after.items()}
    return y


def residual_block(m, x, filters, stride):
    m = m.inner("residual_block")
    y = F.relu(batchnorm(m, conv2d(m, x, filters, stride=stride)))
    y = batchnorm(m, conv2d(m, y, filters))
    if filters != x.shape[1] or stride > 1:
        x = conv2d(m.inner("shortcut"), x, filters, kernel=1, stride=stride)
    return F.relu(y + x)


def gate_weights(m, gates, features, units, second):
    """PyTorch has the gates side by side in the same order, and always two biases."""
    zero = torch.zeros(gates * units, dtype=torch.float64)
    return {
        "weight_ih_l0": m.param("w", features, gates * units).T,
        "weight_hh_l0": m.param("u", units, gates * units).T,
        "bias_ih_l0": m.param("b", gates * units),
        "bias_hh_l0": m.param(second, gates * units) if second else zero,
    }


def recurrent(m, kind, x, units, sequence, reverse, second):
    gates, module = {"lstm": (4, torch.nn.LSTM), "gru": (3, torch.nn.GRU)}[kind]
    weights = gate_weights(m.inner(kind), gates, x.shape[-1], units, second)
    cell = module(x.shape[-1], units, batch_first=True).double()
    y, _ = functional_call(cell, weights, (x.flip(1) if reverse else x,))
    if not sequence:
        return y[:, -1]
    return y.flip(1) if reverse else y


def normalization(m, c):
    m = m.inner("layernorm")
    return m.param("gamma", c, mean=1.0), m.param("beta", c)


def linear_weights(m, name, rows, columns):
    m = m.inner(name)
    return m.param("w", rows, columns).T, m.param("b", columns)


def attention_weights(m, d):
    m = m.inner("multi_head_attention").inner("cross_attention")
    parts = [linear_weights(m, name, d, d) for name in ("query", "key", "value")]
    w, b = linear_weights(m, "output", d, d)
    return {
        "self_attn.in_proj_weight": torch.cat([w for w, _ in parts]),
        "self_attn.in_proj_bias": torch.cat([b for _, b in parts]),
        "self_attn.out_proj.weight": w,
        "self_attn.out_proj.bias": b,
    }


def transformer_block(m, x, heads, hidden, causal, activation, norm_first):
    m, (length, d) = m.inner("transformer_block"), x.shape[1:]
    weights = attention_weights(m, d)
    weights["norm1.weight"], weights["norm1.bias"] = normalization(m, d)
    weights["norm2.weight"], weights["norm2.bias"] = normalization(m, d)
    halves = m.inner("feed_forward")
    weights["linear1.weight"], weights["linear1.bias"] = linear_weights(halves, "dense", d, hidden)
    weights["linear2.weight"], weights["linear2.bias"] = linear_weights(halves, "dense", hidden, d)
    options = {"dropout": 0.0, "activation": activation, "norm_first": norm_first}
    block = torch.nn.TransformerEncoderLayer(d, heads, hidden, batch_first=True, **options).double()
    hides = torch.full((length, length), -math.inf, dtype=torch.float64).triu(1)
    return functional_call(block, weights, (x, hides if causal else None))


# --- the models, as in the .nn files ---------------------------------------------------------
# Each gives scores: what comes before the softmax or the sigmoid.


def lenet5(m, image):
    x = image.permute(0, 3, 1, 2)
    x = F.avg_pool2d(torch.tanh(conv2d(m, x, 3, kernel=5)), 2)
    x = F.avg_pool2d(torch.tanh(conv2d(m, x, 5, kernel=5, same=False)), 2)
    x = x.permute(0, 2, 3, 1).flatten(1)
    x = torch.tanh(dense(m, x, 16))
    x = torch.tanh(dense(m, x, 12))
    return dense(m, x, 10)


def resnet8(m, image):
    x = image.permute(0, 3, 1, 2)
    x = F.relu(batchnorm(m, conv2d(m, x, 4)))
    for filters, stride in [(4, 1), (8, 2), (12, 2)]:
        x = residual_block(m, x, filters, stride)
    return dense(m, x.mean((2, 3)), 10)


def ds_cnn(m, mfcc):
    x = mfcc.permute(0, 3, 1, 2)
    x = F.relu(batchnorm(m, conv2d(m, x, 8, kernel=(10, 4), stride=2)))
    for _ in range(4):
        block = m.inner("depthwise_block")
        x = F.relu(batchnorm(block, depthwise_conv2d(block, x, 3)))
        x = F.relu(batchnorm(block, conv2d(block, x, 8, kernel=1)))
    return dense(m, x.mean((2, 3)), 12)


def lstm(m, x):
    x = recurrent(m, "lstm", x, 8, sequence=True, reverse=False, second="second")
    x = recurrent(m, "lstm", x, 6, sequence=False, reverse=True, second=None)
    return dense(m, x, 4)


def gru(m, x):
    x = recurrent(m, "gru", x, 8, sequence=True, reverse=True, second="c")
    x = recurrent(m, "gru", x, 6, sequence=False, reverse=False, second="c")
    return dense(m, x, 4)


def transformer(m, letters):
    x = F.embedding(letters.long(), m.inner("embedding").param("table", 11, 12))
    x = x + m.inner("learned_positions").param("table", 10, 12)
    x = transformer_block(m, x, 3, 24, causal=True, activation="gelu", norm_first=True)
    x = transformer_block(m, x, 2, 16, causal=False, activation="relu", norm_first=False)
    gamma, beta = normalization(m, 12)
    return dense(m, F.layer_norm(x, (12,), gamma, beta, eps=1e-5), 11)


def two(m, x, filters):
    m = m.inner("two")
    for _ in range(2):
        x = F.relu(conv2d(m, x, filters))
    return x


def up(m, x, skip):
    m, c = m.inner("up"), skip.shape[1]
    x = F.interpolate(x, scale_factor=2, mode="nearest")
    x = F.relu(conv2d(m, x, c, kernel=2))
    return two(m, torch.cat([skip, x], dim=1), c)


def unet(m, image):
    a = two(m, image.permute(0, 3, 1, 2), 3)
    b = two(m, F.max_pool2d(a, 2), 4)
    c = two(m, F.max_pool2d(b, 2), 6)
    d = two(m, F.max_pool2d(c, 2), 8)
    x = two(m, F.max_pool2d(d, 2), 10)
    for skip in (d, c, b, a):
        x = up(m, x, skip)
    x = conv2d(m, F.relu(conv2d(m, x, 2)), 1, kernel=1)
    return x.permute(0, 2, 3, 1)


# --- what is written -------------------------------------------------------------------------


def softmax(scores):
    return torch.softmax(scores, -1)


def cross_entropy(scores, target):
    return F.cross_entropy(scores.flatten(0, -2), target.flatten().long())


def numbers(*shape):
    return lambda v: as_f32(v.normal(*shape))


def classes(n, *shape):
    return lambda v: torch.randint(n, shape, generator=v.random, dtype=torch.int32)


# model, name of the input, input, target, what makes the output of scores, loss of scores
MODELS = [
    (lenet5, "image", numbers(4, 28, 28, 1), classes(10, 4), softmax, cross_entropy),
    (resnet8, "image", numbers(4, 16, 16, 3), classes(10, 4), softmax, cross_entropy),
    (ds_cnn, "mfcc", numbers(4, 49, 10, 1), classes(12, 4), softmax, cross_entropy),
    (lstm, "sequence", numbers(6, 7, 5), classes(4, 6), softmax, cross_entropy),
    (gru, "sequence", numbers(6, 7, 5), classes(4, 6), softmax, cross_entropy),
    (transformer, "letters", classes(11, 4, 10), classes(11, 4, 10), softmax, cross_entropy),
    (
        unet,
        "image",
        numbers(2, 32, 32, 1),
        lambda v: classes(2, 2, 32, 32, 1)(v).double(),
        torch.sigmoid,
        F.binary_cross_entropy_with_logits,
    ),
]


def make(seed, model, name, make_input, make_target, output_of, loss_of):
    v = Variables(seed)
    x, target = make_input(v), make_target(v)
    loss = loss_of(model(Layer(v, True), x), target)
    loss.backward()
    tensors = {f"input.{name}": x, "input.target": target, "loss": loss}
    tensors["output"] = output_of(model(Layer(v, False), x))
    tensors |= {f"d.{path}": p.grad for path, p in v.params.items()}
    tensors |= {f"after.{path}": x for path, x in v.after.items()}
    tensors |= {f"variable.{path}": p for path, p in (v.params | v.states).items()}
    return {key: np.array(t.detach().numpy(), order="C") for key, t in tensors.items()}


def main():
    for seed, row in enumerate(MODELS):
        path = HERE / f"{row[0].__name__}.safetensors"
        tensors = make(seed, *row)
        safetensors.numpy.save_file(tensors, path, {"made_by": f"PyTorch {torch.__version__}"})
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
