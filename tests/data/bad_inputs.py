"""Requests and what each must get: bad ones refused with the right status and slug, odd but fair ones answered.

A case holds only what differs from a plain POST of JSON to the binary report. Wherever a request carries a value of the
client's, it is or contains `CANARY`, which no answer to a bad request may repeat.
"""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CANARY = "k4n4ry"
BINARY, REGRESSION = "/v1/binary/report", "/v1/regression/report"
JSON = {"Content-Type": "application/json"}
GOOD: dict[str, Any] = {"labels": [0, 1, 1, 0], "scores": [0.1, 0.8, 0.4, 0.3]}
NUMBERS: dict[str, Any] = {"labels": [1.0, 2.0, 3.0], "predictions": [1.5, 2.0, 2.5]}
FINE = json.dumps(GOOD).encode()


@dataclass(frozen=True)
class Case:
    """A request and its answer. Of several statuses or slugs any will do; without a slug only the status counts.

    `pointers` are places that `errors` must name, `told` is what `detail` or `errors` must say, `gives` the parts of a
    report by dotted path, `sends` headers of the answer. `by_server` marks answers that the HTTP server makes.
    """

    name: str
    status: int | tuple[int, ...]
    slug: str | tuple[str, ...] = ()
    body: bytes = FINE
    method: str = "POST"
    target: str | bytes = BINARY
    headers: Mapping[str, str | bytes] = field(default_factory=lambda: JSON)
    pointers: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    gives: Mapping[str, Any] = field(default_factory=dict)
    sends: Mapping[str, str] = field(default_factory=dict)
    by_server: bool = False

    @property
    def statuses(self) -> tuple[int, ...]:
        return (self.status,) if isinstance(self.status, int) else self.status

    @property
    def slugs(self) -> tuple[str, ...]:
        return (self.slug,) if isinstance(self.slug, str) else self.slug


def method(name: str, verb: str, status: int | tuple[int, ...], target: str | bytes = BINARY, **rest: Any) -> Case:
    """Another method or target, without a body."""
    return Case(name, status, method=verb, target=target, body=b"", **rest)


def header(name: str, status: int, slug: str = "", **values: str | bytes) -> Case:
    """Other headers, written with underscores; a body that would be fine."""
    headers = JSON | {key.replace("_", "-"): value for key, value in values.items()}
    return Case(name, status, slug or (), headers=headers)


def syntax(name: str, body: bytes | str, status: int | tuple[int, ...] = 400, slug: Any = "malformed-json") -> Case:
    """A body that is no JSON."""
    return Case(name, status, slug, body if isinstance(body, bytes) else body.encode())


def binary(name: str, status: int | tuple[int, ...], slug: Any = (), *pointers: str, **fields: Any) -> Case:
    """A good binary request with other fields; None takes a field away."""
    return Case(name, status, slug, body_of(GOOD, fields), pointers=pointers)


def regression(name: str, status: int | tuple[int, ...], slug: Any = (), *pointers: str, **fields: Any) -> Case:
    """A good regression request with other fields; None takes a field away."""
    return Case(name, status, slug, body_of(NUMBERS, fields), pointers=pointers, target=REGRESSION)


def fair(name: str, gives: Mapping[str, Any], target: str = BINARY, **fields: Any) -> Case:
    """A request with exactly these fields, which gets a report."""
    return Case(name, 200, body=json.dumps(fields).encode(), target=target, gives=gives)


def written(name: str, gives: Mapping[str, Any], body: str | bytes, target: str = BINARY) -> Case:
    """A request whose body is written out, which gets a report."""
    return Case(name, 200, body=body if isinstance(body, bytes) else body.encode(), target=target, gives=gives)


def body_of(good: Mapping[str, Any], fields: Mapping[str, Any]) -> bytes:
    merged = {**good, **fields}
    return json.dumps({name: value for name, value in merged.items() if value is not None}).encode()


SCHEMA = ("schema", "bad-option")

METHODS = [
    *(
        method(f"M52-58 {verb}", verb, 405, "/v1/binary/report", slug="method-not-allowed", sends={"Allow": "POST"})
        for verb in ("GET", "PUT", "DELETE", "PATCH", "TRACE", "BREW")
    ),
    method("M57 CONNECT", "CONNECT", (400, 405), by_server=True),
    method("M59 lower-case method", "post", 400, by_server=True),
    method("M60 HEAD", "HEAD", 405, by_server=True),
    method("M61 OPTIONS *", "OPTIONS", (204, 404), "*", by_server=True),
    method("M62 encoded dots", "GET", 404, f"/%2e%2e/etc/{CANARY}", slug="not-found"),
    method("M62 plain dots", "GET", (400, 404), f"/../../etc/{CANARY}", by_server=True),
    method("M63 encoded NUL", "GET", 404, f"/%00{CANARY}", slug="not-found"),
    method("M64 bad percent-encoding", "GET", 404, f"/%zz{CANARY}", slug="not-found"),
    method("M65 raw UTF-8 in the path", "GET", 400, "/é", by_server=True),
    method("M65 encoded bytes that are no UTF-8", "GET", 404, f"/%ff%fe{CANARY}", slug="not-found"),
    *(
        method(f"M66 unknown path {target}", verb, 404, target, slug="not-found")
        for verb in ("GET", "POST")
        for target in (
            f"/{CANARY}",
            "/v1",
            "/v1/",
            "/v1/binary",
            "/v1/binary/report/",
            "//v1/binary/report",
            f"//{CANARY}.example/v1",
            f"/v1/{CANARY}/report",
            f"/v1/binary/{CANARY}",
            "/V1/binary/report",
            "/v1/binary//report",
            "/static/../app.py",
        )
    ),
    Case("M67 query parameter", 400, "unknown-parameter", target=f"{BINARY}?threshold={CANARY}"),
    Case("M67 unknown query parameter", 400, "unknown-parameter", target=f"{BINARY}?canary={CANARY}"),
    Case("M67 parameter without a value", 400, "unknown-parameter", target=f"{BINARY}?verbose"),
    Case("M67 parameter twice", 400, "unknown-parameter", target=f"{BINARY}?a={CANARY}&a=2"),
    Case("M68 absolute target, foreign host", 200, target=f"http://{CANARY}.example{BINARY}"),
    method(
        "M68 absolute target, wrong method", "GET", 405, f"http://{CANARY}.example{BINARY}", slug="method-not-allowed"
    ),
    method("M68 absolute target, unknown path", "GET", 404, f"http://{CANARY}.example/x", slug="not-found"),
]

