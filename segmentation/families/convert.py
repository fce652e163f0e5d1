"""Turns published weights of any family into a bundle, offline.

`python -m segmentation.families.convert --from-file FILE --family sam --variant vit_b --name sam-vit-b --out DIR`
`python -m segmentation.families.convert --from-folder DIR --family sam --variant slimsam_77 --name slim --out DIR`

A file is a checkpoint of torch (.pt, .pth), a safetensors file or, where a family is published so, an ONNX file; a
folder is one of Hugging Face. No code in them is executed.
"""

import argparse
import sys
from pathlib import Path

from segmentation.bundle import NAME_PATTERN, BundleError, Manifest
from segmentation.families import FAMILIES
from segmentation.families.family import UnknownFamily

# Tags of a ModelProto's fields: producer, its version, domain, the model's version, its words, graph, operator sets.
ONNX_FIELDS = (0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42)


class NameInvalid(BundleError):
    """A bundle cannot be called that."""

    code = "name_invalid"


class NotACheckpoint(BundleError):
    """The file is of a kind in which weights of other families are published."""

    code = "checkpoint_invalid"


def convertible() -> list[str]:
    """Names of the families that have published weights, in the table's order."""
    return [name for name, family in FAMILIES.items() if family.convert]


def convert(
    source: Path | str,
    family: str,
    variant: str,
    name: str,
    output: Path | str,
    *,
    half: bool = False,
    title: str | None = None,
    licence: str | None = None,
) -> Manifest:
    """Writes a bundle from published weights.

    Args:
        source: a file or a folder as it was published.
        family, variant: whose it is; docs/bundles.md lists them.
        name: the bundle's name, a-z 0-9 . _ -
        output: the bundle's folder; made whole or not at all, must not exist yet.
        half: store float16, half the size, at differences of about 1e-2 in the logits.
        title, licence: for people; None: those of the variant's own publisher. Weights that somebody else trained for
            the same network need their own.

    Raises:
        UnknownFamily: there is no such family, or it has no published weights.
        NameInvalid: `name` cannot be a bundle's.
        CheckpointInvalid: not these weights, cut off, or of another network; says which where that can be seen.
        BundleError: `output` exists.
    """
    row = FAMILIES.get(family)
    if row is None or row.convert is None:
        raise UnknownFamily(
            f"family {family!r} has no published weights to convert; those that have: {', '.join(convertible())}"
        )
    if not NAME_PATTERN.fullmatch(name):
        raise NameInvalid(
            f"a bundle's name has 1 to 64 of a-z 0-9 . _ - and begins with a letter or a digit, got {name!r}"
        )
    if not row.from_onnx and _is_onnx(Path(source)):
        raise NotACheckpoint(
            f"{source} is an ONNX file: that is how weights of other families are published "
            f"({', '.join(f'--family {name}' for name, other in FAMILIES.items() if other.from_onnx)}); "
            f"those of {family} are a checkpoint of torch, a safetensors file or a folder"
        )
    return row.convert(source, variant, name, output, half, title, licence)


def _is_onnx(source: Path) -> bool:
    """By what is in it; it may be called anything."""
    if not source.is_file():
        return False
    with source.open("rb") as file:
        head = file.read(9)
    # A protobuf whose first field is ONNX's ir_version, a small number, and whose next one is another field of ONNX's.
    # A pickle begins with 0x80, a zip with P, safetensors with the length of its header, whose first byte is the ninth.
    is_like_onnx = len(head) == 9 and head[0] == 0x08 and 0 < head[1] < 0x20 and head[2] in ONNX_FIELDS
    return (is_like_onnx and head[8:] != b"{") or source.suffix == ".onnx"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m segmentation.families.convert", description=(__doc__ or "").splitlines()[0]
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--from-file", type=Path, metavar="FILE", help="a .pt, .pth, .safetensors or .onnx file"
    )
    source.add_argument("--from-folder", type=Path, metavar="DIR", help="a folder as Hugging Face has it")
    parser.add_argument("--family", required=True, choices=convertible())
    parser.add_argument("--variant", required=True, help="docs/bundles.md lists them")
    parser.add_argument("--name", required=True, help="the bundle's name: a-z 0-9 . _ -")
    parser.add_argument(
        "--out", type=Path, required=True, help="the bundle's folder, which must not exist yet"
    )
    parser.add_argument(
        "--half", action="store_true", help="store float16 weights: half the size, not quite the same masks"
    )
    parser.add_argument("--title", help="for people, where somebody else trained these weights")
    parser.add_argument("--licence", help="likewise")
    options = parser.parse_args(arguments)
    if options.from_folder and not options.from_folder.is_dir():
        parser.error(f"there is no folder {options.from_folder}; a single file is given with --from-file")
    if options.from_file and options.from_file.is_dir():
        parser.error(f"{options.from_file} is a folder; give it with --from-folder")
    try:
        manifest = convert(
            options.from_file or options.from_folder,
            options.family,
            options.variant,
            options.name,
            options.out,
            half=options.half,
            title=options.title,
            licence=options.licence,
        )
    except BundleError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    print(f"{options.out}: bundle {manifest.name}, {manifest.title}, digest {manifest.digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
