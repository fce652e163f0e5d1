"""`python -m segmentation.training`: train, plot, export."""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmentation.bundle import BUILT_IN_BUNDLE, find_bundle, load_manifest
from segmentation.errors import SegmentationError
from segmentation.families import recipe_of, trainable

if TYPE_CHECKING:
    from segmentation.training.loop import Settings

EXAMPLES = f"""\
a bundle of one's own, from a folder of COCO-format data:
  python -m segmentation.training train --data ~/coco --run runs/mine --device cuda \\
      --from-bundle {BUILT_IN_BUNDLE} --rate 0.3
  python -m segmentation.training export --run runs/mine --output ~/bundles/mine --name mine
  python benchmarks/interactive_quality.py ~/bundles/mine ~/coco --split val

docs/pocket.md has the whole recipe."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m segmentation.training",
        description="Trains a promptable model on pictures with masks, and makes a bundle of it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser(
        "train",
        help="train, or go on with a run that was stopped",
        description="Trains, or goes on with a run that was stopped. The run's folder then holds checkpoint.pt (all "
        "that is needed to go on) and log.jsonl (a line every twenty steps, and each validation's).",
    )
    train.add_argument(
        "--data", type=Path, required=True, help="folder of shards (*.tar), a COCO folder or a COCO file"
    )
    train.add_argument(
        "--run", type=Path, required=True, help="folder for checkpoint and log; an old one is resumed"
    )
    train.add_argument(
        "--init", type=Path, help="published weights to start a part of the network from (docs/pocket.md)"
    )
    train.add_argument("--from-bundle", help="start from a bundle's weights, by name or folder (fine-tuning)")
    train.add_argument(
        "--family",
        choices=trainable(),
        help=f"of the network; default: the bundle's own, {trainable()[0]} without one",
    )
    train.add_argument(
        "--variant",
        help="of the network, which can start from a bundle of a smaller one; default: the bundle's own, without one "
        "the family's default",
    )
    train.add_argument(
        "--minutes",
        type=_positive(float),
        default=90,
        help="training time; the schedule fits itself into it (default 90)",
    )
    train.add_argument("--device", default="cpu", help="cpu (default), cuda or auto")
    train.add_argument(
        "--threads", type=_positive(int), default=2, help="CPU threads of a process (default 2)"
    )
    train.add_argument(
        "--processes",
        type=_positive(int),
        default=1,
        help="on a CPU: processes that average their gradients; images a step are each one's (default 1)",
    )
    train.add_argument(
        "--precision",
        choices=["auto", "float32", "bfloat16"],
        default="auto",
        help="of convolutions and products; auto: bfloat16 on a GPU, else float32 (bfloat16 pays with avx512_bf16)",
    )
    train.add_argument("--seed", type=int, default=1, help="decides all pictures and prompts (default 1)")
    train.add_argument(
        "--rate", type=_positive(float), default=1.0, help="multiplies both learning rates (fine-tuning: 0.3)"
    )
    train.add_argument("--sources", nargs="*", help="only these shards")
    train.add_argument(
        "--synthetic", type=int, default=0, metavar="N", help="add N drawn pages and N scenes of drawn shapes"
    )
    train.add_argument(
        "--stages",
        type=_stage,
        nargs="*",
        help="BEGIN:SIDE:IMAGES, e.g. 0:256:8 0.5:384:5 0.85:512:3 (share of the time, input side, images a step)",
    )
    export = commands.add_parser("export", help="make a bundle of a run's averaged weights")
    export.add_argument("--run", type=Path, required=True)
    export.add_argument("--output", type=Path, required=True, help="the bundle's folder")
    export.add_argument("--name", default=BUILT_IN_BUNDLE, help=f"of the bundle (default {BUILT_IN_BUNDLE})")
    export.add_argument("--title", help="for people (default: the family's)")
    export.add_argument(
        "--licence", default="Apache-2.0", help="for people; think of the training data's too"
    )
    export.add_argument("--side", type=int, default=512, help="the input side the bundle names")
    export.add_argument(
        "--mix-with",
        help="a bundle of the same network, above all the one that the run began from, to average with",
    )
    export.add_argument("--mix-share", type=_share, default=0.5, help="that bundle's part (default 0.5)")
    plot = commands.add_parser("plot", help="draw loss and validation curves")
    plot.add_argument("--run", type=Path, required=True)
    plot.add_argument("--output", type=Path, required=True, help="a .png")
    options = parser.parse_args(arguments)
    if options.command == "train" and options.stages:
        begins = [begin for begin, _, _ in options.stages]
        if begins[0] != 0 or begins != sorted(set(begins)):
            train.error("--stages: the first begins at 0, each other later than the one before")
    try:
        if options.command == "train" and options.stages:
            multiple = recipe_of(_network(options)[0]).side_multiple
            if odd := [side for _, side, _ in options.stages if side % multiple]:
                train.error(f"--stages: the input side must be a multiple of {multiple}, got {odd[0]}")
        return {"train": _train, "export": _export, "plot": _plot}[options.command](options)
    except (SegmentationError, OSError) as error:
        print(f"cannot {options.command}: {error}", file=sys.stderr)
        return 2


def _positive(kind: type) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"must be more than 0, got {text}")
        return value

    parse.__name__ = kind.__name__  # argparse names it: "invalid int value"
    return parse


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be from 0 to 1, got {text}")
    return value


def _stage(text: str) -> tuple[float, int, int]:
    try:
        begin, side, images = text.split(":")
        stage = float(begin), int(side), int(images)
    except ValueError:
        raise argparse.ArgumentTypeError(f"write BEGIN:SIDE:IMAGES, e.g. 0.5:384:5, not {text!r}") from None
    if stage[1] <= 0:
        raise argparse.ArgumentTypeError(f"the input side must be more than 0, got {side}")
    if not 0 <= stage[0] < 1 or stage[2] < 1:
        raise argparse.ArgumentTypeError(f"BEGIN is from 0 to below 1, IMAGES at least 1, got {text!r}")
    return stage


def _train(options: argparse.Namespace) -> int:
    from segmentation.encoder import pick_device
    from segmentation.training.data.dataset import read_dataset
    from segmentation.training.data.samples import NoTrainingData
    from segmentation.training.data.synthetic import synthetic_samples
    from segmentation.training.loop import Settings

    family, variant = _network(options)
    device = pick_device(options.device).type
    if device != "cpu" and options.processes > 1:
        raise SettingsClash(
            "--processes is for CPUs: on a GPU leave it out and give more images a step (--stages)"
        )
    train, report = read_dataset(options.data, "train", options.sources)
    print(f"training: {report}", flush=True)
    try:
        val, report = read_dataset(options.data, "val", options.sources)
        print(f"validation: {report}", flush=True)
    except NoTrainingData as error:
        val = []
        print(f"no validation while it trains: {error}", file=sys.stderr)
    if options.synthetic:
        train += synthetic_samples(options.synthetic, options.seed)
    settings = Settings(
        minutes=options.minutes,
        device=device,
        threads=options.threads,
        seed=options.seed,
        processes=options.processes,
        precision=options.precision,
        family=family,
        variant=variant,
        published_lr=Settings.published_lr * options.rate,
        new_lr=Settings.new_lr * options.rate,
        stages=tuple(options.stages or Settings.stages),
    )
    if settings.processes == 1:
        return _train_one(0, options, settings, train, val)
    # Forked after the pictures are read, before torch has started a thread: the pictures are in memory once.
    meeting = options.run / ".meeting"
    options.run.mkdir(parents=True, exist_ok=True)
    meeting.unlink(missing_ok=True)
    context = multiprocessing.get_context("fork")
    others = [
        context.Process(target=_train_beside, args=(rank, options, settings, train, val), daemon=True)
        for rank in range(1, settings.processes)
    ]
    for other in others:
        other.start()
    try:
        return _train_one(0, options, settings, train, val)
    finally:
        for other in others:
            other.kill()  # whoever waits for the others' gradients does not hear a polite signal


class UnknownVariant(SegmentationError, ValueError):
    """`--variant` names no network of the family."""


class SettingsClash(SegmentationError, ValueError):
    """Two options do not go together."""


def _network(options: argparse.Namespace) -> tuple[str, str]:
    """Family and variant of the network to train."""
    bundle = load_manifest(find_bundle(options.from_bundle)) if options.from_bundle else None
    family = options.family or (bundle.family if bundle else trainable()[0])
    recipe = recipe_of(family)
    variant = options.variant or (bundle.variant if bundle else recipe.default_variant)
    if variant not in recipe.variants:
        raise UnknownVariant(f"--variant must be one of {', '.join(recipe.variants)}, got {variant!r}")
    return family, variant


def _train_beside(*arguments: Any) -> None:
    """A further process: the first one says what went wrong."""
    with contextlib.suppress(SegmentationError):
        _train_one(*arguments)


def _train_one(rank: int, options: argparse.Namespace, settings: Settings, train: list, val: list) -> int:
    from segmentation.training.loop import ProcessLost, Trainer

    if settings.processes > 1:
        import torch.distributed

        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{(options.run / '.meeting').resolve()}", rank=rank,
            world_size=settings.processes,
        )  # fmt: skip
    trainer = Trainer(settings, options.run, train, val, rank)
    if trainer.resume():
        if rank == 0:
            print(f"resumed at step {trainer.step}, {trainer.elapsed_s / 60:.1f} minutes in", flush=True)
            if options.from_bundle or options.init:
                print(
                    "its weights are the checkpoint's: --from-bundle and --init count for a new run",
                    flush=True,
                )
    elif options.from_bundle:
        trainer.start_from_bundle(options.from_bundle)
    elif options.init:
        trainer.start_from(options.init)
    # Also when it runs in the background, where a shell has Ctrl-C ignored, and when it is ended politely.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    try:
        trainer.run()
    except KeyboardInterrupt:
        trainer.save()
        if rank == 0:
            print("stopped; the same command goes on from here")
        return 130
    except ProcessLost as error:
        trainer.save()
        if rank == 0:
            print(f"stopped: {error}; the same command goes on from here", file=sys.stderr)
        return 1
    return 0


def _export(options: argparse.Namespace) -> int:
    from segmentation.training.export import export_run

    manifest = export_run(
        options.run, options.output, options.name, options.side, options.title, options.licence,
        options.mix_with, options.mix_share,
    )  # fmt: skip
    print(f"wrote {options.output}: {manifest.name} {manifest.digest}")
    return 0


def _plot(options: argparse.Namespace) -> int:
    from segmentation.training.plot import plot_run

    plot_run(options.run, options.output)
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
