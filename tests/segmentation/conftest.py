import pytest
import torch

from segmentation.bundle import Bundle
from segmentation.families import load_model
from segmentation.testing.tiny import make_tiny_bundle


@pytest.fixture(scope="session", autouse=True)
def one_thread_for_torch():
    """Each of xdist's workers has one core; two threads on a busy one wait for each other longer than they work."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_dir(tmp_path_factory):
    """A tiny bundle's folder, read only."""
    directory = tmp_path_factory.mktemp("bundles") / "tiny"
    make_tiny_bundle(directory)
    return directory


@pytest.fixture
def network(tiny_dir):
    """The tiny bundle's network and manifest."""
    bundle = Bundle.open(tiny_dir)
    return load_model(bundle), bundle.manifest


@pytest.fixture(scope="session")
def other_tiny_dir(tmp_path_factory):
    """Another tiny bundle, of other weights and so of another digest."""
    directory = tmp_path_factory.mktemp("bundles") / "other-tiny"
    make_tiny_bundle(directory, seed=1, name="other-tiny")
    return directory
