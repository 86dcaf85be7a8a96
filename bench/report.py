"""What was measured, as tables in Markdown: a row is printed as soon as there is one."""

import importlib.metadata
import os
import platform
import re
import statistics
import subprocess
from pathlib import Path

NAMES = {
    "torch": "PyTorch",
    "compile": "torch.compile",
    "jax": "JAX",
    "kann": "KANN",
    "onnxruntime": "ONNX Runtime",
}
VERSIONS = {"PyTorch": "torch", "JAX": "jax", "ONNX Runtime": "onnxruntime"}
NONE = "-"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


class Result:
    """Times of one workload with so many threads."""

    def __init__(self, workload, threads, times, facts):
        self.workload, self.threads = workload, threads
        self.times, self.facts = times, facts
        self.median = {name: statistics.median(t) for name, t in times.items()}

    def peaks(self):
        """FLOP a second in each round."""
        return [self.facts["peak"]["flop"] / seconds for seconds in self.times.get("peak", ())]

    @property
    def bound(self):
        """Seconds that a step takes at the best round's peak."""
        return self.workload.flop / max(self.peaks()) if self.peaks() else None

    def share(self):
        return self.bound / self.median["nnc"] if self.bound else None

    def best(self):
        """The fastest peer and the median of its ratios to nnc's time, round by round."""
        peers = [name for name in self.median if name in NAMES]
        if not peers:
            return None, None
        name = min(peers, key=self.median.get)
        pairs = zip(self.times[name], self.times["nnc"])
        return name, statistics.median(theirs / ours for theirs, ours in pairs)


def ms(seconds):
    return NONE if seconds is None else f"{1e3 * seconds:.4g}"


def spread(times):
    return f"{ms(statistics.median(times))} ({ms(min(times))} to {ms(max(times))})"


def percent(share):
    return NONE if share is None else f"{100 * share:.0f} %"


def times_faster(ratio):
    return NONE if ratio is None else f"{ratio:.2f}"


def best(r):
    name, ratio = r.best()
    return f"{ratio:.2f} ({NAMES[name]})" if name else NONE


class Table:
    title, note, columns = "", "", ()

    def __init__(self):
        self.lines = []

    def say(self, line):
        if not self.lines:
            for head in ("", f"### {self.title}", "", *([self.note, ""] if self.note else []),
                         self.row(self.columns), self.row(["---"] * len(self.columns))):
                self.lines.append(head)
                print(head, flush=True)
        self.lines.append(line)
        print(line, flush=True)

    @staticmethod
    def row(cells):
        return "| " + " | ".join(cells) + " |"


class Training(Table):
    title = "Training steps"
    note = ("Milliseconds a step, medians, for nnc with the least and the greatest. Bound: what "
            "the step's products need at the peak of the best round; share: that, of nnc's time. "
            "Last: the best peer's time / nnc's, and nnc's time with one thread / with these.")
    peers = ["torch", "compile", "jax", "kann"]
    columns = ["model", "batch", "threads", "bound", "nnc", "share (aim)",
               *(NAMES[p] for p in peers), "best / nnc", "speed-up"]

    def __init__(self):
        super().__init__()
        self.single = {}
        self.peaks = {}
        self.layouts = {}

    def add(self, r):
        w = r.workload
        if r.peaks():
            self.peaks.setdefault(r.threads, []).extend(r.peaks())
        self.note_layout(r)
        ours = r.median["nnc"]
        if r.threads == 1:
            self.single[w.key] = ours
        one = self.single.get(w.key) if r.threads > 1 else None
        aim = f" ({percent(w.target)})" if w.target and r.threads == 1 else ""
        cells = [w.title, str(w.batch), str(r.threads), ms(r.bound), spread(r.times["nnc"]),
                 percent(r.share()) + aim, *(ms(r.median.get(p)) for p in self.peers),
                 best(r), times_faster(one / ours if one else None)]
        self.say(self.row(cells))

    def note_layout(self, r):
        for name in ("torch", "compile"):
            layout = r.facts.get(name, {}).get("note")
            if layout:
                said = self.layouts.setdefault((name, layout), [])
                said.append(f"{r.workload.title} ({r.threads})")

    def remarks(self):
        for threads, peaks in self.peaks.items():
            low, middle, high = (f(peaks) / 1e9 for f in (min, statistics.median, max))
            yield (f"Peak with {threads} thread{'s' * (threads > 1)}: {middle:.0f} GFLOP/s "
                   f"({low:.0f} to {high:.0f} in all rounds; far apart: the machine was busy).")
        for (name, layout), models in self.layouts.items():
            yield f"Images in {NAMES[name]}, {layout}: {', '.join(models)}."


class Inference(Table):
    title = "Predictions"
    note = "Milliseconds a batch with one thread, medians, with the least and the greatest."
    columns = ["model", "batch", "nnc", NAMES["onnxruntime"], "ONNX Runtime / nnc"]

    def add(self, r):
        theirs = r.times.get("onnxruntime")
        self.say(self.row([r.workload.title, str(r.workload.batch), spread(r.times["nnc"]),
                           spread(theirs) if theirs else NONE, times_faster(r.best()[1])]))

    def remarks(self):
        return []


class Startup(Table):
    title = "From the start to the first step"
    note = ("Seconds from the start of the program until the first step begins, and until it is "
            "done; all cores. nnc reads its data from files; the others make theirs up in memory, "
            "and say only when it is done. Cold: nothing is kept from a run before; warm: the "
            "second run.")
    columns = ["model", "", "cold: begins", "is done", "warm: begins", "is done"]

    def add(self, model, name, cold, warm):
        seconds = []
        for times in (cold, warm):
            both = [None, *times][-2:] if times else [None, None]
            seconds += [NONE if s is None else f"{s:.3g}" for s in both]
        self.say(self.row([model, NAMES.get(name, name), *seconds]))

    def remarks(self):
        return []


def cpu():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def openblas():
    try:
        done = subprocess.run(["pkg-config", "--modversion", "openblas"], capture_output=True,
                              text=True)
        return done.stdout.strip() or NONE
    except OSError:
        return NONE


def versions():
    for name, package in VERSIONS.items():
        try:
            yield f"{name} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    yield f"OpenBLAS {openblas()} (KANN)"


def machine(rounds):
    system = re.sub(r"[-+].*", "", platform.release())
    return (f"{len(os.sched_getaffinity(0))} cores of {cpu()}, Linux {system}; "
            f"{', '.join(versions())}; {rounds} rounds.")


class Report:
    def __init__(self, rounds):
        self.head = machine(rounds)
        self.tables = []
        print(self.head, flush=True)

    def table(self, kind):
        self.tables.append(kind())
        return self.tables[-1]

    def remarks(self):
        return [remark for table in self.tables for remark in table.remarks()]

    def finish(self):
        print()
        for remark in self.remarks():
            print(remark)

    def write(self, path):
        """Puts what was measured between the marks of a document."""
        lines = [self.head]
        for table in self.tables:
            lines += table.lines
        figures = "\n".join([*lines, "", *self.remarks()]).rstrip()
        before, rest = path.read_text().split(BEGIN)
        path.write_text(f"{before}{BEGIN}\n{figures}\n{END}{rest.split(END)[1]}")
