"""Phones and numbers of identity cards at rest: encrypted with a ring of keys, found again by a keyed digest."""

import hmac
import os
from base64 import urlsafe_b64decode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VARIABLE = "LINLI_KEYS"


class KeysError(ValueError):
    """The keys are unset or malformed, or none of them opens what is stored. Never holds a key or a value."""


class Vault:
    """A ring of keys, the newest first: it seals with the newest and opens with any."""

    def __init__(self, keys: list[str]) -> None:
        if not keys:
            raise KeysError(f"{VARIABLE} is empty")
        ring = [_fernet(key, place) for place, key in enumerate(keys, 1)]
        self._newest, self._ring = ring[0], MultiFernet(ring)
        self._digest_keys = [_digest_key(key) for key in keys]

    def seal(self, text: str) -> str:
        return self._newest.encrypt(text.encode()).decode()

    def open(self, token: str) -> str:
        try:
            return self._ring.decrypt(token.encode()).decode()
        except InvalidToken:
            raise KeysError(f"no key in {VARIABLE} opens this value: is an old key missing?") from None

    def key_of(self, text: str) -> str:
        """The digest to store beside a sealed text."""
        return _digest(self._digest_keys[0], text)

    def keys_of(self, text: str) -> list[str]:
        """The digests to look for: until the rows are rotated, older ones stand there too."""
        return [_digest(key, text) for key in self._digest_keys]

    def renewed(self, token: str) -> str | None:
        """The same text under the newest key; None where it is already."""
        try:
            self._newest.decrypt(token.encode())
        except InvalidToken:
            return self.seal(self.open(token))
        return None


def new_key() -> str:
    return Fernet.generate_key().decode()


def vault() -> Vault | None:
    """The vault of this process; None where no keys are set: then no phone and no number is stored at all."""
    text = os.environ.get(VARIABLE, "").strip()
    return _vault_of(text) if text else None


@lru_cache(maxsize=4)
def _vault_of(text: str) -> Vault:
    return Vault([key.strip() for key in text.split(",") if key.strip()])


def _fernet(key: str, place: int) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        # Without the cause: it would be printed, and some causes quote what they were given.
        raise KeysError(f"key {place} in {VARIABLE} is malformed: `linli keys new` writes a good one") from None


def _digest_key(key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"linli digest").derive(urlsafe_b64decode(key))


def _digest(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()
