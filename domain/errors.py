"""What a person may not do, and why. The sentence for it stands in `texts/`."""


class Refusal(Exception):
    """A normal "no": rolls the step back and becomes a polite sentence.

    `code` is a text key (`tickets.not_yours`), `data` fills the sentence.
    """

    def __init__(self, code: str, **data: object) -> None:
        super().__init__(code)
        self.code = code
        self.data = data
