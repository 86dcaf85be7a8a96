"""What every peer written in Python does once its step is made: runs steps when asked.

It says {"parameters": trained parameters, "note": ...}, then for every line "N" on standard input
runs N steps and prints the seconds that they took and the last one's loss.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import workloads  # noqa: E402


def arguments(*more):
    p = argparse.ArgumentParser()
    p.add_argument("workload", type=workloads.BY_KEY.get)
    p.add_argument("threads", type=int)
    for name in more:
        p.add_argument(name, nargs="?", default="")
    return p.parse_args()


def quiet_stdout():
    """Standard output for the answers alone: what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return answers


def serve(answers, ready, step, finish=float):
    """`step` runs one; `finish` waits for what it gave and makes a number of it."""
    print(json.dumps(ready), file=answers)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            value = step()
        value = finish(value)
        print(f"{time.perf_counter() - start:.9f} {value:.6g}", file=answers)
