"""Images: for each kernel a chroot that compiles modules for it, and archives that boot as a guest.

A guest's root is an initramfs: nothing has to be loaded, attached or mounted before its first
program runs, so there is nothing that can fail under emulation. It is the concatenation of three
cpio archives: the user land (one for several kernels), the kernel's modules, and what the run puts in.
Measured under TCG, unpacking costs a second and a half of a boot.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess

from vmlib import debian, host
from vmlib.host import VmError

CHROOT_PACKAGES = ("make", "gcc", "g++", "kmod")
GUEST_PACKAGES = (
    "fio", "nvme-cli", "e2fsprogs", "xfsprogs", "btrfs-progs", "f2fs-tools", "util-linux",
    "util-linux-extra", "pciutils", "kmod", "procps", "psmisc", "busybox-static", "python3-minimal",
    "dmsetup", "smartmontools",
)
# What not every suite has.
GUEST_PACKAGES_OF = {"trixie": ("dm-zoned-tools",)}
# Packages bring these along; no test needs them, and every boot would unpack them.
GUEST_WITHOUT = (
    "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/perl*", "usr/share/info",
    "usr/lib/*/perl*", "usr/lib/*/gconv", "usr/bin/perl*", "usr/lib/*/libperl*", "usr/bin/dpkg*",
    "usr/bin/apt*", "usr/lib/apt", "usr/lib/*/libapt*", "usr/lib/udev", "usr/share/zoneinfo",
    "usr/lib/*/libdb-5*", "usr/share/bash-completion", "var/cache/*", "var/lib/apt", "var/lib/dpkg",
    "var/log/*", "dev/*", "proc/*", "sys/*", "tmp/*", "run/*",
)
# Modules that a guest may want; what they need comes too. Those that a kernel lacks are built in.
GUEST_MODULES = (
    "virtio_pci", "virtio_console", "nvme", "nvme_core", "configfs", "ext4", "xfs", "btrfs", "f2fs",
    "zonefs", "vfat", "nls_ascii", "nls_cp437", "overlay", "loop", "null_blk", "brd", "dm_mod",
    "dm_zoned", "dm_log_writes", "dm_flakey", "raid1", "crc32c_generic", "crc32c_intel",
    "crc32c_cryptoapi", "crc32_generic", "libcrc32c", "crct10dif_pclmul", "crct10dif_generic", "crc64_rocksoft",
    "vfio_pci", "vfio_iommu_type1", "uio", "bfq", "kyber_iosched",
)
_MODULE_SUFFIXES = (".ko", ".ko.xz", ".ko.zst", ".ko.gz")


class Image:
    """Where the parts of one kernel's image lie, and what is known of it."""

    def __init__(self, series):
        self.series = series
        self.place = host.CACHE / series
        self.chroot = self.place / "chroot"
        self.vmlinuz = self.place / "vmlinuz"
        self.modules = self.place / "modules.cpio"
        self.userland = host.CACHE / f"userland-{debian.USERLANDS[series]}.cpio"
        self.stamp = self.place / "image.json"

    @property
    def facts(self):
        """suite, version, compiler and uname of the image that is there; {} when none is."""
        try:
            return json.loads(self.stamp.read_text())
        except (OSError, ValueError):
            return {}

    @property
    def uname(self):
        """The release of the image's kernel, as `uname -r` gives it."""
        return self.facts["uname"]


