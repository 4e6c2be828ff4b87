#!/usr/bin/env python3
"""Plays a driver whose only memory is the controller's own: queues, lists and data are in the Controller Memory Buffer.

usage: controller_memory.py PCI-ADDRESS cmb           the function has no driver
       controller_memory.py PCI-ADDRESS cmb-commands  whether the function's driver has put reads and writes there
       controller_memory.py PCI-ADDRESS pmr-write     writes the Persistent Memory Region, and enables it first
       controller_memory.py PCI-ADDRESS pmr-check     whether it has what pmr-write wrote
"""

import ctypes
import mmap
import random
import struct
import sys
import time

PAGE = 4096
CAP, CC, CSTS, AQA, ASQ, ACQ = 0x00, 0x14, 0x1C, 0x24, 0x28, 0x30
CMBLOC, CMBSZ, CMBMSC, CMBSTS = 0x38, 0x3C, 0x50, 0x58
PMRCAP, PMRCTL, PMRSTS = 0xE00, 0xE04, 0xE08
INVALID_USE_OF_CMB = 0x12


class Bar:
    def __init__(self, pci, number):
        with open(f"/sys/bus/pci/devices/{pci}/resource{number}", "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)

    def read32(self, at):
        return ctypes.c_uint32.from_buffer(self.memory, at).value

    def write32(self, at, value):
        ctypes.c_uint32.from_buffer(self.memory, at).value = value

    def read64(self, at):
        return self.read32(at) | self.read32(at + 4) << 32

    def write64(self, at, value):
        self.write32(at + 4, value >> 32)
        self.write32(at, value & 0xFFFFFFFF)


def wait(what, condition):
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"{what}: in vain")
        time.sleep(0.001)


def check(what, is_right):
    if not is_right:
        sys.exit(f"{what}: no")


class Queues:
    """A submission and a completion queue of 64 entries, a page each."""

    def __init__(self, registers, cmb, number, page):
        self.registers, self.cmb, self.number = registers, cmb, number
        self.sq, self.cq = page * PAGE, (page + 1) * PAGE
        cmb.memory[self.sq : self.cq + PAGE] = bytes(2 * PAGE)
        self.tail = self.head = 0
        self.phase = 1

    def run(self, opcode, nsid=0, prp1=0, prp2=0, cdw10=0, cdw11=0, cdw12=0):
        command = struct.pack("<IIQQQQIIIIII", opcode, nsid, 0, 0, prp1, prp2, cdw10, cdw11, cdw12, 0, 0, 0)
        at = self.sq + 64 * self.tail
        self.cmb.memory[at : at + 64] = command
        self.tail = (self.tail + 1) % 64
        self.registers.write32(0x1000 + 8 * self.number, self.tail)
        entry = self.cq + 16 * self.head
        wait(f"opcode {opcode:#x}", lambda: self.cmb.read32(entry + 12) >> 16 & 1 == self.phase)
        status = self.cmb.read32(entry + 12) >> 17 & 0x7FF
        self.head = (self.head + 1) % 64
        self.phase ^= self.head == 0
        self.registers.write32(0x1004 + 8 * self.number, self.head)
        return status


def drive_from_cmb(pci):
    with open(f"/sys/bus/pci/devices/{pci}/enable", "w", encoding="ascii") as file:
        file.write("1")
    registers = Bar(pci, 0)
    registers.write32(CC, 0)
    check("CAP.CMBS", registers.read64(CAP) >> 57 & 1)
    wait("CSTS.RDY = 0", lambda: registers.read32(CSTS) & 1 == 0)
    size = registers.read32(CMBSZ)
    cmb = Bar(pci, registers.read32(CMBLOC) & 7)
    check("CMBSZ", (size & 0x1F, size >> 12 << 12) == (0x1F, len(cmb.memory)))
    base = 0x7123_4567_8000  # not the BAR's
    registers.write64(CMBMSC, base | 3)
    admin = Queues(registers, cmb, 0, 0)
    registers.write32(AQA, 63 << 16 | 63)
    registers.write64(ASQ, base)
    registers.write64(ACQ, base + PAGE)
    registers.write32(CC, 6 << 16 | 4 << 20 | 1)
    wait("CSTS.RDY = 1", lambda: registers.read32(CSTS) & 3)
    check("CSTS", registers.read32(CSTS) & 3 == 1)
    check("CMBSTS", registers.read32(CMBSTS) == 0)

    check("Identify", admin.run(6, prp1=base + 8 * PAGE, cdw10=1) == 0)
    check("SN", cmb.memory[8 * PAGE + 4 : 8 * PAGE + 9] == b"NVMEV")
    straddles = base + len(cmb.memory) - PAGE
    check("a queue beyond the end", admin.run(5, prp1=straddles, cdw10=511 << 16 | 1, cdw11=1) == INVALID_USE_OF_CMB)
    queues = Queues(registers, cmb, 1, 2)
    check("Create I/O Completion Queue", admin.run(5, prp1=base + 3 * PAGE, cdw10=63 << 16 | 1, cdw11=1) == 0)
    check("Create I/O Submission Queue", admin.run(1, prp1=base + 2 * PAGE, cdw10=63 << 16 | 1, cdw11=1 << 16 | 1) == 0)

    # 16 pages, their list in page 16.
    pages = lambda first: b"".join(struct.pack("<Q", base + (first + i) * PAGE) for i in range(1, 16))
    for run in range(100):
        data = random.Random(run).randbytes(16 * PAGE)
        cmb.memory[32 * PAGE : 48 * PAGE] = data
        cmb.memory[16 * PAGE : 16 * PAGE + 120] = pages(32)
        check("Write", queues.run(1, 1, base + 32 * PAGE, base + 16 * PAGE, 128 * run, cdw12=127) == 0)
        cmb.memory[16 * PAGE : 16 * PAGE + 120] = pages(64)
        check("Read", queues.run(2, 1, base + 64 * PAGE, base + 16 * PAGE, 128 * run, cdw12=127) == 0)
        check(f"data of run {run}", cmb.memory[64 * PAGE : 80 * PAGE] == data)
    registers.write32(CC, 6 << 16 | 4 << 20)
    wait("CSTS.RDY = 0", lambda: registers.read32(CSTS) & 1 == 0)
    registers.write64(CMBMSC, 0)


def find_commands(pci):
    memory = Bar(pci, 2).memory
    found = 0
    for at in range(0, len(memory), 64):
        opcode, nsid = struct.unpack_from("<B3xI", memory, at)
        found += opcode in (1, 2) and nsid == 1
    check("100 reads and writes", found >= 100)


def contents(pci, size):
    """Other ones for each function of a device."""
    return random.Random(f"{pci.split(':')[-1]} {size}").randbytes(size)


def write_pmr(pci):
    registers = Bar(pci, 0)
    check("CAP.PMRS", registers.read64(CAP) >> 56 & 1)
    registers.write32(PMRCTL, 1)
    wait("PMRSTS.NRDY = 0", lambda: registers.read32(PMRSTS) == 0)
    region = Bar(pci, registers.read32(PMRCAP) >> 5 & 7)
    region.memory[:] = contents(pci, len(region.memory))
    check("PMRSTS", registers.read32(PMRSTS) == 0)


def check_pmr(pci):
    region = Bar(pci, 4)
    check("contents", region.memory[:] == contents(pci, len(region.memory)))


{"cmb": drive_from_cmb, "cmb-commands": find_commands, "pmr-write": write_pmr, "pmr-check": check_pmr}[sys.argv[2]](sys.argv[1])
