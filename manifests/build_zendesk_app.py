"""This file builds the Zendesk app: it checks the folder `zendesk` and zips it, the same bytes for the same content.

    python -m manifests.build_zendesk_app dist/beforehand-zendesk.zip [--oauth oauth.json]

`--oauth` adds a file with client_id, client_secret, authorize_uri and access_token_uri (and scope) as the app's OAuth
client, for a listing in the marketplace; the app itself needs none, since all it shows comes from your own server.
"""

import argparse
import json
import sys
import zipfile
from pathlib import Path

from manifests.zendesk_rules import package_problems

FOLDER = Path(__file__).with_name("zendesk")
_LONG_AGO = (2020, 1, 1, 0, 0, 0)
"""The time in the zip: of no file, so that a build can be repeated."""


def contents(folder: Path = FOLDER) -> tuple[dict[str, bytes], list[str]]:
    """The package's files by path, and which of them are symbolic links."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    links = [path.relative_to(folder).as_posix() for path in paths if path.is_symlink()]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if not path.is_symlink()}
    return files, links


def with_oauth(manifest: bytes, oauth: bytes) -> bytes:
    """The manifest with an OAuth client, and the parameter in which Zendesk keeps its token."""
    document = json.loads(manifest)
    document["oauth"] = json.loads(oauth)
    document["parameters"].append({"name": "oauth_token", "type": "oauth"})
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def build(target: Path, oauth: Path | None = None) -> list[str]:
    """Write the zip to *target*; what Zendesk would refuse, in which case nothing is written."""
    files, links = contents()
    if oauth is not None:
        files["manifest.json"] = with_oauth(files["manifest.json"], oauth.read_bytes())
    problems = package_problems(files, links)
    if problems:
        return problems
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for path, body in files.items():
            package.writestr(zipfile.ZipInfo(path, _LONG_AGO), body, zipfile.ZIP_DEFLATED)
    return []


def main() -> int:
    """Build, or say why not."""
    parser = argparse.ArgumentParser(description="Build the Zendesk app.")
    parser.add_argument("target", type=Path, nargs="?", default=Path("dist/beforehand-zendesk.zip"))
    parser.add_argument("--oauth", type=Path)
    wanted = parser.parse_args()
    problems = build(wanted.target, wanted.oauth)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"wrote {wanted.target}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
