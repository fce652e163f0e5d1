"""Training as a whole: it learns, it resumes where it stopped, it ends in a bundle that predicts."""

import argparse
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from segmentation import rle
from segmentation.families.pocket.network import PocketModel
from segmentation.predictor import load_predictor
from segmentation.training import __main__ as command
from segmentation.training.data.dataset import read_dataset
from segmentation.training.data.samples import Sample
from segmentation.training.export import ExportRefused, RunNotFound, export_run
from segmentation.training.loop import NoView, RunUnusable, Settings, Trainer, draw_views
from segmentation.training.plot import read_log
from segmentation.training.validation import validate
from tests.segmentation.training.worlds import shapes, write_coco

ROOT = Path(__file__).parents[3]
TINY = Settings(
    minutes=10,
    stages=((0.0, 64, 2),),
    objects=2,
    rounds=2,
    warmup_steps=3,
    paste=0.0,
    long_share=0.0,
    threads=1,
)


def trainer(folder, settings=TINY, samples=None):
    return Trainer(settings, folder, samples or shapes(), [])


def train(run, steps):
    for _ in range(steps):
        run.train_step(draw_views(run.train_samples, 64, 2, run.settings, run.step))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_lowers_the_loss_on_a_few_pictures(tmp_path, precision):
    run = trainer(tmp_path, replace(TINY, precision=precision))
    with run._half():
        assert (torch.ones(1, 1) @ torch.ones(1, 1)).dtype == getattr(torch, precision)
    views = [draw_views(run.train_samples, 64, 2, TINY, step) for step in range(2)]
    losses = [run.train_step(views[step % 2])["loss"] for step in range(40)]
    assert np.mean(losses[-4:]) < 0.75 * np.mean(losses[:4])


def test_resumed_run_takes_the_same_next_step(tmp_path):
    first = trainer(tmp_path)
    train(first, 2)
    first.elapsed_s = 12.5
    first.save()
    second = trainer(tmp_path)
    assert second.resume()
    assert (second.step, second.images, second.elapsed_s) == (2, 4, 12.5)
    for run in (first, second):
        train(run, 1)
    for name, tensor in first.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name
        assert torch.equal(first.average[name], second.average[name]), name


def test_nothing_to_resume_is_no_error(tmp_path):
    assert not trainer(tmp_path).resume()


def test_views_are_decided_by_seed_step_and_rank():
    def pixels(step, rank=0):
        return np.stack([view.pixels for view in draw_views(shapes(), 64, 2, TINY, step, rank)])

    assert (pixels(3) == pixels(3)).all()
    assert (pixels(3) != pixels(4)).any()
    assert (pixels(3) != pixels(3, rank=1)).any()


