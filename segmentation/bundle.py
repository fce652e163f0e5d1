"""Model bundles: a folder with `manifest.json` and `weights.safetensors`, known by its digest.

The digest is the sha256 of the manifest (without the digest itself, keys sorted, no spaces), which holds the
sha256 of the weights: two bundles with one digest compute the same. Everything made from a bundle (embedding,
decoder, stored annotation) carries its digest, and what carries another one is refused. Imports neither torch
nor transformers, so that the web process can read manifests.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segmentation import atomic_file
from segmentation.errors import SegmentationError
from segmentation.frames import PAD, STRETCH

FORMAT = "maskwright-bundle/1"
MANIFEST_FILE = "manifest.json"
BUILT_IN_DIR = Path(__file__).parent / "bundles"
NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# The bundle that comes with the program: what is used where nobody chose another.
BUILT_IN_BUNDLE = "pocket"


class BundleError(SegmentationError):
    """Something is wrong with a bundle; the class of every error of this module."""

    code = "bundle_error"


class BundleNotFound(BundleError):
    code = "bundle_not_found"


class ManifestInvalid(BundleError):
    code = "manifest_invalid"


class WeightsMismatch(BundleError):
    """The weights are not those the manifest was written for."""

    code = "weights_mismatch"


class BundleDigestMismatch(BundleError):
    """Something made from one bundle was brought to another."""

    code = "bundle_digest_mismatch"


@dataclass(frozen=True)
class Outputs:
    """The masks that one decode gives, and what each is for.

    count       how many there are
    single      the one that answers a prompt that is not ambiguous; None: the best rated candidate does
    candidates  those offered for an ambiguous one
    """

    count: int
    single: int | None
    candidates: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """As a manifest and the API say it."""
        return {"count": self.count, "single": self.single, "candidates": list(self.candidates)}


# SAM's, of manifests that do not say: the key came later than the first bundles, whose digests have to stay.
DEFAULT_OUTPUTS = Outputs(count=4, single=0, candidates=(1, 2, 3))


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    name            its id, a-z 0-9 . _ -, unique among installed bundles
    family          key into `segmentation.families.FAMILIES`
    variant         which network of the family, a string the family understands
    title, licence  for people
    input_side      pixels; the side of the square the image encoder sees
    pixel_mean, pixel_std   three each, R G B in 0..255
    mask_threshold  logits above it are foreground
    low_res_side    pixels; the side of the decoder's logits
    embedding       tensor name -> (C, h, w), without the batch axis
    outputs         of the decoder; where the file does not say, DEFAULT_OUTPUTS
    fit             how an image is brought into the square (`segmentation.frames`); where the file does not say, PAD
    takes_mask      whether the decoder can go on from a mask (mask_input); where the file does not say, True
    weights_file, weights_sha256
    digest          sha256, hexadecimal
    """

    name: str
    family: str
    variant: str
    title: str
    licence: str
    input_side: int
    pixel_mean: tuple[float, float, float]
    pixel_std: tuple[float, float, float]
    mask_threshold: float
    low_res_side: int
    embedding: Mapping[str, tuple[int, int, int]]
    weights_file: str
    weights_sha256: str
    digest: str
    outputs: Outputs = DEFAULT_OUTPUTS
    fit: str = PAD
    takes_mask: bool = True


@dataclass(frozen=True)
class Bundle:
    """A bundle's folder and what its manifest says."""

    directory: Path
    manifest: Manifest

    @classmethod
    def open(cls, bundle: "Bundle | Path | str") -> "Bundle":
        """The bundle in a folder; a bundle is given back as it is. Raises as `load_manifest`."""
        if isinstance(bundle, Bundle):
            return bundle
        return cls(Path(bundle), load_manifest(bundle))

    def verified_weights(self) -> Path:
        """The weights' path, once they are known to be the manifest's. Raises WeightsMismatch."""
        return verify_weights(self.manifest, self.directory)


