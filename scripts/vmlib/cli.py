"""nvmev, the command line tool, for guests: one file without libraries."""

from vmlib import host

PROGRAM = host.BUILD / "cli" / "nvmev"
# Where it finds itself in a guest.
PLACE = "/nvmev/nvmev"


def build():
    """Builds PROGRAM."""
    with host.locked("cli"):
        host.run_logged(["make", "-C", host.TREE, "cli"], host.BUILD / "cli.log", "building nvmev")
