"""What is sealed is opened with any key of the ring, found by any digest, and never shown."""

import pytest

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
