"""ONNX Runtime, one thread; for each FOLDER/NAME/KIND.onnx, f32 and int8.

    ort_peer.py FOLDER NAME/KIND...

Calls getppid(), which nothing else does, before and after nothing and after a prediction:
callgrind dumps its counts there. Prints a line of JSON for each model; RAM is by how much the
process has grown since before the model was loaded.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import onnxruntime

mark = os.getppid


def resident():
    with open("/proc/self/statm") as numbers:
        return int(numbers.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def main(folder, *names):
    for name in names:
        path = Path(folder) / f"{name}.onnx"
        x = np.load(path.parent / "made_up.npy")[None]
        before = resident()
        it = session(path)
        bound = it.io_binding()
        bound.bind_cpu_input("input", x)
        bound.bind_output(it.get_outputs()[0].name)
        it.run_with_iobinding(bound)
        ram = resident() - before
        mark()
        mark()
        it.run_with_iobinding(bound)
        mark()
        y = bound.copy_outputs_to_cpu()[0]
        print(json.dumps({"name": path.parent.name, "kind": path.stem, "ram": ram,
                          "outputs": y.ravel().tolist()}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
