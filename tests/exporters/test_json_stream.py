"""JSON read as a stream, compared with `json.loads`."""

from __future__ import annotations

import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters import json_stream
from exporters.errors import UnreadableFile
from exporters.json_stream import entries
from exporters.source import FileSource


def read(content: bytes, **more) -> dict:
    found: dict = {}
    for key, row, value in entries(FileSource(io.BytesIO(content), "a.json"), "a.json", **more):
        if row is None:
            found[key] = value
        else:
            assert row == len(found[key])
            found[key].append(value)
    return found


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(), VALUES),
    st.sampled_from([None, 1, "\t"]),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-le"]),
    st.integers(1, 9),
)
def test_it_reads_what_json_reads_wherever_a_block_ends(document, indent, ascii, encoding, block_bytes):
    content = json.dumps(document, indent=indent, ensure_ascii=ascii).encode(encoding, "surrogatepass")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_stream, "BLOCK_BYTES", max(block_bytes, 4))  # the encoding shows in four bytes
        assert read(content) == document


ROWS = st.lists(st.dictionaries(st.sampled_from(["id", '"', "b"]), VALUES | st.just([{"id": 1}, {"id": 2}])))


@given(ROWS, st.sampled_from([None, 1]), st.integers(40, 400))
def test_rows_of_a_list_are_those_that_json_reads_however_many_are_read_at_once(rows, indent, block_bytes):
    rows = [{"id": number} | row for number, row in enumerate(rows)]
    content = json.dumps({"rows": rows, "more": [{"id": 1}, {"id": 2}]}, indent=indent).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_stream, "BLOCK_BYTES", block_bytes)
        assert read(content) == json.loads(content)


@given(st.integers(12, 2000), st.sampled_from(list('{}[]",:1 x')))
def test_rows_with_damage_are_read_as_json_does_or_refused(at, damage):
    rows = [{"id": number, "of": [{"id": 1}, {"id": 2}], "n": "}, {"} for number in range(40)]
    text = json.dumps({"rows": rows, "more": [1]})
    content = (text[:at] + damage + text[at + 1 :]).encode()
    try:
        expected = json.loads(content)
    except ValueError as error:
        with pytest.raises(UnreadableFile, match=rf"line 1, column {getattr(error, 'colno', '')}"):
            read(content)
    else:
        assert read(content) == expected


@given(st.binary(max_size=40))
def test_any_bytes_are_read_as_json_does_or_refused(tail):
    content = b'{"a": [1, {"b": "\xc3\xa9"}], "c": ' + tail
    try:
        expected = json.loads(content)
    except (ValueError, RecursionError):
        with pytest.raises(UnreadableFile):
            read(content)
    else:
        assert read(content) == expected


def test_numbers_that_json_does_not_know_are_read_as_python_does():
    assert str(read(b'{"a": [NaN, -Infinity, 1e999]}')) == "{'a': [nan, -inf, inf]}"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "line 1, column 1: .* expecting '{', found 'its end'"),
        (b"  [1]", "line 1, column 3: the file holds no JSON object"),
        (b'{"a": [1,\n 2,\n }', r"line 3, column 2: the file is not JSON: Expecting value"),
        (b'{"a": 1,}', "line 1, column 9: .* expecting a name"),
        (b'{"a" 1}', "line 1, column 6: .* expecting ':'"),
        (b'{"a": [1 2]}', "line 1, column 10: .* expecting ','"),
        (b'{"a": 1} x', "line 1, column 10: .* expecting nothing more"),
        (b'{"a": "\nb"}', "line 1, column 8: .*control character"),
        (b'{"a": "b', "line 1, column 7: .*Unterminated"),
        (b'{"a": tru', "line 1, column 7: .*Expecting value"),
        (b'{"a": [{"b": \n', "Expecting value"),
        (b'{"a": "\xff"}', "byte 7 or one close to it is not utf-8"),
        (b'{"a": ' + b"[" * 100_000, "not JSON: .*recursion"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON: .*4300 digits"),
    ],
)
def test_damage_is_told_by_file_line_and_column(content, says):
    with pytest.raises(UnreadableFile, match=f"^a.json: .*{says}"):
        read(content)


def test_the_line_is_right_far_into_a_file():
    rows = [b'{"id": %d, "counts": "%s"}' % (number, b"x" * 100) for number in range(10_000)]
    rows[8000] = b'{"id": 8000, "counts": }'
    with pytest.raises(UnreadableFile, match="line 8002, column 24"):
        read(b'{"annotations": [\n' + b",\n".join(rows) + b"]}")


def test_a_value_and_a_document_have_a_bound(monkeypatch):
    monkeypatch.setattr(json_stream, "MAX_VALUE_CHARACTERS", 1000)
    monkeypatch.setattr(json_stream, "BLOCK_BYTES", 100)
    with pytest.raises(UnreadableFile, match="line 2, column 6: one value is longer"):
        read(b'{"a":\n     "' + b"x" * 5000 + b'"}')
    with pytest.raises(UnreadableFile, match="larger than"):
        read(b'{"a": 1' + b" " * 5000 + b"}", max_bytes=3000)


def test_memory_is_that_of_a_row_however_long_the_document(tmp_path):
    row = json.dumps({"id": 1, "counts": "x" * 300}).encode()
    path = tmp_path / "a.json"
    with path.open("wb") as stream:
        stream.write(b'{"annotations": [' + b",\n".join([row] * 60_000) + b" " * 5_000_000 + b"]}")
    with path.open("rb") as stream:
        tracemalloc.start()
        count = sum(row is not None for _, row, _ in entries(FileSource(stream, "a"), "a"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count == 60_000
    assert peak < 4_000_000  # the file has 25 MB


def test_a_list_is_gone_through_by_its_elements_and_another_value_is_the_one():
    def all_of(content: bytes) -> list:
        return list(json_stream.elements(FileSource(io.BytesIO(content), "a.json"), "a.json"))

    assert all_of(b' [{"a": 1},\n [2], "x"] ') == [{"a": 1}, [2], "x"]
    assert all_of(b"[]") == []
    assert all_of(b'{"a": [1]}') == [{"a": [1]}]
    for damaged in (b"", b"[", b"[1 2]", b"[1],", b'[{"a": }]', b"[" * 100_000):
        with pytest.raises(UnreadableFile, match=r"a\.json: line 1"):
            all_of(damaged)
