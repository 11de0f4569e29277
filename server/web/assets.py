"""This file serves the page's own style sheet and scripts, under an address that changes with their content."""

from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from server.errors import NotFound

_TYPES = {"css": "text/css", "js": "text/javascript"}


def _read(folder: Traversable, prefix: str = "") -> dict[str, tuple[str, bytes]]:
    found: dict[str, tuple[str, bytes]] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            found |= _read(entry, f"{prefix}{entry.name}/")
        elif (kind := _TYPES.get(entry.name.rpartition(".")[2])) is not None:
            found[prefix + entry.name] = (kind, entry.read_bytes())
    return found


# Read once: what is not in this table cannot be asked for.
FILES = _read(files("sidebar") / "static")
VERSION = blake2b(b"".join(content for _, content in FILES.values()), digest_size=6).hexdigest()
STATIC = f"/sidebar/static/{VERSION}"


def asset_routes() -> list[HTTPRouteHandler]:
    """Style and scripts, for ever the same under one address."""

    @get("/sidebar/static/{version:str}/{name:path}", include_in_schema=False)
    async def asset(version: FromPath[str], name: FromPath[str]) -> Response[bytes]:
        found = FILES.get(name.removeprefix("/"))
        if found is None or version != VERSION:
            raise NotFound("There is no such file")
        kind, content = found
        return Response(content, media_type=kind, headers={"cache-control": "public, max-age=31536000, immutable"})

    return [asset]
