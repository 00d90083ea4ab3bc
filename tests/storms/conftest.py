import pytest

from tests.storms.hour import TRANSCRIPTS, Hour, read


@pytest.fixture(scope="session")
def hours() -> list[Hour]:
    return [read(path) for path in TRANSCRIPTS]
