"""This file says what Zendesk refuses in an app's package, before it is uploaded.

Zendesk itself checks only on upload; its rules are public (zendesk/zendesk_apps_support, Apache-2.0, v4.52.0). These
are the ones that an app of framework 2.0 whose pages come from a server can break. Each finding is a sentence with its
place.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

SUPPORT_LOCATIONS = frozenset(
    {
        "background",
        "modal",
        "nav_bar",
        "new_ticket_sidebar",
        "organization_sidebar",
        "system_top_bar",
        "ticket_editor",
        "ticket_sidebar",
        "top_bar",
        "user_sidebar",
    }
)
CHAT_LOCATIONS = frozenset({"background", "chat_sidebar"})
SELL_LOCATIONS = frozenset(
    {"background", "company_card", "dashboard", "deal_card", "lead_card", "modal", "person_card", "top_bar"}
)
LOCATIONS = {
    "support": SUPPORT_LOCATIONS,
    "chat": CHAT_LOCATIONS,
    "zopim": CHAT_LOCATIONS,
    "sell": SELL_LOCATIONS,
}
PARAMETER_TYPES = frozenset({"checkbox", "hidden", "multiline", "number", "oauth", "text", "url"})
SCOPES = frozenset(
    {"basic_auth_password", "basic_auth_username", "body", "header", "jwt_claim", "jwt_secret_key", "url"}
)
REQUIREMENTS = frozenset(
    {
        "automations",
        "channel_integrations",
        "custom_objects",
        "custom_objects_v2",
        "macros",
        "organization_fields",
        "targets",
        "ticket_fields",
        "triggers",
        "user_fields",
        "views",
        "webhooks",
    }
)
MOST_REQUIREMENTS = 5000
OAUTH_KEYS = ("client_id", "client_secret", "authorize_uri", "access_token_uri")
WEBHOOK_KEYS = ("name", "status", "endpoint", "http_method", "request_format")
BLOCKED = (".zip", ".pdf", ".doc", ".docx", ".exe", ".dll", ".jar", ".bat", ".sh", ".tar", ".gz", ".rar", ".7z")
_LOCALE = re.compile(r"[a-z]{2,3}(-\w{2,3})?")
_SETTING = "{{setting."


def package_problems(files: Mapping[str, bytes], links: Collection[str] = ()) -> list[str]:
    """What Zendesk would refuse in a package; *files* by their path in the zip, *links* are the symbolic ones."""
    found = [f"{path}: symlinks are not allowed" for path in sorted(links)]
    found += [f"{path}: files of this type are not allowed" for path in sorted(files) if path.endswith(BLOCKED)]
    if "manifest.json" not in files:
        nested = next((path for path in files if path.endswith("/manifest.json")), "")
        return [*found, f"manifest.json: expected it at the root of the zip{f', found {nested}' if nested else ''}"]
    manifest, wrong = _document(files["manifest.json"], "manifest.json")
    found += wrong
    if manifest is None:
        return found
    translations = {
        path.removeprefix("translations/").removesuffix(".json"): body
        for path, body in files.items()
        if path.startswith("translations/") and path.endswith(".json")
    }
    found += manifest_problems(manifest, set(files))
    found += translation_problems(manifest, translations)
    if "requirements.json" in files:
        found += requirement_problems(files["requirements.json"])
    elif manifest.get("requirementsOnly"):
        found.append("requirements.json: expected it, since the app has nothing but requirements")
    if not manifest.get("requirementsOnly"):
        found += [f"assets/{name}: missing" for name in ("logo.png", "logo-small.png") if f"assets/{name}" not in files]
    return found


def manifest_problems(manifest: Mapping[str, Any], files: Collection[str] | None = None) -> list[str]:
    """What is wrong with a manifest. Where *files* is None, nobody can say which assets there are."""
    has_location = not (manifest.get("requirementsOnly") or manifest.get("marketingOnly"))
    needed = ["author", "defaultLocale", *(("location", "frameworkVersion") if has_location else ())]
    found = [f"{key}: missing" for key in needed if not manifest.get(key)]
    if manifest.get("marketingOnly") and manifest.get("private", True):
        found.append("private: expected false in an app for marketing only")
    if manifest.get("marketingOnly") and manifest.get("parameters"):
        found.append("parameters: an app for marketing only has none")
    if manifest.get("requirementsOnly") and manifest.get("location"):
        found.append("location: an app that has requirements only has none")
    locale = manifest.get("defaultLocale")
    if locale and not (isinstance(locale, str) and _LOCALE.fullmatch(locale)):
        found.append(f"defaultLocale: {locale!r} is none")
    found += [
        f"{key}: expected true or false"
        for key in ("private", "signedUrls", "singleInstall", "requirementsOnly", "marketingOnly")
        if not isinstance(manifest.get(key, False), bool)
    ]
    found += _version_problems(manifest) if has_location else []
    found += _location_problems(manifest.get("location"), files) if has_location and manifest.get("location") else []
    return found + _parameter_problems(manifest) + _oauth_problems(manifest)


def _version_problems(manifest: Mapping[str, Any]) -> list[str]:
    version = manifest.get("frameworkVersion")
    found = [f"frameworkVersion: expected 2.0, got {version!r}"] if version not in (None, "2.0") else []
    if "noTemplate" in manifest:
        found.append("noTemplate: not in framework 2.0")
    return found


def _location_problems(location: Any, files: Collection[str] | None) -> list[str]:
    if not isinstance(location, dict):
        return ["location: expected products with their locations and addresses"]
    found = []
    for product, places in location.items():
        if product not in LOCATIONS or not isinstance(places, dict):
            found.append(f"location.{product}: no such product, or no locations in it")
            continue
        for place, value in places.items():
            path = f"location.{product}.{place}"
            if place not in LOCATIONS[product]:
                found.append(f"{path}: no such location")
            else:
                found += _place_problems(path, value, files)
    return found


def _place_problems(path: str, value: Any, files: Collection[str] | None) -> list[str]:
    place = value if isinstance(value, dict) else {"url": value}
    found = [
        f"{path}.{key}: expected true or false"
        for key in ("flexible", "signed", "autoLoad", "autoHide")
        if not isinstance(place.get(key, False), bool)
    ]
    url = place.get("url")
    if url is None and place.get("autoLoad") is False:
        return found
    if not isinstance(url, str) or not url:
        return [*found, f"{path}: expected an address"]
    return (
        found if _is_address(url, files) else [*found, f"{path}: expected https, or an asset of the app, got {url!r}"]
    )


def _is_address(url: str, files: Collection[str] | None) -> bool:
    if _SETTING in url:
        return True
    parts = urlsplit(url)
    if parts.scheme:
        return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1"))
    return url.startswith("assets/") and (files is None or url.partition("?")[0] in files)


def _parameter_problems(manifest: Mapping[str, Any]) -> list[str]:
    parameters = manifest.get("parameters", [])
    if not isinstance(parameters, list):
        return ["parameters: expected a list"]
    names = [parameter.get("name") for parameter in parameters]
    found = [f"parameters: {name!r} is there twice" for name in sorted({str(n) for n in names if names.count(n) > 1})]
    for parameter in parameters:
        path = f"parameters.{parameter.get('name')}"
        kind = parameter.get("type", "text")
        if parameter.get("name") == "name":
            found.append(f"{path}: cannot be called name")
        if kind not in PARAMETER_TYPES:
            found.append(f"{path}: {kind!r} is no type of a parameter")
        if kind == "hidden" and parameter.get("required"):
            found.append(f"{path}: hidden, so it cannot be required")
        if kind == "oauth" and parameter.get("secure"):
            found.append(f"{path}: of type oauth, so it cannot be secure")
        found += _scope_problems(path, parameter)
    if sum(parameter.get("type") == "oauth" for parameter in parameters) > 1:
        found.append("parameters: at most one of type oauth")
    return found


def _scope_problems(path: str, parameter: Mapping[str, Any]) -> list[str]:
    if "scopes" not in parameter:
        return []
    if not parameter.get("secure"):
        return [f"{path}.scopes: only for a secure parameter"]
    unknown = sorted(set(parameter["scopes"]) - SCOPES)
    return [f"{path}.scopes: no such scope: {', '.join(unknown)}"] if unknown else []


def _oauth_problems(manifest: Mapping[str, Any]) -> list[str]:
    oauth = manifest.get("oauth")
    has_parameter = any(p.get("type") == "oauth" for p in manifest.get("parameters", []) if isinstance(p, dict))
    if oauth is None:
        return []
    found = [f"oauth.{key}: missing" for key in OAUTH_KEYS if not oauth.get(key)]
    return found if has_parameter else [*found, "oauth: expected a parameter of type oauth beside it"]


def translation_problems(manifest: Mapping[str, Any], translations: Mapping[str, bytes]) -> list[str]:
    """What is wrong with the texts; *translations* by locale."""
    found = []
    default = manifest.get("defaultLocale")
    if default not in translations:
        found.append(f"translations/{default}.json: missing")
    for locale, body in translations.items():
        path = f"translations/{locale}.json"
        if not _LOCALE.fullmatch(locale):
            found.append(f"{path}: {locale!r} is no locale")
        document, wrong = _document(body, path)
        found += wrong
        if document is not None and locale == default:
            found += _text_problems(path, document.get("app"), manifest)
    return found


def _text_problems(path: str, texts: Any, manifest: Mapping[str, Any]) -> list[str]:
    if not isinstance(texts, dict):
        return [f"{path}: app: missing"]
    needed = ["name"]
    if not manifest.get("private", True):
        needed += ["short_description", "long_description", "installation_instructions"]
    found = [f"{path}: app.{key}: missing" for key in needed if not texts.get(key)]
    labels = texts.get("parameters", {})
    return found + [
        f"{path}: app.parameters.{parameter['name']}.label: missing"
        for parameter in manifest.get("parameters", [])
        if parameter.get("type") not in ("hidden", "oauth") and not labels.get(parameter["name"], {}).get("label")
    ]


def requirement_problems(body: bytes) -> list[str]:
    """What is wrong with what the app brings along."""
    document, found = _document(body, "requirements.json")
    if document is None:
        return found
    found += [f"requirements.json: {kind}: no such kind" for kind in sorted(set(document) - REQUIREMENTS)]
    count = sum(len(found) for found in document.values() if isinstance(found, dict))
    if count > MOST_REQUIREMENTS:
        found.append(f"requirements.json: at most {MOST_REQUIREMENTS} requirements, found {count}")
    for name, webhook in document.get("webhooks", {}).items():
        found += [f"requirements.json: webhooks.{name}.{key}: missing" for key in WEBHOOK_KEYS if not webhook.get(key)]
    for kind in ("ticket_fields", "user_fields", "organization_fields", "triggers", "automations"):
        needed = ("title", "type") if kind == "ticket_fields" else ("title",)
        for name, wanted in document.get(kind, {}).items():
            found += [f"requirements.json: {kind}.{name}.{key}: missing" for key in needed if not wanted.get(key)]
    for kind in ("triggers", "automations"):
        for name, wanted in document.get(kind, {}).items():
            if not wanted.get("actions"):
                found.append(f"requirements.json: {kind}.{name}.actions: expected at least one")
    return found


def _document(body: bytes, path: str) -> tuple[dict[str, Any] | None, list[str]]:
    """A JSON object, and what is wrong with it: no key may come twice."""
    twice: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in found]
        twice.extend(key for key in dict.fromkeys(keys) if keys.count(key) > 1)
        return dict(found)

    try:
        document = json.loads(body, object_pairs_hook=pairs)
    except ValueError as error:
        return None, [f"{path}: not JSON: {error}"]
    if not isinstance(document, dict):
        return None, [f"{path}: expected an object"]
    return document, [f"{path}: {key}: there twice" for key in twice]
