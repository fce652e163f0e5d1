"""What a slow source gives, item by item, without being deaf meanwhile: the source runs in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

Item = TypeVar("Item")

ASK_EVERY_S = 1.0
AHEAD = 8  # items that may wait for whoever takes them
_END_WAIT_S = 0.1  # so long a thread is waited for whose source is done


def listened(
    source: Callable[[], Iterator[Item]], meanwhile: Callable[[], None]
) -> Generator[Item, None, None]:
    """The items of `source()`; while it is silent, `meanwhile` is called every ASK_EVERY_S.

    Whoever takes the items touches files and database, the thread only what `source` does. One that is left in the
    middle (by `close`, or because `meanwhile` raises) has no more to say: its thread ends with its next item, and as a
    daemon it keeps no process alive until then.

    Args:
        source: called in the thread, and closed there.
        meanwhile: called in the caller's thread; what it raises ends the listening.

    Raises:
        What `source` raises.
    """
    items: queue.Queue[tuple[Item] | BaseException | None] = queue.Queue(AHEAD)
    left = threading.Event()
    thread = threading.Thread(target=_tell, args=(source, items, left), name="listening", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item = items.get(timeout=ASK_EVERY_S)
            except queue.Empty:
                meanwhile()
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        left.set()
        thread.join(_END_WAIT_S)


def _tell(source: Callable[[], Iterator[Item]], items: queue.Queue, left: threading.Event) -> None:
    last: BaseException | None = None
    try:
        iterator = source()
        try:
            for item in iterator:
                if not _put(items, (item,), left):
                    return
        finally:
            close = getattr(iterator, "close", None)
            if close:
                close()
    except BaseException as error:  # raised where it is listened to
        last = error
    _put(items, last, left)


def _put(items: queue.Queue, item: object, left: threading.Event) -> bool:
    """False: nobody listens any more."""
    while not left.is_set():
        try:
            items.put(item, timeout=ASK_EVERY_S)
        except queue.Full:
            continue
        return not left.is_set()
    return False
