#!/usr/bin/env python3
"""Sends random commands through the character devices of a controller and of a namespace.

What would break the kernel's own use of the device is left out: its queues, doorbells and event requests, its keep-alive timer, the
namespace's attachment, and write protection that only a power cycle ends. All else is sent, with any operands. Every command must
end; how does not matter. Prints how many commands ended how.
"""

import argparse
import collections
import ctypes
import errno
import fcntl
import multiprocessing
import random
import sys
import time

from passthrough import ADMIN64, IO64, Command

# Delete and create queues, event request, namespace management and attachment, doorbell buffers.
FORBIDDEN_ADMIN = {0x00, 0x01, 0x04, 0x05, 0x0C, 0x0D, 0x15, 0x7C}
# Queues, keep alive, host identifier, write protection.
FORBIDDEN_FEATURES = {0x07, 0x0F, 0x81, 0x84}
KNOWN_ADMIN = [0x02, 0x06, 0x08, 0x09, 0x0A, 0x10, 0x11, 0x14, 0x18, 0x19, 0x1A, 0x80, 0x81, 0x82, 0x84, 0x86]
KNOWN_IO = [0x00, 0x01, 0x02, 0x04, 0x05, 0x08, 0x09, 0x0C, 0x12, 0x19, 0x1D]
# These take long: seldom.
RARE_ADMIN = {0x80, 0x84}


class Fuzzer:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.memory = ctypes.create_string_buffer(256 << 10)

    def word(self):
        kind = self.random.random()
        if kind < 0.6:
            return self.random.randrange(64)
        if kind < 0.8:
            return self.random.randrange(1 << 16)
        return self.random.choice([self.random.getrandbits(32), 0xFFFFFFFF, 0x80000000, 1 << self.random.randrange(32)])

    def operands(self, command, bytes_):
        command.addr = ctypes.addressof(self.memory) if bytes_ else 0
        command.data_len = bytes_
        for field in ("cdw2", "cdw3", "cdw10", "cdw11", "cdw12", "cdw13", "cdw14", "cdw15"):
            setattr(command, field, self.word())
        command.timeout_ms = 60000

    def length(self):
        return self.random.choice([0, 4, 16, 512, 4096, 4096, 8192, 65536, self.random.randrange(1, 16384) * 4])

    def admin(self):
        while True:
            opcode = self.random.choice(KNOWN_ADMIN) if self.random.random() < 0.8 else self.random.randrange(256)
            if opcode in FORBIDDEN_ADMIN or (opcode in RARE_ADMIN and self.random.random() < 0.97):
                continue
            command = Command(opcode=opcode, nsid=self.random.choice([0, 1, 1, 1, 0xFFFFFFFF, self.word()]))
            self.operands(command, self.length())
            if opcode in (0x09, 0x0A) and command.cdw10 & 0xFF in FORBIDDEN_FEATURES:
                continue
            return ADMIN64, command

    def io(self, nsid):
        opcode = self.random.choice(KNOWN_IO) if self.random.random() < 0.9 else self.random.randrange(256)
        command = Command(opcode=opcode, nsid=nsid)
        self.operands(command, self.length())
        if self.random.random() < 0.7:
            command.cdw10, command.cdw11 = self.random.randrange(1 << 17), 0
            command.cdw12 = command.data_len // 512 - 1 if command.data_len >= 512 else command.cdw12
        return IO64, command

    def fill(self):
        at = self.random.randrange(0, len(self.memory) - 4096)
        data = self.random.randbytes(self.random.randrange(1, 4096))
        ctypes.memmove(ctypes.addressof(self.memory) + at, data, len(data))


def run(controller, namespace, seconds, seed, results):
    outcomes = collections.Counter()
    fuzzer = Fuzzer(seed)
    end = time.monotonic() + seconds
    with open(controller, "rb", buffering=0) as admin_file, open(namespace, "rb", buffering=0) as io_file:
        while time.monotonic() < end:
            if fuzzer.random.random() < 0.3:
                fuzzer.fill()
            file = admin_file if fuzzer.random.random() < 0.4 else io_file
            request, command = fuzzer.admin() if file is admin_file else fuzzer.io(1)
            try:
                status = fcntl.ioctl(file, request, command)
                outcomes["succeeded" if status == 0 else "refused by the device"] += 1
            except OSError as error:
                # The kernel refuses what it can tell is wrong; a command that got lost shows otherwise.
                if error.errno in (errno.ETIMEDOUT, errno.EINTR, errno.ENODEV):
                    results.put(f"opcode {command.opcode:#x}, cdw10 {command.cdw10:#x}: {error}")
                    return
                outcomes[f"{errno.errorcode[error.errno]} of the kernel"] += 1
    results.put(outcomes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("controller")
    parser.add_argument("namespace")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=4)
    given = parser.parse_args()
    results = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=run, args=(given.controller, given.namespace, given.seconds,
                                                         given.seed * 100 + i, results)) for i in range(given.processes)]
    for worker in workers:
        worker.start()
    total = collections.Counter()
    problems = []
    for worker in workers:
        result = results.get()
        if isinstance(result, str):
            problems.append(result)
        else:
            total.update(result)
    for worker in workers:
        worker.join()
    for what, count in sorted(total.items()):
        print(f"{count:8d} {what}")
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems or total["succeeded"] == 0 or total["refused by the device"] == 0:
        sys.exit(1)


if __name__ == "__main__":
    main()
