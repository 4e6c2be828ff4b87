#!/usr/bin/env python3
"""Writes with a placement: by passthrough commands, or by a kernel that knows write streams (6.16 and later)."""

import argparse
import ctypes
import fcntl
import mmap
import os
import random
import struct
import sys

from passthrough import IO64, Command

WRITE = 0x01
DATA_PLACEMENT = 2  # directive type
BLOCK = 512
LOG_BYTES, INDEX_BYTES = 128 << 10, 4 << 10


class Namespace:
    """A namespace with blocks of 512 bytes, through its character device."""

    def __init__(self, path, nsid=1):
        self.file, self.nsid = open(path, "rb"), nsid
        self.memory = ctypes.create_string_buffer(os.urandom(LOG_BYTES), LOG_BYTES)

    def write(self, offset, length, placement):
        """Writes something there, with a placement identifier."""
        command = Command(opcode=WRITE, nsid=self.nsid, addr=ctypes.addressof(self.memory), data_len=length,
                          cdw10=offset // BLOCK & 0xFFFFFFFF, cdw11=offset // BLOCK >> 32,
                          cdw12=DATA_PLACEMENT << 20 | length // BLOCK - 1, cdw13=placement << 16)
        if status := fcntl.ioctl(self.file, IO64, command):
            sys.exit(f"Write of {length} bytes at {offset}: status {status:#x}")


def churn(arguments):
    """A log, in order, round and round, over all but the first eighth; in that, an index that is updated at random."""
    namespace, choose = Namespace(arguments.device), random.Random(1)
    begin, at = arguments.size // 8, arguments.size // 8
    for _ in range(arguments.rounds * (arguments.size - begin) // LOG_BYTES):
        namespace.write(at, LOG_BYTES, arguments.log)
        at += LOG_BYTES
        if at == arguments.size:
            at = begin
        for _ in range(16):
            namespace.write(choose.randrange(begin // INDEX_BYTES) * INDEX_BYTES, INDEX_BYTES, arguments.index)


class Ring:
    """An io_uring with one entry: linux/io_uring.h."""

    SETUP, ENTER, GETEVENTS = 425, 426, 1
    SQ_RING, CQ_RING, SQES = 0, 0x8000000, 0x10000000

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        parameters = ctypes.create_string_buffer(120)
        self.file = self.call(self.SETUP, 1, parameters)
        self.sq = struct.unpack_from("<IIIIII", parameters, 40)  # head, tail, ring mask, entries, flags, dropped
        self.array, = struct.unpack_from("<I", parameters, 64)
        self.cq = struct.unpack_from("<IIIIII", parameters, 80)  # head, tail, ring mask, entries, overflow, cqes
        self.submissions, self.completions, self.entries = (
            mmap.mmap(self.file, mmap.PAGESIZE, offset=offset) for offset in (self.SQ_RING, self.CQ_RING, self.SQES))

    def call(self, number, *words):
        result = self.libc.syscall(number, *words)
        if result < 0:
            sys.exit(f"io_uring: {os.strerror(ctypes.get_errno())}")
        return result

    def run(self, entry):
        """Submits an entry (64 bytes), waits for its completion and returns that's result."""
        tail, = struct.unpack_from("<I", self.submissions, self.sq[1])
        self.entries[:64] = entry
        struct.pack_into("<I", self.submissions, self.array, 0)
        struct.pack_into("<I", self.submissions, self.sq[1], tail + 1)
        self.call(self.ENTER, self.file, 1, 1, self.GETEVENTS, None, 0)
        head, = struct.unpack_from("<I", self.completions, self.cq[0])
        mask, = struct.unpack_from("<I", self.completions, self.cq[2])
        _, result, _ = struct.unpack_from("<QiI", self.completions, self.cq[5] + 16 * (head & mask))
        struct.pack_into("<I", self.completions, self.cq[0], head + 1)
        return result


def stream(arguments):
    """One write of 64 KiB to a block device, in one of its write streams."""
    length, write = 64 << 10, 23
    memory = mmap.mmap(-1, length)
    memory[:] = os.urandom(length)
    file = os.open(arguments.device, os.O_WRONLY | os.O_DIRECT)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    entry = struct.pack("<BBHiQQIIQHHB3xQQ", write, 0, 0, file, arguments.offset, address, length, 0, 0, 0, 0,
                        arguments.stream, 0, 0)
    result = Ring().run(entry)
    if result != length:
        sys.exit(f"write in stream {arguments.stream}: {os.strerror(-result) if result < 0 else result}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("churn", help=churn.__doc__)
    command.set_defaults(run=churn)
    command.add_argument("device", help="of the namespace, such as /dev/ng0n1")
    command.add_argument("size", type=int, help="bytes")
    command.add_argument("rounds", type=int, help="of the log")
    command.add_argument("log", type=int, help="its placement identifier")
    command.add_argument("index", type=int, help="its placement identifier")
    command = commands.add_parser("stream", help=stream.__doc__)
    command.set_defaults(run=stream)
    command.add_argument("device", help="such as /dev/nvme0n1")
    command.add_argument("stream", type=int)
    command.add_argument("offset", type=int, help="bytes")
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