ACCEPT_JSON = {"Accept": "application/json"}
CODINGS = {"Accept-Encoding": "gzip, zstd"}
MEDIA_TYPES = [
    *(
        Case(f"H69-75 {name}", 415, "unsupported-media-type", headers={"Content-Type": name}, sends=ACCEPT_JSON)
        for name in (
            "text/json",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/x+json",
            "application/json; charset=latin-1",
            "application/json; charset=utf-16",
            "application/json-seq",
            "application/jsonp",
            "application/*",
            "*/*",
            f"text/{CANARY}",
            f"application/json, text/{CANARY}",
            f"application/json; charset={CANARY}",
            "json",
            ";",
            "",
        )
    ),
    Case("H69 no Content-Type", 415, "unsupported-media-type", headers={}, sends=ACCEPT_JSON),
    *(
        Case(f"H75 {name} is fine", 200, headers={"Content-Type": name})
        for name in (
            "application/json; charset=utf-8",
            'Application/JSON; Charset="UTF-8"',
            "application/json;charset=UTF-8",
            "application/json; charset=utf8",
        )
    ),
    header("H77 plain body said to be gzip", 400, "bad-encoding", Content_Encoding="gzip"),
    header("H77 plain body said to be zstd", 400, "bad-encoding", Content_Encoding="zstd"),
    *(
        Case(
            f"H78,79 {coding}",
            415,
            headers=JSON | {"Content-Encoding": coding},
            sends=CODINGS,
            slug="unsupported-encoding",
        )
        for coding in ("br", "gzip, gzip", "deflate", "zstd, gzip", "gzip, br", "gzip;q=1", CANARY)
    ),
    *(
        Case(f"H79 {name}", 400, "bad-encoding", body, headers=JSON | {"Content-Encoding": "gzip"})
        for name, body in (
            ("gzip cut short", gzip.compress(FINE)[:-9]),
            ("gzip with a wrong checksum", gzip.compress(FINE)[:-8] + bytes(8)),
            ("gzip with trailing garbage", gzip.compress(FINE) + CANARY.encode()),
        )
    ),
    Case(
        "H gzip in two members",
        200,
        body=gzip.compress(FINE[:9]) + gzip.compress(FINE[9:]),
        headers=JSON | {"Content-Encoding": "GZIP"},
    ),
    *(
        header(f"H85 Accept: {accept}", 406, "not-acceptable", Accept=accept)
        for accept in (
            "image/png",
            f"text/{CANARY}",
            "application/json;q=0",
            "application/problem+json",
            "text/html, image/*;q=0.5",
        )
    ),
    *(
        header(f"H85 Accept: {accept} is fine", 200, Accept=accept)
        for accept in ("*/*", "application/*", "text/html, application/json;q=0.1", "image/png, */*;q=0.01")
    ),
]

TEXT = '{"labels": ["%s", "b"], "pos_label": "b", "scores": [0.1, 0.9]}'
ENCODINGS = [
    Case("E104 BOM", 400, "bad-encoding", b"\xef\xbb\xbf" + FINE),
    *(
        Case(f"E105-107 {coding}", 400, ("bad-encoding", "malformed-json"), json.dumps(GOOD).encode(coding))
        for coding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
    ),
    *(
        Case(f"E108-111 {name}", 400, "bad-encoding", TEXT.encode() % label)
        for name, label in (
            ("Latin-1", b"\xe9"),
            ("overlong", b"\xc0\xaf"),
            ("overlong of three", b"\xe0\x80\xaf"),
            ("raw surrogate", b"\xed\xa0\x80"),
            ("beyond Unicode", b"\xf4\x90\x80\x80"),
            ("cut character", b"\xe2\x82"),
            ("lone continuation", b"\x80"),
        )
    ),
    Case(
        "E111 cut character at the end",
        400,
        ("bad-encoding", "malformed-json"),
        FINE[:-1] + b', "metadata": {"a": "\xe2\x82',
    ),
    Case("E113 NUL in a label", 422, "bad-label", (TEXT % r"a\u0000").encode()),
    Case("E113 NUL in pos_label", 422, "bad-label", (TEXT % "a").replace('"b"', r'"\u0000b"').encode()),
    Case("E lone surrogate escaped in a label", (400, 422), (), (TEXT % r"\ud800").encode()),
    Case("E lone low surrogate escaped in a label", (400, 422), (), (TEXT % r"\udc00x").encode()),
    Case("E lone surrogate escaped in a key", (400, 422), (), b'{"labels": [0, 1], "scores": [0, 1], "\\ud800": 1}'),
    Case("E lone surrogate escaped in metadata", (400, 422), (), FINE[:-1] + b', "metadata": {"a": "\\udfff"}}'),
    written(
        "E114 NFC and NFD are two classes",
        {"samples": 2, "classes": ["e\u0301", "\u00e9"]},
        '{"labels": ["e\\u0301", "\\u00e9"], "pos_label": "\\u00e9", "scores": [0.1, 0.9]}',
    ),
    *(
        fair(
            f"E116 {name} in a label",
            {"classes": [f"a{character}", "b"]},
            labels=[f"a{character}", "b"],
            pos_label="b",
            scores=[0, 1],
        )
        for name, character in (
            ("zero width", "\u200b"),
            ("right to left", "\u202e"),
            ("escape", "\x1b[31m"),
            ("beyond the BMP", "\U0001f600"),
        )
    ),
]

