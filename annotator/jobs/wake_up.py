"""Wake-ups: "look into the table of this kind". Celery carries them; a lost one costs a delay, never a job.

Nothing else knows Celery. A message has no contents, and the queue it lies in is named like the kind of job.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import transaction

if TYPE_CHECKING:
    from kombu import Connection, Message

logger = logging.getLogger(__name__)

MESSAGE = "annotator.look"
# How soon a waiting process notices that it is to stop.
STOP_CHECK_S = 0.5
CARRIER_TIMEOUT_S = 3


def send(kind: str) -> None:
    """Tells the workers, once the transaction is committed, that there are jobs of this kind.

    A broker that is down never breaks the request: workers look by themselves every JOB_SWEEP_INTERVAL_S.
    """
    transaction.on_commit(lambda: _send(kind))


def _send(kind: str) -> None:
    from annotator.celery import app

    try:
        app.send_task(MESSAGE, queue=kind, retry=False, ignore_result=True)
    except Exception as error:  # whatever a broker's client raises
        logger.warning("wake-up for %s not sent, workers will find the job by themselves: %s", kind, error)


def check_carrier() -> None:
    """Opens and closes a connection to the broker. Raises what the broker's client raises when there is no answer."""
    from annotator.celery import app

    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=CARRIER_TIMEOUT_S)
        broker.default_channel.close()


class Listener:
    """Waits for the wake-ups of one kind, in the thread that does the jobs.

    A wake-up closes the connection until the next wait: no message lies with a busy process while another one is idle,
    and no connection goes stale during a long job.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._connection: Connection | None = None
        self._woken = False
        self._is_away = False  # the broker; said once, not with every wait

    def wait(self, timeout_s: float, stopping: Callable[[], bool]) -> None:
        """Returns after a wake-up, after `timeout_s`, or soon after `stopping()`; never raises for a broker."""
        deadline_s = time.monotonic() + timeout_s
        self._woken = False
        try:
            connection = self._connection = self._connection or self._connect()
            while not (self._woken or stopping()) and (left_s := deadline_s - time.monotonic()) > 0:
                with suppress(TimeoutError):
                    connection.drain_events(timeout=min(left_s, STOP_CHECK_S))
        except Exception as error:  # whatever a broker's client raises: the worker looks by itself meanwhile
            if not self._is_away:
                logger.warning("cannot listen for wake-ups for %s: %s", self._kind, error)
            self._is_away = True
            self._close()
            while not stopping() and (left_s := deadline_s - time.monotonic()) > 0:
                time.sleep(min(left_s, STOP_CHECK_S))
        if self._woken or stopping():
            self._close()

    def _connect(self) -> Connection:
        from annotator.celery import app

        connection = app.connection_for_read()
        connection.connect()
        consumer = connection.Consumer(
            app.amqp.queues[self._kind],
            on_message=self._on_message,
            # Nobody reads what a message says, so nobody minds when it cannot be read.
            on_decode_error=lambda message, error: self._on_message(message),
        )
        consumer.qos(prefetch_count=1)
        consumer.consume()
        self._is_away = False
        return connection

    def _on_message(self, message: Message) -> None:
        message.ack()
        self._woken = True

    def _close(self) -> None:
        """Closes the connection; what the broker has sent ahead goes back to its queue."""
        if self._connection is not None:
            with suppress(Exception):  # a broken connection may not even be closed
                self._connection.release()
            self._connection = None
