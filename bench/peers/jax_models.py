"""The workloads in plain jax.numpy: for each its first parameters and its forward pass.

`forward(parameters, x, key)` gives what the loss is of, and what batch normalization saw: its
running means and variances are kept by the step, as nnc keeps them.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn

random = np.random.default_rng(1)


# --- parameters ---------------------------------------------------------------------------------

def weight(*shape):
    fan_in, fan_out = int(np.prod(shape[:-1])), shape[-1]
    limit = (6 / (fan_in + fan_out)) ** 0.5
    return random.uniform(-limit, limit, shape).astype(np.float32)


def zeros(*shape):
    return np.zeros(shape, np.float32)


def ones(*shape):
    return np.ones(shape, np.float32)


def dense_of(inputs, units):
    return {"w": weight(inputs, units), "b": zeros(units)}


def conv_of(kernel, inputs, filters):
    return {"w": weight(kernel, kernel, inputs, filters), "b": zeros(filters)}


def norm_of(width):
    return {"gamma": ones(width), "beta": zeros(width)}


# --- layers -------------------------------------------------------------------------------------

def dense(p, x):
    return x @ p["w"] + p["b"]


def conv(w, x, padding="SAME", stride=1):
    return lax.conv_general_dilated(x, w, (stride, stride), padding,
                                    dimension_numbers=("NHWC", "HWIO", "NHWC"))


def batch_norm(p, x, seen):
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axes)
    variance = ((x - mean) ** 2).mean(axes)
    seen.append((mean, variance))
    return (x - mean) * (p["gamma"] * lax.rsqrt(variance + 1e-5)) + p["beta"]


def layer_norm(p, x):
    x = x - x.mean(-1, keepdims=True)
    return p["gamma"] * x * lax.rsqrt((x ** 2).mean(-1, keepdims=True) + 1e-5) + p["beta"]


def dropout(key, x, rate):
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)


def windows(x):
    """2 x 2 each, by reshaping: its gradient is much faster than that of a reduced window."""
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c)


def flat(x):
    return x.reshape(x.shape[0], -1)


# --- models -------------------------------------------------------------------------------------

def mlp():
    def forward(p, x, key, seen):
        return dense(p[1], nn.relu(dense(p[0], x)))

    return [dense_of(784, 128), dense_of(128, 10)], forward


def bn_mlp():
    def forward(p, x, key, seen):
        for layer, k in zip(p["hidden"], jax.random.split(key)):
            x = dropout(k, nn.relu(batch_norm(layer["norm"], x @ layer["w"], seen)), 0.2)
        return dense(p["out"], x)

    hidden = [{"w": weight(n, 512), "norm": norm_of(512)} for n in (784, 512)]
    return {"hidden": hidden, "out": dense_of(512, 10)}, forward


def lenet5():
    def forward(p, x, key, seen):
        x = windows(jnp.tanh(conv(p["conv"][0]["w"], x) + p["conv"][0]["b"])).mean((2, 4))
        x = windows(jnp.tanh(conv(p["conv"][1]["w"], x, "VALID") + p["conv"][1]["b"])).mean((2, 4))
        x = flat(x)
        for layer in p["dense"][:-1]:
            x = jnp.tanh(dense(layer, x))
        return dense(p["dense"][-1], x)

    return {"conv": [conv_of(5, 1, 6), conv_of(5, 6, 16)],
            "dense": [dense_of(400, 120), dense_of(120, 84), dense_of(84, 10)]}, forward


def cnn():
    def forward(p, x, key, seen):
        first, second = jax.random.split(key)
        for layer in p["conv"]:
            x = nn.relu(conv(layer["w"], x, "VALID") + layer["b"])
        x = flat(dropout(first, windows(x).max((2, 4)), 0.25))
        x = dropout(second, nn.relu(dense(p["dense"][0], x)), 0.5)
        return dense(p["dense"][1], x)

    return {"conv": [conv_of(3, 1, 32), conv_of(3, 32, 64)],
            "dense": [dense_of(9216, 128), dense_of(128, 10)]}, forward


def resnet20():
    def block(p, x, stride, seen):
        y = nn.relu(batch_norm(p["norms"][0], conv(p["w"][0], x, stride=stride), seen))
        y = batch_norm(p["norms"][1], conv(p["w"][1], y), seen)
        more = y.shape[-1] - x.shape[-1]
        if more:
            x = jnp.pad(x[:, ::stride, ::stride], ((0, 0),) * 3 + ((more // 2, more - more // 2),))
        return nn.relu(y + x)

    def forward(p, x, key, seen):
        x = nn.relu(batch_norm(p["norm"], conv(p["w"], x), seen))
        for i, layer in enumerate(p["blocks"]):
            x = block(layer, x, 2 if i in (3, 6) else 1, seen)
        return dense(p["out"], x.mean((1, 2)))

    blocks, inputs = [], 16
    for filters in [16] * 3 + [32] * 3 + [64] * 3:
        blocks.append({"w": [weight(3, 3, inputs, filters), weight(3, 3, filters, filters)],
                       "norms": [norm_of(filters), norm_of(filters)]})
        inputs = filters
    return {"w": weight(3, 3, 3, 16), "norm": norm_of(16), "blocks": blocks,
            "out": dense_of(64, 10)}, forward


def autoencoder():
    def forward(p, x, key, seen):
        for layer in p["hidden"]:
            x = nn.relu(batch_norm(layer["norm"], dense(layer, x), seen))
        return dense(p["out"], x)

    hidden, inputs = [], 640
    for units in [128] * 4 + [8] + [128] * 4:
        hidden.append({**dense_of(inputs, units), "norm": norm_of(units)})
        inputs = units
    return {"hidden": hidden, "out": dense_of(inputs, 640)}, forward


def lstm(letters=96, units=128):
    def forward(p, x, key, seen):
        def step(state, at):
            h, c = state
            i, f, g, o = jnp.split(at + h @ p["u"], 4, axis=-1)
            c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
            h = nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        along = jnp.swapaxes(dense(p["in"], p["table"][x]), 0, 1)
        empty = jnp.zeros((x.shape[0], units))
        return dense(p["out"], jnp.swapaxes(lax.scan(step, (empty, empty), along)[1], 0, 1))

    return {"table": weight(letters, units), "in": dense_of(units, 4 * units),
            "u": weight(units, 4 * units), "out": dense_of(units, letters)}, forward


def transformer(letters=96, length=64, width=128, heads=4):
    mask = np.tril(np.ones((length, length), bool))

    def attend(p, x):
        b, t, d = x.shape
        q, k, v = jnp.split(dense(p["qkv"], x).reshape(b, t, 3 * heads, d // heads), 3, axis=2)
        score = jnp.einsum("bqhd,bkhd->bhqk", q, k) * (d // heads) ** -0.5
        share = nn.softmax(jnp.where(mask, score, -1e9))
        return dense(p["joined"], jnp.einsum("bhqk,bkhd->bqhd", share, v).reshape(b, t, d))

    def block(p, x, key):
        first, second = jax.random.split(key)
        x = x + dropout(first, attend(p, layer_norm(p["norms"][0], x)), 0.1)
        y = nn.gelu(dense(p["up"], layer_norm(p["norms"][1], x)), approximate=False)
        return x + dropout(second, dense(p["down"], y), 0.1)

    def forward(p, x, key, seen):
        x = p["table"][x] + p["places"]
        for layer, k in zip(p["blocks"], jax.random.split(key, len(p["blocks"]))):
            x = block(layer, x, k)
        return dense(p["out"], layer_norm(p["norm"], x))

    blocks = [{"norms": [norm_of(width), norm_of(width)], "qkv": dense_of(width, 3 * width),
               "joined": dense_of(width, width), "up": dense_of(width, 4 * width),
               "down": dense_of(4 * width, width)} for _ in range(4)]
    return {"table": weight(letters, width), "places": weight(length, width), "blocks": blocks,
            "norm": norm_of(width), "out": dense_of(width, letters)}, forward


MODELS = {f.__name__: f
          for f in (mlp, bn_mlp, lenet5, cnn, resnet20, autoencoder, lstm, transformer)}
