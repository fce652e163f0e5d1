"""Pictures wait their turn: what all processes of a machine have decoded at once is bounded.

A picture takes as many of the machine's slots as it has megapixels, by locks on files in DATA_DIR. The system lets go
of a lock when its process ends, however it ends, so that nothing has to be tidied up. The bound in bytes is
MAX_PIXELS_AT_ONCE times BYTES_PER_PIXEL; `benchmarks/upload_memory.py` measures it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.conf import settings

from annotator.media.errors import PicturesBusy
from annotator.site.environment import read

# Pillow keeps an RGB pixel in 4 bytes; while a picture is made of another there are two of them, and the files.
BYTES_PER_PIXEL = 10
SLOTS = 32
PATIENCE_S = 180.0
WITHOUT_A_PLACE_S = 1.0
LOOK_AGAIN_S = 0.02
TRIMMED_FROM_PIXELS = 8_000_000

# Of this process, the first in line asks for slots; the others wait for it without asking.
_line = threading.Lock()
# At most half of the web server's threads stand in line: pages are answered whatever is uploaded.
_places = threading.BoundedSemaphore(max(1, read("WEB_THREADS") // 2))


@contextmanager
def turn(pixels: int, file_bytes: int = 0) -> Iterator[None]:
    """Waits until a picture may be decoded, and counts it until the block ends. Not to be nested.

    Args:
        file_bytes: of its file, where that is held in memory too.

    Raises:
        PicturesBusy: others took too long.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    with ExitStack() as held:
        wanted = _slots(max(pixels, file_bytes // BYTES_PER_PIXEL))
        _in_line(wanted, deadline_s, held)
        try:
            yield
        finally:
            if pixels >= TRIMMED_FROM_PIXELS:
                _give_memory_back()


def _slots(pixels: int) -> int:
    """A picture that is larger than all slots together has them all to itself."""
    return max(1, min(SLOTS, -(-pixels * SLOTS // settings.MAX_PIXELS_AT_ONCE)))


def _in_line(wanted: int, deadline_s: float, held: ExitStack) -> None:
    folder = Path(settings.DATA_DIR) / "turns"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as line:
        if not _places.acquire(timeout=WITHOUT_A_PLACE_S):
            raise _too_long()
        line.callback(_places.release)
        if not _line.acquire(timeout=max(0.0, deadline_s - time.monotonic())):
            raise _too_long()
        line.callback(_line.release)
        # One process after the other, else two could each hold half of what they want, for ever.
        _wait(line, [folder / "line"], 1, deadline_s)
        _wait(held, [folder / str(number) for number in range(SLOTS)], wanted, deadline_s)


def _wait(held: ExitStack, files: list[Path], wanted: int, deadline_s: float) -> None:
    """Locks as many of the files as are wanted."""
    free = files
    while True:
        taken = []
        for path in free:
            if wanted and (descriptor := _try_lock(path)) is not None:
                held.callback(os.close, descriptor)
                taken.append(path)
                wanted -= 1
        free = [path for path in free if path not in taken]
        if not wanted:
            return
        if time.monotonic() > deadline_s:
            raise _too_long()
        time.sleep(LOOK_AGAIN_S)


def _try_lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _too_long() -> PicturesBusy:
    return PicturesBusy("The server is busy with large pictures; try again in a moment.")


def _give_memory_back() -> None:
    """glibc keeps much of what is freed for the thread that freed it; other systems have no such call."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
