"""Builds the KANN peer, in build/bench: KANN's source lies in that of the package cynn on PyPI.

Nothing of it is kept in the repository.
"""

import subprocess
import sys
import tarfile
from pathlib import Path

PACKAGE = "cynn==0.1.5"
FILES = ["kann.c", "kann.h", "kautodiff.c", "kautodiff.h"]
SOURCE = Path(__file__).resolve().parent / "peers/kann.c"


class Missing(Exception):
    pass


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        raise Missing((done.stderr.strip().splitlines() or ["failed"])[-1][:160])
    return done.stdout


def fetch(folder):
    if all((folder / name).exists() for name in FILES):
        return
    folder.mkdir(parents=True, exist_ok=True)
    run(sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
        "--no-binary", ":all:", "--dest", folder, PACKAGE)
    with tarfile.open(next(folder.glob("cynn-*.tar.gz"))) as archive:
        for member in archive:
            name = member.name.split("/thirdparty/kann/")[-1]
            if name in FILES and member.isfile():
                (folder / name).write_bytes(archive.extractfile(member).read())


def build(folder):
    """The path of the program."""
    fetch(folder)
    program = folder / "kann"
    blas = run("pkg-config", "--cflags", "--libs", "openblas").split()
    run("cc", "-O3", "-march=native", "-DHAVE_CBLAS", "-DHAVE_PTHREAD", f"-I{folder}", SOURCE,
        folder / "kann.c", folder / "kautodiff.c", "-o", program, *blas, "-lpthread", "-lm")
    return program
