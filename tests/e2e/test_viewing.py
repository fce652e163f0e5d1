"""How people move about an image: zooms, wheel and trackpad, figures under the pointer, guides, touch and pen."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from segmentation import rle
from tests.e2e.conftest import Site, sign_in_as
from tests.e2e.test_seeing import PIXEL
from tests.e2e.workbench_driver import ON_THE_CUP, Bench, saved

SWIPE = """([dx, dy, ctrlKey]) => document.querySelector("[data-stage]").dispatchEvent(new WheelEvent("wheel",
    {deltaX: dx, deltaY: dy, ctrlKey, clientX: 500, clientY: 400, bubbles: true, cancelable: true}))"""
PROMPT_PIXELS = """(column) => {
    const canvas = document.querySelector("[data-sheet=prompt]");
    const {data} = canvas.getContext("2d").getImageData(column, 0, 1, canvas.height);
    let count = 0;
    for (let k = 3; k < data.length; k += 4) if (data[k]) count++;
    return count / canvas.height;
}"""


@pytest.fixture
def image(make_project) -> dict:
    return make_project("coffee.png").images[0]


def test_keys_and_the_menu_on_the_figure_zoom_to_100_to_200_to_the_object_and_back(bench: Bench, image):
    bench.open(image).click(ON_THE_CUP)
    bench.save()
    fitted = bench.view["scale"]
    bench.press("z")
    assert bench.view["scale"] == pytest.approx(1)
    bench.press("Shift+Z")
    assert bench.view["scale"] == pytest.approx(2)
    figure = bench.page.locator("[data-zoom]")
    expect(figure).to_have_text("200 %")
    figure.click()
    menu = bench.page.get_by_role("menu", name="Zoom")
    expect(menu.get_by_role("menuitem", name="Selected object")).to_be_disabled()
    menu.get_by_role("menuitem", name="Fit").click()
    expect(menu).to_be_hidden()
    assert bench.view["scale"] == pytest.approx(fitted)
    bench.objects.first.click()
    figure.click()
    bench.press("ArrowDown", "Enter")  # without the mouse: the second row, the object's
    at_object = bench.view
    assert at_object["scale"] != pytest.approx(fitted, rel=0.01)
    bench.press("f", "Shift+F")
    assert bench.view == at_object


def test_a_key_zooms_around_the_pointer(bench: Bench, image):
    bench.open(image)
    place = (120, 80)
    before = bench.on_page(*place)
    bench.page.mouse.move(*before)
    bench.press("Shift+Z")
    after = bench.on_page(*place)
    assert after == pytest.approx(before, abs=2)


def test_the_pixel_under_the_pointer_and_the_size_of_box_and_object_are_shown(bench: Bench, image):
    bench.open(image)
    extent = bench.page.locator("[data-extent]")
    bench.page.mouse.move(*bench.on_page(200, 150))
    expect(bench.page.locator("[data-coordinates]")).to_have_text("x 200  y 150")
    bench.page.mouse.down()
    bench.page.mouse.move(*bench.on_page(300, 230), steps=4)
    width, height = (int(part) for part in extent.inner_text().split(" × "))
    assert (abs(width - 100), abs(height - 80)) <= (1, 1)
    bench.page.mouse.up()
    bench.wait_for_masks(1)
    expect(extent).to_be_empty()
    bench.save()
    bench.objects.first.click()
    expect(extent).to_have_text(" × ".join(str(side) for side in bbox_of(bench)))


def bbox_of(bench: Bench) -> list[int]:
    """Width and height of the only object, as the page's own API says."""
    rows = bench.page.evaluate(
        "async () => (await (await fetch(location.pathname.replace('annotate', 'annotations')"
        ".replace('/images', '/api/images'))).json()).results"
    )
    return [round(side) for side in rows[0]["bbox"][2:]]