def load_manifest(directory: Path | str) -> Manifest:
    """Reads and checks a bundle's manifest; the weights are not read (see `verify_weights`).

    Raises:
        BundleNotFound: there is no manifest in the folder.
        ManifestInvalid: it is not JSON, lacks a key, has a value of the wrong kind, is of another format, or
            its digest is not that of its content.
    """
    path = Path(directory) / MANIFEST_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise BundleNotFound(f"{directory} is not a bundle: it has no {MANIFEST_FILE}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestInvalid(f"{path} cannot be read: {error}") from error
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise ManifestInvalid(f"{path} is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise ManifestInvalid(f"{path} is not a JSON object")
    manifest = _manifest_from_fields(fields, path)
    digest = manifest_digest(fields)
    if manifest.digest != digest:
        raise ManifestInvalid(
            f"{path} says its digest is {manifest.digest}, its content gives {digest}: it was edited by hand; "
            "write it with segmentation.bundle.write_manifest"
        )
    return manifest


def verify_weights(manifest: Manifest, directory: Path | str) -> Path:
    """Reads the weights once and compares their sha256; returns their path.

    Raises:
        WeightsMismatch: the file is missing or is not the one the manifest was written for.
    """
    path = Path(directory) / manifest.weights_file
    try:
        sha256 = _file_sha256(path)
    except FileNotFoundError:
        raise WeightsMismatch(f"bundle {manifest.name} lacks its weights, {path}") from None
    except OSError as error:
        raise WeightsMismatch(f"the weights of bundle {manifest.name} cannot be read: {error}") from error
    if sha256 != manifest.weights_sha256:
        raise WeightsMismatch(
            f"{path} has sha256 {sha256}, bundle {manifest.name} was made with {manifest.weights_sha256}: "
            "the file is damaged or was exchanged; copy or convert the bundle again"
        )
    return path


def find_bundle(name_or_path: str | Path, search_dirs: Iterable[Path | str] = ()) -> Path:
    """The folder of a bundle.

    Args:
        name_or_path: a bundle's folder, or the name of one in `search_dirs` (first wins) or among the
            built-in ones.
        search_dirs: folders of bundles, each bundle in a folder of its name.

    Raises:
        BundleNotFound: there is none.
    """
    if isinstance(name_or_path, Path) or "/" in name_or_path:
        directory = Path(name_or_path)
        if (directory / MANIFEST_FILE).is_file():
            return directory
        raise BundleNotFound(f"{directory} is not a bundle: it has no {MANIFEST_FILE}")
    places = [*map(Path, search_dirs), BUILT_IN_DIR]
    if NAME_PATTERN.fullmatch(name_or_path):
        for place in places:
            if (place / name_or_path / MANIFEST_FILE).is_file():
                return place / name_or_path
    known = sorted({name for place in places for name in list_bundles(place)})
    raise BundleNotFound(f"there is no bundle {name_or_path!r}; known: {', '.join(known) or 'none'}")


def list_bundles(place: Path | str) -> list[str]:
    """The names of the bundles in a folder of bundles, sorted; none when there is no such folder."""
    return sorted(path.parent.name for path in Path(place).glob(f"*/{MANIFEST_FILE}"))


def write_manifest(directory: Path | str, fields: Mapping[str, Any]) -> Manifest:
    """Completes and writes a bundle's manifest: hashes the weights, computes the digest.

    Args:
        directory: the bundle's folder; the weights are already in it.
        fields: name, family, variant, title, licence, input_side, pixel_mean, pixel_std, mask_threshold,
            low_res_side, embedding; `outputs`, `fit` and `takes_mask` where they are not DEFAULT_OUTPUTS, PAD and
            True; `weights` may name the file (`{"file": ...}`, default weights.safetensors). `format`,
            `weights.sha256` and `digest` are computed, whatever is given for them.

    Raises:
        ManifestInvalid: a key is missing, unknown, or has a value of the wrong kind.
        WeightsMismatch: the weights are not there.
    """
    directory = Path(directory)
    weights_file = dict(fields.get("weights") or {}).get("file", "weights.safetensors")
    try:
        weights_sha256 = _file_sha256(directory / weights_file)
    except FileNotFoundError:
        raise WeightsMismatch(f"write the weights first: {directory / weights_file} is missing") from None
    complete = {key: value for key, value in fields.items() if key != "digest"}
    complete["format"] = FORMAT
    complete["weights"] = {"file": weights_file, "sha256": weights_sha256}
    complete["digest"] = manifest_digest(complete)
    path = directory / MANIFEST_FILE
    manifest = _manifest_from_fields(complete, path)
    atomic_file.write_bytes(path, (json.dumps(complete, indent=2, ensure_ascii=False) + "\n").encode())
    return manifest


def manifest_digest(fields: Mapping[str, Any]) -> str:
    """sha256, in hexadecimal, over the canonical JSON of a manifest's fields without `digest`."""
    content = {key: value for key, value in fields.items() if key != "digest"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def outputs_of(fields: Mapping[str, Any]) -> Outputs:
    """The decoder's outputs of a manifest's fields, which were checked when the manifest was read."""
    given = fields.get("outputs")
    if given is None:
        return DEFAULT_OUTPUTS
    return Outputs(given["count"], given["single"], tuple(given["candidates"]))


def fit_of(fields: Mapping[str, Any]) -> str:
    """How a manifest's fields say that an image is brought into the square; they were checked when it was read."""
    return fields.get("fit", PAD)


def takes_mask_of(fields: Mapping[str, Any]) -> bool:
    """Whether the decoder of a manifest's fields, which were checked when it was read, can go on from a mask."""
    return fields.get("takes_mask", True)


def _manifest_from_fields(fields: Mapping[str, Any], path: Path) -> Manifest:
    def require(key: str, is_valid: bool, rule: str) -> None:
        if not is_valid:
            raise ManifestInvalid(f"{path}: {key} must be {rule}, got {fields.get(key)!r:.100}")

    if fields.get("format") != FORMAT:
        if str(fields.get("format")).startswith(FORMAT.rpartition("/")[0] + "/"):
            raise ManifestInvalid(
                f"{path}: the bundle has the format {fields['format']}, this version of the program reads {FORMAT}; "
                "update the program, or convert the published weights again with this one"
            )
        raise ManifestInvalid(f"{path}: format is {fields.get('format')!r}, this version reads {FORMAT!r}")
    unknown = set(fields) - _KEYS
    if unknown:
        raise ManifestInvalid(f"{path}: unknown keys {sorted(unknown)}")
    name: Any = fields.get("name")
    require("name", isinstance(name, str) and bool(NAME_PATTERN.fullmatch(name)), "1 to 64 of a-z 0-9 . _ -")
    for key in ("family", "variant", "title", "licence"):
        require(key, isinstance(fields.get(key), str) and bool(fields[key]), "a text")
    for key in ("input_side", "low_res_side"):
        require(key, _is_whole(fields.get(key)), "a whole positive number")
    for key in ("pixel_mean", "pixel_std"):
        value = fields.get(key)
        is_rgb = isinstance(value, list | tuple) and len(value) == 3 and all(map(_is_number, value))
        require(key, is_rgb, "three numbers, R G B")
    require("pixel_std", all(value > 0 for value in fields["pixel_std"]), "three positive numbers")
    require("mask_threshold", _is_number(fields.get("mask_threshold")), "a number")
    embedding: Any = fields.get("embedding")
    require(
        "embedding",
        isinstance(embedding, dict)
        and bool(embedding)
        and all(
            isinstance(shape, list | tuple) and len(shape) == 3 and all(map(_is_whole, shape))
            for shape in embedding.values()
        ),
        "an object of names to [C, h, w]",
    )
    require("outputs", "outputs" not in fields or _are_outputs(fields["outputs"]), _OUTPUTS_RULE)
    require("fit", fit_of(fields) in (PAD, STRETCH), f"{PAD!r} or {STRETCH!r}")
    require("takes_mask", isinstance(takes_mask_of(fields), bool), "true or false")
    weights: Any = fields.get("weights")
    is_weights = isinstance(weights, dict) and set(weights) == {"file", "sha256"}
    require(
        "weights", is_weights and all(isinstance(value, str) for value in weights.values()), "{file, sha256}"
    )
    # A manifest may come from elsewhere: its weights lie beside it, nowhere else.
    require("weights", Path(weights["file"]).name == weights["file"], "a file beside the manifest")
    require("digest", isinstance(fields.get("digest"), str), "a text")
    return Manifest(
        name=name,
        family=fields["family"],
        variant=fields["variant"],
        title=fields["title"],
        licence=fields["licence"],
        input_side=fields["input_side"],
        pixel_mean=_rgb(fields["pixel_mean"]),
        pixel_std=_rgb(fields["pixel_std"]),
        mask_threshold=float(fields["mask_threshold"]),
        low_res_side=fields["low_res_side"],
        embedding={tensor: tuple(shape) for tensor, shape in embedding.items()},
        weights_file=weights["file"],
        weights_sha256=weights["sha256"],
        digest=fields["digest"],
        outputs=outputs_of(fields),
        fit=fit_of(fields),
        takes_mask=takes_mask_of(fields),
    )


_KEYS = {
    "format",
    "name",
    "family",
    "variant",
    "title",
    "licence",
    "input_side",
    "pixel_mean",
    "pixel_std",
    "mask_threshold",
    "low_res_side",
    "embedding",
    "outputs",
    "fit",
    "takes_mask",
    "weights",
    "digest",
}
_OUTPUTS_RULE = (
    "{count, single, candidates}: how many masks a decode gives, the number of one or null, a list of numbers (not "
    "empty beside null)"
)


def _are_outputs(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"count", "single", "candidates"}:
        return False
    count, candidates = value["count"], value["candidates"]
    if not _is_whole(count) or not isinstance(candidates, list | tuple):
        return False
    if value["single"] is None and not candidates:
        return False
    numbers = [*candidates] if value["single"] is None else [value["single"], *candidates]
    return all(type(number) is int and 0 <= number < count for number in numbers) and len(
        set(candidates)
    ) == len(candidates)


def _rgb(values: Iterable[float]) -> tuple[float, float, float]:
    red, green, blue = map(float, values)
    return red, green, blue


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _file_sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
