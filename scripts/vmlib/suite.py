"""Guest tests: what each says it needs, and which can share a guest."""

import contextlib
import dataclasses
import os
import pathlib
import re
import shlex
import tempfile

from vmlib import cli, debian, host, qemu, simulator
from vmlib.host import VmError

_DEFAULT_KERNELS = ("6.1", "6.12")


@dataclasses.dataclass(frozen=True)
class Needs:
    """The guest that a test asks for."""
    cpus: str = "4"
    mem: str = "4G"
    append: str = ""
    iommu: str = ""
    qemu_nvme: str = ""
    alone: bool = False
    lightnvm: bool = False
    simulator: bool = False
    cli: bool = False
    disk: str = ""
    boots: int = 1

    def options(self, boot=1, disk=None):
        """These needs as options of `scripts/vm run`, of a boot: which, and with what disk."""
        words = ["--cpus", self.cpus, "--mem", self.mem]
        append = [self.append] if self.append else []
        if self.boots > 1:
            append.append(f"vm.boot={boot}")
        if append:
            words += ["--append", " ".join(append)]
        if disk:
            words += ["--disk", disk]
        if self.iommu:
            words += ["--iommu", self.iommu]
        if self.lightnvm:
            words.append("--lightnvm")
        if self.qemu_nvme:
            words += ["--qemu-nvme", self.qemu_nvme]
        if self.simulator:
            words += ["--put", f"{simulator.FOLDER}:{simulator.PLACE}"]
        if self.cli:
            words += ["--put", f"{cli.PROGRAM}:{cli.PLACE}"]
        return words


@contextlib.contextmanager
def disk(needs):
    """The path of a disk of the size that is needed, which is gone afterwards; None without one."""
    if not needs.disk:
        yield None
        return
    host.CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix="disk-", dir=host.CACHE) as file:
        units = {"M": 1 << 20, "G": 1 << 30}
        file.truncate(int(needs.disk[:-1]) * units[needs.disk[-1]])
        yield file.name


@dataclasses.dataclass(frozen=True)
class Test:
    """One script of tests/vm."""
    name: str
    needs: Needs
    kernels: tuple = _DEFAULT_KERNELS
    timeout: int = 240
    group: str = ""


def _switch(path, key, value):
    if value not in ("on", "off", "yes", "no"):
        raise VmError(f"{path}: '{key}={value}' is neither on nor off")
    return value in ("on", "yes")


def _kernels(path, value):
    if value == "all":
        return tuple(debian.SERIES)
    kernels = tuple(value.split(","))
    for kernel in kernels:
        if kernel not in debian.SERIES:
            raise VmError(f"{path}: no kernel '{kernel}' (there are {', '.join(debian.SERIES)})")
    return kernels


def _parse(path):
    """Reads the `# vm:` lines of a script; tests/vm/lib.sh documents them."""
    needs, test, append = {}, {}, []
    for line in path.read_text().splitlines():
        if not line.startswith("# vm:"):
            continue
        for word in shlex.split(line.removeprefix("# vm:")):
            key, _, value = word.partition("=")
            if key in ("cpus", "mem", "qemu_nvme"):
                needs[key] = value
            elif key == "iommu" and value in qemu.IOMMUS:
                needs[key] = value
            elif key in ("lightnvm", "alone", "simulator", "cli"):
                needs[key] = _switch(path, key, value)
            elif key == "disk" and re.fullmatch(r"[1-9][0-9]*[MG]", value):
                needs[key] = value
            elif key == "boots" and value in "123456789":
                needs[key] = int(value)
            elif key == "append":
                append.append(value)
            elif key == "kernels":
                test[key] = _kernels(path, value)
            elif key == "timeout" and value.isdigit():
                test[key] = int(value)
            elif key == "group":
                test[key] = value
            else:
                raise VmError(f"{path}: '# vm: {word}' is not understood (see tests/vm/lib.sh)")
    return Test(path.name, Needs(append=" ".join(append), **needs), **test)


def load(folder, names=()):
    """The tests of a folder, or those named."""
    folder = pathlib.Path(folder)
    paths = [folder / name for name in names] or sorted(folder.glob("test-*"))
    for path in paths:
        if not path.is_file():
            raise VmError(f"no test {path}")
        if not os.access(path, os.X_OK):
            raise VmError(f"{path} is not executable: chmod +x it, and git will remember")
    return [_parse(path) for path in paths]


def batches(tests):
    """Lists of tests, each for a guest of its own. Those that take longest come first."""
    shared = {}
    for test in tests:
        shared.setdefault((test.group or test.name, test.needs), []).append(test)
    return sorted(shared.values(), key=lambda batch: -sum(test.timeout for test in batch))