NOT_JSON = {
    "J117 empty": "",
    "J118 white space": " \t\r\n ",
    "J119 cut": '{"labels":[1,',
    "J119 cut in a string": '{"labels":["' + CANARY,
    "J119 cut after a key": '{"labels"',
    "J120 trailing comma": '{"labels":[1,0,],"scores":[1,0]}',
    "J120 trailing comma in an object": '{"labels":[1,0],"scores":[1,0],}',
    "J120 two commas": '{"labels":[1,,0],"scores":[1,0]}',
    "J121 two documents": FINE.decode() + FINE.decode(),
    "J121 two lines": FINE.decode() + "\n" + FINE.decode(),
    "J122 comment": "/* " + CANARY + " */" + FINE.decode(),
    "J122 line comment": FINE.decode() + "// " + CANARY,
    "J123 single quotes": "{'labels': [1]}",
    "J124 bare key": "{labels: [1, 0]}",
    "J125 trailing garbage": FINE.decode() + CANARY,
    "J125 trailing bracket": FINE.decode() + "]",
    "J125 trailing NUL": FINE.decode() + "\0",
    "J126 raw tab in a string": TEXT % f"a\t{CANARY}",
    "J126 raw line feed in a string": TEXT % f"a\n{CANARY}",
    "J bad escape": TEXT % (r"\x41" + CANARY),
    "J short escape": TEXT % r"\u12",
    "J form feed as white space": "\f" + FINE.decode(),
    "J no-break space as white space": "\u00a0" + FINE.decode(),
    "J a word": CANARY,
} | {
    f"J127-135 {number}": f'{{"labels":[0,1],"scores":[0.5,{number}]}}'
    for number in (
        "01",
        "-01",
        "+1",
        ".5",
        "1.",
        "-.5",
        "1.e3",
        "1e",
        "1e+",
        "0x10",
        "1_000",
        "-",
        "--1",
        "True",
        "None",
        "undefined",
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "inf",
        "-inf",
        "nul",
        "tru",
        "1 2",
        "\uff11",
        "1\u00a0",
    )
}
SYNTAX = [
    *(syntax(name, body) for name, body in NOT_JSON.items()),
    syntax("S135 NaN as a label", '{"labels":[NaN,1],"predictions":[1,1]}'),
    syntax("S135 NaN as an option", FINE[:-1] + b', "threshold": NaN}'),
    syntax("S135 NaN in metadata", FINE[:-1] + b', "metadata": {"a": NaN}}'),
    syntax("S148 labels twice", FINE[:-1] + b', "labels": [1, 1, 1, 1]}', slug="duplicate-key"),
    syntax("S148 labels twice, once escaped", FINE[:-1] + b', "l\\u0061bels": [1, 1, 1, 1]}', slug="duplicate-key"),
    syntax("S148 an unknown key twice", FINE[:-1] + b', "x": 1, "x": 1}', slug="duplicate-key"),
    syntax("S148 a key of metadata twice", FINE[:-1] + b', "metadata": {"a": "1", "a": "2"}}', slug="duplicate-key"),
    syntax("S148 a key twice within an array", b'{"labels": [{"a": 1, "a": 2}], "scores": [1]}', (400, 422), ()),
    syntax("S148 a key twice within metadata", FINE[:-1] + b', "metadata": {"a": {"b": 1, "b": 2}}}', (400, 422), ()),
    syntax("S149 depth 33", '{"labels":' + "[" * 32 + "]" * 32 + "}", 422, ()),
    syntax("S149 depth 500", '{"labels":' + "[" * 499 + "]" * 499 + "}", 422, ()),
    syntax("S149 objects to depth 500", '{"labels":' * 500 + "1" + "}" * 500, 422, ()),
    *(
        syntax(f"S149,150 depth {depth}", "[" * depth + "]" * depth, (400, 422), ("too-deep", "schema"))
        for depth in (900, 990, 1000, 1023, 1024, 1025, 1026, 2000)
    ),
    syntax("S150 depth 100,000", '{"labels":' + "[" * 99_999 + "]" * 99_999 + "}", 400, "too-deep"),
    syntax("S150 depth 100,000, cut", "[" * 100_000, 400, ("too-deep", "malformed-json")),
    syntax("S150 objects to depth 100,000", '{"a":' * 100_000 + "1" + "}" * 100_000, 400, "too-deep"),
    syntax("S an unclosed string of quotes", '[NaN,"' + '\\"' * 400_000),
    syntax("S151 keys of Python and JavaScript", b'{"__proto__": 1, "__class__": {"__init__": 1}}', 422, "schema"),
    syntax("S151 a key with NUL", FINE[:-1] + b', "labels\\u0000": [1], "x\\u0000y": 1}', 422, "schema"),
    syntax("S151 100,000 unknown keys", json.dumps({f"x{key}": 1 for key in range(100_000)}), 422, "limit-exceeded"),
    *(
        syntax(f"S152 top level {value}", value, 422, "schema")
        for value in ("1", "null", "[]", f'"{CANARY}"', "true", "1.5", "[1, 2]", "[{}]")
    ),
    syntax("S152 an empty object", "{}", 422, "schema"),
    syntax("S152 an empty key", b'{"": 1}', 422, "schema"),
    syntax("S153 objects where numbers belong", '{"labels":[0,1],"scores":[' + '{"a":[]},' * 400_000 + "0]}", 422, ()),
    syntax("S153 arrays where numbers belong", '{"labels":[0,1],"scores":[' + "[]," * 1_000_000 + "0]}", 422, ()),
    syntax(
        "S154 a million strings as scores",
        '{"labels":[' + "1," * 999_999 + '0],"scores":[' + '"0.5",' * 999_999 + '"0"]}',
        422,
        (),
    ),
]

