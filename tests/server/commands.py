"""The command line in a process of its own, on a folder as `init` writes it, and a server on it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

BEFOREHAND = Path(sys.executable).with_name("beforehand")
SECRET = "s" * 40


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BEFOREHAND), *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "BEFOREHAND_SECRET_KEY": SECRET, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_folder(tmp_path: Path) -> Path:
    """What `init` wrote, with one Shopify connection and a port that is free."""
    assert run("init", ".", cwd=tmp_path).returncode == 0
    path = tmp_path / "beforehand.toml"
    text = path.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{free_port()}")
    shop = """
[workspace.acme.connections.shop]
kind = "shopify"
shop = "acme.myshopify.com"
client_id = "id"
client_secret = "shop-secret"
access_token = "token"
"""
    path.write_text(text + shop)
    return tmp_path


@contextmanager
def serving_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """A server of its own, and its address."""
    address = next(
        line.split('"')[1] for line in (folder / "beforehand.toml").read_text().splitlines() if "public_url =" in line
    )
    environment = {"PATH": os.environ["PATH"], "BEFOREHAND_SECRET_KEY": SECRET}
    server = subprocess.Popen(
        [str(BEFOREHAND), "serve"], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{address}/healthz", trust_env=False).is_success:
                    break
            except httpx.TransportError:
                assert server.poll() is None, server.stderr.read().decode()
        yield folder, address
    finally:
        server.terminate()
        server.wait(timeout=20)
        server.stderr.close()
