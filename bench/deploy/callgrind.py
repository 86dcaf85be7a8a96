"""Counts of a Python program that runs in callgrind: one file of counts for each dump."""

import re
import subprocess

from target import LONGEST, Failed, run


def dumps(folder, command, **options):
    """(what the program printed, on both streams; the files in order)"""
    for old in folder.glob("callgrind.*"):
        old.unlink()
    told = [f"--{key.replace('_', '-')}={value}" for key, values in options.items()
            for value in values]
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=callgrind",
                           *told, *map(str, command)], cwd=folder, capture_output=True, text=True,
                          timeout=LONGEST)
    if done.returncode:
        raise Failed((done.stderr.strip().splitlines() or ["failed"])[-1][:200])
    files = sorted(folder.glob("callgrind.*"), key=lambda path: int(path.suffix[1:]))
    return done.stdout, [path.read_text() for path in files]


def total(dump):
    return int(re.search(r"^totals: (\d+)", dump, re.M)[1])


def functions(dump, library):
    """The names of those of the library that ran."""
    names, found, inside = {}, set(), False
    for kind, number, name in re.findall(r"^(c?ob|c?fn)=\((\d+)\)(?: (.*))?$", dump, re.M):
        key = (kind[-2:], number)
        names[key] = name or names.get(key, "")
        if kind == "ob":
            inside = names[key].endswith(library.name)
        elif kind == "fn" and inside:
            found.add(names[key].split("'")[0])
    return found


def sizes(library):
    """{name: bytes of code}"""
    lines = run("nm", "-C", "-S", "--defined-only", library).splitlines()
    symbols = re.findall(r"^\w+ (\w+) [tTwWuV] (.*)$", "\n".join(lines), re.M)
    return {name: int(size, 16) for size, name in symbols}
