"""Rows put aside on the disk."""

from __future__ import annotations

import sqlite3

import pytest

from exporters.errors import UnreadableFile
from exporters.reading import ReadReport, Refusal
from exporters.row_store import RowStore


def store_of(*rows: tuple[int, int, int]) -> RowStore:
    store = RowStore("annotations", ReadReport())
    for index, row_id, owner in rows:
        store.add(index, row_id, owner, {"id": row_id})
    store.complete()
    return store


def test_rows_come_back_by_owner_and_in_the_order_of_the_document():
    store = store_of((0, 9, 1), (1, 4, 2), (2, 5, 1))
    assert [row.id for row in store] == [9, 4, 5]
    assert [(row.place, row.id, row.values) for row in store.of(1)] == [
        ("annotations[0] (id 9)", 9, {"id": 9}),
        ("annotations[2] (id 5)", 5, {"id": 5}),
    ]
    assert (len(store), sorted(store.owners()), store.has(4), store.has(3)) == (3, [1, 2], True, False)
    assert list(store.places_of(2)) == ["annotations[1] (id 4)"]
    store.drop(1)
    assert [row.id for row in store] == [4]


def test_an_id_is_kept_once_and_the_others_are_told():
    report = ReadReport()
    store = RowStore("images", report)
    for index in range(2500):
        store.add(index, index // 2 if index > 2400 else index + 5000, 1, {"index": index})
    store.complete()
    assert len(store) == 2451
    assert [row.values["index"] for row in store][-3:] == [2494, 2496, 2498]
    assert [refusal.place for refusal in report.refusals][:2] == [
        "images[2403] (id 1201)",
        "images[2405] (id 1202)",
    ]
    assert report.refusals[-1] == Refusal("images[2499] (id 1249)", "id_twice", "id 1249 comes twice")
    assert len(report.refusals) == 49


def test_it_can_be_gone_through_in_itself():
    store = store_of((0, 1, 1), (1, 2, 1))
    assert [(a.id, b.id) for a in store for b in store.of(1)] == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_half_a_character_survives():
    store = RowStore("images", ReadReport())
    store.add(0, 1, 1, {"name": "\ud83d", "count": 10**30})
    store.complete()
    assert [row.values for row in store] == [{"name": "\ud83d", "count": 10**30}]


def test_a_full_disk_is_told():
    store = RowStore("images", ReadReport())
    store._database.execute("PRAGMA max_page_count = 10")
    with pytest.raises(UnreadableFile, match=r"no room for the file's rows: .*full"):
        for number in range(100):
            store.add(number, number, 1, {"text": "x" * 40_000})
    with pytest.raises(sqlite3.DatabaseError):
        store._database.execute("SELECT nothing")
