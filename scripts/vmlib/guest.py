"""Running a command in a guest: the streams, the time limit, the ways in which it can end."""

import contextlib
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

from vmlib import host, initrd, qemu
from vmlib.host import VmError

# The emulated CPUs now and then run stale code while the kernel patches itself early in a boot, or stand still for ever; and on
# a busy machine the kernel does not see its timer tick in the time that it allows.
_BOOT_TRIES = 4
_STILLBORN = re.compile(r"int3: 0000|Oops: int3|IO-APIC \+ timer doesn't work")
_DIED = re.compile(r"Kernel panic|Oops:|BUG: unable|general protection fault|reboot: Restarting")
_INIT_RUNS = "vm: init runs"
# How long the guest may take to power off once its command has ended.
_GRACE = 20
_CONSOLES_KEPT = 100


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


def _follow(process, streams, deadline, boot_deadline, console):
    """Passes the output on until the guest ends (True) or has to be ended (False)."""
    ending = False
    while True:
        now = time.monotonic()
        if streams.status is not None and not ending:
            ending, deadline = True, now + _GRACE
        if deadline is not None and now >= deadline:
            return False
        if boot_deadline is not None and now >= boot_deadline:
            if not _has_booted(_read(console)):
                return False
            boot_deadline = None
        if not streams.pump(1.0 if deadline is None else min(1.0, deadline - now)):
            process.wait()
            return True


def _boot(command, files, options, streams, folder):
    """One boot: the command's status or None, and whether the guest ended by itself."""
    terminal = None if options.shell else subprocess.DEVNULL
    with (folder / "qemu.log").open("w") as errors, subprocess.Popen(
            command, pass_fds=[file.fileno() for file in files], stdin=terminal, stdout=terminal,
            stderr=errors) as process:
        streams.hand_over()
        start = time.monotonic()
        deadline = start + options.timeout if options.timeout else None
        try:
            ended = _follow(process, streams, deadline, start + options.boot_timeout, folder / "console.log")
        finally:
            process.kill()
    return streams.status, ended


def _last_words(text):
    """The part of a console to show: from where the kernel began to die, or else its end."""
    lines = text.replace("\r", "").splitlines()
    for number, line in enumerate(lines):
        if _DIED.search(line):
            return "\n".join(lines[max(0, number - 10):number + 50])
    return "\n".join(lines[-40:])


def _age_order(place):
    """Oldest first. A run beside this one may have removed it just now."""
    try:
        return place.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _folder(series):
    """A folder for a run's console; those of old runs go."""
    runs = host.CACHE / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    for old in sorted(runs.iterdir(), key=_age_order)[:-_CONSOLES_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return pathlib.Path(tempfile.mkdtemp(prefix=f"{series}-{time.strftime('%H%M%S')}-", dir=runs))


def _read(console):
    return console.read_text(errors="replace") if console.exists() else ""


def _has_booted(text):
    """Whether the kernel's first program ran: what comes before is not for the module to spoil."""
    return _INIT_RUNS in text


def _stillborn(text, ended, options):
    """What the emulator, not the module, did to the kernel before its first program ran; None if that ran."""
    if _has_booted(text):
        return None
    if _STILLBORN.search(text):
        return "died in early boot ('int3' or no timer, faults of the emulator)"
    if not ended and (not options.timeout or options.boot_timeout < options.timeout):
        return f"ran no program within {options.boot_timeout:g} s (the emulator stands still now and then)"
    return None


def _verdict(status, ended, folder, options):
    """The exit status of the run, and a message where it is not simply the command's own."""
    console = folder / "console.log"
    text = _read(console)
    shown = f"from its console:\n{_last_words(text)}\nvm: whole console: {console}"
    if status is not None:
        if _DIED.search(text):
            return status or host.EXIT_GUEST_DIED, f"the guest died after its command; {shown}"
        if not ended:
            return status or host.EXIT_GUEST_DIED, f"the guest did not power off; {shown}"
        return status, f"status {status}; the guest's console: {console}" if status else None
    if not ended:
        stillborn = _stillborn(text, ended, options)
        limit = f"the guest {stillborn}" if stillborn else f"time limit of {options.timeout:g} s"
        return host.EXIT_TIMEOUT, f"{limit}; {shown}"
    if text:
        return host.EXIT_GUEST_DIED, f"the guest died; {shown}"
    raise VmError(f"QEMU did not start: {host.tail(folder / 'qemu.log', 5)}")


def run(image, options):
    """Boots a guest, runs the command in it, and returns the exit status for the user."""
    folder = _folder(image.series)
    console = folder / "console.log"
    with contextlib.ExitStack() as stack:
        root = stack.enter_context(initrd.make(image, options, folder))
        disk = stack.enter_context(qemu.medium(options)) if options.qemu_nvme else None
        for attempt in range(1, _BOOT_TRIES + 1):
            streams = stack.enter_context(contextlib.closing(_Streams()))
            command = qemu.command_line(image, options, console, streams.theirs, root, disk)
            if options.verbose:
                host.say(shlex.join(command))
            files = [*streams.theirs, root, *filter(None, [disk])]
            status, ended = _boot(command, files, options, streams, folder)
            stillborn = _stillborn(_read(console), ended, options)
            if attempt == _BOOT_TRIES or not stillborn:
                break
            host.say(f"the guest {stillborn}: again")
    if options.console and console.exists():
        shutil.copyfile(console, options.console)
    status, message = _verdict(status, ended, folder, options)
    if message:
        host.say(message)
    return status
