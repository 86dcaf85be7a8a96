#!/usr/bin/env python3
"""Compares what nnc writes for a device with what others do: flash, RAM and instructions.

    deploy.py BUILD_DIR [--only dense64,lenet5] [--write]

The same weights, which nnc has trained, are given to each; one whose outputs are others than
nnc's is an error. What cannot run is left out, and a line says why. docs/deploy_bench.md says
what is measured.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "deploy"))

import c_networks  # noqa: E402
import numpy as np  # noqa: E402
import callgrind  # noqa: E402
from networks import NETWORKS, ROOT  # noqa: E402
from prepare import prepare  # noqa: E402
from table import Row, Tables  # noqa: E402
from target import AVX2, FAST, SMALL, X86, CortexM4, Failed, run  # noqa: E402

FLOAT_TOLERANCE = 1e-4
EXAMPLES = 100  # to calibrate with, as keras_maker.py
INVOKE = "tflite::micro::MicroInterpreter::Invoke()"
ALLOCATE = "tflite::micro::MicroInterpreter::AllocateTensors()"


def say(what):
    print(f"deploy: {what}", file=sys.stderr, flush=True)


def own(function):
    """Of TFLite Micro itself, not of what makes it a module of Python."""
    return "tflite::micro::" in function and "InterpreterWrapper" not in function


class Comparison:
    def __init__(self, build, networks):
        self.nnc = build.resolve() / "nnc"
        self.networks = networks
        self.names = [network.name for network in networks]
        self.folder = ROOT / "build/bench/deploy"
        self.cortex, self.x86 = CortexM4(self.folder), X86(self.folder)
        self.expected = {}
        self.tables = Tables(networks)

    def trying(self, what, step, *arguments):
        try:
            return step(*arguments)
        except (Failed, ImportError, OSError, subprocess.SubprocessError) as why:
            say(f"{what} is left out: {str(why).splitlines()[0][:200]}")
            return None

    def difference(self, name, outputs):
        """How far from nnc's floats."""
        return max(abs(a - b) for a, b in zip(self.expected[name], outputs, strict=True))

    def checked(self, name, kind, outputs):
        apart = self.difference(name, outputs)
        if kind == "f32" and apart > FLOAT_TOLERANCE:
            raise Failed(f"{name}: outputs differ by {apart:.2g}")
        return apart

    # --- C ----------------------------------------------------------------------------------

    def measure(self, network, who, kind, folder, defines=()):
        """Both machines; small code and fast code."""
        for machine, table in ((self.cortex, self.tables.cortex), (self.x86, self.tables.x86)):
            costs = {how: machine.cost(how, folder, defines) for how in machine.optimized}
            self.expected.setdefault(network.name, costs[SMALL].outputs)
            apart = max(self.checked(network.name, kind, c.outputs) for c in costs.values())
            counts = {how: cost.instructions for how, cost in costs.items()}
            table.add(Row(network.name, kind, who, costs[SMALL].flash, costs[SMALL].ram, counts,
                          apart))

    def of_nnc(self, network, kind, template, *options):
        folder = self.folder / network.name
        here = folder / f"nnc-{kind}"
        here.mkdir(exist_ok=True)
        run(self.nnc, folder / f"{network.name}.nn", *options, "--emit-c",
            here / f"{network.name}.h")
        c_networks.nnc(here, network.name, template)
        self.measure(network, "nnc", kind, here)

    def of_emlearn(self, network):
        folder = self.folder / network.name
        headers = c_networks.emlearn(network, folder / f"{network.name}.safetensors",
                                     folder / "emlearn")
        self.measure(network, "emlearn", "f32", folder / "emlearn", [f"-I{headers}"])

    # --- interpreters, on this machine --------------------------------------------------------

    def python(self, script, *names):
        return [sys.executable, HERE / "deploy" / script, self.folder, *names]

    def convert(self):
        import onnx_maker
        import onnx_quantizer
        for network in self.networks:
            folder = self.folder / network.name
            made = onnx_maker.model(network, folder)
            (folder / "f32.onnx").write_bytes(made.SerializeToString())
            onnx_quantizer.quantize(folder / "f32.onnx", np.load(folder / "x.npy")[:EXAMPLES],
                                    folder / "int8.onnx")

    def of_onnxruntime(self):
        self.convert()
        models = [f"{name}/{kind}" for name in self.names for kind in ("f32", "int8")]
        ram = [json.loads(run(*self.python("ort_peer.py", model)))["ram"] for model in models]
        said, counts = callgrind.dumps(self.folder, self.python("ort_peer.py", *models),
                                       dump_before=["getppid"])
        for i, line in enumerate(said.splitlines()):
            it = json.loads(line)
            nothing, one = (callgrind.total(counts[3 * i + j]) for j in (1, 2))
            apart = self.checked(it["name"], it["kind"], it["outputs"])
            self.tables.x86.add(Row(it["name"], it["kind"], "ONNX Runtime", None, ram[i],
                                    {AVX2: one - nothing}, apart))

    def inside(self, function):
        """What TFLite Micro's peer prints, and the counts of what each call of a function does."""
        return callgrind.dumps(self.folder, self.python("tflm_peer.py", *self.names),
                               toggle_collect=[function], dump_after=[function])

    def of_tflm(self):
        from tflite_micro.python.tflite_micro import _runtime
        library = Path(_runtime.__file__)
        sizes = callgrind.sizes(library)
        run(*self.python("keras_maker.py", *self.names))
        _, allocating = self.inside(ALLOCATE)
        said, invoking = self.inside(INVOKE)
        for line, *counts in zip(said.splitlines(), allocating, invoking):
            it = json.loads(line)
            ran = set().union(*(callgrind.functions(c, library) for c in counts))
            flash = it["model"] + sum(sizes.get(name, 0) for name in ran if own(name))
            apart = self.checked(it["name"], it["kind"], it["outputs"])
            self.tables.x86.add(Row(it["name"], it["kind"], "TFLite Micro", flash, it["arena"],
                                    {FAST: callgrind.total(counts[1])}, apart))

    def all(self):
        for network in self.networks:
            say(network.title)
            prepare(self.nnc, network, self.folder / network.name)
            self.of_nnc(network, "f32", c_networks.NNC)
            self.trying("nnc's int8", self.of_nnc, network, "int8", c_networks.NNC_INT8,
                        "--quantize", "int8")
            if network.only_dense:
                self.trying("emlearn", self.of_emlearn, network)
        say("interpreters")
        self.trying("ONNX Runtime", self.of_onnxruntime)
        self.trying("TFLite Micro", self.of_tflm)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path, metavar="BUILD_DIR")
    parser.add_argument("--only", help="names of networks, with commas")
    parser.add_argument("--write", action="store_true", help="puts the tables in the document")
    args = parser.parse_args()
    wanted = args.only.split(",") if args.only else [network.name for network in NETWORKS]
    it = Comparison(args.build, [network for network in NETWORKS if network.name in wanted])
    try:
        it.all()
    except (Failed, subprocess.SubprocessError) as why:
        sys.exit(f"deploy: {why}")
    print(it.tables.text())
    if args.write:
        it.tables.write(ROOT / "docs/deploy_bench.md")


if __name__ == "__main__":
    main()
