"""What was measured, as tables in Markdown: a row for each network, type and peer."""

import importlib.metadata
import subprocess
from dataclasses import dataclass

from target import X86, CortexM4

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
NONE = "-"
PACKAGES = {"TFLite Micro": "tflite-micro", "ONNX Runtime": "onnxruntime", "emlearn": "emlearn"}
TOOLS = ["arm-none-eabi-gcc", "gcc", "qemu-system-arm", "valgrind"]


@dataclass
class Row:
    network: str
    kind: str
    who: str
    flash: int | None
    ram: int | None
    instructions: dict  # {how it is compiled: count}
    apart: float


def number(value):
    return NONE if value is None else f"{value:,}"


class Table:
    def __init__(self, networks, machine):
        self.networks = networks
        self.optimized = machine.optimized
        self.rows = []

    def add(self, row):
        self.rows.append(row)

    def line(self, title, row):
        counts = (row.instructions.get(how) for how in self.optimized)
        numbers = " | ".join(map(number, (row.flash, row.ram, *counts)))
        return f"| {title} | {row.kind} | {row.who} | {numbers} | {row.apart:.1e} |"

    def lines(self):
        yield ("| network | type | who | flash | RAM | "
               + " | ".join(f"instructions, {how}" for how in self.optimized) + " | error |")
        yield "| --- | --- | --- | --- | --- |" + " --- |" * len(self.optimized) + " --- |"
        for network in self.networks:
            for kind in ("f32", "int8"):
                for row in self.rows:
                    if (row.network, row.kind) == (network.name, kind):
                        yield self.line(network.title, row)


def version(tool):
    said = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
    return said.splitlines()[0].strip()


class Tables:
    def __init__(self, networks):
        self.cortex, self.x86 = Table(networks, CortexM4), Table(networks, X86)

    def versions(self):
        rows = self.cortex.rows + self.x86.rows
        peers = [f"{who} {importlib.metadata.version(package)}" for who, package in PACKAGES.items()
                 if any(row.who == who for row in rows)]
        return "; ".join(peers + [version(tool) for tool in TOOLS])

    def text(self):
        return "\n".join([
            "### On a Cortex-M4", "", *self.cortex.lines(), "",
            "### On x86-64", "", *self.x86.lines(), "", f"Made with {self.versions()}."])

    def write(self, path):
        before, rest = path.read_text().split(BEGIN)
        path.write_text(f"{before}{BEGIN}\n{self.text()}\n{END}{rest.split(END)[1]}")
