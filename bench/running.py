"""This file starts what is measured: the real server on one core, everything else on another."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.orders import write_configuration

BEFOREHAND = str(Path(sys.executable).with_name("beforehand"))
SERVER_CORE, OTHER_CORE = 0, 1
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@dataclass(frozen=True)
class Running:
    """Where the server and the simulated upstreams listen, and a token for the API."""

    port: int
    upstreams: int
    token: str


@contextlib.contextmanager
def running(folder: Path, orders: int) -> Iterator[Running]:
    """A server whose connections all lead to one process that plays *orders* upstream."""
    port, upstreams = _free_port(), _free_port()
    path = write_configuration(folder, port, f"http://127.0.0.1:{upstreams}")
    stay_on(OTHER_CORE)
    with (
        process([sys.executable, "-m", "bench.upstreams", str(upstreams), str(orders)], upstreams, OTHER_CORE),
        process([BEFOREHAND, "serve", "--config", str(path)], port, SERVER_CORE),
    ):
        command = [BEFOREHAND, "token", "create", "--config", str(path), "--workspace", "acme", "--role", "agent"]
        token = subprocess.check_output([*command, "--user", "bench"], text=True).strip()
        yield Running(port, upstreams, token)


def stay_on(core: int, process: int = 0) -> None:
    """Keep a process (0: this one) on one of the cores we may use, where the system knows how."""
    if CORES:
        os.sched_setaffinity(process, {CORES[core % len(CORES)]})


def stay_everywhere() -> None:
    """Undo `stay_on` for this process: a browser is several processes, and no user has it on one core."""
    if CORES:
        os.sched_setaffinity(0, CORES)


def fsync_milliseconds(folder: Path) -> tuple[float, float]:
    """What it takes this disk to keep 8 KB for good: the median and the worst of a hundred times."""
    took = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(b"x" * 8192)
            started = time.perf_counter()
            os.fsync(file.fileno())
            took.append(1000 * (time.perf_counter() - started))
    return median(took), max(took)


@contextlib.contextmanager
def process(command: list[str], port: int, core: int) -> Iterator[None]:
    """A process on one core, once its port answers."""
    started = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    stay_on(core, started.pid)
    try:
        _await(started, port)
        yield
    finally:
        started.terminate()
        started.wait(20)


def _await(started: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        if started.poll() is not None:
            raise SystemExit(f"{started.args!r} ended at once with {started.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"{started.args!r} does not listen")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