def _key(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _mmdebstrap(suite, target, log, what, *options):
    command = ["mmdebstrap", "--mode=root", "--dpkgopt=path-exclude=/usr/share/doc/*",
               "--dpkgopt=path-exclude=/usr/share/man/*",
               "--dpkgopt=path-exclude=/usr/share/locale/*",
               "--aptopt=Acquire::Retries \"3\"", *options, suite.removesuffix("-backports"),
               str(target), *debian.sources(suite)]
    host.run_logged(host.as_root(command), log, what)


def _remove(*places):
    subprocess.run(host.as_root(["rm", "-rf", "--one-file-system", *map(str, places)]), check=True)


def _make_userland(image):
    suite = debian.USERLANDS[image.series]
    packages = GUEST_PACKAGES + GUEST_PACKAGES_OF.get(suite, ())
    partial = image.userland.with_suffix(".partial")
    prune = " -o ".join(f"-path './{place}'" for place in GUEST_WITHOUT)
    # The archive is written by the hook, so no tree is left over that only root could remove.
    hook = (f"cd \"$1\" && find . -xdev \\( {prune} \\) -prune -o -print"
            f" | cpio --quiet -o -H newc > '{partial}'")
    key = _key(suite, packages, hook)
    stamp = image.userland.with_suffix(".key")
    with host.locked("userland"):
        if image.userland.exists() and stamp.exists() and stamp.read_text() == key:
            return
        host.say(f"making the user land of {suite} for guests (once, half a minute)")
        stamp.unlink(missing_ok=True)
        _mmdebstrap(suite, "-", image.userland.with_suffix(".log"), "making the user land",
                    "--variant=essential", "--format=null", f"--include={','.join(packages)}",
                    f"--customize-hook={hook}")
        partial.replace(image.userland)
        stamp.write_text(key)


# In a new chroot: unpacks the kernel that its headers belong to, at /kernel. Installing it would
# make an initramfs that nobody boots. Newer releases split the package in three.
_UNPACK_KERNEL = """chroot "$1" sh -ec '
    mkdir /kernel
    cd /kernel
    release=$(ls /lib/modules)
    for part in image binary modules; do
        package=linux-$part-$release
        if apt-cache show "$package" >/dev/null 2>&1; then apt-get -q download "$package"; fi
    done
    for deb in *.deb; do dpkg-deb -x "$deb" .; done
    rm -- *.deb
    [ -e lib ] || ln -s usr/lib lib
    depmod -b . "$release"
'"""


def _make_chroot(image, offered):
    packages = [*CHROOT_PACKAGES, f"linux-headers-amd64={offered.version}"]
    _mmdebstrap(offered.suite, image.chroot, image.place / "chroot.log",
                f"making the chroot of {offered.suite}", "--variant=apt",
                f"--include={','.join(packages)}", f"--customize-hook={_UNPACK_KERNEL}")


def _module_name(path):
    """The name that modprobe knows a module file by; None for other files."""
    for suffix in _MODULE_SUFFIXES:
        if path.endswith(suffix):
            return os.path.basename(path).removesuffix(suffix).replace("-", "_")
    return None


def _needed_modules(root):
    """Files, relative to the kernel's module folder, of GUEST_MODULES and all they depend on."""
    needs = {}
    for line in (root / "modules.dep").read_text().splitlines():
        module, _, others = line.partition(":")
        needs[module] = others.split()
    wanted = {module for module in needs if _module_name(module) in GUEST_MODULES}
    return wanted | {other for module in wanted for other in needs[module]}


def _copy_module(source, target):
    """Copies a module, unpacked: a guest would spend its slow time on that at every boot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unpack = {".xz": "xz", ".zst": "zstd", ".gz": "gzip"}.get(source.suffix)
    if not unpack:
        shutil.copyfile(source, target)
        return
    with target.with_suffix("").open("wb") as out:
        subprocess.run([unpack, "-dc", source], stdout=out, check=True)


def _make_modules(image, kernel, uname):
    root = kernel / "lib" / "modules" / uname
    stage = image.place / "stage"
    shutil.rmtree(stage, ignore_errors=True)
    folder = stage / "usr" / "lib" / "modules" / uname
    folder.mkdir(parents=True)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        if (root / name).exists():
            shutil.copyfile(root / name, folder / name)
    for module in _needed_modules(root):
        _copy_module(root / module, folder / module)
    (stage / "lib").symlink_to("usr/lib")
    host.run_logged(["depmod", "-b", stage, uname], image.place / "depmod.log", "depmod")
    with image.modules.open("wb") as out:
        # The user land has the link from /lib already.
        names = subprocess.run(["find", "usr"], cwd=stage, capture_output=True, check=True).stdout
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=stage, input=names,
                       stdout=out, check=True)
    shutil.rmtree(stage)
    candidates = (kernel / "boot" / f"vmlinuz-{uname}", root / "vmlinuz")
    vmlinuz = next((c for c in candidates if c.exists()), None)
    if not vmlinuz:
        raise VmError(f"the packages of {uname} hold no kernel image")
    shutil.copyfile(vmlinuz, image.vmlinuz)


def _make_kernel(image, update):
    key = _key(debian.SERIES[image.series], CHROOT_PACKAGES, _UNPACK_KERNEL, GUEST_MODULES)
    with host.locked(image.series):
        current = image.facts.get("key") == key
        if current and not update:
            return
        offered = debian.kernel(image.series)
        if current and image.facts.get("version") == offered.version:
            return
        host.say(f"making the image of kernel {image.series} from {offered.suite}:"
                 f" {offered.version}, {offered.compiler} (once, about a minute)")
        if image.place.exists():
            _remove(image.place)
        image.place.mkdir(parents=True)
        _make_chroot(image, offered)
        uname = pathlib.Path(next((image.chroot / "lib" / "modules").iterdir())).name
        _make_modules(image, image.chroot / "kernel", uname)
        _remove(image.chroot / "kernel")
        image.stamp.write_text(json.dumps({
            "key": key, "uname": uname, "suite": offered.suite, "version": offered.version,
            "compiler": offered.compiler}))


def ensure(series, guest=True, update=False):
    """The image of a series, made first where it is missing or its recipe has changed."""
    image = Image(series)
    host.install_tools()
    _make_kernel(image, update)
    if guest:
        _make_userland(image)
    return image


def remove_all():
    """Removes every image; parts of them are root's."""
    if host.CACHE.exists():
        _remove(host.CACHE)
