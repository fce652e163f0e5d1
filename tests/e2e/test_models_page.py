"""The page of models: installed by a click while the worker fetches, tested, chosen for a project, removed."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator

import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from segmentation.families.sam.network import VARIANTS
from tests.e2e.conftest import Site, sign_in_as
from tests.ports import free_port
from tests.publisher import Publisher, publishing
from tests.segmentation.original_sam import build_original

ROW = """
[[member]]
name = "{name}"
family = "sam"
variant = "vit_b"
title = "{title}"
licence = "{licence}"
good_for = "Nothing but this test."
speed = "fast"
gpu_speed = "fast"
input_side = 1024
prompt_hint = "A click."
file_name = "small.pth"
addresses = ["https://models.invalid/small.pth"]
size = {size}
sha256 = "{sha256}"
"""


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    stream = io.BytesIO()
    torch.save(build_original(VARIANTS["tiny"]).state_dict(), stream)
    with publishing(stream.getvalue()) as publisher:
        yield publisher


@pytest.fixture(scope="module")
def models_site(publisher, tmp_path_factory) -> Iterator[Site]:
    """A site of its own, whose catalogue has two models that the publisher has."""
    folder = tmp_path_factory.mktemp("models")
    facts = {"size": len(publisher.content), "sha256": hashlib.sha256(publisher.content).hexdigest()}
    rows = [
        ROW.format(name="small-one", title="Small one", licence="MIT", **facts),
        ROW.format(name="asking-one", title="Asking one", licence="Research only", **facts),
    ]
    (folder / "members.toml").write_text("".join(rows))
    running = Site(folder, free_port())
    running.more_env = {
        "DJANGO_SETTINGS_MODULE": "tests.e2e.small_catalogue.settings",
        "CATALOGUE": str(folder / "members.toml"),
        "WEIGHTS_MIRROR": publisher.url,
    }
    running.start()
    yield running
    running.stop()


@pytest.fixture
def page(browser: Browser, models_site: Site) -> Iterator[Page]:
    context = browser.new_context(base_url=models_site.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def test_an_admin_installs_a_model_by_a_click(page: Page, publisher: Publisher):
    sign_in_as(page, "admin")
    page.goto("/models/")
    card = page.locator("[data-model=small-one]")
    publisher.answers = [503] * 1000  # the publisher is away: the worker asks again and again
    card.get_by_role("button", name="Install").click()
    expect(card.get_by_role("status")).to_contain_text(
        "Connection lost (the server answers 503), trying again",
        timeout=60_000,  # the worker loads torch first
    )
    card.get_by_role("button", name="Cancel").click()
    expect(card).to_contain_text("Cancelled. What was fetched is kept")
    publisher.answers = []
    card.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-models] [data-model=small-one]")).to_contain_text(
        "Self-test passed", timeout=60_000
    )
    expect(page.locator("[data-catalogue] [data-model=small-one]")).to_have_count(0)
    card.get_by_role("button", name="Make default").click()
    expect(page.locator("#make-default")).to_contain_text("New projects get it.")
    page.locator("#make-default").get_by_role("button", name="Make default").click()
    expect(card.get_by_text("Default", exact=True)).to_be_visible()
    page.locator("[data-model=pocket]").get_by_role("button", name="Make default").click()
    page.locator("#make-default").get_by_role("button", name="Make default").click()
    expect(card.get_by_role("button", name="Make default")).to_be_visible()
    card.get_by_role("button", name="Use in a project").click()
    page.get_by_role("dialog").get_by_role("link").first.click()
    expect(page.get_by_label("Model")).to_have_value("small-one")
    page.goto("/models/")
    card.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator("[data-catalogue] [data-model=small-one]")).to_be_visible()


def test_a_licence_that_asks_is_accepted_before_anything_is_fetched(page: Page, publisher: Publisher):
    publisher.answers, publisher.asked = [], []
    sign_in_as(page, "admin")
    page.goto("/models/")
    card = page.locator("[data-model=asking-one]")
    card.get_by_role("button", name="Install").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Research only")
    dialog.get_by_role("button", name="Cancel").click()
    assert publisher.asked == []
    card.get_by_role("button", name="Install").click()
    dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Install").click()
    expect(page.locator("[data-models] [data-model=asking-one]")).to_contain_text(
        "Self-test passed", timeout=60_000
    )


def test_a_manager_sees_the_models_and_cannot_change_them(page: Page):
    sign_in_as(page, "manager")
    page.goto("/models/")
    expect(page.locator("[data-model=pocket]")).to_be_visible()
    expect(page.get_by_role("button", name="Install")).to_have_count(0)
    expect(page.get_by_role("button", name="Self-test")).to_have_count(0)
