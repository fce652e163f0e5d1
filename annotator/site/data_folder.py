"""What must be there before anything is read or written: the folders in DATA_DIR and the secret key."""

from __future__ import annotations

from django.conf import settings

from annotator.site.secret_key import read_or_make_secret_key


def prepare() -> None:
    """Makes what is missing. Called once a process, when Django starts; several processes may do so at once."""
    # Others read nothing of what is in it, whatever the modes of the files are. One that is there is left as it is:
    # somebody may have given it to a group. `make run` closes it, `manage.py doctor` says that it is open.
    settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    folders = [settings.FILE_UPLOAD_TEMP_DIR]
    if settings.BROKER_DIR:
        folders += [settings.BROKER_DIR / "messages", settings.BROKER_DIR / "control"]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    if settings.SECRET_KEY_FILE:
        settings.SECRET_KEY = read_or_make_secret_key(settings.SECRET_KEY_FILE)
