"""A guest's root for one run: the archives of its image, and what the run adds to them."""

import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile

from vmlib import host
from vmlib.host import VmError


def _put(stage, source, name):
    target = stage / name.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _lay_out(stage, options):
    folder = stage / "nvmev"
    folder.mkdir(parents=True)
    shutil.copy2(pathlib.Path(__file__).with_name("init"), stage / "init")
    os.chmod(stage / "init", 0o755)
    if options.module:
        _put(stage, options.module, "nvmev/nvmev.ko")
    if (host.TREE / "tests" / "vm").is_dir():
        _put(stage, host.TREE / "tests" / "vm", "nvmev/tests")
    for item in options.put:
        local, _, name = item.partition(":")
        source = pathlib.Path(local)
        if not source.exists():
            raise VmError(f"--put {item}: no file {local}")
        _put(stage, source, name or f"nvmev/{source.resolve().name}")
    command = options.command or ["bash", "-l"]
    (folder / ".command").write_text(f"exec {shlex.join(command)}\n")
    if options.shell:
        columns, lines = shutil.get_terminal_size()
        (folder / ".stty").write_text(f"rows {lines} cols {columns}\n")
        (folder / ".term").write_text(os.environ.get("TERM", "vt100") + "\n")


def make(image, options, folder):
    """The archives one after the other, as the kernel takes them.

    An open file without a name: nothing is left behind, however this process ends.
    """
    with tempfile.TemporaryDirectory(prefix="nvmev-vm-") as place:
        stage = pathlib.Path(place)
        _lay_out(stage, options)
        names = subprocess.run(["find", "."], cwd=stage, capture_output=True, check=True).stdout
        extra = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=stage,
                               input=names, capture_output=True, check=True).stdout
    initrd = tempfile.TemporaryFile(dir=folder)
    for archive in (image.userland, image.modules):
        with archive.open("rb") as part:
            shutil.copyfileobj(part, initrd, 1 << 20)
    initrd.write(extra)
    initrd.flush()
    return initrd