BIG = 2**53 + 1
# What a number that no 64 bits hold may be called.
LARGE = ("malformed-json", "number-range", "nonfinite-number", "bad-label", "bad-option", "schema")
TIE = "0.4" + "9" * 100_000
SEMANTICS = [
    syntax(
        "S138 1e400 as a score",
        '{"labels":[0,1],"scores":[0.5,1e400]}',
        (400, 422),
        ("nonfinite-number", "malformed-json"),
    ),
    syntax(
        "S138 -1e400 as a weight",
        '{"labels":[0,1],"scores":[0,1],"sample_weight":[1,-1e400]}',
        (400, 422),
        ("nonfinite-number", "malformed-json", "bad-weight"),
    ),
    syntax("S138 1e400 as threshold", '{"labels":[0,1],"scores":[0,1],"threshold":1e400}', (400, 422), ()),
    syntax("S138 1e400 as a label", '{"labels":[0,1e400],"scores":[0,1]}', (400, 422), ()),
    *(
        Case(
            f"S138 {number} in a regression",
            (400, 422),
            (),
            b'{"labels":[0,1],"predictions":[0,%s]}' % number.encode(),
            target=REGRESSION,
        )
        for number in ("1e400", "-1e400", "1" + "0" * 400)
    ),
    written("S139 1e-400 is 0", {"metrics.roc_auc": 0.5}, '{"labels":[0,1],"scores":[0,1e-400]}'),
    written(
        "S140 -0.0 is 0",
        {"metrics.roc_auc": 0.5, "metrics.log_loss": 0.6931471805599453 * 26},
        '{"labels":[0,1],"scores":[-0.0,0]}',
    ),
    written("S140 a label -0.0 is 0", {"classes": [0, 1], "samples": 3}, '{"labels":[0,-0.0,1],"scores":[0,0,1]}'),
    written("S141 the smallest number", {"metrics.roc_auc": 1.0}, '{"labels":[1,0,0],"scores":[5e-324,0,0]}'),
    written(
        "S141 near-equal scores", {"metrics.roc_auc": 0.75}, '{"labels":[0,0,1,1],"scores":[1e-8,4e-8,3.5e-8,8e-8]}'
    ),
    written("S142 100,000 digits", {"metrics.roc_auc": 0.5}, f'{{"labels":[0,1],"scores":[{TIE},0.5]}}'),
    written(
        "S37 a score on the threshold",
        {"confusion_matrix.tp": 1},
        '{"labels":[0,1],"scores":[0.1,0.30000000000000004],"threshold":0.30000000000000004}',
    ),
    syntax("S144 2^63 as a label", f'{{"labels":[0,{2**63}],"scores":[0,1]}}', 422, "number-range"),
    *(
        syntax(f"S144 {number[:24]} as a label", f'{{"labels":[0,{number}],"scores":[0,1]}}', (400, 422), LARGE)
        for number in (
            str(2**64),
            str(-(2**63) - 1),
            str(-(2**64)),
            "1e19",
            "1e300",
            str(10**30),
            "9223372036854775808.0",
            "9" * 5000,
        )
    ),
    *(
        Case(
            f"S144 {number} in a regression",
            (200, 400, 422),
            LARGE,
            b'{"labels":[0,1],"predictions":[0,%d]}' % number,
            target=REGRESSION,
        )
        for number in (10**20, 2**64, -(10**20))
    ),
    syntax("S144 2^63 as pos_label", '{"labels":[0,1],"scores":[0,1],"pos_label":9223372036854775808}', 422, ()),
    syntax(
        "S146 5,000 digits as an option",
        '{"labels":[0,1],"scores":[0,1],"curve_points":%s}' % ("9" * 5000),
        (400, 422),
        LARGE,
    ),
    syntax("S146 5,000 digits as a score", '{"labels":[0,1],"scores":[0,%s]}' % ("9" * 5000), (400, 422), LARGE),
    syntax(
        "S146 5,000 digits in an unknown field",
        '{"labels":[0,1],"scores":[0,1],"x":%s}' % ("9" * 5000),
        (400, 422),
        LARGE,
    ),
    written(
        "S144 the ends of int64",
        {"classes": [-(2**63), 2**63 - 1]},
        '{"labels":[-9223372036854775808,9223372036854775807],"pos_label":9223372036854775807,"scores":[0,1]}',
    ),
    fair(
        "S144 neighbours beyond 2^53",
        {"classes": [BIG - 1, BIG], "confusion_matrix.tp": 1, "confusion_matrix.tn": 1},
        labels=[BIG - 1, BIG],
        predictions=[BIG - 1, BIG],
        pos_label=BIG,
    ),
    Case(
        "S144 a neighbour beyond 2^53 beside 1.0",
        (200, 422),
        gives={"classes": [1, BIG]},
        body=json.dumps({"labels": [1.0, BIG], "scores": [0, 1], "pos_label": BIG}).encode(),
    ),
    Case(
        "S144 a label beyond 2^53 is not its neighbour",
        422,
        body=json.dumps({"labels": [1.0, BIG], "scores": [0, 1], "pos_label": BIG - 1}).encode(),
    ),
    Case(
        "S144 a pos_label beyond 2^53 with a decimal point",
        (200, 422),
        gives={"pos_label": BIG},
        body=json.dumps({"labels": [1, BIG - 1], "scores": [0, 1]}).encode()[:-1] + b', "pos_label": %d.0}' % BIG,
    ),
    fair(
        "S 1.0 is the integer 1",
        {"classes": [0, 1], "pos_label": 1, "metrics.accuracy": 1.0},
        labels=[0.0, 1.0, 1],
        predictions=[0, 1, 1.0],
        pos_label=1.0,
    ),
]

