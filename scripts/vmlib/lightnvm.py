"""The LightNVM host for guests with 5.10, the last series whose sources have it.

Debian's 5.10 is built without LightNVM, but its source package has it: the subsystem, its target pblk and an
nvme driver that knows open-channel SSDs are built here as modules for the packaged kernel. In a guest they are
at /nvmev/lightnvm, to be loaded in place of the stock nvme driver, with the nvme-cli of that suite, the last
that has the `lnvm` commands.
"""

import hashlib
import pathlib
import shutil
import subprocess

from vmlib import build, debian, host
from vmlib.host import VmError

SERIES = "5.10"
PLACE = "/nvmev/lightnvm"
_SOURCE_PACKAGE = "linux-source-5.10"
_CLI_SUITE = "bullseye"
_FOLDERS = ("drivers/lightnvm", "drivers/nvme/host")

_KBUILD = {
    "Kbuild": "obj-m := lightnvm/ nvme/\n",
    "lightnvm/Kbuild": """\
ccflags-y := -DCONFIG_NVM=1 -I$(src)
obj-m := lnvm_core.o pblk.o
lnvm_core-y := core.o
pblk-y := $(patsubst $(src)/%.c,%.o,$(wildcard $(src)/pblk-*.c))
""",
    "nvme/Kbuild": """\
ccflags-y := -DCONFIG_NVM=1 -I$(src)
obj-m := nvme-core.o nvme.o
nvme-core-y := core.o lightnvm.o
nvme-core-$(CONFIG_TRACING) += trace.o
nvme-core-$(CONFIG_NVME_MULTIPATH) += multipath.o
nvme-core-$(CONFIG_BLK_DEV_ZONED) += zns.o
nvme-core-$(CONFIG_FAULT_INJECTION_DEBUG_FS) += fault_inject.o
nvme-core-$(CONFIG_NVME_HWMON) += hwmon.o
nvme-y := pci.o
""",
}
# What keeps the sources from being modules, in files of the tree: (before, after).
_CHANGES = {
    "lightnvm/core.c": ("builtin_misc_device(_nvm_misc);",
                        'module_misc_device(_nvm_misc);\nMODULE_LICENSE("GPL v2");'),
    "lightnvm/pblk-trace.h": ("#define TRACE_INCLUDE_PATH ../../drivers/lightnvm",
                              "#define TRACE_INCLUDE_PATH ."),
}


def _unpack(package, tree):
    """Takes the folders out of the tar file in the package."""
    inner = f"./usr/src/{_SOURCE_PACKAGE}.tar.xz"
    names = " ".join(f"'{_SOURCE_PACKAGE}/{folder}'" for folder in _FOLDERS)
    script = (f"set -e; dpkg-deb --fsys-tarfile '{package}' | tar -xO '{inner}'"
              f" | xz -dc | tar -x --strip-components=1 -C '{tree}' {names}")
    subprocess.run(["bash", "-o", "pipefail", "-c", script], check=True)


def _lay_out(package, tree):
    if tree.exists():
        subprocess.run(host.as_root(["rm", "-rf", "--one-file-system", str(tree)]), check=True)
    tree.mkdir(parents=True)
    _unpack(package, tree)
    (tree / "drivers" / "lightnvm").rename(tree / "lightnvm")
    (tree / "drivers" / "nvme" / "host").rename(tree / "nvme")
    for folder in ("lightnvm", "nvme"):
        (tree / folder / "Makefile").unlink()
    for name, text in _KBUILD.items():
        (tree / name).write_text(text)
    for name, (before, after) in _CHANGES.items():
        text = (tree / name).read_text()
        if before not in text:
            raise VmError(f"{_SOURCE_PACKAGE}: {name} is not what was expected: '{before}' is missing")
        (tree / name).write_text(text.replace(before, after))


def _make(image, place, source, tool):
    tree, out = place / "tree", place / "out"
    shutil.rmtree(out, ignore_errors=True)
    _lay_out(source, tree)
    host.run_logged(build.in_chroot(image, tree, build.make_command(image)), place / "build.log",
                    "building the LightNVM host")
    out.mkdir()
    for module in sorted(tree.glob("*/*.ko")):
        shutil.copyfile(module, out / module.name)
    unpacked = place / "cli"
    subprocess.run(["dpkg-deb", "-x", str(tool), str(unpacked)], check=True)
    shutil.copy2(unpacked / "usr" / "sbin" / "nvme", out / "nvme")


def ensure(image):
    """Folder with the modules and the tool, made first where it is missing.

    When the suite does not have the source package of that kernel, the folder has a file `missing` instead,
    which says so.
    """
    if image.series != SERIES:
        raise VmError(f"the LightNVM host is for {SERIES}, not for {image.series}")
    place = image.place / "lightnvm"
    stamp = place / "key"
    recipe = repr((image.facts["version"], _KBUILD, _CHANGES, _FOLDERS))
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    with host.locked(f"lightnvm-{image.series}"):
        if stamp.exists() and stamp.read_text() == key:
            return place / "out"
        host.say("making the LightNVM host from the sources of 5.10 (once, about a minute)")
        place.mkdir(parents=True, exist_ok=True)
        for old in place.glob("*.deb"):
            old.unlink()
        source = debian.download(_SOURCE_PACKAGE, place, version=image.facts["version"])
        tool = debian.download("nvme-cli", place, suite=_CLI_SUITE)
        if source is None or tool is None:
            out = place / "out"
            out.mkdir(exist_ok=True)
            (out / "missing").write_text(
                f"no suite offers {_SOURCE_PACKAGE} {image.facts['version']}\n" if source is None
                else f"{_CLI_SUITE} offers no nvme-cli\n")
            return out
        _make(image, place, source, tool)
        source.unlink()
        stamp.write_text(key)
    return place / "out"


def put(image):
    """The folder as `--put` takes it."""
    return f"{pathlib.Path(ensure(image))}:{PLACE}"
