"""The machine that the harness runs on: places, messages, subprocesses, privileges, locks."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = TREE / "scripts"
BUILD = TREE / "build"
# Images outlive `make clean` and may be shared by several clones.
CACHE = pathlib.Path(os.environ.get("NVMEV_VM_CACHE") or BUILD / "vm")

# Exit statuses of `scripts/vm run` that are not the command's own.
EXIT_GUEST_DIED = 123
EXIT_TIMEOUT = 124
EXIT_HARNESS = 125


class VmError(Exception):
    """Something the user can be told in one message."""


def say(message):
    """Progress, on stderr: stdout belongs to the guest's command."""
    print(f"vm: {message}", file=sys.stderr, flush=True)


def tail(path, lines):
    """The last lines of a text file, for messages."""
    try:
        text = pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.replace("\r", "").splitlines()[-lines:])


def run_logged(command, log, what, cwd=None):
    """Runs a command with its output in a log; a failure shows the end of that log."""
    log = pathlib.Path(log)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, cwd=cwd,
                                stderr=subprocess.STDOUT, check=False).returncode
    if status:
        raise VmError(f"{what} failed (status {status}); the end of {log}:\n{tail(log, 25)}")


def as_root(command):
    """The command with root's rights: as it is, or through sudo."""
    if os.geteuid() == 0:
        return list(command)
    if not shutil.which("sudo"):
        raise VmError(f"{command[0]} needs root, and this machine has no sudo: run it as root")
    return ["sudo", *command]


def install_tools():
    """Installs what the harness itself needs; quick and silent when all is there."""
    if subprocess.run([SCRIPTS / "setup", "vm"], check=False).returncode:
        raise VmError("the harness lacks packages (above)")


def run_main(main):
    """Runs a script's main function and exits with its status, or with one message."""
    # Ended from outside, a script takes its guest along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        sys.exit(main())
    except (VmError, subprocess.CalledProcessError) as error:
        say(error)
        sys.exit(EXIT_HARNESS)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


@contextlib.contextmanager
def locked(name):
    """One process at a time makes the named thing; the others wait and then find it made."""
    path = CACHE / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that makes {name}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