def test_guides_run_through_the_pointer_while_a_box_is_dragged(bench: Bench, image):
    bench.open(image)
    bench.page.mouse.move(*bench.on_page(200, 150))
    bench.page.mouse.down()
    bench.page.mouse.move(*bench.on_page(300, 230), steps=4)
    x = int(bench.on_page(300, 230)[0] - bench.view["x"])
    bench.page.evaluate("new Promise(requestAnimationFrame)")
    assert max(bench.page.evaluate(PROMPT_PIXELS, column) for column in (x - 1, x, x + 1)) == 1
    bench.press("Escape")
    bench.page.evaluate("new Promise(requestAnimationFrame)")
    assert bench.page.evaluate(PROMPT_PIXELS, x) == 0
    bench.page.mouse.up()


def test_two_fingers_on_a_trackpad_move_the_image_and_a_pinch_zooms(bench: Bench, image):
    bench.open(image)
    bench.press("z")
    before = bench.view
    bench.page.evaluate(SWIPE, [0, 6, False])
    bench.page.evaluate(SWIPE, [-9, 30, False])
    after = bench.view
    assert after["scale"] == before["scale"]
    assert (after["offsetX"] - before["offsetX"], after["offsetY"] - before["offsetY"]) == (9, -36)
    bench.page.evaluate(SWIPE, [0, -3, True])
    assert bench.view["scale"] > before["scale"]


def test_a_person_sets_what_the_wheel_does_and_it_is_so_after_a_reload(bench: Bench, image):
    bench.open(image)
    bench.press("Shift+V")
    bench.page.locator("[data-sight]").get_by_label("Wheel").select_option("pan")
    bench.page.reload()
    bench.wait_until_ready()
    before = bench.view
    bench.page.mouse.move(*bench.on_page(200, 150))
    bench.page.mouse.wheel(0, 100)
    bench.page.wait_for_function(
        "y => JSON.parse(document.querySelector('[data-stage]').dataset.viewFrame).offsetY < y",
        arg=before["offsetY"],
    )
    assert bench.view["scale"] == before["scale"]


def test_shift_and_arrows_move_the_image_and_the_crosshair_stays_in_sight(bench: Bench, image):
    bench.open(image)
    bench.press("Shift+Z")
    before = bench.view
    bench.press("Shift+ArrowRight", "Shift+ArrowDown")
    after = bench.view
    assert after["offsetX"] < before["offsetX"] and after["offsetY"] < before["offsetY"]
    assert f"/images/{image['id']}/" in bench.page.url
    bench.page.locator("[data-stage]").focus()
    for _ in range(12):
        bench.press("Shift+ArrowLeft")
    assert bench.view["offsetX"] > after["offsetX"]


def test_rows_of_objects_that_are_out_of_sight_are_not_painted_until_they_are_looked_at(
    bench: Bench, api, image
):
    manager = api("manager")
    categories = manager.get(f"/api/projects/{image['project']}/categories/").json()["results"]
    for k in range(60):
        mask = np.zeros((image["height"], image["width"]), dtype=bool)
        mask[5 * k : 5 * k + 4, 10:20] = True
        body = {"id": str(uuid.uuid4()), "category": categories[0]["id"], "segmentation": rle.encode(mask)}
        assert manager.post(f"/api/images/{image['id']}/annotations/", data=body).status == 201
    bench.page.set_viewport_size(
        {"width": 1280, "height": 400}
    )  # the browser prepares rows some screens ahead
    bench.open(image)
    expect(bench.objects).to_have_count(60)
    last = bench.objects.last
    # Rows out of sight have no contents at all.
    bench.page.wait_for_function("row => row.childElementCount === 0", arg=last.element_handle())
    last.scroll_into_view_if_needed()
    expect(last.locator("button").first).to_be_visible()


CHOSEN = """() => [...document.querySelectorAll("[data-candidate]")]
    .findIndex(node => node.getAttribute("aria-pressed") === "true")"""
PROMPT_SHEET = "() => document.querySelector('[data-sheet=prompt]').toDataURL()"


