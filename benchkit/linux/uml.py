"""User-mode Linux: Debian's kernel as an ordinary program, with the host's files, for what the host's kernel lacks.

It needs no privilege. Inside, its user is root; namespaces, veth and netem are there. `python -m
benchkit.linux.uml -- COMMAND` runs a command inside.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchkit.errors import BenchkitError, UnfitError
from benchkit.linux import host, leftovers, privilege
from benchkit.linux.uml_session import Consoles, GuestKernel

PROGRAM = "linux.uml"
MODULES = Path("/usr/lib/uml/modules")
NETEM = "kernel/net/sched/sch_netem.ko"
INSTALL = "apt-get install user-mode-linux kmod"
MEMORY_MIB = 1024
# The first measures checksums for a third of a second. The next two start helpers that would outlive a kill of
# the kernel; nobody here wants block devices, and its random numbers are seeded without. The last takes a fifth
# of a second and serves TLS in the kernel.
SKIPPED = ("raid6_select_algo", "ubd_driver_init", "rng_init", "strp_dev_init")
INIT = Path(__file__).with_name("uml_init.sh")
PRIVATE_TEMPORARY = "/dev/shm/tmp"  # noqa: S108  inside, where uml_init.sh mounts it
# How long a program that somebody names to this module may take.
LIMIT_S = 600.0
# What the kernel inside has of its own, instead of the host's.
COVERED = tuple(Path(folder) for folder in ("/proc", "/sys", "/run", "/dev"))


def is_inside() -> bool:
    """Whether this process runs on such a kernel."""
    return "User Mode Linux" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")


def own_kernel() -> str:
    """What a record calls the kernel that this process runs on: "uml" or "host"."""
    return "uml" if is_inside() else "host"


def why_no_uml() -> str | None:
    """Why it cannot be started here, with the remedy; None where all that it needs is there. Starts no kernel."""
    program = shutil.which(PROGRAM)
    if program is None:
        return f"{PROGRAM} is not installed: {INSTALL}"
    if _which_administrators("insmod") is None:
        return f"insmod is not installed: {INSTALL}"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    release = said.stdout.strip()
    if not (MODULES / release / NETEM).exists():
        return f"{MODULES / release} has no sch_netem: {INSTALL}"
    try:
        memory_folder()
    except UnfitError as error:
        return str(error)
    return None


def memory_folder() -> str:
    """Where its memory will be a file without a name. Raises UnfitError where no folder will do."""
    # Memory on a disk would be written back to it all the time.
    folders = ("/dev/shm", tempfile.gettempdir())  # noqa: S108  not ours to share: the file has no name
    troubles = [(folder, _why_unsuitable(folder)) for folder in folders]
    for folder, trouble in troubles:
        if trouble is None:
            return folder
    said = ", ".join(f"{folder} {trouble}" for folder, trouble in troubles)
    raise UnfitError(
        f"user-mode Linux needs a folder for {MEMORY_MIB} MiB of memory, and {said}: set TMPDIR to one with "
        "room, or give a container more (docker run --shm-size 2g)"
    )


def words(init: str, folder: str, consoles: Consoles) -> list[str]:
    """The command line that boots it with the file `init` as its first process; `folder` is for its sockets."""
    return [
        PROGRAM,
        *("root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", f"mem={MEMORY_MIB}M"),
        *("quiet", "loglevel=0", f"initcall_blacklist={','.join(SKIPPED)}"),
        *(f"uml_dir={folder}/", "umid=uml", f"init={init}"),
        *("con=null", "con0=null,fd:1", f"con1=null,fd:{consoles.out}"),
        *(f"con2=null,fd:{consoles.err}", f"con3=fd:{consoles.orders},fd:{consoles.news}"),
    ]


def first_process(argv: Sequence[str], cwd: str, environment: Mapping[str, str]) -> str:
    """The text of the script that is its first process and runs `argv`."""
    variables = [f"{name}={value}" for name, value in environment.items()]
    job = shlex.join(["exec", "env", "-i", *variables, *argv])
    return f"#!/bin/sh\njob() {{\ncd {shlex.quote(cwd)} || exit 126\n{job}\n}}\n{INIT.read_text()}"


def own_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Our variables as they should be inside, with `more`."""
    # Our campaign's mark and our user namespace are the host's.
    left_out = {leftovers.MARKER, privilege.INSIDE}
    ours = {name: value for name, value in os.environ.items() if name not in left_out}
    inside = {"TMPDIR": PRIVATE_TEMPORARY, "PYTHONDONTWRITEBYTECODE": "1"}
    return {**ours, **inside, host.STARTED_BY: host.user(), **more}


def why_hidden(path: Path) -> str | None:
    """Why the host's file at `path` cannot be seen inside; None if it can."""
    where = path.resolve()
    covered = next((folder for folder in COVERED if where.is_relative_to(folder)), None)
    return (
        None
        if covered is None
        else f"{path} is below {covered}, which user-mode Linux has of its own"
    )


def run_inside(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    limit_s: float,
    targets: tuple[int, int] = (1, 2),
) -> int:
    """Run it inside, in the working directory, with exactly these variables, and return its exit status.

    Its stdout and stderr go to the descriptors `targets` as they come; SIGINT, SIGTERM and SIGHUP are handed on to it. For the
    main thread. Nothing inside outlives this call, or this process.

    Raises:
        UnfitError: it could not be started, ended by itself, or took longer than `limit_s`.
        BrokenPipeError: nobody reads what it says.
        KeyboardInterrupt: a signal came before it began, or ended it before it could see to its own end.
    """
    trouble = why_no_uml() or why_hidden(Path.cwd())
    if trouble is not None:
        raise UnfitError(f"user-mode Linux cannot run here: {trouble}")
    leftovers.mark()
    folder = leftovers.HeldFolder()
    try:
        init = Path(_speakable(folder.path), "init")
        init.write_text(first_process(argv, str(Path.cwd()), environment), encoding="utf-8")
        init.chmod(0o700)
        with GuestKernel(folder.path, targets) as guest:
            guest.boot(words(str(init), folder.path, guest.consoles), memory_folder())
            return guest.follow(limit_s)
    finally:
        folder.close()


def _speakable(folder: str) -> str:
    """The same folder, whose path must fit into a kernel's command line."""
    if any(letter.isspace() or letter in "\"'," for letter in folder):
        raise UnfitError(
            f"the temporary folder {folder!r} has a blank, quote or comma in its path, which no kernel's "
            "command line can carry: set TMPDIR to another"
        )
    return folder


def _why_unsuitable(folder: str) -> str | None:
    if not os.access(folder, os.W_OK | os.X_OK):
        return "cannot be written to"
    about = os.statvfs(folder)
    if about.f_flag & os.ST_NOEXEC:
        return "is mounted noexec"
    room = about.f_bavail * about.f_frsize >> 20
    return None if room >= MEMORY_MIB else f"has room for {room}"


def _which_administrators(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _main(arguments: Sequence[str]) -> int:
    argv = list(arguments[1:] if arguments[:1] == ["--"] else arguments)
    if not argv:
        sys.stderr.write("usage: python -m benchkit.linux.uml -- COMMAND...\n")
        return 2
    try:
        return run_inside(argv, environment=own_environment({}), limit_s=LIMIT_S)
    except BenchkitError as error:
        sys.stderr.write(f"benchkit: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
