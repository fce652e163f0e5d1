"""`python -m segmentation.training`: train, plot, export."""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m segmentation.training",
        description="Trains the promptable model `pocket` on pictures with masks, and makes a bundle of it.",
        epilog="docs/pocket.md has the whole recipe.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train, or go on with a run that was stopped")
    train.add_argument("--data", type=Path, required=True, help="folder of shards (*.tar) or a COCO folder")
    train.add_argument(
        "--run", type=Path, required=True, help="folder for checkpoint and log; an old one is resumed"
    )
    train.add_argument("--init", type=Path, help="MobileNetV2 weights (.npz) to start the encoder from")
    train.add_argument(
        "--from-bundle", help="start from a pocket bundle's weights, by name or folder (fine-tuning)"
    )
    train.add_argument(
        "--variant",
        help="of the network: v1, or v2, which has more blocks in the encoder and can start from a bundle of v1; "
        "default: the bundle's own, v2 without one",
    )
    train.add_argument(
        "--minutes", type=float, default=90, help="training time; the schedule fits itself into it"
    )
    train.add_argument("--device", default="cpu", help="cpu or cuda")
    train.add_argument("--threads", type=int, default=2, help="CPU threads")
    train.add_argument(
        "--processes",
        type=int,
        default=1,
        help="processes that average their gradients; images a step are each one's",
    )
    train.add_argument(
        "--precision",
        choices=["auto", "float32", "bfloat16"],
        default="auto",
        help="of convolutions and products; auto: bfloat16 on a GPU, else float32 (bfloat16 pays with avx512_bf16)",
    )
    train.add_argument("--seed", type=int, default=1)
    train.add_argument(
        "--rate", type=float, default=1.0, help="multiplies both learning rates (fine-tuning: 0.3)"
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
    export.add_argument("--name", default="pocket")
    export.add_argument("--title", default="Pocket", help="for people")
    export.add_argument(
        "--licence", default="Apache-2.0", help="for people; think of the training data's too"
    )
    export.add_argument("--side", type=int, default=512, help="the input side the bundle names")
    plot = commands.add_parser("plot", help="draw loss and validation curves")
    plot.add_argument("--run", type=Path, required=True)
    plot.add_argument("--output", type=Path, required=True, help="a .png")
    options = parser.parse_args(arguments)
    return {"train": _train, "export": _export, "plot": _plot}[options.command](options)


def _stage(text: str) -> tuple[float, int, int]:
    begin, side, images = text.split(":")
    if int(side) % 32:
        raise argparse.ArgumentTypeError(f"the input side must be a multiple of 32, got {side}")
    return float(begin), int(side), int(images)


def _train(options: argparse.Namespace) -> int:
    from segmentation.bundle import BundleError
    from segmentation.training.loop import Settings
    from segmentation.training.samples import NoTrainingData, read_dataset
    from segmentation.training.synthetic import synthetic_samples

    try:
        variant = _variant(options)
        train, report = read_dataset(options.data, "train", options.sources)
        print(f"training: {report}", flush=True)
        val, report = read_dataset(options.data, "val", options.sources)
        print(f"validation: {report}", flush=True)
    except (NoTrainingData, UnknownVariant, BundleError) as error:
        print(f"cannot train: {error}", file=sys.stderr)
        return 2
    if options.synthetic:
        train += synthetic_samples(options.synthetic, options.seed)
    chosen = {"stages": tuple(options.stages)} if options.stages else {}
    settings = Settings(
        minutes=options.minutes,
        device=options.device,
        threads=options.threads,
        seed=options.seed,
        processes=options.processes,
        precision=options.precision,
        variant=variant,
        trunk_lr=Settings.trunk_lr * options.rate,
        new_lr=Settings.new_lr * options.rate,
        **chosen,
    )
    if settings.processes == 1:
        return _train_one(0, options, settings, train, val)
    # Forked after the pictures are read, before torch has started a thread: the pictures are in memory once.
    meeting = options.run / ".meeting"
    options.run.mkdir(parents=True, exist_ok=True)
    meeting.unlink(missing_ok=True)
    context = multiprocessing.get_context("fork")
    others = [
        context.Process(target=_train_one, args=(rank, options, settings, train, val), daemon=True)
        for rank in range(1, settings.processes)
    ]
    for other in others:
        other.start()
    try:
        return _train_one(0, options, settings, train, val)
    finally:
        for other in others:
            other.kill()  # whoever waits for the others' gradients does not hear a polite signal


class UnknownVariant(ValueError):
    """`--variant` names no network of the family."""


def _variant(options: argparse.Namespace) -> str:
    from segmentation.bundle import find_bundle, load_manifest
    from segmentation.families.pocket import VARIANTS
    from segmentation.training.loop import Settings

    variant = options.variant
    if variant is None:
        bundle = options.from_bundle
        variant = load_manifest(find_bundle(bundle)).variant if bundle else Settings.variant
    if variant not in VARIANTS:
        raise UnknownVariant(f"--variant must be one of {', '.join(VARIANTS)}, got {variant!r}")
    return variant


def _train_one(rank: int, options: argparse.Namespace, settings, train: list, val: list) -> int:
    from segmentation.training.loop import Trainer

    if settings.processes > 1:
        import torch.distributed

        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{(options.run / '.meeting').resolve()}", rank=rank,
            world_size=settings.processes,
        )  # fmt: skip
    trainer = Trainer(settings, options.run, train, val, rank)
    if trainer.resume():
        print(f"resumed at step {trainer.step}, {trainer.elapsed_s / 60:.0f} minutes in", flush=True)
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
    return 0


def _export(options: argparse.Namespace) -> int:
    from segmentation.training.export import export_run

    manifest = export_run(
        options.run, options.output, options.name, options.side, options.title, options.licence
    )
    print(f"wrote {options.output}: {manifest.name} {manifest.digest}")
    return 0


def _plot(options: argparse.Namespace) -> int:
    from segmentation.training.plot import plot_run

    plot_run(options.run, options.output)
    print(f"wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
