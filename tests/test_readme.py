"""The README tells the truth: its generated parts are current and its commands work."""

import json
import re

from service import readme

ANSWER = re.compile(r"<!-- answer -->\n\n```json\n(.*?)\n```\n\n<!-- /answer -->", re.DOTALL)


def test_generated_parts_are_current() -> None:
    committed, built = readme.README.read_text(), readme.text()
    assert ANSWER.sub("", committed) == ANSWER.sub("", built), "stale README.md: run make openapi"


def test_answer_is_the_services_own() -> None:
    """To ten digits: the last ones of a logarithm differ between processors."""
    committed, built = (
        json.loads(ANSWER.search(text)[1], parse_float=lambda number: f"{float(number):.9e}")
        for text in (readme.README.read_text(), readme.text())
    )
    assert committed == built, "stale README.md: run make openapi"
