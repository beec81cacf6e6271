"""Both JSON decoders take what RFC 8259 allows and refuse what it does not, and agree on what they read.

The documents are values, each the value of a key of an object; `WHOLE` are documents as they stand.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import numpy as np
import pytest

from service import json_pieces
from service.json_columns import PARSERS, decode
from service.problems import Problem
from tests.serving import ROOT, Server
from tests.wire import request

Parser = Callable[[bytes], Any]

VALID = [
    b"0", b"-0", b"7", b"-12", b"1234567890", b"0.5", b"-0.0", b"1.25", b"1e5", b"1E5", b"1e+5", b"1E-5", b"-1.5e-3",
    b"0e0", b"0.0000000000000000000000000000001", b"123.456e78", b"5e-324", b"1e-400", b"1.7976931348623157e308",
    b"0." + b"3" * 500, b"9223372036854775807", b"-9223372036854775808", b"9007199254740993", b"true", b"false",
    b"null", b'""', b'"a"', b'"\\""', b'"\\\\"', b'"\\/"', b'"/"', b'"\\b\\f\\n\\r\\t"', b'"\\u0041"', b'"\\u00e9"',
    b'"\\u20AC"', b'"\\uD83D\\uDE00"', b'"\\ud83d\\ude00"', b'"\\u0000"', b'"\\uFFFF"', b'"\\\\u0041"', b'"\x7f"',
    "\u00e9\u20ac\U0001f600".encode().join([b'"', b'"']), "\u2028\u2029".encode().join([b'"', b'"']),
    "\ufeff".encode().join([b'"', b'"']), "\U0010ffff".encode().join([b'"', b'"']), b'"{[:,]}"', b'"//"',
    b'"' + b"x" * 9000 + b'"', b"[]", b"[ ]", b"[1]", b"[1,2]", b"[1.5,2]", b"[1,2.5,-3]", b'["a","b"]',
    b"[true,false]", b"[null]", b'[1,"a",null,true]', b"[[1,0],[0,1]]", b"[[0.5,0.5]]", b"[\n1\t,\r2 ]", b"{}",
    b'{"a":"b"}', b'{"":""}', b'{ "a" : "b" , "c" : "d" }', b"[0e1,1]",
]  # fmt: skip
WHOLE_VALID = [
    b"{}", b" {} ", b"\t{\n}\r", b"[]", b"1", b'"a"', b"null", b"true", b"1.5", b'{"a":1}', b'{"a":1,"A":2}', b'{"":1}',
    b'{"a":{},"b":[]}', b'\n\n{"a"\n:\n1}\n\n',
    b'{"labels":[1,0],"scores":[0.5,1]}',
]  # fmt: skip

INVALID = [
    b"", b"01", b"-01", b"00", b"+1", b"++1", b"-", b"--1", b"- 1", b".5", b"-.5", b"1.", b"-1.", b"1.e5", b"1e",
    b"1e+", b"1E-", b"1e1.5", b"0x1F", b"0b1", b"0o7", b"1_000", b"1,000", b"1 000", b"1f", b"1L", b"1n", b"NaN",
    b"-NaN", b"nan", b"Infinity", b"-Infinity", b"+Infinity", b"inf", b"True", b"TRUE", b"False", b"None", b"NULL",
    b"undefined", b"nul", b"tru", b"fals", b"truee", b"nullx", b"'a'", b"a", b'"a', b'a"', b'"\\"', b'"\\x41"',
    b'"\\a"', b"\"\\'\"", b'"\\0"', b'"\\u"', b'"\\u12"', b'"\\u12G4"', b'"\\U0041"', b'"\t"', b'"\n"', b'"\r"',
    b'"\x00"', b'"\x1f"', b'"\x08"', b'"a""b"', b'"a" "b"', b"[", b"]", b"[1", b"1]", b"[1,]", b"[,1]", b"[,]",
    b"[1,,2]", b"[1 2]", b"[1;2]", b"[1:2]", b"[1}", b"(1)", b"[1],", b"[[1]", b"[1]]", b"[.5]", b"[01]", b"[NaN]",
    b"[1,Infinity]", b"[1.]", b'["a]', b"[tru]", b"[1e]", b"[0x1]", b"[1,\x0b2]", b"[1,\xc2\xa02]", b"{", b"}",
    b'{"a"}', b'{"a":}', b"{:1}", b'{"a":1,}', b"{,}", b'{"a":1 "b":2}', b'{"a" 1}', b'{"a"::1}', b"{a:1}", b"{'a':1}",
    b"{1:1}", b"{null:1}", b'{"a":1]', b'{"a":1}}', b'{"a"=1}', b'{["a"]:1}', b"// 1\n1", b"/* */ 1", b"1 // x",
    b"1 # x", b"#", b"<1>", b"`1`", b"*", b"$", b"\\n", b"\x00", b"1\x00", b"\x0c1", b"\xc2\x851", b"\xef\xbc\x91",
    b"\xef\xbb\xbf1", b"@", b"1;", b"1,", b",1", b"1:1", b"!1", b"[-]", b"[--1]", b"[1-2]", b"[1+2]", b"[+1]", b"[- 1]",
]  # fmt: skip
WHOLE_INVALID = [
    b"", b" ", b"\n", b"{", b"}", b"{}{}", b"{} {}", b"{},", b"{}x", b"[]]", b"{]", b'{"a":1}}', b"{}\x00", b"\x00{}",
    b"{}//", b"a", b"'", b'"', b"1 2", b"nul", b"\x0c{}", b"\x1e{}", b"callback({})", b")]}',\n{}", b'{"a":1', b'{"a":',
    b'{"a"', b"[1,2", b"{}\xc2\xa0", b"\\u007b}", b"---\n{}",
]  # fmt: skip
BAD_UTF8 = [
    b'"\xff"', b'"\x80"', b'"\xe9"', b'"\xc0\xaf"', b'"\xc1\xbf"', b'"\xe0\x80\xaf"', b'"\xf0\x80\x80\xaf"',
    b'"\xed\xa0\x80"', b'"\xed\xbf\xbf"', b'"\xf4\x90\x80\x80"', b'"\xf8\x88\x80\x80\x80"', b'"\xe2\x82"',
    b'"\xf0\x9f\x98"', b'"\xc3("', b'"a\xfeb"', b"\xff", b"[\xff]", b'["a","\xe2"]',
]  # fmt: skip
DUPLICATES = [
    b'{"a":1,"a":1}', b'{"a":1,"b":2,"a":3}', b'{"a":1,"\\u0061":2}', b'{"":1,"":2}', b'{"a":[1],"a":[2]}',
    b'{"a":{"b":"1","b":"2"}}', b'{"a\\/":1,"a/":2}',
]  # fmt: skip

# simdjson has no wheels for later versions of Python, so that the standard json alone parses there.
BOTH = sys.version_info < (3, 14)
NAMES = ("parse_with_simdjson", "parse_with_standard_json")[not BOTH :]
# What the RFC leaves open: the outcome with simdjson, and with the standard json.
REFUSED, TAKEN = "refused", "taken"
EITHER_WAY = {
    b"1e400": (REFUSED, TAKEN),
    b"-1e400": (REFUSED, TAKEN),
    b"[1,1e400]": (REFUSED, TAKEN),
    b"18446744073709551616": (REFUSED, REFUSED),
    b"-9223372036854775809": (REFUSED, REFUSED),
    b"9223372036854775808": (TAKEN, TAKEN),
    b"18446744073709551615": (TAKEN, TAKEN),
    b"9" * 5000: (REFUSED, REFUSED),
    b'"\\ud800"': (REFUSED, REFUSED),
    b'"\\udfff"': (REFUSED, REFUSED),
    b'"\\udc00\\ud800"': (REFUSED, REFUSED),
    b'"\\ud800a"': (REFUSED, REFUSED),
    b'"\\ud800\\n"': (REFUSED, REFUSED),
    b'"\\uD800\\uD800\\uDC00"': (REFUSED, REFUSED),
    b'["\\udead"]': (REFUSED, REFUSED),
    b'{"\\ud800":"a"}': (REFUSED, REFUSED),
    b"[" * 500 + b"]" * 500: (TAKEN, TAKEN),
    b"[" * 100_000 + b"]" * 100_000: (REFUSED, REFUSED),
}


def wrapped(value: bytes) -> bytes:
    """An object that holds the value."""
    return b'{"labels": [1], "x": ' + value + b', "y": 2}'


def refusal(parse: Parser, document: bytes) -> str:
    """The slug with which the parser refuses the document, empty where it takes it."""
    try:
        parse(document)
    except Problem as problem:
        return problem.slug if problem.status == HTTPStatus.BAD_REQUEST else "no syntax"
    return ""


def plain(value: Any) -> Any:
    """Columns as lists, all else as it is."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def unified(value: Any) -> Any:
    """An array of numbers with floats if it holds any; all else as it is."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        numbers = iter(unified([number for row in value for number in row]))
        return [[next(numbers) for _ in row] for row in value]
    if isinstance(value, list) and {float} <= set(map(type, value)) <= {int, float}:
        return list(map(float, value))
    return value


@pytest.fixture(params=[*PARSERS, "in pieces"], ids=lambda parser: getattr(parser, "__name__", parser))
def parse(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Parser:
    """One of the parsers, or the first one with every array in the smallest pieces."""
    if request.param == "in pieces":
        monkeypatch.setattr(json_pieces, "PIECE_BYTES", 1)
        return PARSERS[0]
    return request.param  # type: ignore[no-any-return]  # pytest does not know what parameters are


def test_both_parsers_are_there_where_they_can_be() -> None:
    assert tuple(parse.__name__ for parse in PARSERS) == NAMES


def test_the_service_uses_the_decoder_there_is(decoder: dict[str, str]) -> None:
    program = "from service.json_columns import PARSERS; print(PARSERS[0].__name__)"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=os.environ | decoder, capture_output=True, check=True
    )
    assert run.stdout.decode().strip() == NAMES[-1 if decoder else 0]


def test_a_body_leaves_those_before_it_as_they_were(parse: Parser) -> None:
    bodies = [b'{"a":[1,2.5],"b":{"c":"d"}}', b'{"a":[7,8],"b":{}}', b'{"a":[[1,2]]}', b'{"a":["e"]}']
    expected = [plain(parse(body)) for body in bodies]
    faulty = parse(b'{"a":[[1],"f"]}')  # may refer to what was parsed
    read = [parse(body) for body in bodies * 2]
    assert list(map(plain, read)) == expected * 2
    assert list(faulty["a"].rows) == [[1], "f"]


@pytest.mark.parametrize("document", [*map(wrapped, VALID), *WHOLE_VALID], ids=lambda text: repr(text)[:60])
def test_valid_is_read_as_it_is(parse: Parser, document: bytes) -> None:
    read, expected = parse(document), json.loads(document)
    if isinstance(expected, dict):
        assert repr(plain(read)) == repr({key: unified(part) for key, part in expected.items()})
    else:
        assert type(read) is type(expected)


@pytest.mark.parametrize(
    "value",
    [
        b'[["a","b"],[]]',
        b"[[],[]]",
        b"[[]]",
        b'[[],["a"]]',
        b'[["a"]]',
        b'[["a"],["b"]]',
        b"[[1,2],[3]]",
        b"[[1],[]]",
        b'[["a"],"b"]',
        b'[["[","]"],[","]]',
        b"[[true],[null]]",
        b'[["\\u0000","\\u00e9"]]',
        b'[["a",1.5],[2]]',
    ],
)
def test_arrays_of_arrays_that_are_no_matrix_hand_over_their_rows(parse: Parser, value: bytes) -> None:
    """Fields of label sets take them; other columns of the document stay what they are."""
    document = b'{"x": ' + value + b', "m": [[1.5,2],[3,4]], "n": [1]}'
    read = parse(document)
    assert list(read["x"].rows) == json.loads(value)
    assert read["x"].errors
    assert plain(read["m"]) == [[1.5, 2.0], [3.0, 4.0]]
    assert plain(read["n"]) == [1]


@pytest.mark.parametrize("value", [b'["a",["b"]]', b"[1,[2]]", b'[{"a":1}]', b'[{"a":1},["b"]]'])
def test_only_an_array_that_starts_with_one_hands_over_rows(parse: Parser, value: bytes) -> None:
    assert parse(wrapped(value))["x"].rows is None


@pytest.mark.parametrize("value", [b'[["a",["b"]],[]]', b'[["a",{"b":1}]]', b'[["a"],{"b":1}]', b'[["a"],"b"]'])
def test_what_nests_deeper_beside_rows_is_found(parse: Parser, value: bytes) -> None:
    """Columns that look like a matrix once flattened are refused wherever they stand."""
    read = parse(b'{"x": ' + value + b', "m": [[1,2],[[3],4]]}')
    assert read["x"].rows is not None
    assert read["m"].errors.keys() == {1}


@pytest.mark.parametrize("document", [b'{"a\\u0000":1}', b'{"a\\u0000b":1,"a":2}', b'{"a":{"b\\u0000":"1"}}'])
def test_key_with_nul_is_never_taken_for_another(parse: Parser, document: bytes) -> None:
    """No request has such a key, so its value may be left unread, but not be that of a shorter key."""
    for key, part in json.loads(document).items():
        read = plain(parse(document))[key]
        assert read in ([None, part] if isinstance(part, int) else [part, {"b\0": None}])


@pytest.mark.parametrize("document", [*map(wrapped, INVALID), *WHOLE_INVALID], ids=lambda text: repr(text)[:60])
def test_invalid_is_refused(parse: Parser, document: bytes) -> None:
    assert refusal(parse, document) == "malformed-json"


@pytest.mark.parametrize("value", BAD_UTF8)
def test_bad_utf8_is_refused(parse: Parser, value: bytes) -> None:
    assert refusal(parse, wrapped(value)) == "bad-encoding"


@pytest.mark.parametrize("document", DUPLICATES)
def test_duplicate_key_is_refused(parse: Parser, document: bytes) -> None:
    assert refusal(parse, document) == "duplicate-key"


@pytest.mark.parametrize("value", EITHER_WAY, ids=lambda value: repr(value)[:30])
def test_what_the_rfc_leaves_open(value: bytes) -> None:
    outcomes = tuple(REFUSED if refusal(parse, wrapped(value)) else TAKEN for parse in PARSERS)
    assert outcomes == EITHER_WAY[value][-len(PARSERS) :]


def test_byte_order_mark_is_refused() -> None:
    assert refusal(lambda body: decode(body, 10), b"\xef\xbb\xbf{}") == "bad-encoding"


@pytest.mark.parametrize("value", VALID[::6], ids=lambda value: repr(value)[:60])
def test_valid_reaches_the_schema(server: Server, value: bytes) -> None:
    assert request(server.port, body=wrapped(value)).status == 422


@pytest.mark.parametrize("value", [*INVALID[::7], *BAD_UTF8[::5], *DUPLICATES[::3]], ids=lambda value: repr(value)[:60])
def test_invalid_does_not_reach_the_schema(server: Server, value: bytes) -> None:
    assert request(server.port, body=wrapped(value)).status == 400
