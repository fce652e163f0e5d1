"""What people set for themselves at the workbench."""

from __future__ import annotations

import pytest
from django.test import Client

from annotator.people.preferences import preferences_of
from tests.annotator.world import client_of

URL = "/api/me/preferences/"
USUAL = {
    "accept_on_leave": True,
    "far_click_accepts": False,
    "quick_mode": False,
    "filmstrip": True,
    "refine_automatically": False,
    "keys": {},
    "category_keys": {},
    "last_categories": {},
}


def test_they_are_as_usual_until_they_are_set_and_everybody_has_their_own(alice, bob):
    assert client_of(alice).get(URL).json() == USUAL
    wanted = {
        **USUAL,
        "quick_mode": True,
        "keys": {"accept": ["g"], "undo": []},
        "category_keys": {"17": "alt+q"},
        "last_categories": {"3": 17},
    }
    assert client_of(alice).put(URL, wanted, format="json").json() == wanted
    assert client_of(alice).get(URL).json() == wanted
    assert client_of(bob).get(URL).json() == USUAL


def test_the_workbench_brings_them_along(alice, image):
    alice.preferences = {"quick_mode": True}
    alice.save()
    client = Client()
    client.force_login(alice)
    page = client.get(f"/images/{image.pk}/annotate/").context["page_data"]
    assert page["preferences"] == {**USUAL, "quick_mode": True}


@pytest.mark.parametrize(
    "body",
    [
        {"quick_mode": "perhaps"},
        {"keys": {"accept": "g"}},
        {"keys": {"accept": ["g" * 41]}},
        {"keys": {"accept": list("abcde")}},
        {"keys": {f"command-{k}": [] for k in range(201)}},
        {"keys": {"a" * 41: []}},
        {"keys": []},
        {"category_keys": {"cup": "q"}},
        {"last_categories": {"3": 0}},
        {"last_categories": {"three": 1}},
        {"category_keys": {"17": "q" * 41}},
        {"category_keys": {str(k): "q" for k in range(1001)}},
        ["quick_mode"],
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_changed(alice, body):
    assert client_of(alice).put(URL, body, format="json").status_code == 400
    alice.refresh_from_db()
    assert alice.preferences == {}


@pytest.mark.parametrize("stored", [{"keys": 7}, {"quick_mode": None}, [], "text", {"unknown": 1}])
def test_what_lies_there_and_no_longer_fits_is_as_if_it_were_not(alice, stored):
    alice.preferences = stored
    assert preferences_of(alice) == USUAL


def test_of_two_tabs_each_changes_what_it_was_told_to(alice):
    client = client_of(alice)
    client.patch(URL, {"keys": {"accept": ["g"]}, "last_categories": {"3": 17}}, format="json")
    answer = client.patch(URL, {"last_categories": {"4": 20}}, format="json")
    assert answer.json() == {**USUAL, "keys": {"accept": ["g"]}, "last_categories": {"3": 17, "4": 20}}
    assert client.patch(URL, {"quick_mode": "perhaps"}, format="json").status_code == 400
    assert client.patch(URL, ["quick_mode"], format="json").status_code == 400
    assert client.get(URL).json() == answer.json()
