"""Long messages are cut where a sentence ends, and nothing of them is lost."""

from hypothesis import given
from hypothesis import strategies as st

from bot.pieces import pieces, split, width
from bot.transport import Limits, as_text
from domain.messages import Address, Choice, File, Outgoing, Sender

GROUP = Address("group")


def test_cut_at_lines_sentences_clauses() -> None:
    assert split("楼道灯坏了。\n电梯也停了。", 8) == ["楼道灯坏了。", "电梯也停了。"]
    assert split("灯坏了。电梯停了。水也没了。", 10) == ["灯坏了。电梯停了。", "水也没了。"]
    assert split("灯坏了，电梯停了，水也没了", 10) == ["灯坏了，电梯停了，", "水也没了"]
    assert split("一二三四五六七八九十", 4) == ["一二三四", "五六七八", "九十"]


def test_a_short_first_sentence_makes_no_crumb() -> None:
    assert split("好。一二三四五六七八九十一二三四五六", 12) == ["好。一二三四五六七八九十", "一二三四五六"]


def test_an_emoji_counts_two_and_is_not_torn() -> None:
    assert width("🆘") == 2
    family = "👨‍👩‍👧"
    assert split(f"一二三四五{family}六", 10) == ["一二三四五", f"{family}六"]


@given(st.text(alphabet="楼道灯。，\n 🆘ab", max_size=300), st.integers(4, 40))
def test_nothing_but_blanks_is_lost(text: str, most: int) -> None:
    cut = split(text, most)
    assert all(width(piece) <= most for piece in cut)
    assert "".join("".join(cut).split()) == "".join(text.split())


def test_the_quote_leads_and_the_answers_follow() -> None:
    choices = (Choice(1, "好", "1"), Choice(2, "不好", "2"))
    message = Outgoing(GROUP, "第一句话。第二句话。", choices, "q", reply_to="m1", mentions=(Sender("u", "王阿姨"),))
    first, last = pieces(message, Limits(text_length=22))
    assert (first.reply_to, first.choices, len(first.mentions)) == ("m1", (), 1)
    assert (last.reply_to, last.choices, last.mentions) == ("", choices, ())
    assert width(as_text(last)) <= 22


def test_a_file_goes_alone_where_its_text_does_not_fit() -> None:
    message = Outgoing(GROUP, "#12 照片", file=File("photo", "a.jpg"))
    assert pieces(message, Limits(caption_length=1024)) == [message]
    alone, words = pieces(message, Limits())
    assert (alone.text, alone.file) == ("", message.file)
    assert (words.text, words.file) == ("#12 照片", None)
