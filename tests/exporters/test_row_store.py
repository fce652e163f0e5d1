"""Rows put aside on the disk."""

from __future__ import annotations

import json
import sqlite3

import pytest

from exporters.errors import UnreadableFile
from exporters.reading import ReadReport
from exporters.row_store import RowStore


def store_of(*rows: tuple[int, int, int]) -> RowStore:
    store = RowStore("annotations", ReadReport())
    for index, row_id, owner in rows:
        assert store.add(index, row_id, owner, json.dumps({"id": row_id}))
    store.complete()
    return store


def test_rows_come_back_by_owner_and_in_the_order_of_the_document():
    store = store_of((0, 9, 1), (1, 4, 2), (2, 5, 1))
    assert [row.id for row in store] == [9, 4, 5]
    assert list(store.of(1)) == [
        ("annotations[0] (id 9)", 9, {"id": 9}),
        ("annotations[2] (id 5)", 5, {"id": 5}),
    ]
    assert (len(store), sorted(store.owners()), store.has(4), store.has(3)) == (3, [1, 2], True, False)
    assert list(store.places_of(2)) == ["annotations[1] (id 4)"]
    store.drop(1)
    assert [row.id for row in store] == [4]


def test_an_id_is_kept_once():
    store = RowStore("images", ReadReport())
    assert store.add(0, 7, 7, '{"first": 1}')
    assert not store.add(1, 7, 7, '{"second": 1}')
    store.complete()
    assert [row.values for row in store] == [{"first": 1}]


def test_it_can_be_gone_through_in_itself():
    store = store_of((0, 1, 1), (1, 2, 1))
    assert [(a.id, b.id) for a in store for b in store.of(1)] == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_half_a_character_survives():
    store = RowStore("images", ReadReport())
    store.add(0, 1, 1, '{"name": "\ud83d"}')
    store.complete()
    assert [row.values for row in store] == [{"name": "\ud83d"}]


def test_a_full_disk_is_told():
    store = RowStore("images", ReadReport())
    store._database.execute("PRAGMA max_page_count = 10")
    with pytest.raises(UnreadableFile, match=r"no room for the file's rows: .*full"):
        for number in range(100):
            store.add(number, number, 1, "x" * 4000)
    with pytest.raises(sqlite3.DatabaseError):
        store._database.execute("SELECT nothing")
