"""The Zendesk app: Zendesk's own fixtures pass and fail as they do there, and its own tool packs ours."""

import asyncio
import contextlib
import io
import json
import os
import shutil
import ssl
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from litestar import Litestar, Request, Response, post

from connectors.connection import Connection
from connectors.contract import Envelope
from connectors.transport import utc_now
from connectors.zendesk import Settings, Zendesk
from connectors.zendesk.events import TOUCHED
from manifests import build_zendesk_app
from manifests.zendesk_rules import manifest_problems, package_problems, requirement_problems, translation_problems

ROOT = Path(__file__).parents[2]
SPECS = ROOT.parent / "shared" / "specs" / "zendesk"
SUPPORT = SPECS / "zendesk_apps_support" / "spec"
ZCLI = Path(os.environ.get("BEFOREHAND_ZCLI", ROOT / ".tools" / "node_modules" / ".bin" / "zcli"))
needs_specs = pytest.mark.skipif(
    not SPECS.exists(), reason="Zendesk's fixtures are not on this machine (../shared/specs)"
)
needs_zcli = pytest.mark.skipif(
    not ZCLI.exists(), reason=f"no zcli at {ZCLI}: npm install --prefix .tools @zendesk/zcli"
)

OURS, _ = build_zendesk_app.contents()
VALID = [
    "zendesk_apps_support/spec/fixtures/iframe_only_app/manifest.json",
    "zendesk_apps_support/spec/fixtures/multi_product_iframe_only_app/manifest.json",
    "zendesk_apps_support/spec/fixtures/marketing_only_app/manifest.json",
    "zendesk_apps_support/spec/fixtures/chat_only_manifest.json",
    "thunderbird-accounts/manifest.json",
    "app_scaffolds/packages/basic/manifest.json",
    "app_scaffolds/packages/react/src/manifest.json",
    *(
        f"demo_apps/v2/support/{name}/manifest.json"
        for name in (
            "basic_ticket_sample_app",
            "garden_sample_app",
            "instances_sample_app",
            "modal_sample_app",
            "my_cat_sample_app",
            "requirements_only_sample_app",
            "requirements_sample_app",
            "secure_settings_sample_app",
        )
    ),
    *(
        f"zcli/packages/zcli-apps/tests/functional/mocks/{name}/manifest.json"
        for name in ("multi_product_app", "requirements_only_app", "single_product_app")
    ),
]
INVALID = {
    # An app of framework 0.5 names no addresses.
    "zendesk_apps_support/spec/app/manifest.json": {"frameworkVersion", "location"},
    "zendesk_apps_support/spec/invalid_app/manifest.json": {"frameworkVersion", "location"},
    "zendesk_apps_support/spec/fixtures/invalid_location_manifest.json": {
        "frameworkVersion",
        "location",
        "parameters.testing_parameters",
    },
    "zendesk_apps_support/spec/bookmarks_app/manifest.json": {"frameworkVersion", "location"},
}


@needs_specs
@pytest.mark.parametrize("path", VALID)
def test_what_zendesk_takes_passes(path):
    assert manifest_problems(json.loads((SPECS / path).read_bytes())) == []


@needs_specs
@pytest.mark.parametrize(("path", "places"), INVALID.items())
def test_what_zendesk_refuses_fails_where_it_is_wrong(path, places):
    found = manifest_problems(json.loads((SPECS / path).read_bytes()))
    assert {problem.partition(":")[0] for problem in found} == places


@needs_specs
def test_a_link_in_the_package_is_refused():
    files = {"translations/en.json": b'{"app": {"name": "ABC"}}'}
    found = package_problems(files, ["manifest.json"])
    assert found[0] == "manifest.json: symlinks are not allowed"