def test_alt_and_the_wheel_go_from_part_to_whole_after_a_click_and_before_it(bench: Bench, image):
    bench.open(image)
    scale = bench.view["scale"]
    bench.click(ON_THE_CUP)
    bench.page.wait_for_function("() => document.querySelectorAll('[data-candidate]').length > 1")
    best = bench.page.evaluate(CHOSEN)
    bench.page.keyboard.down("Alt")
    for _ in range(3):  # as far as it goes
        bench.page.mouse.wheel(0, -100)
    bench.page.mouse.wheel(0, 100)
    bench.page.mouse.wheel(0, 100)
    bench.page.mouse.wheel(0, 100)
    bench.page.keyboard.up("Alt")
    bench.page.wait_for_function(f"smallest => ({CHOSEN})() === smallest", arg=smallest_of(bench))
    assert bench.view["scale"] == scale
    smallest = bench.page.evaluate(CHOSEN)
    bench.press("Escape")

    bench.page.mouse.move(*bench.on_page(40, 340))
    bench.page.mouse.move(*bench.on_page(*ON_THE_CUP))
    bench.wait_until_drawn_on(ON_THE_CUP)
    direction = 100 if smallest != best else -100
    before = bench.page.evaluate(PROMPT_SHEET)
    bench.page.keyboard.down("Alt")
    bench.page.mouse.wheel(0, direction)
    bench.page.wait_for_function(f"before => ({PROMPT_SHEET})() !== before", arg=before)
    bench.page.keyboard.up("Alt")
    bench.click(ON_THE_CUP)
    assert bench.page.evaluate(CHOSEN) != best


def smallest_of(bench: Bench) -> int:
    """Which of the candidates is named a part, else 0."""
    names = [name.lower() for name in bench.candidates.all_inner_texts()]
    return next((k for k, name in enumerate(names) if "part" in name), 0)


MINIMAP = "[data-minimap]"


def test_an_overview_in_the_corner_shows_the_part_and_a_drag_on_it_moves_there(bench: Bench, image):
    bench.open(image)
    overview = bench.page.locator(MINIMAP)
    expect(overview).to_be_hidden()
    bench.press("Shift+Z", "+", "+")
    expect(overview).to_be_visible()
    box = overview.bounding_box()
    before = bench.view
    bench.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    bench.page.mouse.down()
    bench.page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"], steps=3)
    bench.page.mouse.up()
    after = bench.view
    assert after["scale"] == before["scale"]
    stage = bench.page.locator("[data-stage]").bounding_box()
    middle = (stage["width"] / 2 - after["offsetX"]) / after["scale"]
    assert middle == pytest.approx(0.75 * image["width"], abs=8)
    assert bench.candidates.count() == 0, "no click reached the image below"
    bench.press("f")
    expect(overview).to_be_hidden()
    bench.press("Shift+Z", "+", "Shift+V")
    bench.page.locator("[data-sight]").get_by_label("Overview in the corner").uncheck()
    expect(overview).to_be_hidden()


@pytest.fixture
def huge(api, tmp_path) -> dict:
    """48 megapixels: red grows to the right, green downwards."""
    manager = api("manager")
    project = manager.post("/api/projects/", data={"name": "Large"}).json()
    manager.post(f"/api/projects/{project['id']}/categories/", data={"name": "cup", "color": "#0072b2"})
    manager.post(
        f"/api/projects/{project['id']}/members/", data={"username": "annotator", "role": "annotator"}
    )
    pixels = np.zeros((6000, 8000, 3), dtype=np.uint8)
    pixels[..., 0] = np.linspace(0, 255, 8000, dtype=np.uint8)[None, :]
    pixels[..., 1] = np.linspace(0, 255, 6000, dtype=np.uint8)[:, None]
    pixels[2000:4000, 3000:5000, 2] = 255
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=90)
    file = {"name": "huge.jpg", "mimeType": "image/jpeg", "buffer": stream.getvalue()}
    answer = manager.post(f"/api/projects/{project['id']}/images/", multipart={"files": file}, timeout=60_000)
    assert answer.status == 201, answer.text()
    return answer.json()["results"][0]


