"""TFLite Micro, as it comes from PyPI: its interpreter and portable kernels, for x86-64.

    tflm_peer.py FOLDER NAME...    for FOLDER/NAME/f32.tflite and int8.tflite

Prints a line of JSON for each.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
from tflite_micro.python.tflite_micro import runtime

ARENA = 4 << 20


def quantized(x, about):
    """In whole numbers, where the model takes them."""
    if about["dtype"] != np.int8:
        return x
    q = about["quantization_parameters"]
    return np.clip(np.round(x / q["scales"]) + q["zero_points"], -128, 127).astype(np.int8)


def real(y, about):
    if about["dtype"] != np.int8:
        return y
    q = about["quantization_parameters"]
    return (y.astype(np.float32) - q["zero_points"]) * q["scales"]


def arena(interpreter):
    """The interpreter prints on standard error how much of the arena it has used."""
    with tempfile.TemporaryFile() as said:
        before = os.dup(2)
        os.dup2(said.fileno(), 2)
        interpreter.print_allocations()
        os.dup2(before, 2)
        os.close(before)
        said.seek(0)
        return int(re.search(rb"total (\d+) bytes", said.read())[1])


def predict(path, x):
    it = runtime.Interpreter.from_file(str(path), arena_size=ARENA)
    it.set_input(quantized(x, it.get_input_details(0)), 0)
    it.invoke()
    y = real(it.get_output(0), it.get_output_details(0))
    return {"model": path.stat().st_size, "arena": arena(it), "outputs": y.ravel().tolist()}


def main(folder, *names):
    for name in names:
        here = Path(folder) / name
        x = np.load(here / "made_up.npy")[None]
        for kind in ("f32", "int8"):
            about = predict(here / f"{kind}.tflite", x)
            print(json.dumps({"name": name, "kind": kind, **about}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
