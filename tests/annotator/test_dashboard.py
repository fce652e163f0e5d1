"""A project's dashboard."""

from __future__ import annotations

import re

from annotator.annotations import saving
from tests.annotator.world import annotation_body, browser_of, html


def test_the_dashboards_figures_are_medians_of_live_masks(alice, bob, project, image, category):
    for seconds, clicks in ((1.0, 1), (2.0, 60), (60.0, 2)):
        body = annotation_body(category, time_spent_s=seconds, clicks=clicks)
        saving.create(image, author=bob, **body)
    gone, _ = saving.create(image, author=bob, **annotation_body(category, time_spent_s=500.0, clicks=90))
    saving.delete(gone)
    page = html(browser_of(alice), f"/projects/{project.pk}/dashboard/")
    figures = [
        re.sub(r"<[^>]+>|\s+", " ", dd).split() for dd in re.findall(r"<dd[^>]*>(.*?)</dd>", page, re.DOTALL)
    ]
    assert figures[0] == ["0", "of", "1"]
    assert figures[1] == ["3"]
    assert figures[2] == ["2.0", "s"]
    assert figures[3] == ["2"]
    rows = [re.sub(r"<[^>]+>|\s+", " ", tr).split() for tr in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)]
    assert ["bob", "3", "1", "2.0"] in [row[:4] for row in rows]


def test_an_empty_dashboard_shows_no_made_up_numbers(alice, project):
    assert "No masks yet" in html(browser_of(alice), f"/projects/{project.pk}/dashboard/")
