"""The neutral vocabulary: what goes into the outbox comes out the same, and no text breaks a database or a screen."""

from hypothesis import given
from hypothesis import strategies as st

from domain.messages import Address, Choice, Outgoing, clean


def test_outgoing_survives_the_outbox() -> None:
    message = Outgoing(
        Address("王阿姨", private=True),
        "记下了",
        choices=(Choice(1, "我来", "接单 1"),),
        question="q1",
        reply_to="m1",
        urgent=True,
        fallback=Outgoing(Address("3栋群"), "细说请私聊我", reply_to="m1"),
    )
    assert Outgoing.from_json(message.to_json()) == message
    assert Outgoing.from_json(Outgoing(Address("a"), "b").to_json()) == Outgoing(Address("a"), "b")


@given(st.text())
def test_clean_text_can_be_stored_and_shown(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert "\x00" not in cleaned
    assert clean(cleaned) == cleaned
    assert clean("楼道灯坏了\n2单元 👨‍👩‍👧") == "楼道灯坏了\n2单元 👨‍👩‍👧"
