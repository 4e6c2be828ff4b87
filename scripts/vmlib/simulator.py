"""nvmev-sim for guests: the program with the libraries of the machine that it was built on."""

import re
import shutil
import subprocess

from vmlib import host
from vmlib.host import VmError

FOLDER = host.BUILD / "sim" / "guest"
# Where it finds itself in a guest.
PLACE = "/nvmev/sim"
_WRAPPER = f"""#!/bin/sh
exec {PLACE}/ld.so --library-path {PLACE} {PLACE}/program "$@"
"""


def build():
    """Builds nvmev-sim, and gathers in FOLDER what PLACE/nvmev-sim needs to run."""
    with host.locked("simulator"):
        host.run_logged(["make", "-C", host.TREE, "sim"], host.BUILD / "sim.log", "building nvmev-sim")
        program = host.BUILD / "sim" / "nvmev-sim"
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        loader = re.search(r"^\s*(/\S+) \(", listed, re.MULTILINE)
        if not loader:
            raise VmError(f"ldd {program} names no loader:\n{listed}")
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        shutil.copy(loader[1], FOLDER / "ld.so")
        for library in re.findall(r"=> (/\S+)", listed):
            shutil.copy(library, FOLDER)
        shutil.copy(program, FOLDER / "program")
        wrapper = FOLDER / "nvmev-sim"
        wrapper.write_text(_WRAPPER)
        wrapper.chmod(0o755)
