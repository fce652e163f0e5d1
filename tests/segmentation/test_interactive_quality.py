"""The benchmark's own arithmetic: the clicker, NoC, the means, the classical baselines."""

import json

import numpy as np
import pytest
from PIL import Image

from benchmarks import interactive_quality as quality
from segmentation import rle
from tests.segmentation.training.worlds import write_coco


def square(top=10, left=10, bottom=31, right=31, height=60, width=80):
    mask = np.zeros((height, width), bool)
    mask[top:bottom, left:right] = True
    return mask


def measured(ious, source="coco", whole=True, label="", **more):
    figures = {"oracle": 0.9, "single": 0.5, "box": 0.8, "grabcut": 0.7, "flood": 0.3} | more
    return quality.Measured(source, whole, 100, label, ious, **figures)


def test_clicks_go_deepest_into_the_largest_error_and_never_twice_to_one_pixel():
    clicker = quality.Clicker(square())
    empty = np.zeros((60, 80), bool)
    assert clicker.next_click(empty) == (20, 20, 1)
    assert clicker.next_click(empty)[:2] != (20, 20)
    assert clicker.next_click(square() | square(0, 40, 60, 80))[2] == 0
    assert clicker.next_click(square()) is None


def test_number_of_clicks_counts_to_the_first_that_reaches_the_threshold():
    row = measured([0.3, 0.85, 0.7, 0.95])
    assert row.clicks_to(0.80, 20) == (2, True)
    assert row.clicks_to(0.90, 20) == (4, True)
    assert row.clicks_to(0.90, 3) == (3, False)
    assert row.clicks_to(0.99, 20) == (20, False)


def test_iou_of_a_perfect_mask_is_held():
    assert measured([0.5, 1.0]).iou_after(10) == 1.0


def test_summary_is_the_mean_over_masks_with_failures_counted():
    rows = [measured([0.5, 0.9]), measured([0.7] * 20, box=0.4)]
    figures = quality.summarise(rows, 20)
    assert figures["iou@1"] == 0.6
    assert figures["iou@2"] == 0.8
    assert figures["box"] == 0.6
    assert (figures["noc@85"], figures["failures@85"]) == (11, 1)


def test_whole_objects_domains_and_sources_are_reported_apart():
    rows = [
        measured([0.5]), measured([0.5], label="car"), measured([0.5], "bsds500", False, "car"),
        measured([0.5], "unheard_of", label="tin"),
    ]  # fmt: skip
    parts = quality.groups(rows)
    assert {name: len(part) for name, part in parts.items()} == {
        "all": 4, "whole objects": 3, "regions, parts": 1, "domain: everyday": 1, "domain: natural regions": 1,
        "domain: vehicles": 1, "category: tin": 1, "source: bsds500": 1, "source: coco": 2, "source: unheard_of": 1,
    }  # fmt: skip
    text = quality.table({name: quality.summarise(part, 20) for name, part in parts.items()})
    assert len({len(line) for line in text.splitlines()}) == 1


def test_correlation_is_pearsons():
    assert quality.correlation([(0.1, 0.2), (0.2, 0.4), (0.3, 0.6)]) == 1
    assert quality.correlation([(0.5, 0.2), (0.5, 0.4)]) is None


def test_baselines_find_a_plain_object():
    target = square()
    pixels = np.random.default_rng(0).normal((40, 90, 40), 5, (60, 80, 3))
    pixels[target] = (220, 60, 50)
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    # Flood fill looks at a smoothed picture and stops before the edges.
    assert quality.iou_of(quality.flood(pixels, 20, 20), target) > 0.75
    assert quality.iou_of(quality.grabcut(pixels, np.array([6, 6, 36, 36])), target) > 0.95
    assert quality.grabcut(pixels, np.array([0, 0, 80, 60])).all()


def test_tight_box_takes_in_the_last_pixels():
    np.testing.assert_array_equal(quality.tight_box(square()), [10, 10, 31, 31])


def test_without_a_data_set_it_says_so_and_the_other_benchmarks_go_on(monkeypatch, capsys):
    monkeypatch.delenv(quality.DATASET_VARIABLE, raising=False)
    assert quality.main([]) == 0
    assert "nothing measured" in capsys.readouterr().out


def test_unusable_data_set_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        quality.main(["pocket", str(tmp_path)])
    assert "neither" in capsys.readouterr().err


def test_bundle_that_is_not_there_and_counts_below_one_are_refused(tmp_path, capsys):
    write_coco(tmp_path, [{"id": 1, "file_name": "1.png", "width": 96, "height": 72}], [
        {"id": 1, "image_id": 1, "segmentation": [[20, 12, 70, 12, 70, 60, 20, 60]]}
    ])  # fmt: skip
    for arguments, says in (
        (["no-such-bundle", str(tmp_path)], "no-such-bundle"),
        (["pocket", str(tmp_path), "--limit", "0"], "at least 1"),
        (["pocket", str(tmp_path), "--clicks", "0"], "at least 1"),
    ):
        with pytest.raises(SystemExit):
            quality.main(arguments)
        assert says in capsys.readouterr().err


def test_measures_a_coco_folder_the_same_with_one_process_and_with_two(tmp_path, capsys):
    """Two pictures of a disc, which pocket and both classical methods find."""
    y, x = np.mgrid[:96, :128]
    for number, centre in enumerate((45, 80)):
        disc = (x - centre) ** 2 + (y - 48) ** 2 < 28**2
        noise = np.random.default_rng(0).normal(0, 4, (96, 128, 3))
        pixels = np.where(disc[..., None], (225, 60, 50), (50, 110, 60)) + noise
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(tmp_path / f"{number}.png")
        annotation = {"id": number, "image_id": number, "segmentation": rle.encode(disc)}
        image = {"id": number, "file_name": f"{number}.png", "width": 128, "height": 96}
        both = (
            json.loads((tmp_path / "instances.json").read_text())
            if number
            else {"images": [], "annotations": []}
        )
        both["images"].append(image)
        both["annotations"].append(annotation)
        (tmp_path / "instances.json").write_text(json.dumps(both))
    figures = []
    for processes in ("1", "2"):
        report = tmp_path / "report.txt"
        arguments = [
            "pocket",
            str(tmp_path),
            "--clicks",
            "2",
            "--processes",
            processes,
            "--json",
            str(report),
        ]
        assert quality.main(arguments) == 0
        figures.append(json.loads(report.read_text())["groups"]["all"])
    assert figures[0] == pytest.approx(figures[1], abs=1e-3)
    assert figures[0]["masks"] == 2
    assert figures[0]["box"] > 0.8 and figures[0]["grabcut"] > 0.9
    assert "| whole objects" in capsys.readouterr().out
