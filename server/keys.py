"""This file makes keys from `server.secret_keys`: one per purpose, so that no signature of ours passes for another."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def sealer(secret_keys: Sequence[str], purpose: str) -> MultiFernet:
    """Encrypts with the first key, reads with all of them. *purpose* is a fixed phrase such as `sidebar session`."""
    return MultiFernet([Fernet(_derive(key, purpose)) for key in secret_keys])


def _derive(secret: str, purpose: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"beforehand: {purpose}".encode())
    return urlsafe_b64encode(derived.derive(secret.encode()))
