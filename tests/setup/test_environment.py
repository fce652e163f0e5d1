"""Environment variables: one table, documented, and values that make no sense are refused at start."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from annotator.site.environment import VARIABLES, WrongEnvironment, check, read

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "settings.md"
# Beside the table: Django's own variable, arguments that name a variable, and what is handed on to processes.
READS_ELSEWHERE = {
    "annotator/management/commands/create_demo.py",  # --password-env
    "annotator/site/environment.py",
    "segmentation/predictor.py",  # a library of its own, without annotator
}
READING = re.compile(r"os\.environ(\.get\(|\[)|os\.getenv\(")


def manage(tmp_path: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(tmp_path / "data")} | environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("HTTPS", "ture", "1, true, yes or on, or 0, false, no or off"),
        ("WORKERS", "two", "a whole number, 0 to 256"),
        ("JOB_LEASE_S", "abc", "a whole number, 1 to 86400"),
        ("JOB_LEASE_S", "0", "a whole number, 1 to 86400"),
        ("EXPORT_KEEP_DAYS", "99999999999", "a whole number, 0 to 36500"),
        ("MAX_IMAGE_BYTES", "-1", "a whole number, 1 to 1099511627776"),
        ("MAX_ZIP_RATIO", "1e3", "a whole number, 1 to 2147483647"),
        ("PORT", "65536", "a whole number, 1 to 65535"),
        ("EMBEDDING_ENCODING", "float32", "one of float16, int8"),
        ("LOG_LEVEL", "LOUD", "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("DEVICE", "gpu", "auto, cpu, mps, cuda, xpu, or one of several, such as cuda:1"),
        ("DATABASE_URL", "postgres:/db", "an address, SCHEME://..."),
        (
            "TRUSTED_PROXIES",
            "nginx",
            "IP addresses or networks, such as 10.0.0.0/8, with commas between",
        ),
        *[
            ("WEIGHTS_MIRROR", value, "an http or https address, such as https://mirror.example.org/weights")
            for value in (
                "http://[bad",
                "http://",
                "ftp://mirror/weights",
                "http://mirror:99999/",
                "http://mirror /weights",
                "http://mirror/?folder=weights",
                "mirror.example.org",
            )
        ],
    ],
)
def test_a_mistyped_value_is_refused_with_the_variable_the_value_and_what_is_accepted(name, value, accepted):
    with pytest.raises(WrongEnvironment) as refused:
        check({name: value})
    assert str(refused.value) == f"{name} is {value!r}; it must be {accepted}."


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HTTPS", "", False),
        ("HTTPS", "On", True),
        ("DEBUG", "0", False),
        ("PORT", " 8001 ", 8001),
        ("DEVICE", "cuda:1", "cuda:1"),
        ("WEIGHTS_MIRROR", "http://me:pass@[::1]:8080/weights/", "http://me:pass@[::1]:8080/weights/"),
        ("ALLOWED_HOSTS", "a.example, b.example,", ["a.example", "b.example"]),
        ("MASKWRIGHT_DEMO_PASSWORD", " a b ", " a b "),
    ],
)
def test_a_value_is_read_as_what_it_is(name, value, expected):
    assert read(name, {name: value}) == expected


def test_every_default_is_one_that_could_be_given():
    for name, variable in VARIABLES.items():
        if isinstance(variable.default, str | int) and variable.default != "":
            text = {True: "1", False: "0"}.get(variable.default, str(variable.default))
            assert read(name, {name: text}) == variable.default, name


def test_a_command_says_all_that_is_wrong_and_makes_nothing(tmp_path):
    done = manage(tmp_path, "check", HTTPS="ture", JOB_LEASE_S="abc")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "HTTPS is 'ture'; it must be 1, true, yes or on, or 0, false, no or off.",
        "JOB_LEASE_S is 'abc'; it must be a whole number, 1 to 86400.",
    ]
    assert not (tmp_path / "data").exists()


def test_a_server_does_not_start_with_a_mistyped_value(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "import annotator.wsgi"],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(tmp_path / "data"), "HTTPS": "ture"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr.rstrip().endswith(
        "HTTPS is 'ture'; it must be 1, true, yes or on, or 0, false, no or off."
    )


def test_reading_the_settings_makes_nothing_and_starting_makes_what_is_needed(tmp_path):
    subprocess.run(
        [sys.executable, "-c", "import annotator.settings"],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(tmp_path / "data")},
        check=True,
        timeout=60,
    )
    assert not (tmp_path / "data").exists()
    done = manage(tmp_path, "check", "--deploy", HTTPS="1")
    assert done.returncode == 0, done.stderr
    made = {str(path.relative_to(tmp_path / "data")) for path in (tmp_path / "data").rglob("*")}
    assert made == {"secret_key", "tmp", "broker", "broker/messages", "broker/control"}


def test_nothing_else_reads_the_environment():
    readers = {
        str(path.relative_to(ROOT))
        for folder in ("annotator", "exporters", "scripts", "segmentation")
        for path in (ROOT / folder).rglob("*.py")
        if READING.search(path.read_text())
    }
    # Everything else only hands the environment on to processes.
    assert readers - READS_ELSEWHERE <= {"scripts/environment.py"}


def test_every_variable_is_documented_with_what_it_accepts_and_its_default():
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    expected = [
        (name, variable.kind.accepted, shown(variable.default), variable.meaning)
        for name, variable in VARIABLES.items()
    ]
    assert rows == expected, "write it with: python -m tests.setup.test_environment"


def shown(default: object) -> str:
    if default is None:
        return "see there"
    if isinstance(default, bool):
        return "off" if not default else "on"
    if default in ("", []):
        return "none"
    return f"`{','.join(default) if isinstance(default, list) else default}`"


if __name__ == "__main__":
    head = DOCUMENT.read_text().partition("| variable |")[0]
    lines = ["| variable | accepts | default | what it sets |", "|---|---|---|---|"]
    for name, variable in VARIABLES.items():
        lines.append(
            f"| `{name}` | {variable.kind.accepted} | {shown(variable.default)} | {variable.meaning} |"
        )
    DOCUMENT.write_text(head + "\n".join(lines) + "\n")
