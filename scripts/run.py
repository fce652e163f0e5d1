"""`make run`: everything from a fresh checkout to a running site, and down again with Ctrl-C.

The environment variables, with what they accept: annotator/site/environment.py.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from annotator.site.environment import WrongEnvironment, check, read
from scripts import environment, processes
from scripts.console import SetupFailed, duration, report_failure, say, step
from scripts.processes import Child
from scripts.stamps import fingerprint, is_current, locked, tree_fingerprint, write_stamp

START_TIMEOUT_S = 60


def main() -> int:
    started = time.monotonic()
    # Stopping a service by SIGTERM is the same wish as Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        host, port, data_dir = _settings()
        say("Maskwright")
        with locked(data_dir / "run.lock", wait=False) as got_lock:
            if not got_lock:
                raise SetupFailed(
                    f"another `make run` uses the data folder {data_dir}",
                    "Stop that one (Ctrl-C in its terminal), or give this one its own folder and port: "
                    "DATA_DIR=./data2 PORT=8001 make run",
                )
            refuse_taken_port(host, port)
            environment.install_python_packages()
            environment.install_browser_packages()
            # From here on, what this process and the servers make is read by nobody else on this machine.
            os.umask(0o077)
            with step("Site: tables, static files, model, demo"):
                logins = _prepare(data_dir)
            return _serve(host, port, data_dir, logins, started)
    except SetupFailed as failure:
        report_failure(failure)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = error.filename or "the data folder"
        report_failure(
            SetupFailed(
                f"the disk is full: {where} cannot be written", "Make room, or set DATA_DIR; nothing is lost."
            )
        )
        return 1
    except KeyboardInterrupt:
        say("\nStopped before the site was up; run it again and it goes on from here.")
        return 130


def refuse_taken_port(host: str, port: int) -> None:
    """Fails now, with the way out, instead of after the set-up.

    Raises:
        SetupFailed: the port is taken, not allowed, or the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the server does: a port in TIME_WAIT from the last run is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror as error:
            raise SetupFailed(f"HOST={host} is no address of this machine: {error}", "Set HOST.") from error
        except OSError as error:
            raise SetupFailed(
                f"{host} port {port} cannot be used: {error.strerror}",
                f"Something else listens there, or it is not allowed. Take another: PORT={port + 1} make run",
            ) from error


def _settings() -> tuple[str, int, Path]:
    try:
        check()
    except WrongEnvironment as error:
        raise SetupFailed(
            str(error), "Set it right, or unset it; docs/settings.md lists them all."
        ) from error
    data_dir = Path(read("DATA_DIR") or environment.ROOT / "data").absolute()
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupFailed(
            f"the data folder {data_dir} cannot be made: {error.strerror}", "Set DATA_DIR."
        ) from error
    if not os.access(data_dir, os.W_OK):
        raise SetupFailed(f"the data folder {data_dir} is not writable", "Change its owner or set DATA_DIR.")
    close_to_others(data_dir)
    return read("HOST"), read("PORT"), data_dir


def close_to_others(data_dir: Path) -> None:
    """Takes away what other users of the machine may do with the data folder; what a group may is left.

    Former versions left it open, with password hashes in it. A folder that is somebody else's cannot be closed; the
    doctor says so.
    """
    mode = stat.S_IMODE(data_dir.stat().st_mode)
    if mode & stat.S_IRWXO:
        with contextlib.suppress(PermissionError):
            data_dir.chmod(0o700)


def _prepare(data_dir: Path) -> dict[str, str]:
    """Tables, static files, bundle, demo project; returns the demo logins if they were made or set just now."""
    # Collecting and hashing static files takes seconds: only when one has changed, or the collected ones are gone.
    stamp, collected = data_dir / ".static-collected", data_dir / "staticfiles"
    value = fingerprint(
        tree_fingerprint([environment.ROOT / "static"]),
        environment.CONSTRAINTS,
        environment.ROOT / "annotator" / "settings.py",
    )
    command = [str(environment.VENV_PYTHON), "manage.py", "prepare_site"]
    if collected.is_dir() and is_current(stamp, value):
        command.append("--skip-static")
    # Its mode is 0700: it holds passwords for a moment.
    with tempfile.TemporaryDirectory(prefix="maskwright-") as folder:
        report = Path(folder) / "logins.json"
        done = subprocess.run(
            [*command, "--logins-file", str(report)],
            cwd=environment.ROOT,
            env=_child_env(data_dir),
            check=False,
        )
        if done.returncode:
            raise SetupFailed(
                f"preparing the site failed ({processes.describe_exit(done.returncode)})",
                "The lines above say what happened. When they are not enough: make doctor",
            )
        write_stamp(stamp, value)
        return json.loads(report.read_text()) if report.exists() else {}