EMPTY_ROWS = [[], [], [], []]
SCHEMAS = [
    binary("C155 no labels", 422, SCHEMA, "#/labels", labels=None),
    regression("C155 no labels", 422, SCHEMA, "#/labels", labels=None),
    binary("C156 no scores", 422, SCHEMA, scores=None),
    regression("C156 no predictions", 422, SCHEMA, predictions=None),
    binary("C157 lables", 422, SCHEMA, "#/lables", lables=[1]),
    binary("C157 lables, and no labels", 422, SCHEMA, "#/lables", "#/labels", lables=[1], labels=None),
    binary("C157 a field of ranking", 422, SCHEMA, "#/k", k=[1]),
    regression("C157 a field of binary", 422, SCHEMA, "#/threshold", threshold=0.5),
    regression("C157 another field of binary", 422, SCHEMA, "#/pos_label", pos_label=1),
    regression("C157 scores", 422, SCHEMA, "#/scores", scores=[1, 2, 3]),
    binary("C157 a key with / and ~", 422, SCHEMA, "#/a~1b~0c", **{"a/b~c": 1}),
    *(
        Case(f"C158 null for {name}", 422, SCHEMA, json.dumps(GOOD | {name: None}).encode(), pointers=(f"#/{name}",))
        for name in (
            "labels",
            "scores",
            "predictions",
            "sample_weight",
            "pos_label",
            "threshold",
            "metrics",
            "curves",
            "curve_points",
            "intervals",
            "confidence_level",
            "interval_method",
            "resamples",
            "seed",
            "weights_are",
            "metadata",
        )
    ),
    *(
        binary(f"C159,160 {name} is {value!r:.20}", 422, SCHEMA, f"#/{name}", **{name: value})
        for name in ("labels", "scores", "predictions", "sample_weight")
        for value in (f"[1,{CANARY}]", {"0": CANARY}, 1, True)
    ),
    *(
        regression(f"C159,160 {name} is {value!r:.20}", 422, SCHEMA, f"#/{name}", **{name: value})
        for name in ("labels", "predictions")
        for value in (f"[1,{CANARY}]", {"0": CANARY}, 1, True)
    ),
    *(
        binary(f"C161 {name} nested too deep", 422, (), **{name: [[[0, 1]], [[1, 0]], [[0, 1]], [[1, 0]]]})
        for name in ("labels", "scores", "predictions")
    ),
    binary("C161 nested weights", 422, (), sample_weight=[[1], [1], [1], [1]]),
    regression("C161 nested too deep", 422, (), predictions=[[[1]], [[2]], [[3]]]),
    binary("C162 ragged rows", 422, (), scores=[[0.1, 0.9], [0.1, 0.9], [1.0], [0.1, 0.9]]),
    binary("C162 rows among numbers", 422, (), scores=[[0.1, 0.9], 0.5, 0.5, [0.1, 0.9]]),
    binary("C162 numbers among rows", 422, (), scores=[0.5, [0.1, 0.9], 0.5, 0.5]),
    *(
        binary(
            f"C162 an object among the rows of {name}",
            422,
            (),
            f"#/{name}/1",
            **{name: [[0, 1], {"a": 0, "b": 1}, [1, 0], [1, 0]]},
        )
        for name in ("labels", "scores")
    ),
    *(
        binary(
            f"C162 a string among the rows of {name}", 422, (), f"#/{name}/1", **{name: [[0, 1], "ab", [1, 0], [1, 0]]}
        )
        for name in ("labels", "scores")
    ),
    *(
        binary(f"C162 {name} whose counts add up {rows}", 422, (), **{name: rows})
        for name in ("labels", "scores", "sample_weight")
        for rows in (
            [[0, 1], [0, 1, 0], [1], [1, 0]],
            [[0, [1]], [1, 0], [1, 0], [1, 0]],
            [[[0], [1]], [[1], [0]], [[1], [0]], [[1], [0]]],
            [1, [0, 1], 0],
            [0, 1, [1], 1],
            [0, 1, {"a": 0}, 1],
            [0, {}, 1, 1, 0],
            [0, [], 1, 1, 0],
            [[], 0, 1, 1, 0],
            [{"a": 1, "b": 0}] * 4,
        )
    ),
    binary(
        "C162 brackets in a string hide no nesting", 422, (), scores=[0.1, [0.2], 0.3, 0.4], metadata={"a]": "[[]{"}
    ),
    binary("C brackets in strings are no nesting", 200, metadata={"a]": "[[]{", "[": "[{}"}),
    binary("C brackets in labels are no nesting", 200, labels=["[[", "{", "{", "[["], pos_label="{"),
    binary(
        "C labels that look like JSON", 200, labels=["[1]", "{}", "{}", "[1]"], pos_label="{}", scores=[[0.5, 0.5]] * 4
    ),
    binary("C162 a regression of integers among fractions", 422, (), labels=[0, 1.0, [], 1]),
    binary("C162 ragged labels", 422, (), labels=[[0, 1], [1], [1, 0], [1, 0]]),
    regression("C162 ragged rows", 422, (), labels=[[1, 2], [3], [4, 5]], predictions=[[1, 2], [3], [4, 5]]),
    regression(
        "C162 columns that differ", 422, "length-mismatch", labels=[[1, 2], [3, 4], [5, 6]], predictions=[[1], [2], [3]]
    ),
    binary("C163 empty rows", 422, (), scores=EMPTY_ROWS),
    binary("C163 empty rows of labels", 422, (), labels=EMPTY_ROWS),
    binary("C163 an empty row", 422, (), scores=[[0.1, 0.9], [], [0.1, 0.9], [0.1, 0.9]]),
    regression("C163 empty rows", 422, (), labels=EMPTY_ROWS[:3], predictions=EMPTY_ROWS[:3]),
    *(
        binary(f"C164-166 score {value!r}", 422, (), "#/scores/2", scores=[0.1, 0.2, value, 0.3])
        for value in ("0.5", " 1_000 ", "\uff11", CANARY, "", True, False, {"a": CANARY}, None)
    ),
    *(
        binary(f"C164-166 weight {value!r}", 422, (), "#/sample_weight/3", sample_weight=[1, 1, 1, value])
        for value in ("0.5", " 1_000 ", CANARY, True, {}, None)
    ),
    *(
        regression(f"C164-166 {name} {value!r}", 422, (), f"#/{name}/0", **{name: [value, 2.0, 3.0]})
        for name in ("labels", "predictions")
        for value in ("0.5", " 1_000 ", CANARY, True, {}, None)
    ),
    binary(
        "C errors in several fields at once",
        422,
        (),
        "#/labels/0",
        "#/scores/1",
        "#/threshold",
        labels=[{}, 1, 1, 0],
        scores=[0.1, CANARY, 0.2, 0.3],
        threshold=CANARY,
    ),
    *(
        binary(f"C167,168 curve_points {value!r}", 422, SCHEMA, "#/curve_points", curve_points=value)
        for value in (1.5, True, "100", CANARY, [100], -1, 0)
    ),
    *(
        binary(f"resamples {value!r}", 422, SCHEMA, "#/resamples", interval_method="bootstrap", resamples=value)
        for value in (1.5, True, "200", CANARY, [200], -1, 0, 199)
    ),
    binary("resamples 10001", 422, "limit-exceeded", "#/resamples", interval_method="bootstrap", resamples=10001),
    *(
        binary(f"seed {value!r}", 422, SCHEMA, "#/seed", seed=value)
        for value in (1.5, True, "1", CANARY, -1, 2**53 + 1)
    ),
    *(
        binary(f"confidence_level {value!r}", 422, SCHEMA, "#/confidence_level", confidence_level=value)
        for value in (0, 1, 1.0, -0.5, 95, "0.95", True, CANARY, [0.95])
    ),
    *(
        binary(f"{name} {value!r}", 422, SCHEMA, f"#/{name}", **{name: value})
        for name in ("max_fpr", "target_precision", "target_recall")
        for value in (0, 1, 1.0, -0.1, 1.5, "0.9", True, CANARY, [0.9], {})
    ),
    *(
        binary(f"costs {value!r}", 422, SCHEMA, "#/costs", costs=value)
        for value in (1, True, CANARY, [1, 5], [], {"false_positive": 0, "false_negative": 0.0})
    ),
    *(
        binary(
            f"costs of a false negative of {value!r}",
            422,
            SCHEMA,
            "#/costs/false_negative",
            costs={"false_positive": 1, "false_negative": value},
        )
        for value in (-1, -5e-324, "5", True, CANARY, [5], {}, None)
    ),
    binary(
        "costs beyond 64-bit floats",
        (400, 422),
        costs={"false_positive": 1, "false_negative": 10**400},
    ),
    binary(
        "costs that are missing",
        422,
        (),
        "#/costs/false_positive",
        "#/costs/false_negative",
        costs={},
    ),
    binary("one cost is missing", 422, (), "#/costs/false_negative", costs={"false_positive": 1}),
    binary(
        "an unknown cost",
        422,
        SCHEMA,
        "#/costs/true_positive",
        costs={"false_positive": 1, "false_negative": 1, "true_positive": -1},
    ),
    *(
        Case(
            f"{name} of a regression",
            422,
            (),
            body_of(NUMBERS, {name: value}),
            pointers=(f"#/{name}",),
            target=REGRESSION,
        )
        for name, value in {
            "costs": {"false_positive": 1, "false_negative": 1},
            "max_fpr": 0.1,
            "target_precision": 0.9,
            "target_recall": 0.9,
        }.items()
    ),
    binary("a partial area without its end", 422, SCHEMA, "#/metrics/0", metrics=["partial_roc_auc"]),
    binary(
        "a partial area that is required without its end",
        422,
        SCHEMA,
        "#/requirements/0/metric",
        requirements=[{"metric": "partial_roc_auc", "min": 0.5}],
    ),
    fair(
        "a partial area that is required",
        {"metrics": {"partial_roc_auc": 1.0}, "max_fpr": 0.25, "verdict.outcome": "pass"},
        labels=[0, 1, 1, 0],
        scores=[0.1, 0.8, 0.4, 0.3],
        max_fpr=0.25,
        metrics=["partial_roc_auc"],
        requirements=[{"metric": "partial_roc_auc", "min": 0.9}],
    ),
    fair(
        "one of the costs is 0",
        {"operating_points.min_cost.threshold": 0.4, "operating_points.min_cost.cost": 0.0},
        labels=[0, 1, 1, 0],
        scores=[0.1, 0.8, 0.4, 0.3],
        costs={"false_positive": 0.0, "false_negative": 2},
    ),
    fair(
        "a precision that no threshold reaches",
        {"operating_points.recall_at_precision": None},
        labels=[0, 1],
        scores=[0.8, 0.2],
        target_precision=0.6,
    ),
    *(
        binary(f"{name} {value!r}", 422, SCHEMA, f"#/{name}", **{name: value})
        for name in ("interval_method", "weights_are")
        for value in (CANARY, 1, True, ["bootstrap"], {}, "Counts", "")
    ),
    *(
        binary(f"intervals {value!r}", 422, SCHEMA, "#/intervals", intervals=value)
        for value in (1, 0, "true", CANARY, [])
    ),
    binary(
        "counts that are not whole",
        422,
        "bad-weight",
        "#/sample_weight/1",
        "#/sample_weight/3",
        sample_weight=[1, 0.5, 2, 1.25],
        weights_are="counts",
    ),
    binary(
        "counts beyond 2^53 in all",
        422,
        "bad-weight",
        "#/sample_weight",
        sample_weight=[2**53, 1, 2, 1],
        weights_are="counts",
    ),
    binary("counts without weights", 200, weights_are="counts"),
    binary("counts of 0", 200, sample_weight=[3, 0, 2, 1], weights_are="counts"),
    binary("a level next to 1", 200, confidence_level=1 - 2**-53),
    binary("a level next to 0", 200, confidence_level=5e-324),
    binary("a bootstrap", 200, interval_method="bootstrap", resamples=200, seed=7),
    binary("a seed without a bootstrap", 200, seed=7, resamples=300),
    binary("no intervals", 200, intervals=False, confidence_level=0.9),
    binary("C167 curve_points 100.0", 200, curves=True, curve_points=100.0),
    *(
        binary(f"C168,174 threshold {value!r}", 422, SCHEMA, "#/threshold", threshold=value)
        for value in (True, "0.5", CANARY, [0.5], {})
    ),
    *(
        binary(f"C168 curves {value!r}", 422, SCHEMA, "#/curves", curves=value)
        for value in (1, 0, "true", CANARY, "yes", [])
    ),
    Case(
        "C NUL in a key of metadata",
        (200, 422),
        body=FINE[:-1] + b', "metadata": {"a\\u0000b": "1", "a": "2"}}',
        gives={"metadata.a": "2"},
    ),
    fair("C 100 keys of metadata", {"metadata.x7": "7"}, **GOOD, metadata={f"x{key}": str(key) for key in range(100)}),
    binary(
        "P195 pairs whose positive class sorts first",
        422,
        "bad-scores",
        "#/scores",
        labels=["ham", "spam"],
        scores=[[0.9, 0.1], [0.2, 0.8]],
        pos_label="ham",
    ),
    fair(
        "P195 pairs whose positive class sorts last",
        {"metrics.accuracy": 1.0},
        labels=["ham", "spam"],
        scores=[[0.9, 0.1], [0.2, 0.8]],
        pos_label="spam",
    ),
    binary(
        "C 101 keys of metadata", 422, "limit-exceeded", "#/metadata", metadata={f"x{key}": "" for key in range(101)}
    ),
    binary("C 20,000 keys of metadata", 422, "limit-exceeded", metadata={f"x{key}": "" for key in range(20_000)}),
    binary("C169 unknown metric", 422, SCHEMA, "#/metrics/1", metrics=["recall", CANARY]),
    binary("C169 a metric of another task", 422, SCHEMA, "#/metrics/0", metrics=["r2"]),
    regression("C169 a metric of another task", 422, SCHEMA, "#/metrics/0", metrics=["recall"]),
    binary("C170 a metric twice", 422, SCHEMA, metrics=["recall", "recall"]),
    binary("C171 no metrics", 422, SCHEMA, "#/metrics", metrics=[]),
    *(
        binary(f"C metrics {value!r}", 422, SCHEMA, metrics=value)
        for value in ("recall", {"recall": 1}, [1], [["recall"]], [None], [{}])
    ),
    *(
        binary(f"C metadata {value!r}", 422, SCHEMA, metadata=value)
        for value in ([], CANARY, 1, {"a": 1}, {"a": None}, {"a": {"b": CANARY}}, {"a": [CANARY]}, {"a": True})
    ),
    fair(
        "C172 roc_auc without scores",
        {"metrics": {"roc_auc": None}, "undefined.roc_auc.reason": "no_scores"},
        labels=[0, 1],
        predictions=[0, 1],
        metrics=["roc_auc"],
    ),
    binary("C175 pos_label of another type", 422, (), "#/pos_label", pos_label=CANARY),
    binary("C175 pos_label not in the labels", 422, (), pos_label=7),
    binary("C175 pos_label a list", 422, (), "#/pos_label", pos_label=[1]),
    binary("C175 pos_label an object", 422, (), "#/pos_label", pos_label={"a": CANARY}),
    binary("C175 pos_label 0.5", 422, (), "#/pos_label", pos_label=0.5),
    binary("C175 pos_label true among integers", 422, (), "#/pos_label", pos_label=True),
]

