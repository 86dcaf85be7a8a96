"""Processes that run steps when asked, one for each peer, that take turns.

A worker is pinned to as many cores as it has threads, and stopped while it is not its turn, so that
what its threads do while they wait takes nothing from the others.
"""

import json
import math
import os
import select
import signal
import subprocess
import time

START = 600  # seconds to the first step: PyTorch compiles
ROUND = 300
WHILE = 0.2  # seconds a round should last


class Failed(Exception):
    """A worker that does not start, or gives no answer; the text says why."""


def cores(threads):
    """The last cores of those there are: what else the system does likes the first."""
    own = sorted(os.sched_getaffinity(0))
    if threads > len(own):
        raise Failed(f"{threads} threads are more than the {len(own)} cores")
    return own[-threads:]


class Worker:
    def __init__(self, command, threads, log, environment=None):
        allowed = cores(threads)
        self.log = log
        self.steps = 1
        self.text = b""
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(
                [str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, env={**os.environ, **(environment or {})}, start_new_session=True,
                preexec_fn=lambda: os.sched_setaffinity(0, allowed))

    def why(self):
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:160] if lines else "no reason given"

    def line(self, seconds):
        end = time.monotonic() + seconds
        while b"\n" not in self.text:
            pipe = self.process.stdout.fileno()
            if not select.select([pipe], [], [], max(0, end - time.monotonic()))[0]:
                raise Failed(f"no answer in {seconds} s")
            more = os.read(pipe, 65536)
            if not more:
                raise Failed(self.why())
            self.text += more
        line, self.text = self.text.split(b"\n", 1)
        return line.decode()

    def ready(self):
        self.facts = json.loads(self.line(START))
        return self.facts

    def ask(self, steps):
        try:
            self.process.stdin.write(f"{steps}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed(self.why()) from None
        took, value = map(float, self.line(ROUND).split())
        if not math.isfinite(value):
            raise Failed(f"the loss is {value}")
        return took / steps

    def signal(self, what):
        try:
            os.killpg(self.process.pid, what)
        except ProcessLookupError:
            pass

    def stop(self):
        self.signal(signal.SIGSTOP)

    def turn(self):
        """Seconds a step of one round; after one that lasted far too long the next has fewer."""
        self.signal(signal.SIGCONT)
        try:
            self.ask(1)  # fetches anew what the others have driven out of the caches
            took = self.ask(self.steps)
        finally:
            self.stop()
        if took * self.steps > 4 * WHILE:
            self.fill(took)
        return took

    def fill(self, took):
        self.steps = max(1, round(WHILE / max(took, 1e-7)))

    def calibrate(self):
        """Warms up, and finds how many steps fill a round."""
        self.turn()
        for _ in range(2):
            self.fill(self.turn())

    def close(self):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def rounds(workers, count, failed):
    """{name: [seconds a step]} of `count` rounds of all workers in turn; `failed` hears of those
    that drop out."""
    times = {name: [] for name in workers}

    def guarded(name, act):
        try:
            return act()
        except Failed as why:
            failed(name, why)
            workers.pop(name).close()
            times.pop(name)

    for name in list(workers):
        guarded(name, workers[name].ready)
        if name in workers:
            workers[name].stop()
    for name in list(workers):
        guarded(name, workers[name].calibrate)
    for _ in range(count):
        for name in list(workers):
            took = guarded(name, workers[name].turn)
            if took is not None:
                times[name].append(took)
    return times
