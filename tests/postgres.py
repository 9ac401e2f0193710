"""A PostgreSQL cluster of the tests' own, in a temporary folder, on a unix socket."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

MISSING = (
    "PostgreSQL is not installed: no initdb on PATH or under /usr/lib/postgresql (Debian: apt-get install postgresql)"
)


def binaries() -> Path | None:
    """Find the folder with `initdb` and `pg_ctl`; Debian keeps it off the PATH."""
    found = shutil.which("initdb")
    if found and (Path(found).parent / "pg_ctl").exists():
        return Path(found).parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@contextmanager
def cluster(programs: Path) -> Iterator[str]:
    """Run it; PostgreSQL refuses to run as root, which then hands the folder to a user without rights.

    Args:
        programs: Folder of `initdb` and `pg_ctl`.

    Yields:
        A connection string.
    """
    folder = Path(tempfile.mkdtemp(prefix="fusion-pg-", dir="/tmp"))
    user = _unprivileged()
    if user is not None:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, user=user, timeout=60)

    try:
        run("initdb", "-D", "data", "-U", "fusion", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
        options = f"-c listen_addresses='' -c fsync=off -k {folder}"
        run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")
        try:
            yield f"postgresql://fusion@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _unprivileged() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def own_database(address: str) -> Iterator[str]:
    """Make a database in a running cluster, and drop it afterwards.

    Args:
        address: Connection string of the cluster.

    Yields:
        Connection string of the database.
    """
    name = f"test_{uuid4().hex}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield address.replace("/postgres?", f"/{name}?")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
