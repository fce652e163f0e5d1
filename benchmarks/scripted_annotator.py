"""A scripted person at the workbench: finds one object after the other by the usual habits, and counts every input.

The person sees the mask that the page shows by asking the same bundle, in Python, for the same prompt: the decoder and
the chain of mask_input are the browser's. What was saved in the end is compared with what the person believed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

from benchmarks.click_to_mask import durations
from benchmarks.interactive_quality import Clicker, iou_of, tight_box
from segmentation import masks
from segmentation.predictor import Predictor
from segmentation.prompts import candidate_order
from tests.e2e.workbench_driver import Bench

# Seconds of the keystroke-level model: Card, Moran and Newell, "The keystroke-level model for user performance time
# with interactive systems", Communications of the ACM 23(7), 1980.
POINT_S, BUTTON_S, KEY_S, LOOK_S = 1.1, 0.2, 0.28, 1.35
DRAW_PX_PER_S = 400  # of a border that is drawn freely; not from the model, which has no such operator
DRAWN_STEP_PX = 5
LEAST_BORDER_PX = 60  # a shorter one is no border that a hand can follow at this zoom
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

GOOD_IOU = 0.90
BETTER_BY = 0.02  # another candidate is worth a click
MOST_CORRECTIONS = 6
CORRECTIONS_BEFORE_HAND = 2
MOST_SHAPES = 4
# As static/js/session/workbench.js has them; nobody judges them to the pixel.
FAR_SHARE, FAR_SHARE_OF_IMAGE = 0.5, 0.05
SURELY_NEAR, SURELY_FAR = 0.7, 1.3
ANSWER_WITHIN_MS = 20_000


@dataclass
class Effort:
    """What one mask has taken.

    Attributes:
        inputs: clicks, drags and keys.
        model_s: seconds of a person by the keystroke-level model, without the page's answers.
        page_s: seconds in which the page had been asked and had not answered.
        iou: of the mask that the person was content with, and the wanted one.
    """

    inputs: int = 0
    model_s: float = 0.0
    page_s: float = 0.0
    iou: float = 0.0


@dataclass(frozen=True)
class Habits:
    """How a person works.

    Attributes:
        begins_with: "click" or "box".
        draws: finishes by hand what two corrections have not finished.
        goes_on: a click far off accepts the mask that is open, which is a setting.
    """

    begins_with: str
    draws: bool = False
    goes_on: bool = False


class Hand:
    """Mouse and keyboard, in image pixels; every input is counted and waited for."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.effort = Effort()

    def click(self, x: float, y: float, button: str = "left") -> None:
        place = self._on_page(x, y)
        self._do(lambda: self._page.mouse.click(*place, button=button), POINT_S + BUTTON_S, "click-to-mask")

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        places = [self._on_page(*start), self._on_page(*end)]

        def do() -> None:
            self._page.mouse.move(*places[0])
            self._page.mouse.down()
            self._page.mouse.move(*places[1], steps=5)
            self._page.mouse.up()

        self._do(do, 2 * POINT_S + BUTTON_S, "click-to-mask")

    def draw(self, border: NDArray[np.float64], button: str) -> bool:
        """Draws freely along `border` (N, 2), x then y, and back to its beginning; False: that is too short to draw."""
        corners = [self._on_page(x, y) for x, y in [*border, border[0]]]
        sides = [float(np.hypot(*np.subtract(a, b))) for a, b in pairwise(corners)]
        if sum(sides) < LEAST_BORDER_PX:
            return False

        def do() -> None:
            self._page.mouse.move(*corners[0])
            self._page.mouse.down(button=button)
            for corner, side in zip(corners[1:], sides, strict=True):
                self._page.mouse.move(*corner, steps=max(1, round(side / DRAWN_STEP_PX)))
            self._page.mouse.up(button=button)
            start = time.perf_counter()
            self._page.evaluate(TWO_FRAMES)
            self.effort.page_s += time.perf_counter() - start

        self._do(do, POINT_S + BUTTON_S + sum(sides) / DRAW_PX_PER_S)
        return True

    def offered(self, order: list[int]) -> list[int]:
        """The outputs that the page offers: those of `order`, or fewer where some look alike."""
        names = self._page.locator("[data-candidate]").evaluate_all(
            "chips => chips.map((chip) => chip.dataset.candidate)"
        )
        return [int(name) for name in names] if all(names) else order[: len(names)]

    def choose(self, place: int) -> None:
        """Clicks one of the pictures of the candidates, counted from 0."""
        self._do(self._page.locator("[data-candidate]").nth(place).click, POINT_S + BUTTON_S)

    def press(self, key: str) -> None:
        self._do(lambda: self._page.keyboard.press(key), KEY_S)

    def look(self) -> None:
        """Judging what is there."""
        self.effort.model_s += LOOK_S

    def wait_for_objects(self, count: int) -> None:
        start = time.perf_counter()
        self._page.wait_for_function(
            "n => document.querySelectorAll('[data-annotation-id]').length >= n", arg=count,
            timeout=ANSWER_WITHIN_MS,
        )  # fmt: skip
        self.effort.page_s += time.perf_counter() - start

    def _do(self, act: Callable[[], None], seconds: float, measure: str | None = None) -> None:
        """One input; with `measure`, the name of a User Timing measure, until the mask for it was painted."""
        self.effort.inputs += 1
        self.effort.model_s += seconds
        before = durations(self._page, measure) if measure else []
        act()
        if not measure:
            return
        self._page.wait_for_function(
            "([name, n]) => performance.getEntriesByName(name).length > n", arg=[measure, len(before)],
            timeout=ANSWER_WITHIN_MS,
        )  # fmt: skip
        self.effort.page_s += durations(self._page, measure)[-1] / 1000

    def _on_page(self, x: float, y: float) -> tuple[float, float]:
        view = Bench(self._page).view
        return (
            view["x"] + view["offsetX"] + x * view["scale"],
            view["y"] + view["offsetY"] + y * view["scale"],
        )