@needs_specs
@pytest.mark.parametrize(
    ("name", "private", "is_good"),
    [
        ("valid_en.json", True, True),
        ("name_only_en.json", True, True),
        ("invalid_en.json", True, False),
        ("name_only_en.json", False, False),
    ],
)
def test_texts_are_judged_as_zendesk_does(name, private, is_good):
    body = (SUPPORT / "validations" / "fixture" / name).read_bytes()
    found = translation_problems({"defaultLocale": "en", "private": private}, {"en": body})
    assert (found == []) is is_good


@needs_specs
def test_requirements_of_zendesks_samples():
    good = (SPECS / "demo_apps/v2/support/requirements_sample_app/requirements.json").read_bytes()
    assert requirement_problems(good) == []
    assert requirement_problems((SUPPORT / "bookmarks_app/requirements.json").read_bytes()) == []
    # A trigger that does nothing.
    bad = (SUPPORT / "validations/fixture/requirements.json").read_bytes()
    assert requirement_problems(bad) == ["requirements.json: triggers.submit_trigger.actions: expected at least one"]


def test_our_package_is_one_that_zendesk_takes():
    assert package_problems(OURS) == []


BREAKAGES = {
    "http": (("location", "support", "ticket_sidebar", "url"), "http://example.com/x"),
    "no such asset": (("location", "support", "ticket_sidebar", "url"), "assets/none.html"),
    "no address": (("location", "support", "ticket_sidebar", "url"), ""),
    "flexible": (("location", "support", "ticket_sidebar", "flexible"), "yes"),
    "no such location": (("location", "support", "side_bar"), "https://example.com"),
    "no such product": (("location", "talk"), {}),
    "framework": (("frameworkVersion",), "1.0"),
    "locale": (("defaultLocale",), "english"),
    "no author": (("author",), None),
    "parameter called name": (("parameters", 0, "name"), "name"),
    "type": (("parameters", 0, "type"), "password"),
    "hidden": (("parameters", 0, "type"), "hidden"),
    "twice": (("parameters", 0, "name"), "webhook_url"),
    "scopes": (("parameters", 0, "scopes"), ["header"]),
    "oauth": (("oauth",), {"client_id": "1"}),
    "signedUrls": (("signedUrls",), "true"),
}


@pytest.mark.parametrize(("path", "value"), BREAKAGES.values(), ids=BREAKAGES)
def test_whatever_breaks_the_manifest_is_found(path, value):
    manifest = json.loads(OURS["manifest.json"])
    place = manifest
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    found = package_problems(OURS | {"manifest.json": json.dumps(manifest).encode()})
    assert found
    assert all(problem.partition(":")[0] for problem in found)


@pytest.mark.parametrize(
    "missing", ["translations/en.json", "assets/logo.png", "assets/logo-small.png", "manifest.json"]
)
def test_what_is_missing_is_named(missing):
    files = {path: body for path, body in OURS.items() if path != missing}
    assert any(missing in problem for problem in package_problems(files))


def test_a_key_that_comes_twice_is_named():
    manifest = OURS["manifest.json"].replace(b'"private": true', b'"private": true, "private": false')
    assert package_problems(OURS | {"manifest.json": manifest}) == ["manifest.json: private: there twice"]


def test_the_manifest_is_signed_and_points_where_each_installation_says():
    manifest = json.loads(OURS["manifest.json"])
    sidebar = manifest["location"]["support"]["ticket_sidebar"]
    assert manifest["signedUrls"] is True
    assert sidebar["signed"] is True
    assert sidebar["url"] == "{{setting.sidebar_url}}"


def test_every_language_has_every_text():
    def keys(found, path=""):
        if not isinstance(found, dict):
            return {path}
        return {key for name, inner in found.items() for key in keys(inner, f"{path}.{name}")}

    texts = [json.loads(body) for path, body in OURS.items() if path.startswith("translations/")]
    assert len(texts) > 1
    assert all(keys(text) == keys(texts[0]) for text in texts)


