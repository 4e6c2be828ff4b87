"""Building nvmev.ko for a guest's kernel, at native speed in the chroot of its suite."""

import os
import pathlib
import shutil
import subprocess
import sys

from vmlib import host
from vmlib.host import VmError

# Where the chroot has the tree: a name that no other path contains.
_MOUNTED = "/project-tree"


def _sources():
    """What git tracks or would track, as paths relative to the tree."""
    listing = subprocess.run(["git", "ls-files", "-zco", "--exclude-standard"], cwd=host.TREE,
                             capture_output=True, text=True, check=False)
    if listing.returncode:
        raise VmError(f"git cannot list the sources of {host.TREE}: {listing.stderr.strip()}")
    names = listing.stdout.split("\0")
    return sorted(name for name in names if name and (host.TREE / name).is_file())


def _same(one, other):
    if not other.exists():
        return False
    ours, theirs = one.stat(), other.stat()
    return (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)


def _copy_tree(target):
    """A clean copy of the sources. Only what changed is touched: make can be incremental."""
    target.mkdir(parents=True, exist_ok=True)
    manifest = target.parent / "sources.list"
    before = set(manifest.read_text().splitlines()) if manifest.exists() else set()
    names = _sources()
    for gone in before.difference(names):
        (target / gone).unlink(missing_ok=True)
    for name in names:
        source, copy = host.TREE / name, target / name
        if not _same(source, copy):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
    manifest.write_text("\n".join(names))


def in_chroot(image, tree, command):
    """A command in the chroot with the tree in it, and /proc: objtool of 7.x needs that.

    The mounts are in a mount namespace of their own: they end with the command, however it ends.
    """
    script = (f'set -e; mkdir -p "$1{_MOUNTED}"; mount -t proc proc "$1/proc";'
              f' mount --bind "$2" "$1{_MOUNTED}"; root=$1; shift 2; exec chroot "$root" "$@"')
    return host.as_root(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh",
                         str(image.chroot), str(tree), *command])


def make_command(image):
    """What builds the modules of the mounted tree."""
    return ["make", "-C", f"/lib/modules/{image.uname}/build", f"M={_MOUNTED}", f"-j{os.cpu_count()}",
            "modules"]


def _stream(command, log):
    """Runs a build, its output on the terminal and in a log; the lines that warn are returned."""
    warnings = []
    with log.open("w") as out, subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace") as process:
        for line in process.stdout:
            # As paths in the project, which an editor can follow.
            line = line.replace(f"{_MOUNTED}/", "")
            out.write(line)
            sys.stderr.write(line)
            if "warning:" in line.lower():
                warnings.append(line.rstrip())
    return process.returncode, warnings


def build(image, out=None, werror=False):
    """Builds the module; returns where it lies. With werror a warning is a failure."""
    if not (host.TREE / "Kbuild").exists():
        raise VmError(f"nothing to build: {host.TREE} has no Kbuild")
    with host.locked(f"build-{image.series}"):
        place = host.BUILD / "tree" / image.series
        tree = place / "src"
        # Absent when the objects that lie there were compiled with warnings.
        clean = place / "compiled-clean"
        _copy_tree(tree)
        make = make_command(image)[:-1]
        if werror and not clean.exists():
            subprocess.run(in_chroot(image, tree, [*make, "clean"]), check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        was_clean = clean.exists() or werror
        clean.unlink(missing_ok=True)
        log = place / "build.log"
        status, warnings = _stream(in_chroot(image, tree, [*make, "modules"]), log)
        if status:
            raise VmError(f"nvmev.ko does not build for {image.series} ({image.uname}); log: {log}")
        if not warnings and was_clean:
            clean.touch()
        if warnings and werror:
            raise VmError(f"{len(warnings)} warnings in the build for {image.series}, the first:"
                          f"\n{warnings[0]}\nlog: {log}")
        module = pathlib.Path(out or host.BUILD / "ko" / image.series) / "nvmev.ko"
        module.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(tree / "nvmev.ko", module)
        return module