@dataclass
class Sight:
    """What the page shows for a prompt, found by asking the bundle itself."""

    predictor: Predictor
    points: list[tuple[int, int]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    box: NDArray[np.float64] | None = None
    order: list[int] = field(default_factory=list)
    _logits: NDArray[np.float32] | None = None
    _previous: NDArray[np.float32] | None = None

    def decode(self) -> None:
        """After a step of the prompt: what it gives, going on from what was chosen before it."""
        points = (np.array(self.points), np.array(self.labels)) if self.points else (None, None)
        self._logits, rated = self.predictor.predict_raw(*points, box=self.box, mask_input=self._previous)
        outputs = self.predictor.manifest.outputs
        self.order = candidate_order(rated, outputs, len(self.points), self.box is not None, self._logits)
        self.choose(self.order[0])

    def choose(self, index: int) -> None:
        assert self._logits is not None
        self._previous = self._logits[[index]]

    def mask(self, index: int) -> NDArray[np.bool_]:
        """A candidate (H, W) at image size."""
        assert self._logits is not None
        threshold = self.predictor.manifest.mask_threshold
        return masks.postprocess(self._logits[[index]], self.predictor.frame)[0] > threshold


class ScriptedAnnotator:
    """Works on the image that is open at the page; `predictor` holds the same image."""

    def __init__(self, page: Page, predictor: Predictor, habits: Habits) -> None:
        self._page, self._predictor, self._habits = page, predictor, habits
        self._open: NDArray[np.bool_] | None = None  # a mask that a click far off will accept

    def annotate(self, targets: list[NDArray[np.bool_]]) -> list[tuple[Effort, NDArray[np.bool_]]]:
        """Makes a mask of each target (H, W): what it has taken, and the mask that the script believes was saved."""
        done = []
        for number, target in enumerate(targets):
            hand = Hand(self._page)
            following = targets[number + 1] if number + 1 < len(targets) else None
            done.append((hand.effort, self._make(hand, target, following, number)))
        return done

    def _make(
        self, hand: Hand, target: NDArray[np.bool_], following: NDArray[np.bool_] | None, saved: int
    ) -> NDArray[np.bool_]:
        sight, clicker = Sight(self._predictor), Clicker(target)
        mask = self._begin(hand, sight, clicker, target)
        if self._open is not None:  # this beginning has accepted the one before
            hand.wait_for_objects(saved)
            self._open = None
        mask = self._take_the_best(hand, sight, target, mask)
        mask = self._correct(hand, sight, clicker, target, mask)
        is_drawn = False
        if self._habits.draws and iou_of(mask, target) < GOOD_IOU:
            mask, is_drawn = self._finish_by_hand(hand, target, mask), True
        hand.effort.iou = iou_of(mask, target)
        if self._habits.goes_on and not is_drawn and following is not None and is_far(following, mask):
            self._open = mask
            return mask
        hand.press("Enter")
        hand.wait_for_objects(saved + 1)
        return mask

    def _begin(
        self, hand: Hand, sight: Sight, clicker: Clicker, target: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        if self._habits.begins_with == "box":
            sight.box = tight_box(target)
            x0, y0, x1, y1 = sight.box
            hand.drag((x0, y0), (x1, y1))
        else:
            self._click(hand, sight, clicker, np.zeros_like(target))
        sight.decode()
        hand.look()
        return sight.mask(sight.order[0])

    def _click(self, hand: Hand, sight: Sight, clicker: Clicker, mask: NDArray[np.bool_]) -> bool:
        click = clicker.next_click(mask)
        if click is None:
            return False
        x, y, label = click
        if self._habits.goes_on and label and distance((x, y, x, y), mask) > SURELY_NEAR:
            return False  # the page would take it for the next object's
        sight.points.append((x, y))
        sight.labels.append(label)
        hand.click(x + 0.5, y + 0.5, "left" if label else "right")
        return True

    def _take_the_best(
        self, hand: Hand, sight: Sight, target: NDArray[np.bool_], mask: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        offered = hand.offered(sight.order)
        ious = {index: iou_of(sight.mask(index), target) for index in offered}
        best = max(ious, key=lambda index: ious[index])
        if ious[best] < iou_of(mask, target) + BETTER_BY:
            return mask
        hand.choose(offered.index(best))
        hand.look()
        sight.choose(best)
        return sight.mask(best)

    def _correct(
        self,
        hand: Hand,
        sight: Sight,
        clicker: Clicker,
        target: NDArray[np.bool_],
        mask: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        for _ in range(CORRECTIONS_BEFORE_HAND if self._habits.draws else MOST_CORRECTIONS):
            if iou_of(mask, target) >= GOOD_IOU or not self._click(hand, sight, clicker, mask):
                break
            sight.decode()
            hand.look()
            mask = sight.mask(sight.order[0])
        return mask

    def _finish_by_hand(
        self, hand: Hand, target: NDArray[np.bool_], mask: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Draws around the largest errors, one after the other, with the lasso."""
        hand.press("l")
        for _ in range(MOST_SHAPES):
            if iou_of(mask, target) >= GOOD_IOU:
                break
            error, is_missing = largest_error(mask, target)
            if not hand.draw(border_of(error), "left" if is_missing else "right"):
                break
            hand.look()
            mask = (mask | error) if is_missing else (mask & ~error)
        hand.press("c")  # back to prompts, for the next object
        return mask


def is_far(target: NDArray[np.bool_], mask: NDArray[np.bool_]) -> bool:
    """Whether any click into `target` lies so far from `mask` that the page takes it for the next object."""
    return mask.any() and distance(tuple(tight_box(target)), mask) > SURELY_FAR


def distance(box_xyxy: tuple[float, ...], mask: NDArray[np.bool_]) -> float:
    """How far a box lies from a mask, by the page's measure, of which more than 1 is far; 0 without a mask."""
    if not mask.any():
        return 0.0
    ax0, ay0, ax1, ay1 = tight_box(mask)
    bx0, by0, bx1, by1 = box_xyxy
    away = max(ax0 - bx1, bx0 - ax1, ay0 - by1, by0 - ay1)
    return away / max(FAR_SHARE * max(ax1 - ax0, ay1 - ay0), FAR_SHARE_OF_IMAGE * max(mask.shape))


def largest_error(mask: NDArray[np.bool_], target: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], bool]:
    """The largest joined region (H, W) that `mask` misses or has too much, and whether it misses it."""
    found: list[tuple[int, NDArray[np.bool_], bool]] = []
    for wrong, is_missing in ((target & ~mask, True), (mask & ~target, False)):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8), connectivity=4)
        if count > 1:
            largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
            found.append((int(stats[largest, cv2.CC_STAT_AREA]), labels == largest, is_missing))
    _, region, is_missing = max(found, key=lambda each: each[0])
    return region, is_missing


def border_of(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The border of a joined region, (N, 2) places in image pixels, x then y, along the outer edges of its pixels."""
    # Four times as large: findContours goes through the centres of border pixels.
    large = np.kron(region, np.ones((4, 4), np.uint8)).astype(np.uint8)
    contours, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    contour = max(contours, key=cv2.contourArea)
    return (cv2.approxPolyDP(contour, 2.0, closed=True)[:, 0].astype(float) + 0.5) / 4
