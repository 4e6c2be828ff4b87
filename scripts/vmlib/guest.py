"""Running a command in a guest: QEMU's command line, the streams, the ways in which it can end."""

import contextlib
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


def _initrd(image, options, folder):
    """The archives of the image and of this run, one after the other, as the kernel takes them.

    An open file without a name: nothing is left behind, however this process ends.
    """
    with tempfile.TemporaryDirectory(prefix="nvmev-vm-") as place:
        stage = pathlib.Path(place)
        _stage(options, stage)
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


def _disk(options):
    """The medium of QEMU's own NVMe device, in memory: it is there to be compared with."""
    medium = tempfile.TemporaryFile(dir="/dev/shm")
    units = {"M": 1 << 20, "G": 1 << 30}
    medium.truncate(int(options.qemu_nvme[:-1]) * units[options.qemu_nvme[-1]])
    return medium


def _command_line(image, options, run, ports, initrd, disk):
    accel = options.accel or accelerator()
    kvm = accel.startswith("kvm")
    split = ",kernel-irqchip=split" if kvm and options.iommu else ""
    append = ["console=ttyS0", "loglevel=7", "panic=-1", "oops=panic"]
    # The emulator must not outlive the harness, even where that is killed.
    qemu = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-machine", f"q35{split}", "-accel", accel,
            "-cpu", "host" if kvm else "max", "-smp", str(options.cpus), "-m", options.mem,
            "-nodefaults", "-display", "none", "-no-reboot", "-kernel", str(image.vmlinuz),
            "-initrd", f"/proc/self/fd/{initrd.fileno()}",
            "-serial", f"file:{run / 'console.log'}"]
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
        qemu += ["-drive", f"file=/proc/self/fd/{disk.fileno()},format=raw,if=none,id=ram",
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
    """Passes the output on until the guest ends (True) or has to be ended (False)."""
    ending = False
    while True:
        now = time.monotonic()
        if streams.status is not None and not ending:
            ending, deadline = True, now + _GRACE
        if deadline is not None and now >= deadline:
            return False
        if not streams.pump(1.0 if deadline is None else min(1.0, deadline - now)):
            process.wait()
            return True


def _boot(image, options, run, initrd, disk):
    """One boot: the command's status or None, and whether the guest ended by itself."""
    streams = _Streams()
    try:
        command = _command_line(image, options, run, streams.theirs, initrd, disk)
        if options.verbose:
            host.say(shlex.join(command))
        kept = [*streams.theirs, initrd, *filter(None, [disk])]
        process = subprocess.Popen(
            command, pass_fds=[file.fileno() for file in kept],
            stdin=None if options.shell else subprocess.DEVNULL,
            stdout=None if options.shell else subprocess.DEVNULL, stderr=(run / "qemu.log").open("w"))
        streams.hand_over()
        deadline = time.monotonic() + options.timeout if options.timeout else None
        try:
            ended = _follow(process, streams, deadline)
        finally:
            process.kill()
            process.wait()
        return streams.status, ended
    finally:
        streams.close()


def _last_words(text):
    """The part of a console to show: from where the kernel began to die, or else its end."""
    lines = text.replace("\r", "").splitlines()
    for number, line in enumerate(lines):
        if _DIED.search(line):
            return "\n".join(lines[max(0, number - 10):number + 50])
    return "\n".join(lines[-40:])


def _verdict(status, ended, run, options):
    """The exit status of the run, and a message where it is not simply the command's own."""
    console = run / "console.log"
    text = console.read_text(errors="replace") if console.exists() else ""
    shown = f"from its console:\n{_last_words(text)}\nvm: whole console: {console}"
    if status is not None:
        if _DIED.search(text):
            return status or host.EXIT_GUEST_DIED, f"the guest died after the command ended; {shown}"
        if not ended:
            return status or host.EXIT_GUEST_DIED, f"the guest did not power off; {shown}"
        return status, None
    if not ended:
        return host.EXIT_TIMEOUT, f"time limit of {options.timeout:g} s; {shown}"
    if text:
        return host.EXIT_GUEST_DIED, f"the guest died; {shown}"
    raise VmError(f"QEMU did not start: {host.tail(run / 'qemu.log', 5)}")


def _run_folder(series):
    """A folder for this run's console; those of old runs go."""
    runs = host.CACHE / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    for old in sorted(runs.iterdir(), key=lambda place: place.stat().st_mtime)[:-_CONSOLES_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return pathlib.Path(tempfile.mkdtemp(prefix=f"{series}-{time.strftime('%H%M%S')}-", dir=runs))


def _stillborn(console):
    """Whether the emulator, not the module, killed the kernel: before its first program ran."""
    text = console.read_text(errors="replace") if console.exists() else ""
    return bool(_STILLBORN.search(text)) and _INIT_RUNS not in text


def run(image, options):
    """Boots a guest, runs the command in it, and returns the exit status for the user."""
    folder = _run_folder(image.series)
    console = folder / "console.log"
    with contextlib.ExitStack() as stack:
        initrd = stack.enter_context(_initrd(image, options, folder))
        disk = stack.enter_context(_disk(options)) if options.qemu_nvme else None
        for attempt in range(1, _BOOT_TRIES + 1):
            status, ended = _boot(image, options, folder, initrd, disk)
            if attempt == _BOOT_TRIES or not _stillborn(console):
                break
            host.say("the emulated kernel died in early boot ('int3', an emulator's fault): again")
    if options.console and console.exists():
        shutil.copyfile(console, options.console)
    status, message = _verdict(status, ended, folder, options)
    if message:
        host.say(message)
    elif status:
        host.say(f"status {status}; the guest's console: {console}")
    return status
