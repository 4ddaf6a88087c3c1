"""Settings written as JavaScript writes them, so that a client works out the same checksum."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokens.policies.canonical import NotCanonical, checksum, written

NODE = shutil.which("node")
SCRIPT = """
const sorted = v => Array.isArray(v) ? v.map(sorted)
  : v !== null && typeof v === "object"
    ? Object.keys(v).sort().reduce((o, k) => { o[k] = sorted(v[k]); return o; }, {})
    : v;
const lines = require("fs").readFileSync(0, "utf8").split("\\n").filter(Boolean);
for (const line of lines) console.log(JSON.stringify(JSON.stringify(sorted(JSON.parse(line)))));
"""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "{}"),
        ({"b": 1, "a": [True, None, "x"]}, '{"a":[true,null,"x"],"b":1}'),
        ({"n": 1.0}, '{"n":1}'),
        ({"n": -0.0}, '{"n":0}'),
        ({"n": [1e21, 1e20, 123456789012345678901234567890, 1e-6, 1e-7, 1.5e-7, 0.1, -2.5, 2**53 + 1]},
         '{"n":[1e+21,100000000000000000000,1.2345678901234568e+29,0.000001,1e-7,1.5e-7,0.1,-2.5,9007199254740992]}'),
        ({"ü": "é\u2028\u007f\x01\n\"\\/"}, '{"ü":"é\u2028\u007f\\u0001\\n\\"\\\\/"}'),
        ({"b": 1, "10": 1, "9": 1, "01": 1, "-1": 1, "4294967295": 1},
         '{"9":1,"10":1,"-1":1,"01":1,"4294967295":1,"b":1}'),
        ({"\uffff": 1, "\U0001f600": 1}, '{"\U0001f600":1,"\uffff":1}'),
    ],
)  # fmt: skip
def test_forms(value: Any, text: str) -> None:
    assert written(value) == text


@pytest.mark.parametrize(
    "value",
    [{"n": float("nan")}, {"n": float("inf")}, {"n": 10**400}, {"__proto__": {}}, {"s": "\ud800"}, {"\udfff": 1},
     {"x": {1}}],
)  # fmt: skip
def test_what_javascript_would_not_keep(value: Any) -> None:
    with pytest.raises(NotCanonical):
        written(value)


def test_the_checksum_is_that_of_the_text() -> None:
    empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert checksum(written({})) == empty


TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["0", "1", "10", "9", "01", "4294967294", "4294967295", "-1", "constructor", "a", "B"]
)
NUMBERS = st.integers(-(10**25), 10**25) | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS
NAMES = TEXTS.filter(lambda text: text != "__proto__")
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@settings(deadline=None, max_examples=5)
@given(st.lists(DOCUMENTS, min_size=60, max_size=120))
def test_node_writes_the_same(documents: list[Any]) -> None:
    lines = "\n".join(json.dumps(document) for document in documents)
    done = subprocess.run(
        [str(NODE), "-e", SCRIPT], input=lines, capture_output=True, text=True, check=True, timeout=60
    )
    told = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert told == [written(json.loads(json.dumps(document))) for document in documents]
