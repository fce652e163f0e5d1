import json

import pytest

from segmentation import bundle

FIELDS = {
    "name": "little",
    "family": "sam",
    "variant": "tiny",
    "title": "A little one",
    "licence": "Apache-2.0",
    "input_side": 1024,
    "pixel_mean": [1, 2, 3],
    "pixel_std": [4, 5, 6],
    "mask_threshold": 0.0,
    "low_res_side": 256,
    "embedding": {"image_embeddings": [256, 64, 64]},
}


@pytest.fixture
def place(tmp_path):
    directory = tmp_path / "little"
    directory.mkdir()
    (directory / "weights.safetensors").write_bytes(b"weights")
    return directory


def test_what_is_written_is_read(place):
    written = bundle.write_manifest(place, FIELDS)

    assert bundle.load_manifest(place) == written
    assert written.embedding == {"image_embeddings": (256, 64, 64)}
    assert written.pixel_std == (4.0, 5.0, 6.0)
    assert [path.name for path in place.iterdir() if path.name.startswith(".")] == []


def test_digest_follows_the_weights_and_every_field(place):
    first = bundle.write_manifest(place, FIELDS).digest
    assert bundle.write_manifest(place, dict(reversed(FIELDS.items()))).digest == first
    assert bundle.write_manifest(place, FIELDS | {"mask_threshold": 0.5}).digest != first
    (place / "weights.safetensors").write_bytes(b"other weights")
    assert bundle.write_manifest(place, FIELDS).digest != first


def test_manifest_edited_by_hand_is_refused(place):
    bundle.write_manifest(place, FIELDS)
    path = place / "manifest.json"
    path.write_text(path.read_text().replace('"mask_threshold": 0.0', '"mask_threshold": 0.1'))
    with pytest.raises(bundle.ManifestInvalid, match="edited by hand"):
        bundle.load_manifest(place)


def test_exchanged_or_missing_weights_are_refused(place):
    manifest = bundle.write_manifest(place, FIELDS)
    assert bundle.verify_weights(manifest, place) == place / "weights.safetensors"
    (place / "weights.safetensors").write_bytes(b"weightS")
    with pytest.raises(bundle.WeightsMismatch, match="damaged or was exchanged"):
        bundle.verify_weights(manifest, place)
    (place / "weights.safetensors").unlink()
    with pytest.raises(bundle.WeightsMismatch, match="lacks its weights"):
        bundle.verify_weights(manifest, place)
    with pytest.raises(bundle.WeightsMismatch, match="write the weights first"):
        bundle.write_manifest(place, FIELDS)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../escape"},
        {"name": "Upper"},
        {"family": ""},
        {"variant": None},
        {"input_side": 0},
        {"input_side": True},
        {"low_res_side": 256.5},
        {"pixel_mean": [1, 2]},
        {"pixel_std": [1, 0, 1]},
        {"mask_threshold": "0"},
        {"embedding": {}},
        {"embedding": {"image_embeddings": [256, 64]}},
        {"unheard_of": 1},
    ],
    ids=str,
)
def test_manifest_with_a_wrong_value_is_refused(place, change):
    with pytest.raises(bundle.ManifestInvalid, match=next(iter(change))):
        bundle.write_manifest(place, FIELDS | change)
    assert not (place / "manifest.json").exists()


def test_manifest_cannot_point_at_weights_elsewhere(place):
    bundle.write_manifest(place, FIELDS)
    path = place / "manifest.json"
    fields = json.loads(path.read_text())
    fields["weights"]["file"] = "../../etc/passwd"
    fields["digest"] = bundle.manifest_digest(fields)
    path.write_text(json.dumps(fields))
    with pytest.raises(bundle.ManifestInvalid, match="beside the manifest"):
        bundle.load_manifest(place)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": "maskwright-bundle/99"}'])
def test_manifest_that_is_something_else_is_refused(place, text):
    (place / "manifest.json").write_text(text)
    with pytest.raises(bundle.ManifestInvalid):
        bundle.load_manifest(place)


def test_bundles_are_found_by_name_and_by_path(place):
    bundle.write_manifest(place, FIELDS)
    assert bundle.find_bundle("little", [place.parent]) == place
    assert bundle.find_bundle(place) == place
    assert bundle.find_bundle(str(place)) == place
    assert bundle.list_bundles(place.parent) == ["little"]


def test_first_folder_that_has_the_name_wins(place, tmp_path):
    bundle.write_manifest(place, FIELDS)
    assert bundle.find_bundle("little", [tmp_path / "nowhere", place.parent]) == place


@pytest.mark.parametrize("name", ["absent", "", "..", "../little", "/absent"])
def test_unknown_bundle_is_refused_with_the_known_ones(place, name):
    bundle.write_manifest(place, FIELDS)
    with pytest.raises(bundle.BundleNotFound, match="little|not a bundle"):
        bundle.find_bundle(name, [place.parent])


def test_a_bundle_of_a_newer_version_of_the_format_says_what_to_do(place):
    (place / "manifest.json").write_text('{"format": "maskwright-bundle/99"}')
    with pytest.raises(
        bundle.ManifestInvalid, match="has the format maskwright-bundle/99, .* update the program"
    ):
        bundle.load_manifest(place)
