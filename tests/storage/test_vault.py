"""What is sealed is opened with any key of the ring, found by any digest, and never shown."""

import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.vault import VARIABLE, KeysError, Vault, new_key, vault

PHONE = "13800001234"


def test_sealed_and_opened() -> None:
    ring = Vault([new_key()])
    token = ring.seal(PHONE)
    assert PHONE not in token
    assert ring.open(token) == PHONE
    assert ring.seal(PHONE) != token  # two people with one phone are not seen to have it


def test_a_token_and_a_digest_fit_their_columns() -> None:
    ring = Vault([new_key()])
    assert len(ring.seal("42010619580101123X")) <= 300
    assert len(ring.key_of(PHONE)) == 64


TEXTS = [PHONE, "42010619580101123X", PHONE, "", "王秀英", *("7" * length for length in range(1, 50))]


def test_sealed_together_is_what_fernet_seals() -> None:
    """Any Fernet opens what is sealed in one go, at the moment it was sealed; and the other way round."""
    key = new_key()
    ring, fernet = Vault([key]), Fernet(key)
    before = int(time.time())
    tokens = ring.seal_all(TEXTS)
    assert [fernet.decrypt(token, ttl=600).decode() for token in tokens] == TEXTS
    assert all(before <= fernet.extract_timestamp(token) <= int(time.time()) for token in tokens)
    assert [ring.open(token) for token in tokens] == TEXTS
    assert [ring.open(fernet.encrypt(text.encode()).decode()) for text in TEXTS] == TEXTS
    assert [len(token) for token in tokens] == [len(fernet.encrypt(text.encode())) for text in TEXTS]
    assert ring.seal_all([]) == []


def test_sealed_together_nothing_repeats() -> None:
    """The same text under one key: no two tokens share a block, within one call and between two."""
    ring = Vault([new_key()])
    tokens = ring.seal_all([PHONE] * 500) + ring.seal_all([PHONE] * 500)
    raw = [urlsafe_b64decode(token) for token in tokens]
    assert len({token[9:25] for token in raw} | {token[25:41] for token in raw}) == 2_000
    assert len({token[41:] for token in raw}) == 1_000


@pytest.mark.parametrize("at", [0, 1, 9, 25, 41, -1])
def test_sealed_together_and_touched_opens_for_nobody(at: int) -> None:
    key = new_key()
    raw = bytearray(urlsafe_b64decode(Vault([key]).seal_all(TEXTS)[1]))
    raw[at] ^= 1
    token = urlsafe_b64encode(raw)
    with pytest.raises(InvalidToken):
        Fernet(key).decrypt(token)
    with pytest.raises(KeysError):
        Vault([key]).open(token.decode())


def test_sealed_together_with_the_newest_key() -> None:
    old, new = new_key(), new_key()
    token = Vault([new, old]).seal_all([PHONE])[0]
    assert Fernet(new).decrypt(token).decode() == PHONE
    assert Vault([new, old]).renewed(token) is None


def test_a_digest_is_the_hmac_of_its_derived_key() -> None:
    key = new_key()
    derived = HKDF(SHA256(), 32, None, b"linli digest").derive(urlsafe_b64decode(key))
    ring = Vault([key])
    assert [ring.key_of(text) for text in TEXTS] == [
        hmac.digest(derived, text.encode(), "sha256").hex() for text in TEXTS
    ]


def test_nothing_is_lost_between_a_new_key_and_the_rotation() -> None:
    old, new = new_key(), new_key()
    before, after = Vault([old]), Vault([new, old])
    token, digest = before.seal(PHONE), before.key_of(PHONE)
    assert after.open(token) == PHONE
    assert digest in after.keys_of(PHONE)
    assert after.key_of(PHONE) != digest
    assert after.keys_of(PHONE)[0] == after.key_of(PHONE)


def test_renewed_once() -> None:
    old, new = new_key(), new_key()
    ring = Vault([new, old])
    token = ring.renewed(Vault([old]).seal(PHONE))
    assert token is not None
    assert Vault([new]).open(token) == PHONE
    assert ring.renewed(token) is None


def test_another_ring_opens_nothing_and_finds_nothing() -> None:
    one, other = Vault([new_key()]), Vault([new_key()])
    token = one.seal(PHONE)
    with pytest.raises(KeysError) as caught:
        other.open(token)
    assert token not in str(caught.value)
    assert caught.value.__cause__ is None
    assert one.key_of(PHONE) not in other.keys_of(PHONE)


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert vault() is None
    monkeypatch.setenv(VARIABLE, "  ")
    assert vault() is None
    new, old = new_key(), new_key()
    monkeypatch.setenv(VARIABLE, f"{new}, {old},")
    ring = vault()
    assert ring is not None
    assert ring.open(Vault([old]).seal(PHONE)) == PHONE
    assert vault() is ring


@pytest.mark.parametrize("bad", ["secret-words", "ключ", "A" * 43, "A" * 60])
def test_a_malformed_key_is_named_by_its_place(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{new_key()},{bad}")
    with pytest.raises(KeysError, match="key 2") as caught:
        vault()
    assert bad not in str(caught.value)


def test_only_commas_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, " , ")
    with pytest.raises(KeysError):
        vault()


def test_a_vault_shows_no_key() -> None:
    key = new_key()
    assert key not in repr(Vault([key]))
