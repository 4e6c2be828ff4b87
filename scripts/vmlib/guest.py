"""Running a command in a guest: QEMU's command line, the streams, the ways in which it can end."""

import dataclasses
import os
import pathlib
import re
import selectors
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from vmlib import host
from vmlib.host import VmError

# The emulated CPUs now and then run stale code while the kernel patches itself early in a boot.
_BOOT_TRIES = 4
_STILLBORN = re.compile(r"int3: 0000|Oops: int3")
_DIED = re.compile(r"Kernel panic|Oops:|BUG: unable|general protection fault|reboot: Restarting")
_INIT_RUNS = "vm: init runs"
# How long the guest may take to power off once its command has ended.
_GRACE = 20
_CONSOLES_KEPT = 20


@dataclasses.dataclass
class Options:
    """What `scripts/vm run` was asked for."""
    command: list
    cpus: int = 4
    mem: str = "4G"
    append: str = ""
    iommu: bool = False
    qemu_nvme: str | None = None
    qemu_args: list = dataclasses.field(default_factory=list)
    put: list = dataclasses.field(default_factory=list)
    module: pathlib.Path | None = None
    accel: str = ""
    timeout: float = 600
    shell: bool = False
    verbose: bool = False
    console: pathlib.Path | None = None


def accelerator():
    """KVM only where the CPU's own driver is: other /dev/kvm hang a stock kernel in early boot."""
    hardware = any(os.path.exists(f"/sys/module/kvm_{vendor}") for vendor in ("intel", "amd"))
    return "kvm" if hardware and os.access("/dev/kvm", os.W_OK) else "tcg,thread=multi"


def _put_in(stage, source, name):
    target = stage / name.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _stage(options, stage):
    """Lays out what this run adds to the guest's root."""
    folder = stage / "nvmev"
    folder.mkdir(parents=True)
    shutil.copy2(pathlib.Path(__file__).with_name("init"), stage / "init")
    os.chmod(stage / "init", 0o755)
    if options.module:
        _put_in(stage, options.module, "nvmev/nvmev.ko")
    if (host.TREE / "tests" / "vm").is_dir():
        _put_in(stage, host.TREE / "tests" / "vm", "nvmev/tests")
    for item in options.put:
        local, _, name = item.partition(":")
        source = pathlib.Path(local)
        if not source.exists():
            raise VmError(f"--put {item}: no file {local}")
        _put_in(stage, source, name or f"nvmev/{source.resolve().name}")
    command = options.command or ["bash", "-l"]
    (folder / ".command").write_text(f"exec {shlex.join(command)}\n")
    if options.shell:
        columns, lines = shutil.get_terminal_size()
        (folder / ".stty").write_text(f"rows {lines} cols {columns}\n")
        (folder / ".term").write_text(os.environ.get("TERM", "vt100") + "\n")


def _initrd(image, options, target):
    """The archives of the image and of this run, one after the other, as the kernel takes them."""
    with tempfile.TemporaryDirectory(prefix="nvmev-vm-") as folder:
        stage = pathlib.Path(folder)
        _stage(options, stage)
        names = subprocess.run(["find", "."], cwd=stage, capture_output=True, check=True).stdout
        extra = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=stage,
                               input=names, capture_output=True, check=True).stdout
    with target.open("wb") as out:
        for archive in (image.userland, image.modules):
            with archive.open("rb") as part:
                shutil.copyfileobj(part, out, 1 << 20)
        out.write(extra)


def _command_line(image, options, run, ports, disk):
    accel = options.accel or accelerator()
    kvm = accel.startswith("kvm")
    split = ",kernel-irqchip=split" if kvm and options.iommu else ""
    append = ["console=ttyS0", "loglevel=7", "panic=-1", "oops=panic"]
    qemu = ["qemu-system-x86_64", "-machine", f"q35{split}", "-accel", accel,
            "-cpu", "host" if kvm else "max", "-smp", str(options.cpus), "-m", options.mem,
            "-nodefaults", "-display", "none", "-no-reboot", "-kernel", str(image.vmlinuz),
            "-initrd", str(run / "initrd"), "-serial", f"file:{run / 'console.log'}"]
    if options.iommu:
        # Before every other device: it only serves those that come after it.
        qemu += ["-device", "intel-iommu,intremap=on"]
        append.append("intel_iommu=on")
    if options.shell:
        append.append("vm.shell")
        qemu += ["-chardev", "stdio,id=terminal,mux=on,signal=off", "-serial", "chardev:terminal"]
    qemu += ["-device", "virtio-serial-pci"]
    for number, port in enumerate(ports, 1):
        qemu += ["-chardev", f"socket,id=port{number},fd={port.fileno()}",
                 "-device", f"virtserialport,chardev=port{number},nr={number}"]
    if disk:
        qemu += ["-drive", f"file={disk},format=raw,if=none,id=ram,cache=unsafe",
                 "-device", "nvme,drive=ram,serial=qemu"]
    qemu += options.qemu_args
    append.append(options.append)
    return [*qemu, "-append", " ".join(filter(None, append))]


