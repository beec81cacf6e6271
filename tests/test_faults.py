"""Where a read, a write or an allocation fails no wrong report comes, and the next request is answered right."""

import _testcapi

import pytest

from service.app import create_app
from service.gate import Gate
from service.settings import Settings
from tests.faults import BODIES, CLOSED, REFUSED, RIGHT, WRONG, allocations, reads, writes

APP = create_app(Settings())


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_is_not_read_whole_makes_no_report(kind):
    outcomes = reads(APP, kind, pieces=(64,))
    assert outcomes[REFUSED] > 5
    assert not outcomes[WRONG] + outcomes[RIGHT]


@pytest.mark.parametrize("kind", BODIES)
def test_an_answer_that_cannot_be_sent_ends_the_connection(kind):
    outcomes = writes(APP, kind)
    assert outcomes[CLOSED] == 2
    assert not outcomes[WRONG]


# Python closes a generator that an exception left behind, and can only say so where that is refused memory, too.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <generator object:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", BODIES)
def test_memory_that_is_not_given_makes_no_wrong_report(kind):
    outcomes = allocations(APP, kind, range(0, 40_000, 1999))
    assert outcomes[REFUSED]
    assert not outcomes[WRONG]


@pytest.mark.parametrize("places", [1, 2])
def test_memory_that_is_not_given_leaves_the_slot_free(places):
    """So many allocations one after the other fail, from each of the first ones on."""
    gate, failed = Gate(0.0), 0
    for place in range(200):
        _testcapi.set_nomemory(place, place + places)
        try:
            with gate.turn() as turn:
                turn.wait()
        except MemoryError:
            failed += 1
        finally:
            _testcapi.remove_mem_hooks()
        assert not gate.slot.locked()
        assert not any(each.locked() for each in gate.places)
    assert failed