def _serve(host: str, port: int, data_dir: Path, logins: dict[str, str], started: float) -> int:
    logs = data_dir / "logs"
    env = _child_env(data_dir) | {"HOST": host, "PORT": str(port)}
    env.pop("MASKWRIGHT_DEMO_PASSWORD", None)  # has been used; a server need not carry it
    python = str(environment.VENV_PYTHON)
    web = Child(
        "web server",
        [python, *web_server(host, port)],
        logs / "web.log",
        environment.ROOT,
        env,
    )
    workers = [
        Child(
            "worker" if number == 1 else f"worker {number}",
            [python, "manage.py", "worker"],
            logs / ("worker.log" if number == 1 else f"worker-{number}.log"),
            environment.ROOT,
            env,
            stop_grace_s=15.0,  # the worker itself lets a running job finish for 10 s
        )
        for number in range(1, read("WORKERS") + 1)
    ]
    children = [web, *workers]
    interrupts = _Interrupts()
    try:
        with step("Web server and worker"):
            for child in children:
                child.start()
            _wait_until_it_answers(web, host, port, interrupts)
        if not interrupts.count:
            _greet(host, port, data_dir, logins, time.monotonic() - started)
        processes.watch(children, lambda: interrupts.count > 0)
    finally:
        if interrupts.count:
            say("\n  Stopping (Ctrl-C again to force).")
        processes.stop(children, lambda: interrupts.count > 1)
    say("  Stopped. Everything is saved in " + str(data_dir))
    return 0


def web_server(host: str, port: int) -> list[str]:
    """What Python is to run."""
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    options = {
        "--bind": bind,
        "--worker-class": "annotator.site.receiving_worker.ReceivingWorker",
        "--workers": str(read("WEB_WORKERS")),
        "--threads": str(read("WEB_THREADS")),
        "--timeout": "120",
        "--keep-alive": "30",
        "--graceful-timeout": "5",
        "--log-level": "warning",
    }
    pairs = [text for pair in options.items() for text in pair]
    return ["-m", "gunicorn", "annotator.wsgi", *pairs, "--no-control-socket"]


class _Interrupts:
    """Counts Ctrl-C and SIGTERM from the moment it is made, instead of raising in the middle of things."""

    def __init__(self) -> None:
        self.count = 0
        signal.signal(signal.SIGINT, self._add)
        signal.signal(signal.SIGTERM, self._add)

    def _add(self, number: int, frame: object) -> None:
        self.count += 1


def _wait_until_it_answers(web: Child, host: str, port: int, interrupts: _Interrupts) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    # A proxy from the environment must not be asked for this machine's own page.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while not interrupts.count:
        try:
            # As the TLS proxy would say it; without HTTPS=1 nobody looks at the header.
            page = urllib.request.Request(
                f"{address(host, port)}login/", headers={"X-Forwarded-Proto": "https"}
            )
            opener.open(page, timeout=5).close()
            return
        except urllib.error.HTTPError as error:
            failure = f"the web server answers with {error.code}"
        except OSError:
            failure = "the web server did not answer"
        code = web.exit_code()
        if code is not None or time.monotonic() > deadline:
            say(web.log_tail())
            if code is not None:
                failure = f"the web server ended ({processes.describe_exit(code)})"
            raise SetupFailed(failure, f"The lines above are from its log, {web.log}.")
        time.sleep(0.1)


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds the site."""
    if host in {"0.0.0.0", "::", ""}:
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _greet(host: str, port: int, data_dir: Path, logins: dict[str, str], took_s: float) -> None:
    say(f"\n  Maskwright is up after {duration(took_s)}:  {address(host, port)}\n")
    if logins:
        say("  Demo logins (user name, password):")
        for username, password in logins.items():
            say(f"      {username:<10} {password}")
        say("  Shown this once; `make passwords` makes new ones.")
    else:
        say("  The demo logins were shown at the first run; `make passwords` makes new ones.")
    say(f"\n  Data and logs: {data_dir}   Stop: Ctrl-C\n")


def _child_env(data_dir: Path) -> dict[str, str]:
    return os.environ | {"DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"}


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