LENGTHS = [
    Case("L178 labels and scores", 422, "length-mismatch", body_of(GOOD, {"scores": [0.5] * 17}), told=("4", "17")),
    Case("L178 scores empty", 422, (), body_of(GOOD, {"scores": []})),
    Case("L178 labels empty", 422, (), body_of(GOOD, {"labels": []})),
    Case(
        "L178 labels and predictions",
        422,
        "length-mismatch",
        body_of(GOOD, {"predictions": [1] * 13}),
        told=("4", "13"),
    ),
    Case(
        "L178 of a regression",
        422,
        "length-mismatch",
        body_of(NUMBERS, {"predictions": [0.5] * 17}),
        target=REGRESSION,
        told=("3", "17"),
    ),
    Case("L179 weights", 422, "length-mismatch", body_of(GOOD, {"sample_weight": [1] * 19}), told=("4", "19")),
    Case(
        "L179 weights of a regression",
        422,
        "length-mismatch",
        body_of(NUMBERS, {"sample_weight": [1] * 19}),
        target=REGRESSION,
        told=("3", "19"),
    ),
    binary("L181 one column of scores", 422, (), scores=[[1.0]] * 4),
    binary("L181 three columns of scores", 422, (), scores=[[0.2, 0.3, 0.5]] * 4),
    binary("L181 three columns of labels", 422, (), labels=[[0, 0, 1]] * 4),
    binary("L182 no rows", 422, "empty-input", labels=[], scores=[]),
    regression("L182 no rows", 422, "empty-input", labels=[], predictions=[]),
    fair(
        "L183 one row",
        {"samples": 1, "metrics.accuracy": 1.0, "metrics.roc_auc": None, "undefined.roc_auc.reason": "single_class"},
        labels=[1],
        scores=[0.7],
    ),
    fair(
        "L183 one row of a regression",
        {"samples": 1, "metrics.mean_absolute_error": 0.5, "metrics.r2": None, "undefined.r2.reason": "single_row"},
        REGRESSION,
        labels=[1],
        predictions=[1.5],
    ),
]

