"""Builds measure.c with a peer's network.h and runs it: for a Cortex-M4 in QEMU, and for x86-64.

Flash is the sections .text, .rodata and .data of the linked program, functions that nobody calls
left out, less those of the same program without a network. RAM is .data and .bss, with input and
output, and the deepest that the stack was, less the same. Instructions are those of the one call.
"""

import re
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORTEX_M4 = ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"]
SECTIONS = ["-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-std=gnu11", "-w"]
QEMU = ["qemu-system-arm", "-M", "mps2-an386", "-icount", "shift=0", "-nographic", "-monitor",
        "none", "-serial", "none", "-semihosting-config", "enable=on,target=native", "-kernel"]
LONGEST = 300  # seconds
SMALL, FAST, AVX2 = "-Os", "-O2", "-O3 -march=x86-64-v3"


class Failed(Exception):
    pass


@dataclass
class Cost:
    flash: int
    ram: int
    instructions: int
    outputs: list


def run(*command):
    try:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                              timeout=LONGEST)
    except (OSError, subprocess.TimeoutExpired) as why:
        raise Failed(str(why)) from why
    if done.returncode:
        raise Failed((done.stderr.strip().splitlines() or [f"{command[0]} failed"])[0][:200])
    return done.stdout + done.stderr


class Target:
    """A machine: how to build for it and to count there."""

    def __init__(self, folder):
        self.folder = folder
        self.nothing = {}

    def sections(self, program):
        """(flash, RAM) by the linked program's sections."""
        flash = ram = 0
        for line in run(self.size, "-A", program).splitlines():
            name, *numbers = line.split() or [""]
            if re.match(r"\.(text|rodata|data|ARM)", name):
                flash += int(numbers[0])
            if re.match(r"\.(data|bss)", name):
                ram += int(numbers[0])
        return flash, ram

    def plain(self, optimize, network=None, defines=()):
        """The cost of a program, what every program has included."""
        program = self.folder / "measure"
        about = [f"-I{network}"] if network else ["-DNETWORK_NONE"]
        run(*self.compiler, *optimize.split(), *SECTIONS, f"-I{HERE}", *about, *defines,
            HERE / "measure.c", *self.board, "-o", program, "-lm")
        flash, ram = self.sections(program)
        said = self.execute(program)
        lines = re.findall(r"^(\w+) (\w{8})$", said, re.M)
        outputs = [struct.unpack(">f", bytes.fromhex(bits))[0] for name, bits in lines
                   if name == "out"]
        values = {name: int(bits, 16) for name, bits in lines}
        return Cost(flash, ram + values["stack"], self.count(program, values), outputs)

    def cost(self, optimize, network, defines=()):
        if optimize not in self.nothing:
            self.nothing[optimize] = self.plain(optimize)
        nothing, it = self.nothing[optimize], self.plain(optimize, network, defines)
        return Cost(it.flash - nothing.flash, it.ram - nothing.ram,
                    it.instructions - nothing.instructions, it.outputs)


class CortexM4(Target):
    optimized = (SMALL, FAST)
    size = "arm-none-eabi-size"
    compiler = ["arm-none-eabi-gcc", *CORTEX_M4, "--specs=nano.specs", "--specs=nosys.specs",
                "-nostartfiles", "-T", HERE / "cortex_m4.ld"]
    board = [HERE / "cortex_m4.c"]

    def execute(self, program):
        return run(*QEMU, program)

    def count(self, _, said):
        return said["count"]


class X86(Target):
    """The stack is not part of RAM."""

    optimized = (SMALL, FAST, AVX2)
    size = "size"
    compiler = ["gcc"]
    board = [HERE / "host.c"]

    def execute(self, program):
        return run(program)

    def count(self, program, _):
        said = run("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                   "--toggle-collect=infer", program)
        return int(re.search(r"Collected : (\d+)", said)[1])
