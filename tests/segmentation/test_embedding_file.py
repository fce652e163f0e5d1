import json
import zlib

import numpy as np
import pytest

from segmentation.bundle import BundleDigestMismatch
from segmentation.embedding_file import EmbeddingFileInvalid, as_int8, read_embedding, write_embedding


@pytest.fixture
def tensors():
    random = np.random.default_rng(0)
    return {
        "image_embeddings": random.normal(size=(8, 4, 4)).astype(np.float32),
        "high_res": random.normal(size=(2, 16, 16)),
    }


def test_named_tensors_come_back_as_float16(tensors):
    file = read_embedding(write_embedding(tensors, "digest", (480, 640)), "digest")

    assert (file.bundle_digest, file.image_hw) == ("digest", (480, 640))
    assert set(file.tensors) == set(tensors)
    for name, tensor in tensors.items():
        assert file.tensors[name].dtype == np.float16
        np.testing.assert_array_equal(file.tensors[name], tensor.astype(np.float16))


def test_tensors_begin_at_a_multiple_of_8_so_that_a_browser_can_lay_arrays_over_them(tensors):
    content = write_embedding(tensors, "digest", (480, 640))
    header_length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + header_length])

    assert (8 + header_length) % 8 == 0
    assert f"{zlib.crc32(content[8 + header_length :]):08x}" == header["__metadata__"].pop("crc32")
    assert header["__metadata__"] == {
        "format": "maskwright-embedding/1",
        "bundle_digest": "digest",
        "image_height": "480",
        "image_width": "640",
    }
    assert header["image_embeddings"]["dtype"] == "F16"


def test_embedding_of_another_bundle_is_refused(tensors):
    content = write_embedding(tensors, "the one", (4, 4))
    with pytest.raises(BundleDigestMismatch, match="the one.*the other"):
        read_embedding(content, "the other")


def test_every_cut_is_noticed(tensors):
    content = write_embedding(tensors, "digest", (4, 4))
    for length in [0, 5, 8, 60, len(content) // 2, len(content) - 1]:
        with pytest.raises(EmbeddingFileInvalid):
            read_embedding(content[:length])
    with pytest.raises(EmbeddingFileInvalid):
        read_embedding(content + b"\0")


@pytest.mark.parametrize("form", [bytes, as_int8])
def test_every_changed_bit_of_the_tensors_is_noticed(tensors, form):
    content = form(write_embedding(tensors, "digest", (4, 4)))
    start = 8 + int.from_bytes(content[:8], "little")
    for place in np.random.default_rng(0).integers(start, len(content), 40):
        damaged = bytearray(content)
        damaged[place] ^= 1
        with pytest.raises(EmbeddingFileInvalid, match="damaged"):
            read_embedding(bytes(damaged))


def test_the_same_tensors_give_the_same_bytes(tensors):
    assert len({write_embedding(tensors, "digest", (4, 4), precision="float32") for _ in range(8)}) == 1


def test_a_file_of_a_former_version_has_no_checksum_and_is_read(tensors):
    content = write_embedding(tensors, "digest", (4, 4))
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    del header["__metadata__"]["crc32"]
    shorter = json.dumps(header).encode()
    shorter += b" " * (-len(shorter) % 8)
    assert set(read_embedding(len(shorter).to_bytes(8, "little") + shorter + content[start:]).tensors) == set(
        tensors
    )


def test_safetensors_file_of_something_else_is_refused(tensors):
    import safetensors.numpy

    for metadata in (None, {"format": "pt"}, {"format": "maskwright-embedding/1", "bundle_digest": "d"}):
        with pytest.raises(EmbeddingFileInvalid):
            read_embedding(safetensors.numpy.save({"x": np.zeros(1)}, metadata=metadata))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_value_that_float16_cannot_hold_is_refused(value):
    with pytest.raises(ValueError, match="not finite"):
        write_embedding({"image_embeddings": np.array([[[value]]])}, "digest", (1, 1))


def test_embedding_without_tensors_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        write_embedding({}, "digest", (1, 1))


def test_int8_form_is_half_as_large_and_off_by_half_a_level_at_most(tensors):
    tensors["constant"] = np.full((2, 3, 3), 0.25)
    tensors["image_embeddings"][3] *= 1000  # a loud channel must not cost the others their levels
    content = write_embedding(tensors, "digest", (480, 640))
    file = read_embedding(as_int8(content), "digest")

    assert (
        len(as_int8(write_embedding({"a": np.zeros((256, 64, 64))}, "d", (4, 4)))) < 0.51 * 2 * 256 * 64 * 64
    )
    assert (file.image_hw, set(file.tensors)) == ((480, 640), set(tensors))
    for name, expected in read_embedding(content).tensors.items():
        expected = expected.astype(np.float32)
        level = (expected.max(axis=(1, 2)) - expected.min(axis=(1, 2))) / 255
        allowed = 0.5 * level + 2**-11 * np.abs(expected).max(axis=(1, 2))  # and float16's own rounding
        difference = np.abs(file.tensors[name].astype(np.float32) - expected).max(axis=(1, 2))
        assert (difference <= 1.01 * allowed).all(), name


def test_the_precision_it_was_computed_in_stays_with_it(tensors):
    content = write_embedding(tensors, "digest", (480, 640), precision="bfloat16", backend="openvino")
    assert [read_embedding(each).backend for each in (content, as_int8(content))] == ["openvino"] * 2
    assert read_embedding(content).precision == read_embedding(as_int8(content)).precision == "bfloat16"
    assert read_embedding(write_embedding(tensors, "digest", (480, 640))).precision == ""


def test_only_an_embedding_file_has_an_int8_form():
    with pytest.raises(EmbeddingFileInvalid):
        as_int8(b"something else")
