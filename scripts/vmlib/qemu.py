"""QEMU's command line."""

import dataclasses
import os
import pathlib
import tempfile

# By maker: the device, and the word that switches it on. Both have interrupt remapping.
IOMMUS = {
    "intel": ("intel-iommu,intremap=on", "intel_iommu=on"),
    "amd": ("amd-iommu,intremap=on", ""),
}


@dataclasses.dataclass
class Options:
    """What `scripts/vm run` was asked for."""
    command: list
    cpus: int = 4
    mem: str = "4G"
    append: str = ""
    iommu: str = ""
    qemu_nvme: str | None = None
    disk: pathlib.Path | None = None
    qemu_args: list = dataclasses.field(default_factory=list)
    put: list = dataclasses.field(default_factory=list)
    module: pathlib.Path | None = None
    accel: str = ""
    timeout: float = 600
    boot_timeout: float = 120
    shell: bool = False
    verbose: bool = False
    console: pathlib.Path | None = None


def _accelerator():
    """KVM only where the CPU's own driver is: other /dev/kvm hang a stock kernel in early boot."""
    hardware = any(os.path.exists(f"/sys/module/kvm_{vendor}") for vendor in ("intel", "amd"))
    return "kvm" if hardware and os.access("/dev/kvm", os.W_OK) else "tcg,thread=multi"


def medium(options):
    """What QEMU's own NVMe device keeps its data in: memory, so that it is worth comparing with."""
    file = tempfile.TemporaryFile(dir="/dev/shm")
    units = {"M": 1 << 20, "G": 1 << 30}
    file.truncate(int(options.qemu_nvme[:-1]) * units[options.qemu_nvme[-1]])
    return file


def _path(file):
    """An open file as a path, for a process that inherits it."""
    return f"/proc/self/fd/{file.fileno()}"


def command_line(image, options, console, ports, initrd, disk):
    """The command that runs a guest: ports are the sockets for its streams, disk may be None."""
    accel = options.accel or _accelerator()
    kvm = accel.startswith("kvm")
    # The kernel's own I/O APIC cannot remap interrupts; under TCG there is none.
    split = ",kernel-irqchip=split" if kvm and options.iommu else ""
    append = ["console=ttyS0", "loglevel=7", "panic=-1", "oops=panic"]
    # Tests mark their place in the log: neither may marks be held back, nor the log wrap.
    append += ["printk.devkmsg=on", "log_buf_len=4M"]
    # The emulator must not outlive the harness, even where that is killed.
    words = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-machine", f"q35{split}",
             "-accel", accel, "-cpu", "host" if kvm else "max", "-smp", str(options.cpus),
             "-m", options.mem, "-nodefaults", "-display", "none", "-no-reboot",
             "-kernel", str(image.vmlinuz), "-initrd", _path(initrd), "-serial", f"file:{console}"]
    if options.iommu:
        # Before every other device: it only serves those that come after it.
        device, word = IOMMUS[options.iommu]
        words += ["-device", device]
        if word:
            append.append(word)
    if options.shell:
        append.append("vm.shell")
        words += ["-chardev", "stdio,id=terminal,mux=on,signal=off", "-serial", "chardev:terminal"]
    words += ["-device", "virtio-serial-pci"]
    for number, port in enumerate(ports, 1):
        words += ["-chardev", f"socket,id=port{number},fd={port.fileno()}",
                  "-device", f"virtserialport,chardev=port{number},nr={number}"]
    if disk:
        words += ["-drive", f"file={_path(disk)},format=raw,if=none,id=ram",
                  "-device", "nvme,drive=ram,serial=qemu"]
    if options.disk:
        # A comma in a name is written twice.
        name = str(options.disk).replace(",", ",,")
        words += ["-drive", f"file={name},format=raw,if=none,id=kept,cache=unsafe",
                  "-device", "nvme,drive=kept,serial=kept"]
    if options.append:
        append.append(options.append)
    return [*words, *options.qemu_args, "-append", " ".join(append)]