def test_a_large_image_is_shown_by_tiles_and_its_masks_have_its_size(bench: Bench, api, huge):
    asked: list[str] = []
    bench.page.on("request", lambda request: asked.append(request.url))
    bench.open(huge)
    assert not any("/file/" in url for url in asked), "the whole picture is never fetched"
    bench.click((4000, 3000))
    bench.save()
    bench.page.mouse.move(*bench.on_page(1000, 4500))
    # Not of the page's timings, of which the browser keeps 250.
    with bench.page.expect_request(re.compile("tiles/0/1/8/")):
        bench.press("z")
    place = (1000, 4500)
    expected = (round(1000 / 8000 * 255), round(4500 / 6000 * 255), 0)
    bench.page.wait_for_function(
        f"([place, wanted]) => {{ const seen = ({PIXEL})(['image', ...place]);"
        " return wanted.every((value, k) => Math.abs(value - seen[k]) <= 4); }",
        arg=[list(place), list(expected)],
    )
    (annotation,) = saved(api, huge)
    assert annotation["segmentation"]["size"] == [6000, 8000]
    assert 2_000_000 < annotation["area"] < 12_000_000


@pytest.fixture
def tablet(browser: Browser, site: Site) -> Iterator[Bench]:
    context = browser.new_context(
        base_url=site.url, viewport={"width": 820, "height": 1180}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    sign_in_as(page, "annotator")
    yield Bench(page)
    context.close()


@pytest.fixture
def fingers(tablet: Bench):
    """`fingers("touchMove", (0, x, y), (1, x, y))`: real touches, as the browser gets them from a screen."""
    session = tablet.page.context.new_cdp_session(
        tablet.page
    )  # one for all: it remembers which fingers are down

    def do(type: str, *points: tuple[int, float, float]) -> None:
        touches = [{"id": id, "x": x, "y": y} for id, x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": type, "touchPoints": touches})

    return do


def test_on_a_tablet_one_finger_prompts_two_move_and_zoom(tablet: Bench, fingers, image):
    tablet.open(image)
    x, y = tablet.on_page(*ON_THE_CUP)
    tablet.page.touchscreen.tap(x, y)
    tablet.wait_for_masks(1)
    steps = tablet.candidates.count()
    before = tablet.view
    fingers("touchStart", (0, 300, 400))
    fingers("touchStart", (0, 300, 400), (1, 400, 400))
    for step in range(1, 5):
        fingers("touchMove", (0, 300 - 12 * step, 400), (1, 400 + 12 * step, 400))
    fingers("touchEnd")
    tablet.page.wait_for_function(
        "scale => JSON.parse(document.querySelector('[data-stage]').dataset.viewFrame).scale > scale",
        arg=before["scale"] * 1.5,
    )
    assert tablet.count("click-to-mask") == 1, "the two fingers made no prompt"
    assert tablet.candidates.count() == steps


def test_on_a_tablet_what_is_pressed_is_large_enough_and_the_hint_speaks_of_taps(tablet: Bench, image):
    tablet.open(image)
    expect(tablet.page.locator("[data-prompt-bar]")).to_contain_text("Drag a box around an object, or tap it")
    expect(tablet.page.locator("[data-prompt-bar]")).not_to_contain_text("right click")
    tablet.page.touchscreen.tap(*tablet.on_page(*ON_THE_CUP))
    tablet.wait_for_masks(1)
    sizes = tablet.page.evaluate("""() => [...document.querySelectorAll(
            ".bench-rail button, .bench-top button, .bench-prompt button, .bench-panel button, .bench-zoom")]
        .map(node => [node.getBoundingClientRect(), node.title || node.textContent])
        .filter(([{width, height}]) => width && height)
        .map(([{width, height}, name]) => [name, Math.round(width), Math.round(height)])""")
    small = [row for row in sizes if min(row[1:]) < 44]
    assert sizes and not small
