"""Runs virt-install once for each line of virt-install.txt. Each run is a fork of this process, since starting Python takes longest."""

import contextlib
import os
import shlex
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "domains")
URI = (
    "__virtinst_test__test:///default,predictable,fakeuri=qemu:///system,"
    f"caps={HERE}/virt-install-host.xml,domcaps={HERE}/domain-capabilities.xml"
)

sys.path.insert(0, "/usr/share/virt-manager")
from virtinst import OSDB, virtinstall  # noqa: E402

# Loaded once, for all forks.
OSDB.lookup_os("debian12")


def options(name, own):
    usual = [
        ("--memory", ["--memory", "2048"]),
        ("--disk", ["--disk", f"/var/lib/libvirt/images/{name}.qcow2,size=20"]),
    ]
    return ["--import"] + [word for option, words in usual if option not in own for word in words]


def run(name, own):
    words = [*options(name, own), *own]
    out = os.path.join(OUT, name)
    with open(f"{out}.xml", "w") as xml, open(f"{out}.err", "w") as err:
        with contextlib.redirect_stdout(xml), contextlib.redirect_stderr(err):
            sys.argv = ["virt-install", "--connect", URI, "--name", name, *words, "--print-xml", "1"]
            try:
                return virtinstall.main() or 0
            except SystemExit as end:
                return end.code or 0


os.makedirs(OUT)
for line in open(os.path.join(HERE, "virt-install.txt")):
    if line.strip() == "" or line.startswith("#"):
        continue
    name, *own = shlex.split(line)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = run(name, own)
        finally:
            sys.stdout.flush()
            os._exit(code if isinstance(code, int) else 1)
    _, status = os.waitpid(child, 0)
    good = os.waitstatus_to_exitcode(status) == 0
    os.remove(os.path.join(OUT, f"{name}.{'err' if good else 'xml'}"))
