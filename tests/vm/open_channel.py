"""Open-channel namespaces by passthrough, as on a kernel that knows nothing of LightNVM."""

import array
import fcntl
import struct
import sys

ADMIN, IO64 = 0xC0484E41, 0xC0504E48
PAGE = 4096


class Memory:
    """A buffer in one page, of which the device gets the physical address."""

    def __init__(self):
        self.array = array.array("B", bytes(3 * PAGE))
        address = self.array.buffer_info()[0]
        self.skip = -address % PAGE
        self.address = address + self.skip
        with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
            pagemap.seek(self.address // PAGE * 8)
            entry, = struct.unpack("<Q", pagemap.read(8))
        self.physical = (entry & (1 << 55) - 1) * PAGE

    def put(self, data):
        self.array[self.skip:self.skip + len(data)] = array.array("B", data)


def check(what, actual, expected):
    if actual != expected:
        sys.exit(f"{what}: got {actual!r}, expected {expected!r}")


def buffer(data, length):
    return array.array("B", bytes(data) if data else bytes(length))


class Namespace:
    def __init__(self, controller, path, nsid):
        self.controller, self.device, self.nsid = open(controller, "rb"), open(path, "rb"), nsid

    def admin(self, opcode, cdw10=0, cdw11=0, cdw12=0, cdw13=0, data=b"", length=0):
        memory = buffer(data, length)
        command = bytearray(struct.pack("<BBHIIIQQII6III", opcode, 0, 0, self.nsid, 0, 0, 0,
                                        memory.buffer_info()[0] if memory else 0, 0, len(memory),
                                        cdw10, cdw11, cdw12, cdw13, 0, 0, 0, 0))
        return fcntl.ioctl(self.controller, ADMIN, command) & 0x7FF, memory.tobytes()

    def io(self, opcode, addresses, control=0, data=b"", length=0, metadata=b"", meta_length=0, last=0, count=None):
        memory, meta, lists = buffer(data, length), buffer(metadata, meta_length), []

        def field(where):
            if not isinstance(where, list):
                return where
            if len(where) == 1:
                return where[0]
            lists.append(Memory())
            lists[-1].put(struct.pack(f"<{len(where)}Q", *where))
            return lists[-1].physical
        first, second = field(addresses), field(last)
        nlb = (len(addresses) if count is None else count) - 1
        command = bytearray(struct.pack(
            "<BBHIIIQQII6IIIQ", opcode, 0, 0, self.nsid, 0, 0, meta.buffer_info()[0] if meta else 0,
            memory.buffer_info()[0] if memory else 0, len(meta), len(memory), first & 0xFFFFFFFF, first >> 32,
            nlb | control << 16, 0, second & 0xFFFFFFFF, second >> 32, 0, 0, 0))
        status = fcntl.ioctl(self.device, IO64, command) & 0x7FF
        return status, struct.unpack("<Q", command[72:])[0], memory.tobytes(), meta.tobytes()


def sectors(tags):
    return b"".join(bytes([t % 251]) * 4096 for t in tags), b"".join(struct.pack("<QQ", t, ~t & 2**64 - 1) for t in tags)


def chunk(ns, number):
    status, data = ns.admin(0x02, 0xCA | 7 << 16, 0, number * 32, length=32)
    check("report chunk", status, 0)
    state, kind, wear, slba, cnlb, wp = struct.unpack("<BBB5xQQQ", data)
    return state, wear, slba, wp
