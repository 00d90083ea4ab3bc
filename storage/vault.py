"""Phones and numbers of identity cards at rest: encrypted with a ring of keys, found again by a keyed digest."""

import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VARIABLE = "LINLI_KEYS"
_BLOCK = 16


class KeysError(ValueError):
    """The keys are unset or malformed, or none of them opens what is stored. Never holds a key or a value."""


class Vault:
    """A ring of keys, the newest first: it seals with the newest and opens with any."""

    def __init__(self, keys: list[str]) -> None:
        if not keys:
            raise KeysError(f"{VARIABLE} is empty")
        ring = [_fernet(key, place) for place, key in enumerate(keys, 1)]
        self._newest, self._ring = ring[0], MultiFernet(ring)
        # Started once and copied for each text: to start one costs twice what a short text does.
        self._digests = [HMAC(_digest_key(key), SHA256()) for key in keys]
        secret = urlsafe_b64decode(keys[0])
        self._signer, self._cipher_key = HMAC(secret[:16], SHA256()), algorithms.AES(secret[16:])

    def seal(self, text: str) -> str:
        return self._newest.encrypt(text.encode()).decode()

    def seal_all(self, texts: Sequence[str]) -> list[str]:
        """Each as `seal` does it, with one call of the cipher for all: rosters are long, and Fernet slow to start.

        The texts are one CBC chain with a random block before each. What the cipher makes of that block is the IV of
        its text: as random and as unforeseeable as Fernet's own (NIST SP 800-38A, appendix C).
        """
        padded = [_padded(text.encode()) for text in texts]
        noise = os.urandom(_BLOCK * (len(padded) + 1))
        chain = Cipher(self._cipher_key, modes.CBC(noise[:_BLOCK])).encryptor()
        blocks = (noise[_BLOCK * at : _BLOCK * (at + 1)] + text for at, text in enumerate(padded, 1))
        encrypted = chain.update(b"".join(blocks)) + chain.finalize()
        head, tokens, at = b"\x80" + int(time.time()).to_bytes(8, "big"), [], 0
        for text in padded:
            end = at + _BLOCK + len(text)
            signed = head + encrypted[at:end]
            tokens.append(urlsafe_b64encode(signed + _mac(self._signer, signed)).decode())
            at = end
        return tokens

    def open(self, token: str) -> str:
        try:
            return self._ring.decrypt(token.encode()).decode()
        except InvalidToken:
            raise KeysError(f"no key in {VARIABLE} opens this value: is an old key missing?") from None

    def key_of(self, text: str) -> str:
        """The digest to store beside a sealed text."""
        return _mac(self._digests[0], text.encode()).hex()

    def keys_of(self, text: str) -> list[str]:
        """The digests to look for: until the rows are rotated, older ones stand there too."""
        return [_mac(digest, text.encode()).hex() for digest in self._digests]

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


def _mac(started: HMAC, data: bytes) -> bytes:
    mac = started.copy()
    mac.update(data)
    return mac.finalize()


def _padded(data: bytes) -> bytes:
    """PKCS#7, as in Fernet."""
    missing = _BLOCK - len(data) % _BLOCK
    return data + bytes((missing,)) * missing