LABELS = [
    binary("Y184 1 and '1'", 422, "mixed-labels", labels=[1, "1", 0, 0]),
    binary("Y184 1 and true", 422, "mixed-labels", labels=[1, True, 0, 0]),
    binary("Y184 false and ''", 422, "mixed-labels", labels=[False, "", True, True]),
    binary("Y184 labels 1, predictions '1'", 422, (), predictions=["0", "1", "1", "0"], scores=None),
    binary("Y184 labels 1, predictions true", 422, (), predictions=[False, True, True, False], scores=None),
    *(
        binary(f"Y187 {value!r} as a label", 422, (), "#/labels/1", labels=[0, value, 1, 1])
        for value in (None, 0.5, {"a": CANARY}, 1e-9)
    ),
    *(
        binary(f"Y187 {value!r} as a prediction", 422, (), "#/predictions/3", predictions=[0, 1, 1, value])
        for value in (None, 0.5, {"a": CANARY})
    ),
    fair(
        "Y188 'NaN' and '' are strings",
        {"classes": ["", "NaN"], "pos_label": "NaN"},
        labels=["NaN", ""],
        pos_label="NaN",
        scores=[0.9, 0.1],
    ),
    *(
        fair(
            f"Y190 one class, {label}",
            {
                "prevalence": float(label),
                "metrics.roc_auc": None,
                "undefined.roc_auc.reason": "single_class",
                "metrics.cohen_kappa": 0.0,
                "metrics.matthews_corrcoef": None,
            },
            labels=[label] * 3,
            scores=[0.2, 0.4, 0.9],
        )
        for label in (0, 1)
    ),
    *(
        fair(
            f"Y190 one class, {label}, nothing else predicted",
            {
                "metrics.accuracy": 1.0,
                "metrics.cohen_kappa": None,
                "undefined.cohen_kappa.reason": "single_class",
                "metrics.matthews_corrcoef": None,
            },
            labels=[label] * 3,
            predictions=[label] * 3,
        )
        for label in (0, 1)
    ),
    binary("Y three classes", 422, (), labels=[0, 1, 2, 0]),
    binary("Y three classes of strings", 422, (), labels=["a", "b", CANARY, "a"], pos_label="a"),
    binary("Y191 a third class predicted", 422, (), predictions=[0, 1, 2, 0]),
    binary("Y no pos_label for strings", 422, (), "#/pos_label", labels=["no", CANARY, "no", "no"]),
    binary("Y no pos_label for 1 and 2", 422, (), "#/pos_label", labels=[1, 2, 2, 1]),
    fair(
        "Y194 one-hot labels",
        {
            "samples": 2,
            "classes": [0, 1],
            "pos_label": 1,
            "metrics.accuracy": 0.5,
            "findings.one_hot_binary.evidence.columns": ["labels"],
        },
        labels=[[1, 0], [0, 1]],
        scores=[0.1, 0.2],
    ),
    fair(
        "Y195 two columns of scores",
        {
            "metrics.roc_auc": 1.0,
            "metrics.accuracy": 1.0,
            "findings.one_hot_binary.evidence.columns": ["scores"],
        },
        labels=[0, 1],
        scores=[[0.9, 0.1], [0.2, 0.8]],
    ),
    fair(
        "Y194,195 both",
        {"metrics.accuracy": 1.0, "confusion_matrix": {"tp": 1, "fp": 0, "fn": 0, "tn": 1}},
        labels=[[1, 0], [0, 1]],
        scores=[[0.9, 0.1], [0.2, 0.8]],
    ),
    *(
        binary(f"Y196 the row {row}", 422, (), "#/labels/2", labels=[[0, 1], [1, 0], row, [1, 0]])
        for row in ([0, 2], [1, 1], [0, 0], [-1, 2], [0.5, 0.5])
    ),
    fair("Y197 -1 and 1", {"classes": [-1, 1], "pos_label": 1}, labels=[-1, 1], scores=[0.1, 0.9]),
    fair("Y197 false and true", {"classes": [False, True], "pos_label": True}, labels=[False, True], scores=[0.1, 0.9]),
    fair(
        "Y198 white space counts",
        {"classes": ["Yes", "yes "], "metrics.accuracy": 1.0},
        labels=["Yes", "yes "],
        pos_label="yes ",
        scores=[0.1, 0.9],
    ),
]