def test_views_show_the_targets_they_name():
    """White where the mask is, black elsewhere: still apart after any crop, turn and change of colour."""
    samples = [
        Sample(
            s.source, s.name, np.repeat(s.mask(0)[..., None] * np.uint8(255), 3, 2), s.masks[:1], s.kinds[:1]
        )
        for s in shapes()
    ]
    for view in draw_views(samples, 128, 16, TINY, 0):
        height, width = (edge // 2 for edge in view.valid_hw)
        brightness = view.pixels[::2, ::2].mean(2)
        target = view.targets[0]
        assert not target[height + 1 :].any() and not target[:, width + 1 :].any()
        outside = ~target[:height, :width]
        assert abs(brightness[target].mean() - brightness[:height, :width][outside].mean()) > 80
        assert brightness[target].std() < 40 and brightness[:height, :width][outside].std() < 40


def test_validation_reports_every_figure(tmp_path):
    figures = validate(trainer(tmp_path).model, TINY.recipe, shapes(2), 64)
    assert figures.keys() == {"iou_1", "iou_3", "iou_5", "oracle", "box", "masks"}
    assert figures["oracle"] >= figures["iou_1"]
    assert figures["masks"] == 4


def test_run_without_checkpoint_cannot_be_exported(tmp_path):
    with pytest.raises(RunNotFound, match=r"no checkpoint\.pt"):
        export_run(tmp_path, tmp_path / "bundle")


def test_a_checkpoint_that_names_no_family_goes_on(tmp_path):
    """As runs of the first version wrote them."""
    first = trainer(tmp_path)
    train(first, 1)
    first.save()
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    del state["settings"]["family"]
    torch.save(state, tmp_path / "checkpoint.pt")
    second = trainer(tmp_path)
    assert second.resume()
    for run in (first, second):
        train(run, 1)
    for name, tensor in first.average.items():
        assert torch.equal(tensor, second.average[name]), name
    export_run(tmp_path, tmp_path / "bundle", side=64)


def test_a_checkpoint_of_another_version_of_the_network_is_refused(tmp_path):
    trainer(tmp_path).save()
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    del state["model"]["decoder.box_gain"]
    torch.save(state, tmp_path / "checkpoint.pt")
    with pytest.raises(RunUnusable, match="another version of the network pocket v2; give another --run"):
        trainer(tmp_path).resume()


def test_a_damaged_checkpoint_and_one_of_another_network_are_refused(tmp_path):
    first = trainer(tmp_path)
    first.save()
    with pytest.raises(RunUnusable, match="give --variant v2"):
        trainer(tmp_path, replace(TINY, variant="v1")).resume()
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(RunUnusable, match="delete it to begin anew"):
        trainer(tmp_path).resume()


def test_the_log_goes_on_where_the_checkpoint_stands(tmp_path):
    first = trainer(tmp_path)
    for elapsed_s in (5.0, 10.0, 15.0):
        first.elapsed_s = elapsed_s
        first._log({"step": int(elapsed_s)})
        if elapsed_s == 10:
            first.save()
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"half a li')
    second = trainer(tmp_path)
    assert second.resume()
    second._log({"step": 11})
    assert [row["step"] for row in read_log(tmp_path)[0]] == [5, 10, 11]


def test_masks_too_small_to_be_seen_end_the_run_with_a_reason(tmp_path):
    dot = np.zeros((400, 400), bool)
    dot[200, 200] = True
    sample = Sample("dots", "dot", np.zeros((400, 400, 3), np.uint8), [rle.encode(dot)], ["instance"])
    with pytest.raises(NoView, match="too small to be seen at an input side of 64"):
        trainer(tmp_path, samples=[sample]).run()


def test_validation_moves_what_it_makes_to_the_networks_device():
    """No GPU is needed for it: torch's meta device refuses tensors of the CPU as a GPU does."""

    class OnMeta(PocketModel):
        def decode(self, embedding, *prompt):
            logits, iou = super().decode(embedding, *prompt)
            assert {logits.device.type, iou.device.type} == {"meta"}
            return torch.ones(logits.shape), torch.ones(iou.shape)

    assert validate(OnMeta().to("meta"), TINY.recipe, shapes(1), 64)["masks"] == 2


def test_a_run_is_mixed_with_the_bundle_it_began_from(tmp_path):
    run = trainer(tmp_path / "run")
    run.save()
    export_run(tmp_path / "run", tmp_path / "one", side=64)
    train(run, 3)
    run.save()
    export_run(tmp_path / "run", tmp_path / "mixed", side=64, mix_with=tmp_path / "one", mix_share=0.25)
    first, mixed = (load_file(tmp_path / name / "weights.safetensors") for name in ("one", "mixed"))
    for name, tensor in run.average.items():
        expected = 0.75 * tensor + 0.25 * first[name].float()
        torch.testing.assert_close(mixed[name].float(), expected, rtol=1e-3, atol=1e-6)
    smaller = trainer(tmp_path / "smaller", replace(TINY, variant="v1"))
    smaller.save()
    with pytest.raises(ExportRefused, match="another network"):
        export_run(tmp_path / "smaller", tmp_path / "two", side=64, mix_with=tmp_path / "one")


def test_side_must_suit_the_trunk(tmp_path, capsys):
    trainer(tmp_path).save()
    with pytest.raises(ExportRefused, match="multiple of 32"):
        export_run(tmp_path, tmp_path / "bundle", side=100)
    with pytest.raises(SystemExit):
        command.main(["train", "--data", "x", "--run", "y", "--stages", "0:100:1"])
    assert "multiple of 32" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--stages 0.5:64:1", "the first begins at 0"),
        ("--stages 0:64:1 0:96:1", "later than the one before"),
        ("--stages 0:64:0", "IMAGES at least 1"),
        ("--stages abc", "write BEGIN:SIDE:IMAGES"),
        ("--processes 0", "must be more than 0"),
        ("--minutes nan", "must be more than 0"),
        ("--threads two", "invalid int value"),
    ],
)
def test_options_that_cannot_be_are_refused_with_the_usage(options, says, capsys):
    with pytest.raises(SystemExit):
        command.main(["train", "--data", "x", "--run", "y", *options.split()])
    assert says in capsys.readouterr().err


def test_what_is_not_there_is_said_without_a_traceback(tmp_path, capsys):
    run, data = str(tmp_path / "run"), tmp_path / "data"
    data.mkdir()
    train_command(data, tmp_path, "1")
    train = ["train", "--data", str(data), "--run", run, "--minutes", "0.01"]
    for arguments, says in (
        ([*train, "--device", "cuda:9"], "CUDA devices"),
        ([*train, "--init", "none.npz"], "none.npz"),
        ([*train, "--from-bundle", "nothing"], "nothing"),
        (["plot", "--run", run, "--output", "x.png"], "holds no step yet"),
        (["export", "--run", run, "--output", "x"], "holds no checkpoint.pt"),
    ):
        assert command.main(arguments) == 2, arguments
        assert says in capsys.readouterr().err