def test_what_the_trigger_sends_is_what_we_read():
    """The body is filled in with nothing but numbers and times: a subject with a quotation mark would break it."""
    requirements = json.loads(OURS["requirements.json"])
    (action,) = requirements["triggers"]["beforehand_ticket_changed"]["actions"]
    webhook, template = action["value"]
    assert webhook in requirements["webhooks"]
    body = template.replace("{{ticket.id}}", "4711").replace(
        "{{ticket.updated_at_with_timestamp}}", "2026-11-23T19:05:00Z"
    )
    assert "{{" not in body
    settings = Settings(subdomain="acme", access_token="t", webhook_secret="s")
    desk = Zendesk(settings, Connection(workspace="acme", name="desk", clock=utc_now))
    (observation,) = desk.read(Envelope(headers={}, body=body.encode(), received_at=datetime.now(UTC)))
    assert (observation.kind, observation.about.ticket) == (TOUCHED, "4711")
    assert observation.at == datetime(2026, 11, 23, 19, 5, tzinfo=UTC)


def test_the_zip_is_the_same_every_time(tmp_path):
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    assert build_zendesk_app.build(one) == build_zendesk_app.build(two) == []
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as package:
        assert {name: package.read(name) for name in package.namelist()} == OURS


def test_an_oauth_client_can_be_added(tmp_path):
    client = {
        "client_id": "1",
        "client_secret": "2",
        "authorize_uri": "https://a.example/authorize",
        "access_token_uri": "https://a.example/token",
    }
    path = tmp_path / "oauth.json"
    path.write_text(json.dumps(client))
    assert build_zendesk_app.build(tmp_path / "app.zip", path) == []
    path.write_text(json.dumps({**client, "client_secret": ""}))
    assert build_zendesk_app.build(tmp_path / "bad.zip", path) == ["oauth.client_secret: missing"]
    assert not (tmp_path / "bad.zip").exists()


# --- Zendesk's own tool, against a stand-in on loopback ---------------------------------------------------------------


@needs_zcli
@pytest.mark.parametrize("is_good", [True, False], ids=["good", "bad"])
async def test_zcli_packs_and_validates(tmp_path, is_good):
    app = tmp_path / "app"
    shutil.copytree(build_zendesk_app.FOLDER, app)
    if not is_good:
        (app / "translations" / "en.json").unlink()
    seen = []
    async with stand_in(tmp_path, seen) as (port, certificate):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "ZENDESK_SUBDOMAIN": "127",
            "ZENDESK_DOMAIN": f"0.0.1:{port}",
            "ZENDESK_OAUTH_TOKEN": "token",
            "NODE_EXTRA_CA_CERTS": str(certificate),
        }
        done = await asyncio.to_thread(
            subprocess.run,
            [ZCLI, "apps:validate", app],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    said = done.stdout + done.stderr
    (uploaded,) = seen
    if is_good:
        assert done.returncode == 0, said
        assert "No validation errors" in said
        assert uploaded == OURS
    else:
        assert done.returncode == 2, said
        assert "translations/en.json: missing" in said


@contextlib.asynccontextmanager
async def stand_in(folder, seen):
    """Zendesk's validation over TLS, by our rules."""

    @post("/api/v2/apps/validate", status_code=200, request_max_body_size=10_000_000)
    async def validate(request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer token"
        form = await request.form()
        with zipfile.ZipFile(io.BytesIO(await form["file"].read())) as package:
            files = {name: package.read(name) for name in package.namelist() if not name.endswith("/")}
        seen.append(files)
        problems = package_problems(files)
        if problems:
            return Response({"description": "; ".join(problems)}, status_code=400)
        return Response({})

    key_path, certificate_path = certificate(folder)
    config = uvicorn.Config(
        Litestar([validate], openapi_config=None, logging_config=None),
        port=0,
        log_config=None,
        ssl_keyfile=str(key_path),
        ssl_certfile=str(certificate_path),
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done()
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1], certificate_path
    server.should_exit = True
    await task


def certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    key_path, certificate_path = folder / "key.pem", folder / "certificate.pem"
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    certificate_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return key_path, certificate_path
