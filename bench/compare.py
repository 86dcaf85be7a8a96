#!/usr/bin/env python3
"""Times training steps of nnc beside PyTorch: the same model, batch and threads, in turn.

    compare.py BUILD_DIR [--rounds N]

Each round runs the same number of steps with nnc and with eager PyTorch; what is printed are
medians over the rounds and the median of the ratios, round by round, so that a machine that is
slow for a while is slow for both.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import time
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def mlp():
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    return model, torch.optim.SGD(model.parameters(), lr=0.01)


def fashion_mlp():
    model = nn.Sequential(
        nn.Linear(784, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(256, 128, bias=False), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 10))
    return model, torch.optim.Adam(model.parameters(), lr=0.001)


WORKLOADS = [
    ("mlp, batch 32, sgd", ROOT / "bench/models/mlp.nn", mlp, 300),
    ("fashion_mlp, batch 128, adam", ROOT / "examples/fashion_mlp.nn", fashion_mlp, 60),
]


class Nnc:
    """bench_step of one model, which runs steps when asked."""

    def __init__(self, build, path, threads):
        self.process = subprocess.Popen([build / "bench/bench_step", path, str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.batch = int(self.process.stdout.readline().split()[1])

    def run(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline()) / steps

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Torch:
    """The same step in eager PyTorch: zero, forward, loss, backward, update."""

    def __init__(self, make, batch):
        torch.manual_seed(1)
        self.model, self.optimizer = make()
        self.x = torch.rand(batch, 784)
        self.y = torch.randint(0, 10, (batch,))
        self.loss = nn.CrossEntropyLoss()

    def run(self, steps):
        start = time.perf_counter()
        for _ in range(steps):
            self.optimizer.zero_grad(set_to_none=True)
            self.loss(self.model(self.x), self.y).backward()
            self.optimizer.step()
        return (time.perf_counter() - start) / steps


def compare(build, name, path, make, steps, threads, rounds):
    torch.set_num_threads(threads)
    ours = Nnc(build, path, threads)
    peer = Torch(make, ours.batch)
    ours.run(steps), peer.run(steps)  # warm up
    times = [(ours.run(steps), peer.run(steps)) for _ in range(rounds)]
    ours.close()
    a = [t[0] * 1e6 for t in times]
    b = [t[1] * 1e6 for t in times]
    ratio = statistics.median(y / x for x, y in zip(a, b))
    print(f"| {name} | {threads} | {statistics.median(a):.0f} ({min(a):.0f} to {max(a):.0f}) | "
          f"{statistics.median(b):.0f} ({min(b):.0f} to {max(b):.0f}) | {ratio:.2f} |", flush=True)


def first_step(build, cached, runs=7):
    """Seconds from the start of the process to the end of the first training step."""
    times = []
    cache = build / "bench_cache"
    for _ in range(runs):
        if not cached:
            shutil.rmtree(cache, ignore_errors=True)
        start = time.perf_counter()
        p = subprocess.Popen([build / "nnc", ROOT / "examples/fashion_mlp.nn", "--train",
                              "--verbose", "-o", build / "bench.safetensors"],
                             stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                             env=dict(os.environ, XDG_CACHE_HOME=str(cache)))
        for line in p.stderr:
            if "first step" in line:
                times.append(time.perf_counter() - start)
                break
        p.kill()  # before it could save anything
        p.wait()
    return statistics.median(times)


def cpu():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("build", type=Path)
    p.add_argument("--rounds", type=int, default=15)
    args = p.parse_args()
    print(f"{cpu()}, PyTorch {torch.__version__}, {args.rounds} rounds\n")
    print("| model | threads | nnc, us a step | PyTorch, us a step | PyTorch / nnc |")
    print("| --- | --- | --- | --- | --- |")
    for workload in WORKLOADS:
        for threads in (1, 2):
            compare(args.build.resolve(), *workload, threads, args.rounds)
    for cached in (False, True):
        print(f"\nfrom start to the end of the first training step of fashion_mlp, "
              f"{'with' if cached else 'without'} compiled code: "
              f"{first_step(args.build.resolve(), cached):.3f} s")


if __name__ == "__main__":
    main()
