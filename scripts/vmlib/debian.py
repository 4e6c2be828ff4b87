"""Debian's suites: where this machine gets its packages, and which kernels the suites hold."""

import dataclasses
import functools
import os
import re
import subprocess
import time

from vmlib import host
from vmlib.host import VmError

# Kernel series and the suites that may offer it; the newest version among them is taken. A
# backport is installed on top of the suite that it is for.
SERIES = {
    "5.10": ("bullseye",),
    "6.1": ("bookworm",),
    "6.12": ("trixie",),
    "7.x": ("trixie-backports", "sid"),
}
# The suites whose programs the guests have: two generations of nvme-cli, fio and mkfs.
USERLANDS = {"5.10": "bookworm", "6.1": "bookworm", "6.12": "trixie", "7.x": "trixie"}
_UNSTABLE = "sid"
_LISTS_LAST = 3600


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One kernel of the table, as the suites offer it now."""
    series: str
    suite: str
    version: str
    compiler: str


def _base(suite):
    return suite.removesuffix("-backports")


def _archives():
    """The archives that this machine's own apt uses, by their label."""
    listing = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True, text=True, check=False).stdout
    return {label: uri for label, _, uri in (line.rpartition(" ") for line in listing.splitlines())}


@functools.cache
def _mirrors():
    """Debian's archive and its security archive."""
    if archive := os.environ.get("NVMEV_MIRROR"):
        return archive, os.environ.get("NVMEV_SECURITY_MIRROR")
    if "Debian" not in (archives := _archives()):
        # On a new machine apt has not read yet what its sources are.
        subprocess.run(host.as_root(["apt-get", "-qq", "update"]), check=False)
        archives = _archives()
    if "Debian" not in archives:
        raise VmError("this machine's apt knows no Debian mirror: set NVMEV_MIRROR (and "
                      "NVMEV_SECURITY_MIRROR) to the address of one")
    return archives["Debian"], archives.get("Debian-Security")


def sources(suite):
    """The apt sources of a suite, its security updates included, one line each."""
    archive, security = _mirrors()
    base = _base(suite)
    lines = [f"deb {archive} {base} main"]
    if security and base != _UNSTABLE:
        lines.append(f"deb {security} {base}-security main")
    if suite != base:
        lines.append(f"deb {archive} {suite} main")
    return lines


class _Lists:
    """Package lists of every suite in the table, in an apt state of our own.

    Apt does the downloading, checking of signatures and comparing of versions.
    """

    def __init__(self, refresh):
        self.root = host.CACHE / "apt"
        self.options = [
            f"-oDir::State={self.root}", f"-oDir::Cache={self.root}/cache",
            f"-oDir::Etc::SourceList={self.root}/sources.list", "-oDir::Etc::SourceParts=/dev/null",
            # Suites newer than the machine are signed with keys that only the keyring package has.
            "-oDir::Etc::TrustedParts=/usr/share/keyrings", "-oDir::State::status=/dev/null",
            "-oAcquire::Languages=none", "-oAPT::Sandbox::User=", "-oAcquire::Retries=3",
        ]
        stamp = self.root / "updated"
        if refresh or not stamp.exists() or time.time() - stamp.stat().st_mtime > _LISTS_LAST:
            self._update()
            stamp.touch()

    def _update(self):
        host.say("reading the package lists of Debian's suites")
        (self.root / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (self.root / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        wanted = {line: None for suites in SERIES.values() for suite in suites
                  for line in sources(suite)}
        (self.root / "sources.list").write_text("\n".join(wanted) + "\n")
        update = subprocess.run(["apt-get", *self.options, "-q", "update"], check=False, text=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if update.returncode:
            # A mirror may lack one suite, or be late with it: the others are good all the same.
            host.say(f"not all package lists could be read:\n{update.stderr.rstrip()}")

    def versions(self, package):
        """Every version of a package, newest first, with the suite that has it."""
        listing = subprocess.run(["apt-cache", *self.options, "madison", package],
                                 capture_output=True, text=True, check=True).stdout
        rows = []
        for line in listing.splitlines():
            _, version, origin = (field.strip() for field in line.split("|"))
            suite = origin.split()[1].split("/")[0]
            rows.append((version, suite.removesuffix("-security")))
        return rows


def download(package, folder, version=None, suite=None):
    """Downloads a package into a folder: that version, or what the suite has; None if there is none."""
    with host.locked("apt"):
        lists = _Lists(False)
        for offered, where in lists.versions(package):
            if version not in (None, offered) or suite not in (None, where):
                continue
            host.run_logged(["apt-get", *lists.options, "-q", "download", f"{package}={offered}"],
                            folder / f"{package}.log", f"downloading {package}", cwd=folder)
            return next(folder.glob(f"{package}_*.deb"))
    return None


def kernels(refresh=False):
    """What the suites offer for every series of the table."""
    with host.locked("apt"):
        lists = _Lists(refresh)
        headers = lists.versions("linux-headers-amd64")
        compilers = lists.versions("g++")
    offered = {}
    for series, suites in SERIES.items():
        pattern = re.compile(re.escape(series).replace("x", r"\d+") + r"\.")
        for version, suite in headers:
            if suite in suites and pattern.match(version):
                compiler = next(v for v, s in compilers if s == _base(suite))
                number = compiler.split(":")[-1].split("-")[0]
                offered[series] = Kernel(series, suite, version, f"g++ {number}")
                break
    return offered


def kernel(series):
    """What the suites offer for one series."""
    try:
        return kernels()[series]
    except KeyError:
        where = " or ".join(SERIES[series])
        raise VmError(f"no kernel {series} in {where} at present") from None