SCORES = [
    fair(
        "P201 1.2 among the scores",
        {
            "metrics.roc_auc": 1.0,
            "metrics.log_loss": None,
            "undefined.log_loss.reason": "scores_not_probabilities",
            "metrics.brier_score": None,
            "metrics.accuracy": 1.0,
            "findings.logits.evidence.high": 1.2,
        },
        labels=[0, 1, 1],
        scores=[0.1, 0.9, 1.2],
    ),
    fair(
        "P201 -0.1 among the scores",
        {
            "metrics.roc_auc": 1.0,
            "metrics.brier_score": None,
            "undefined.brier_score.reason": "scores_not_probabilities",
        },
        labels=[0, 1, 1],
        scores=[-0.1, 0.9, 1],
    ),
    fair(
        "P202 logits",
        {
            "metrics.roc_auc": 13 / 14,
            "metrics.expected_calibration_error": None,
            "findings.logits.severity": "warning",
        },
        labels=[0, *[1] * 14],
        scores=[97.6 + step for step in (1.5, 1.0, *range(2, 15))],
    ),
    *(
        binary(f"P203 the row {row}", 422, (), "#/scores/1", scores=[[0.5, 0.5], row, [0.1, 0.9], [0.2, 0.8]])
        for row in ([0.5, 0.4], [0.6, 0.6], [1.2, -0.2], [0, 0], [0.5, 0.50001])
    ),
    fair("P203 a row within the tolerance", {"samples": 2}, labels=[0, 1], scores=[[0.5, 0.5000001], [0.3, 0.7]]),
    fair(
        "P204 equal scores",
        {"metrics.roc_auc": 0.5, "metrics.average_precision": 0.25},
        labels=[0, 1, 0, 0],
        scores=[0.3] * 4,
    ),
    fair(
        "P206 1e200",
        {
            "metrics.root_mean_squared_error": 1e200,
            "metrics.mean_squared_error": None,
            "undefined.mean_squared_error.reason": "overflow",
        },
        REGRESSION,
        labels=[0, 0],
        predictions=[1e200, -1e200],
    ),
    fair(
        "P206 the largest numbers",
        {"metrics.mean_absolute_error": None, "undefined.mean_absolute_error.reason": "overflow"},
        REGRESSION,
        labels=[-1.7976931348623157e308] * 2,
        predictions=[1.7976931348623157e308] * 2,
    ),
]

WEIGHTS = [
    binary("W207 a negative weight", 422, "bad-weight", "#/sample_weight/1", sample_weight=[1, -1, 1, 1]),
    binary("W208 weights that cancel", 422, "bad-weight", sample_weight=[1, -1, 1, -1]),
    regression("W207 a negative weight", 422, "bad-weight", "#/sample_weight/2", sample_weight=[1, 1, -0.5]),
    binary("W209 all weights 0", 422, "bad-weight", sample_weight=[0, 0.0, 0, 0]),
    regression("W209 all weights 0", 422, "bad-weight", sample_weight=[0, 0, -0.0]),
    binary("W a weight of 1e100", 200, (), sample_weight=[1, 1e100, 1e-100, 1]),
    binary("W a weight beyond 1e100", 422, "bad-weight", "#/sample_weight/1", sample_weight=[1, 1.1e100, 1, 1]),
    binary("W a weight below 1e-100", 422, "bad-weight", "#/sample_weight/2", sample_weight=[1, 1, 0.9e-100, 1]),
    binary("W211 weights beyond the largest number", (200, 422), (), sample_weight=[1e308] * 4),
    fair(
        "W a row of weight 0 is no row",
        {"samples": 2, "classes": [0, 1], "metrics.roc_auc": 1.0},
        labels=[0, 1, 0],
        scores=[0.1, 0.9, 0.95],
        sample_weight=[1, 1, 0],
    ),
]

CASES = [*METHODS, *MEDIA_TYPES, *ENCODINGS, *SYNTAX, *SEMANTICS, *SCHEMAS, *LENGTHS, *LABELS, *SCORES, *WEIGHTS]
