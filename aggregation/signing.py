"""The installation's signature under a release: Ed25519, with a key that never leaves its file.

A signature proves that whoever holds the key wrote these bytes. The public key beside the release
proves only that nothing was changed since; who it belongs to, a reader learns from the fingerprint
that the publisher shows elsewhere.
"""

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

__all__ = ["KeyUnusable", "fingerprint", "public_pem", "sign", "signing_key", "verifies"]


class KeyUnusable(Exception):
    """The key file can't be used; the text says what to do."""


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The key in `path`, made on first use with mode 600; KeyUnusable if others can read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _create(path)
    if path.stat().st_mode & 0o077:
        raise KeyUnusable(f"The signing key can be read by others. Run: chmod 600 {path}")
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{path} holds no Ed25519 key. Move it away and a new one is made.")
    return key


def _create(path: Path) -> None:
    """Write a new key beside `path` and link it into place: whoever comes first wins, whole."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    content = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            return
    finally:
        fresh.unlink()


def public_pem(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def sign(key: Ed25519PrivateKey, content: bytes) -> str:
    """The signature as hexadecimal digits; the same content always gets the same one."""
    return key.sign(content).hex()


def verifies(pem: bytes, signature: str, content: bytes) -> bool:
    """Whether `signature` was made over `content` by the owner of the public key."""
    try:
        key = load_pem_public_key(pem)
        if not isinstance(key, Ed25519PublicKey):
            return False
        key.verify(bytes.fromhex(signature.strip()), content)
    except (ValueError, InvalidSignature):
        return False
    return True


def fingerprint(pem: bytes) -> str:
    """SHA-256 of the raw public key, in hexadecimal digits. Raises ValueError for another key."""
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("This is no Ed25519 key.")
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()
