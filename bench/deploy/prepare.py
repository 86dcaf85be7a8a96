"""Trains what is compared: each network a few steps by nnc, on data that are made up."""

import re
import subprocess

import numpy as np

TRAIN = """
data {{
    train = npy({files})
    {target}
}}
train {{
    loss       = {loss}
    optimizer  = adam
    batch_size = 32
    epochs     = 4
}}
"""


def made_up(count):
    """The numbers that measure.c gives as input."""
    state, numbers = 1, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        numbers.append((state >> 16) / 32768 - 1)
    return np.array(numbers, np.float32)


def write_data(network, folder):
    """A place for each class and noise around it."""
    numbers = np.random.default_rng(1)
    kinds = network.classes or 4
    y = numbers.integers(0, kinds, 512).astype(np.int32)
    places = numbers.normal(size=(kinds, *network.shape))
    x = places[y] + numbers.normal(size=(512, *network.shape))
    np.save(folder / "x.npy", x.astype(np.float32))
    np.save(folder / "y.npy", y)
    np.save(folder / "made_up.npy", made_up(int(np.prod(network.shape))).reshape(network.shape))


def write_model(network, folder):
    """The model as it is; its data and training are others."""
    text = network.path.read_text()
    text = text[:re.search(r"^(data|train) \{", text, re.M).start()]
    own = dict(files='"x.npy", "y.npy"', target="", loss="cross_entropy") if network.classes \
        else dict(files='"x.npy"', target="target = input", loss="mean_squared_error")
    path = folder / f"{network.name}.nn"
    path.write_text(text + TRAIN.format(**own))
    return path


def prepare(nnc, network, folder):
    """Leaves NAME.nn, NAME.safetensors, x.npy and made_up.npy in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_data(network, folder)
    subprocess.run([nnc, write_model(network, folder), "--train", "-q"], check=True)
