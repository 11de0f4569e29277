"""This file runs the web server, until it is told to stop."""

import asyncio
import contextlib
import resource
import signal
from collections.abc import Iterator

import structlog
import uvicorn

from server.app import create_app
from server.control import announced, new_control
from server.errors import BeforehandError
from server.parts import Parts
from server.web.protocol import guarded

KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than load balancers do (60), or they would meet closed ones."""
LONGEST_GOODBYE = 8
"""Seconds that requests under way may take when the server is told to stop."""
WANTED_FILES = 4096

log = structlog.get_logger()


async def run_server(parts: Parts) -> None:
    """Serve until SIGTERM or SIGINT, then let what is under way finish. Raises BeforehandError when it cannot start."""
    settings = parts.settings.server
    _allow_many_files()
    control = new_control(settings.host, settings.port)
    server = _Server(configuration(parts, control.secret))
    with _reloading(parts), announced(settings.database_path, control):
        log.info("serving", address=f"http://{settings.bind}", public_url=settings.public_url)
        try:
            await server.serve()
        except SystemExit as error:
            # The web server ends the process when it cannot bind or the application cannot start.
            raise BeforehandError(f"the server could not start on {settings.bind}; the log says why") from error


@contextlib.contextmanager
def _reloading(parts: Parts) -> Iterator[None]:
    """SIGHUP reads the policy files at once, as it does for other servers."""

    def reload() -> None:
        if parts.policies is not None:
            parts.policies.hurry()
            parts.engine.wake()

    loop = asyncio.get_running_loop()
    number = getattr(signal, "SIGHUP", None)
    if number is None:
        yield
        return
    # Signals reach the main thread only; elsewhere whoever started the thread asks otherwise.
    with contextlib.suppress(ValueError, RuntimeError):
        loop.add_signal_handler(number, reload)
    try:
        yield
    finally:
        loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    """The web server, which after SIGTERM gives us the time to close the database.

    Its own way is to raise the signal again once it has shut down, which ends the process on the spot.
    """

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        captured = []
        for number in (signal.SIGINT, signal.SIGTERM):
            # Signals reach the main thread only; elsewhere whoever started the thread stops it.
            with contextlib.suppress(ValueError, RuntimeError):
                loop.add_signal_handler(number, self.handle_exit, number, None)
                captured.append(number)
        try:
            yield
        finally:
            for number in captured:
                loop.remove_signal_handler(number)


def configuration(parts: Parts, control_secret: str = "") -> uvicorn.Config:
    """How the web server runs."""
    settings = parts.settings.server
    return uvicorn.Config(
        create_app(parts, control_secret=control_secret),
        host=settings.host,
        port=settings.port,
        http=guarded(settings.receive_seconds),
        ws="none",
        lifespan="on",
        # Whoever connects may claim any X-Forwarded-For; nothing here depends on where a request comes from.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=LONGEST_GOODBYE,
        backlog=2048,
    )


def _allow_many_files() -> None:
    """A thousand connections need more files than many systems allow at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
