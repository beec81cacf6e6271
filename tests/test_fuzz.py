"""Every decoder refuses damaged bodies, or reads them as another reader does; `make reliability` tries many more."""

import pytest

from service import body, media
from service.app import create_app
from service.settings import Settings
from tests.fuzzing import DECODERS, ROUTE, fuzz

CLIENT = create_app(Settings()).test_client()
EXAMPLES = 300


def test_every_decoder_is_fuzzed():
    assert set(DECODERS) == {*media.ACCEPTED, *filter(None, body.DECODERS)}


@pytest.mark.parametrize("name", DECODERS)
def test_what_is_not_damaged_gives_a_report(name):
    decoder = DECODERS[name]
    answer = CLIENT.post(ROUTE, data=decoder.valid, headers=decoder.headers)
    assert answer.status_code == 200
    assert answer.data == CLIENT.post(ROUTE, data=decoder.read(decoder.valid), content_type=media.JSON).data


@pytest.mark.parametrize("name", DECODERS)
def test_damaged_bodies_are_read_right_or_refused(name):
    statuses = fuzz(CLIENT, name, EXAMPLES)
    assert statuses.total() >= EXAMPLES
    assert statuses[400]
