"""Seconds from the start of a program to its first training step, and to the end of it.

nnc reads data that lie in files of the bench's making. Cold, it finds an empty cache; warm, what
its first run left there. The peers likewise: PyTorch's and JAX's caches are folders of this run.
"""

import os
import select
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from workers import Failed, Worker
from workloads import BY_KEY

MODELS = {"W2": 20000, "W5": 4000}  # how many examples the files have
LONGEST = 120  # seconds


def write_model(w, examples, folder):
    """A copy of the workload's file that has data, beside them."""
    import numpy as np  # the rest of the bench does without

    random = np.random.default_rng(1)
    np.save(folder / f"{w.key}_x.npy", random.random((examples, *w.inputs), np.float32))
    np.save(folder / f"{w.key}_y.npy", random.integers(0, w.classes, examples, np.int32))
    path = folder / f"{w.key}.nn"
    data = f'\ndata {{ train = npy("{w.key}_x.npy", "{w.key}_y.npy") }}\n'
    path.write_text(w.path.read_text() + data)
    return path


def first_step(build, path, cache):
    start = time.perf_counter()
    p = subprocess.Popen([build / "nnc", path, "--train", "--verbose",
                          "-o", path.with_suffix(".safetensors")],
                         stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                         env={**os.environ, "XDG_CACHE_HOME": str(cache)})
    text, took = b"", []
    for said in (b"first step begins", b"first step is done"):
        while said not in text:
            left = max(0, start + LONGEST - time.perf_counter())
            more = os.read(p.stderr.fileno(), 65536) if select.select([p.stderr], [], [],
                                                                      left)[0] else b""
            if not more:
                break
            text += more
        took.append(time.perf_counter() - start)
    p.kill()  # before it could save anything
    p.wait()
    p.stderr.close()
    if b"first step is done" not in text:
        raise Failed((text.decode(errors="replace").strip().splitlines() or ["no first step"])[-1])
    return took


def times_of(run, count):
    """Medians of cold and of warm runs; `run` is given a cache's folder, and gives a list."""
    cold, warm = [], []
    for _ in range(count):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(run(Path(cache)))
            warm.append(run(Path(cache)))
    return [[statistics.median(each) for each in zip(*runs)] for runs in (cold, warm)]


def peer(bench, name, command, threads):
    """A peer's worker says that it is ready when its first step is done."""

    def run(cache):
        environment = {**bench.environment(name, threads),
                       "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
                       "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
                       "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        start = time.perf_counter()
        worker = Worker(command, threads, bench.logs / f"start-{name}.log", environment)
        try:
            worker.ready()
            return [time.perf_counter() - start]
        finally:
            worker.close()

    return run


def commands(bench, w, threads):
    """Those that keep something, and start in seconds, not milliseconds."""
    given = bench.training(w, threads)
    layout = ["channels_last"] if len(w.inputs) == 3 else []
    return {name: [*given[name], *(layout if name != "jax" else [])]
            for name in ("torch", "compile", "jax") if name in bench.peers}


def measure(bench, table, count):
    threads = len(os.sched_getaffinity(0))
    folder = bench.files / "start"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for key, examples in MODELS.items():
        w = BY_KEY[key]
        path = write_model(w, examples, folder)
        runs = {"nnc": (lambda cache: first_step(bench.build, path, cache), count)}
        for name, command in commands(bench, w, threads).items():
            runs[name] = (peer(bench, name, command, threads), 1)
        for name, (run, repeat) in runs.items():
            try:
                table.add(w.title, name, *times_of(run, repeat))
            except Failed as why:
                table.add(w.title, f"{name}: {why}", None, None)
