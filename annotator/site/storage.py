"""Django's file storage, made atomic."""

from __future__ import annotations

import os
import tempfile

from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.utils.deconstruct import deconstructible


@deconstructible
class AtomicFileSystemStorage(FileSystemStorage):
    """A file appears complete under its name or not at all, even when the process is killed or the power goes.

    Names are made from content digests or database ids, so writing a name again replaces it with the same thing.
    """

    def __init__(self, **options):
        super().__init__(**{"allow_overwrite": True} | options)

    def _save(self, name: str, content: File) -> str:
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".writing-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        return str(name).replace("\\", "/")