def test_without_validation_pictures_it_trains_all_the_same(tmp_path, capsys):
    data = tmp_path / "data"
    data.mkdir()
    train_command(data, tmp_path, "1")
    for sample in read_dataset(data, "val")[0]:
        (data / sample.name).unlink()
    arguments = ["train", "--data", str(data), "--run", str(tmp_path / "run"), "--minutes", "0.001"]
    assert command.main([*arguments, "--stages", "0:64:1", "--threads", "1"]) == 0
    assert "no validation" in capsys.readouterr().err


def test_folder_without_data_ends_the_command_with_a_reason(tmp_path, capsys):
    assert command.main(["train", "--data", str(tmp_path), "--run", str(tmp_path / "run")]) == 2
    assert "cannot train" in capsys.readouterr().err


def train_command(data: Path, run: Path, minutes: str) -> list:
    """Two processes on twenty-four pictures that it writes into `data`."""
    polygon = [20, 12, 70, 12, 70, 60, 20, 60]
    write_coco(
        data,
        [{"id": n, "file_name": f"{n}.png", "width": 96, "height": 72} for n in range(24)],
        [{"id": n, "image_id": n, "segmentation": [polygon]} for n in range(24)],
    )
    return [
        sys.executable, "-m", "segmentation.training", "train", "--data", data, "--run", run, "--minutes", minutes,
        "--threads", "1", "--processes", "2", "--stages", "0:64:1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("victim", "number", "code"), [("first", signal.SIGTERM, 130), ("second", signal.SIGKILL, 1)]
)
def test_two_processes_end_together_and_nothing_is_lost(tmp_path, victim, number, code):
    run = tmp_path / "run"
    with subprocess.Popen(
        train_command(tmp_path, run, "10"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if '"step": 20' in line:
                    break
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(process.pid if victim == "first" else int(children[0]), number)
            assert process.wait(timeout=60) == code
            assert "goes on from here" in process.stdout.read()
        finally:
            process.kill()
    assert torch.load(run / "checkpoint.pt", weights_only=True)["step"] >= 20


def test_two_processes_train_plot_export_and_the_bundle_predicts(tmp_path):
    """The whole recipe of docs/pocket.md, on twenty-four pictures for a second of training time."""
    run, bundle = tmp_path / "run", tmp_path / "bundles" / "mine"
    result = subprocess.run(
        train_command(tmp_path, run, "0.01"), cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    assert state["images"] == 2 * state["step"] > 0
    _, validations = read_log(run)
    assert len(validations) == 1

    assert (
        command.main(["export", "--run", str(run), "--output", str(bundle), "--name", "mine", "--side", "64"])
        == 0
    )
    predictor = load_predictor("mine", device="cpu", bundle_dirs=(bundle.parent,))
    predictor.set_image(shapes(1)[0].pixels)
    masks, iou, logits = predictor.predict([[30, 30]], [1])
    assert masks.shape == (3, 72, 96) and logits.shape == (3, 32, 32)
    assert ((iou >= 0) & (iou <= 1)).all()

    step = {"step": 20, "elapsed_s": 1.0, "loss": 2.0, "single_1": 0.1, "best_1": 0.2, "single_3": 0.3}
    with (run / "log.jsonl").open("a") as log:
        log.write(json.dumps(step) + '\n{"half a li')
    picture = tmp_path / "curves.png"
    assert command.main(["plot", "--run", str(run), "--output", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_fine_tuning_starts_from_the_bundled_weights(tmp_path):
    predictor = load_predictor("pocket", device="cpu")
    run = trainer(tmp_path, replace(TINY, variant=predictor.manifest.variant))
    run.start_from_bundle("pocket")
    bundled = predictor.encoder.model.state_dict()
    assert all(torch.equal(tensor, bundled[name]) for name, tensor in run.model.state_dict().items())
    assert all(torch.equal(tensor, bundled[name]) for name, tensor in run.average.items())


def test_variant_is_the_bundles_own_and_must_be_known(tmp_path, capsys):
    arguments = ["train", "--data", str(tmp_path), "--run", str(tmp_path / "run"), "--variant", "v9"]
    assert command.main(arguments) == 2
    assert "--variant must be one of v1, v2" in capsys.readouterr().err
    options = argparse.Namespace(family=None, variant=None, from_bundle="pocket")
    assert command._network(options) == ("pocket", load_predictor("pocket", device="cpu").manifest.variant)