class _Streams:
    """The guest's three ports, as sockets: stdout and stderr are passed on, the status is kept."""

    def __init__(self):
        pairs = [socket.socketpair() for _ in range(3)]
        self.ours = [ours for ours, _ in pairs]
        self.theirs = [theirs for _, theirs in pairs]
        self.selector = selectors.DefaultSelector()
        sinks = (sys.stdout.buffer, sys.stderr.buffer, None)
        for ours, sink in zip(self.ours, sinks):
            ours.setblocking(False)
            self.selector.register(ours, selectors.EVENT_READ, sink)
        self.report = b""

    def hand_over(self):
        """Closes QEMU's ends here, so that its death is seen as an end of file."""
        for port in self.theirs:
            port.close()

    def pump(self, seconds):
        """Passes on what comes within the time; False once all ports are closed."""
        if not self.selector.get_map():
            return False
        for key, _ in self.selector.select(seconds):
            data = key.fileobj.recv(1 << 16)
            if not data:
                self.selector.unregister(key.fileobj)
            elif key.data is None:
                self.report += data
            else:
                key.data.write(data)
                key.data.flush()
        return True

    @property
    def status(self):
        """The command's exit status; None while it has not been told."""
        line, end, _ = self.report.partition(b"\n")
        return int(line) if end else None

    def close(self):
        """Closes what is left."""
        self.selector.close()
        for port in self.ours + self.theirs:
            port.close()


def _follow(process, streams, deadline):
    """Passes the output on until the guest ends or has to be ended. True when time ran out."""
    while True:
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            return streams.status is None
        if streams.status is not None and deadline is not None:
            deadline = min(deadline, now + _GRACE)
        elif streams.status is not None:
            deadline = now + _GRACE
        wait = 1.0 if deadline is None else min(1.0, max(0.0, deadline - now))
        if not streams.pump(wait):
            process.wait()
            return False


def _boot(image, options, run, disk):
    """One boot: the command's status or None, and whether time ran out."""
    streams = _Streams()
    try:
        command = _command_line(image, options, run, streams.theirs, disk)
        if options.verbose:
            host.say(shlex.join(command))
        process = subprocess.Popen(
            command, pass_fds=[port.fileno() for port in streams.theirs],
            stdin=None if options.shell else subprocess.DEVNULL,
            stdout=None if options.shell else subprocess.DEVNULL, stderr=(run / "qemu.log").open("w"))
        streams.hand_over()
        deadline = time.monotonic() + options.timeout if options.timeout else None
        try:
            late = _follow(process, streams, deadline)
        finally:
            process.kill()
            process.wait()
        return streams.status, late
    finally:
        streams.close()


def _verdict(status, late, run, options):
    """The exit status of the run, and a message where it is not simply the command's own."""
    console = run / "console.log"
    text = console.read_text(errors="replace") if console.exists() else ""
    shown = f"the end of its console:\n{host.tail(console, 40)}\nvm: whole console: {console}"
    if late:
        return host.EXIT_TIMEOUT, f"time limit of {options.timeout:g} s; {shown}"
    if status is not None and not _DIED.search(text):
        return status, None
    if status is not None:
        return status or host.EXIT_GUEST_DIED, f"the guest died after the command ended; {shown}"
    if text:
        return host.EXIT_GUEST_DIED, f"the guest died; {shown}"
    raise VmError(f"QEMU did not start: {host.tail(run / 'qemu.log', 5)}")


def _run_folder(series):
    """A folder for this run's console; those of old runs go."""
    runs = host.CACHE / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    old = sorted(runs.iterdir(), key=lambda place: place.stat().st_mtime)[:-_CONSOLES_KEPT]
    for place in old:
        # A run that is still going on has its initrd.
        if not (place / "initrd").exists():
            shutil.rmtree(place, ignore_errors=True)
    return pathlib.Path(tempfile.mkdtemp(prefix=f"{series}-{time.strftime('%H%M%S')}-", dir=runs))


def run(image, options):
    """Boots a guest, runs the command in it, and returns the exit status for the user."""
    folder = _run_folder(image.series)
    disk = None
    if options.qemu_nvme:
        # A file in memory: this device is there to be compared with, not to wait for a disk.
        disk = pathlib.Path(tempfile.mkstemp(prefix="nvmev-vm-", dir="/dev/shm")[1])
        subprocess.run(["truncate", "-s", options.qemu_nvme, disk], check=True)
    try:
        _initrd(image, options, folder / "initrd")
        for attempt in range(1, _BOOT_TRIES + 1):
            status, late = _boot(image, options, folder, disk)
            console = folder / "console.log"
            text = console.read_text(errors="replace") if console.exists() else ""
            stillborn = _STILLBORN.search(text) and _INIT_RUNS not in text
            if not stillborn or attempt == _BOOT_TRIES:
                break
            host.say("the emulated kernel died in early boot ('int3', an emulator's fault): again")
        status, message = _verdict(status, late, folder, options)
    finally:
        (folder / "initrd").unlink(missing_ok=True)
        if disk:
            disk.unlink()
    if options.console and console.exists():
        shutil.copyfile(console, options.console)
    if message:
        host.say(message)
    elif status:
        host.say(f"status {status}; the guest's console: {console}")
    return status
