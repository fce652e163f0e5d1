"""Published weights become installed bundles: fetched where they are not at hand, converted, installed. Loads torch."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

import segmentation.catalogue
from annotator.bundles import catalogue, decoders, downloads, licences
from annotator.bundles.errors import (
    BundleRefused,
    DigestNotAccepted,
    DownloadBusy,
    DownloadStopped,
    FetchFailed,
    WeightsUnavailable,
)
from annotator.bundles.install import install_bundle
from annotator.models import Bundle
from segmentation.bundle import BundleError
from segmentation.catalogue import Member, UnknownMember, member
from segmentation.catalogue.download import (
    Busy,
    DownloadError,
    Interrupted,
    Progress,
    Stopped,
    Waiting,
    WrongFile,
    download,
)
from segmentation.families.convert import convert

Say = Callable[[str], None]


def install_member(
    name: str,
    *,
    accept_licence: bool = False,
    accept_digest: str = "",
    make_default: bool = False,
    progress: Progress = lambda done, total: None,
    waiting: Waiting = lambda text: None,
    should_stop: Callable[[], bool] = lambda: False,
    say: Say = lambda text: None,
) -> Bundle:
    """Installs a published model of the catalogue. Of one that is installed, only what is missing is made again.

    What has been fetched lies in DATA_DIR/downloads until the bundle is installed: a lost connection, or a killed
    process, costs nothing of it.

    Args:
        accept_licence: needed once where the licence does not allow everything to everybody.
        accept_digest: the sha256 that is taken where nobody publishes one.
        progress: is told (bytes so far, bytes in all or None), once a second at least while the file is fetched.
        waiting: is told what the download waits for while nothing comes, and "" when something comes again.
        should_stop: asked as often.
        say: is told what is done now.

    Raises:
        WeightsUnavailable: not in the catalogue, nowhere to be had, no room, or not the published file. FetchFailed
            where another attempt may do, DownloadBusy where another process fetches the file, DownloadStopped where
            `should_stop` said so.
        LicenceNotAccepted: the licence has to be accepted.
        DigestNotAccepted: nobody publishes the file's digest, and `accept_digest` is another one; the file stays.
        BundleRefused: the file cannot be converted or installed.
    """
    try:
        row = member(name)
    except UnknownMember as error:
        raise WeightsUnavailable(f"{error}") from error
    installed = Bundle.objects.available().filter(name=name).first()
    if installed:
        return _made_ready(installed, make_default, say)
    catalogue.require_address(row)
    licences.require_accepted(row, None, accept_licence)
    file = downloads.folder() / row.file_name
    found = _sha256(file) if file.exists() else ""
    if found and row.sha256 not in (None, found):
        say(f"the {file.name} that lies here is not the published one")
        file.unlink()
        found = ""
    if not found:
        say(f"fetching {row.file_name}")
        try:
            found = download(
                row.published,
                file,
                mirror=settings.WEIGHTS_MIRROR,
                progress=progress,
                waiting=waiting,
                should_stop=should_stop,
            )
        except Busy as error:
            raise DownloadBusy(f"{error}.") from error
        except Stopped as error:
            raise DownloadStopped(f"{file.name}: {error}.") from error
        except Interrupted as error:
            raise FetchFailed(f"{error}.") from error
        except WrongFile as error:
            raise WeightsUnavailable(
                f"{error} and install it with --from-file.", on_page=f"{error}."
            ) from error
        except DownloadError as error:
            raise WeightsUnavailable(f"{error}.") from error
    if row.sha256 is None:
        _require_digest(file, row, found, accept_digest)
    bundle = install_published(
        file, row.family, row.variant, name,
        title=row.title, licence=row.licence, make_default=make_default, say=say,
    )  # fmt: skip
    file.unlink(missing_ok=True)
    return bundle


def _made_ready(bundle: Bundle, make_default: bool, say: Say) -> Bundle:
    if not decoders.is_exported(bundle):
        say("exporting the decoder")
        return install_bundle(bundle.name, make_default=make_default)
    say(f"{bundle.name} is installed already")
    if make_default:
        catalogue.set_default(bundle)
    return bundle


def require_published(source: Path, name: str, accepted: str) -> None:
    """A file at hand that is to be called like a published model has to be that one.

    Args:
        accepted: the sha256 of another file that is taken under this name nevertheless.

    Raises:
        DigestNotAccepted: it has another sha256 than published.
    """
    row = next((row for row in segmentation.catalogue.members() if row.name == name), None)
    if row is None or row.sha256 is None or not source.is_file():
        return
    found = _sha256(source)
    if found not in (row.sha256, accepted):
        raise DigestNotAccepted(
            f"{name} is the name of {row.title}, whose file has the sha256 {row.sha256}; {source.name} has {found}. "
            "Take the published file, or give yours another --name; to install it under this one, accept its digest "
            f"(--accept-digest {found}).",
            found,
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _require_digest(file: Path, row: Member, found: str, accepted: str) -> None:
    """A digest is offered only of a file that is such weights; anything else goes."""
    if found == accepted:
        return
    size = file.stat().st_size
    with tempfile.TemporaryDirectory(dir=downloads.folder()) as folder:
        try:
            convert(file, row.family, row.variant, row.name, Path(folder) / row.name)
        except BundleError as error:
            file.unlink()
            said = f"{size} bytes" if size < 1_000_000 else f"{size / 1e6:.1f} MB"
            problem = (
                f"What came as {file.name} is not {row.title} ({said}): {error}. Try again later, or take the file "
                "from another place"
            )
            raise WeightsUnavailable(
                f"{problem} and install it with --from-file.", on_page=f"{problem}."
            ) from error
    said = f"Nobody publishes a sha256 of {file.name}. The file that came, {size / 1e6:.1f} MB, has {found}."
    raise DigestNotAccepted(
        f"{said} Compare it with one that you trust; to install it, accept that digest (--accept-digest {found}).",
        found,
        on_page=f"{said} Compare it with one that you trust before you install it.",
    )


def install_published(
    source: Path,
    family: str,
    variant: str,
    name: str,
    *,
    title: str | None = None,
    licence: str | None = None,
    make_default: bool = False,
    say: Say = lambda text: None,
) -> Bundle:
    """Installs a bundle from a file or a folder as it was published; nothing is fetched.

    Raises:
        BundleRefused: not these weights, or a bundle of this name cannot be installed.
    """
    downloads.folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=downloads.folder()) as folder:
        say(f"converting {source.name}")
        try:
            convert(source, family, variant, name, Path(folder) / name, title=title, licence=licence)
        except BundleError as error:
            raise BundleRefused(f"{error}.") from error
        say("exporting the decoder")
        return install_bundle(str(Path(folder) / name), make_default=make_default)
