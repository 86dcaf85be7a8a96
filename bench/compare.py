#!/usr/bin/env python3
"""Times nnc beside PyTorch, JAX, KANN and ONNX Runtime: the same model, batch and threads, in turn.

    compare.py BUILD_DIR [--only W1,W5] [--threads 1,2] [--peers torch,jax] [--rounds N] [--quick]
               [--write]

In each round every peer runs steps for about a fifth of a second, one after the other, and so
does a program that measures what the processor is capable of; so a machine that is slow for a
while is slow for all. What is printed are medians over the rounds. A peer that cannot be started,
or whose model has not as many parameters, is left out, and a line says why.
"""

import argparse
import os
import sys
from pathlib import Path

import kann
import report
import startup
from workers import Failed, Worker, rounds
from workloads import BY_KEY, INFERENCE, ROOT, TRAINING

PEERS = ROOT / "bench/peers"


class Bench:
    def __init__(self, args):
        self.build = args.build.resolve()
        self.files = ROOT / "build/bench"
        self.logs = self.files / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.peers = args.peers
        self.rounds = args.rounds
        self.kann = None
        if "kann" in args.peers:
            self.find_kann()

    def find_kann(self):
        say("building kann; its source comes from PyPI the first time")
        try:
            self.kann = kann.build(self.files / "kann")
        except (kann.Missing, OSError, StopIteration) as why:
            say(f"kann is left out: {why or 'its source is not there'}")

    def python(self, script, w, threads, *more):
        return [sys.executable, PEERS / script, w.key, threads, *more]

    def nnc(self, purpose, w, threads):
        return [self.build / "bench/bench_step", purpose, w.path, threads, w.batch, w.classes]

    def training(self, w, threads):
        """{name: command} of those that train."""
        commands = {
            "peak": [self.build / "bench/bench_peak", threads],
            "nnc": self.nnc("train", w, threads),
            "torch": self.python("torch_peer.py", w, threads, "eager"),
            "compile": self.python("torch_peer.py", w, threads, "compile"),
            "jax": self.python("jax_peer.py", w, threads),
        }
        if self.kann and w.model in ("mlp", "bn_mlp", "lstm"):
            commands["kann"] = [self.kann, w.model, w.batch, threads]
        return commands

    def inference(self, w, threads):
        return {
            "nnc": self.nnc("predict", w, threads),
            "onnxruntime": self.python("onnx_peer.py", w, threads),
        }

    def environment(self, name, threads):
        # PyTorch and JAX are as they come; OpenBLAS must not start threads in each of KANN's.
        own = {"kann": {"OPENBLAS_NUM_THREADS": "1"}}.get(name, {})
        return {"OMP_NUM_THREADS": str(threads), "TORCHINDUCTOR_COMPILE_THREADS": "1",
                "TORCHINDUCTOR_CACHE_DIR": str(self.files / "inductor"), **own}

    def start(self, w, threads, commands):
        workers = {}
        for name, command in commands.items():
            if name not in ("peak", "nnc") and name not in self.peers:
                continue
            log = self.logs / f"{w.key}-{threads}-{name}.log"
            try:
                workers[name] = Worker(command, threads, log, self.environment(name, threads))
            except (OSError, Failed) as why:
                say(f"{w.key}, {threads} threads: {name} is left out: {why}")
        return workers

    def time(self, w, threads, commands):
        """What report.py makes a row of; None: nnc itself did not run."""
        workers = self.start(w, threads, commands)
        everyone = dict(workers)
        try:
            times = rounds(workers, self.rounds, lambda name, why: say(
                f"{w.key}, {threads} threads: {name} is left out: {why}"))
        finally:
            for worker in everyone.values():
                if worker.process.poll() is None:
                    worker.close()
        if not times.get("nnc"):
            return None
        facts = {name: everyone[name].facts for name in times}
        self.drop_others(w, times, facts)
        return report.Result(w, threads, times, facts)

    def drop_others(self, w, times, facts):
        ours = facts["nnc"]["parameters"]
        for name in list(times):
            theirs = facts[name].get("parameters", ours)
            if theirs != ours:
                say(f"{w.key}: {name} is left out: it has {theirs} parameters, nnc {ours}")
                del times[name]


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def among(known):
    """A list with commas, of nothing else."""

    def parse(text):
        for name in text.split(","):
            if name not in known:
                names = ", ".join(known)
                raise argparse.ArgumentTypeError(f"there is no {name}; there are {names}")
        return text.split(",")

    return parse


def count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def numbers(text):
    return [count(n) for n in text.split(",")]


def options():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("build", type=Path)
    p.add_argument("--only", type=among([*BY_KEY, "start"]), help="workloads, or start")
    p.add_argument("--threads", type=numbers, default=[1, 2])
    p.add_argument("--peers", type=among(report.NAMES), default=list(report.NAMES))
    p.add_argument("--rounds", type=count, default=11)
    p.add_argument("--quick", action="store_true", help="3 rounds: whether it works")
    p.add_argument("--write", action="store_true", help="writes docs/bench.md's figures")
    args = p.parse_args()
    args.rounds = 3 if args.quick else args.rounds
    there = len(os.sched_getaffinity(0))
    for n in [n for n in args.threads if n > there]:
        say(f"{n} threads are left out: there are {there} cores")
        args.threads.remove(n)
    if not args.threads:
        p.error("there is nothing to measure: no number of threads is left")
    return args


def measured(bench, workloads, threads, commands, table, wanted):
    for w in workloads:
        for n in threads if wanted(w.key) else []:
            result = bench.time(w, n, commands(w, n))
            if result:
                table.add(result)


def main():
    args = options()
    bench = Bench(args)

    def wanted(key):
        return not args.only or key in args.only

    out = report.Report(args.rounds)
    measured(bench, TRAINING, args.threads, bench.training, out.table(report.Training), wanted)
    measured(bench, INFERENCE, [1], bench.inference, out.table(report.Inference), wanted)
    if wanted("start"):
        try:
            startup.measure(bench, out.table(report.Startup), 1 if args.quick else 5)
        except ImportError as why:
            say(f"start is left out: {why}")
    out.finish()
    if args.write:
        out.write(ROOT / "docs/bench.md")


if __name__ == "__main__":
    main()
