"""Commands through the character devices: linux/nvme_ioctl.h."""

import ctypes

ADMIN64, IO64 = 0xC0504E47, 0xC0504E48


class Command(ctypes.Structure):
    """struct nvme_passthru_cmd64"""

    _fields_ = [
        ("opcode", ctypes.c_uint8), ("flags", ctypes.c_uint8), ("rsvd1", ctypes.c_uint16), ("nsid", ctypes.c_uint32),
        ("cdw2", ctypes.c_uint32), ("cdw3", ctypes.c_uint32), ("metadata", ctypes.c_uint64), ("addr", ctypes.c_uint64),
        ("metadata_len", ctypes.c_uint32), ("data_len", ctypes.c_uint32), ("cdw10", ctypes.c_uint32),
        ("cdw11", ctypes.c_uint32), ("cdw12", ctypes.c_uint32), ("cdw13", ctypes.c_uint32), ("cdw14", ctypes.c_uint32),
        ("cdw15", ctypes.c_uint32), ("timeout_ms", ctypes.c_uint32), ("rsvd2", ctypes.c_uint32), ("result", ctypes.c_uint64),
    ]


assert ctypes.sizeof(Command) == 80
