"""The bubblewrap command: an empty system with one interpreter in it, and nothing else of this machine."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

UNPRIVILEGED = 65534
"""User that programs run as where we are root: the kernel counts no processes of root's."""

INSIDE = "/inside"
PYTHON = "/python"

_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/nix/store")
_FOLDERS = ("/dev", "/etc", "/usr", "/usr/bin", "/nix", "/tmp", INSIDE, PYTHON, f"{PYTHON}/bin")
"""Made first: those that a mount makes by itself are root's alone."""

_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/full")
_START = (
    "import sys; sys.path.insert(0, {folder!r}); from inside import nursery; del sys.path[0]; "
    "nursery.main({isolation!r}, {uid!r})"
)


def bubblewrap() -> str | None:
    """Its path; None where it is not installed."""
    return shutil.which("bwrap")


def command(isolation: str) -> list[str]:
    """What starts the nursery. Standard input is its control socket."""
    if isolation == "none":
        folder = str(Path(__file__).parent)
        return [interpreter(), "-I", "-S", "-B", "-c", _START.format(folder=folder, isolation=isolation, uid="")]
    is_root = os.geteuid() == 0
    program = _START.format(folder=INSIDE, isolation=isolation, uid=str(UNPRIVILEGED) if is_root else "")
    binds, python = _system()
    # the user namespace comes first for all but root, who has the rights and must not keep root's user number
    users = (
        ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if is_root else ["--unshare-user"]
    )
    return [
        *[bubblewrap() or "bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"],
        *["--unshare-cgroup-try", *users, "--die-with-parent", "--new-session", "--clearenv"],
        *[word for name, value in _VARIABLES.items() for word in ("--setenv", name, value)],
        *[*binds, "--proc", "/proc", "--chdir", "/", "--remount-ro", "/", "--"],
        *[python, "-I", "-S", "-B", "-c", program],
    ]


_VARIABLES = {
    "PATH": "/nowhere",
    "HOME": "/tmp",
    "TMPDIR": "/tmp",
    "LANG": "C.UTF-8",
    "LD_LIBRARY_PATH": f"{PYTHON}/lib",
    "OMP_NUM_THREADS": "1",
}


def interpreter() -> str:
    """The one behind a virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def _system() -> tuple[list[str], str]:
    """Mounts, and where the interpreter lies among them."""
    binds = [word for folder in _FOLDERS for word in ("--perms", "0755", "--dir", folder)]
    for folder in _LIBRARIES:
        if os.path.islink(folder):
            binds += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            binds += ["--ro-bind", folder, folder]
    for device in _DEVICES:
        binds += ["--dev-bind", device, device]
    binds += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    binds += ["--ro-bind", str(Path(__file__).parent / "inside"), f"{INSIDE}/inside"]
    executable, prefix = interpreter(), os.path.realpath(sys.base_prefix)
    if prefix == "/usr":
        return [*binds, "--ro-bind", executable, executable], executable
    inner = f"{PYTHON}/bin/{os.path.basename(executable)}"
    binds += ["--ro-bind", executable, inner, "--ro-bind", f"{prefix}/lib", f"{PYTHON}/lib"]
    packages = os.path.relpath(sysconfig.get_path("purelib", vars={"base": prefix}), prefix)
    if os.path.isdir(os.path.join(prefix, packages)):
        binds += ["--tmpfs", f"{PYTHON}/{packages}", "--remount-ro", f"{PYTHON}/{packages}"]
    return binds, inner
