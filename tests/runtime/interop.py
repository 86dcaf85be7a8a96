"""Files written here open in the formats' own libraries, and the other way round.

    interop.py INTEROP_TEST_BINARY
"""
import subprocess, sys, tempfile

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

W = np.array([[1, -2, 3.5], [4, 5, 6]], np.float32)
M = np.array([0.1, 1e300])
STEP = np.array(42, np.int32)

with tempfile.TemporaryDirectory() as d:
    subprocess.run([sys.argv[1], "write", d], check=True)
    with safe_open(f"{d}/c.safetensors", "numpy") as f:
        assert sorted(f.keys()) == ["m", "step", "w"]
        assert (f.get_tensor("w") == W).all() and f.get_tensor("w").dtype == np.float32
        assert (f.get_tensor("m") == M).all() and f.get_tensor("step") == 42
        assert f.metadata()["classes"] == 'café "quoted"\n'
        assert len(f.metadata()["xxh3_128"]) == 32
    assert (np.load(f"{d}/c.npy") == W).all()

    save_file({"w": W, "m": M, "step": STEP}, f"{d}/p.safetensors", metadata={"classes": "café"})
    np.save(f"{d}/p.npy", M)
    subprocess.run([sys.argv[1], "read", d], check=True)
