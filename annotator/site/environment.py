"""Every environment variable that the project reads, in one table; a value that makes no sense is refused at start.

Standard library only: `make run` reads the table before anything is installed. docs/settings.md shows it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

MEBIBYTE = 1024 * 1024
# What nobody means, and what dates, threads or columns of the database could not hold.
MOST_BYTES = 1024**4
MOST_PROCESSES = 256
MOST_COUNT = 2**31 - 1
DAY_S = 24 * 3600
# How one speaks to a mail server: without TLS, with TLS from the first byte, with TLS asked for (STARTTLS, RFC 3207).
MAIL_SCHEMES = ("smtp", "smtps", "smtp+tls")


class WrongEnvironment(Exception):
    """Values that make no sense, one sentence each: the variable, its value and what is accepted."""


@dataclass(frozen=True)
class Kind:
    """How a variable's text is read.

    Attributes:
        accepted: what is accepted, as the end of "it must be ...".
        read: the value of a text. Raises ValueError.
    """

    accepted: str
    read: Callable[[str], Any]


@dataclass(frozen=True)
class Variable:
    """One row. An unset or empty variable has the value `default`; None: see `meaning` for what stands in."""

    kind: Kind
    default: Any
    meaning: str


def _matching(pattern: str, accepted: str) -> Kind:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return Kind(accepted, read)


def _one_of(*choices: str) -> Kind:
    return Kind(f"one of {', '.join(choices)}", lambda text: choices[choices.index(text)])


def _whole_number(least: int = 1, most: int = MOST_COUNT) -> Kind:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]+", text) or not least <= int(text) <= most:
            raise ValueError
        return int(text)

    return Kind(f"a whole number, {least} to {most}", read)


def _flag(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError
    return words[text.lower()]


def _networks(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return [str(ip_network(part, strict=False)) for part in parts]  # a ValueError where one is none


def _web_address(text: str) -> str:
    parts = urlsplit(text)  # a ValueError where brackets do not match
    is_plain = re.fullmatch(r"[!-~]+", text) and not parts.query and not parts.fragment
    if not (is_plain and parts.scheme in ("http", "https") and parts.hostname):
        raise ValueError
    _ = parts.port  # a ValueError where it is no number, or too large a one
    return text


def _mail_address(text: str) -> str:
    parts = urlsplit(text)
    is_plain = (
        re.fullmatch(r"[!-~]+", text) and parts.path in ("", "/") and not parts.query and not parts.fragment
    )
    if not (is_plain and parts.scheme in MAIL_SCHEMES and parts.hostname):
        raise ValueError
    _ = parts.port
    return text


TEXT = Kind("any text", str)
FOLDER = Kind("the path of a folder", str)
FOLDERS = Kind(
    "paths of folders, with commas between",
    lambda text: [part.strip() for part in text.split(",") if part.strip()],
)
PROGRAM = Kind("the path or name of a program", str)
FLAG = Kind("1, true, yes or on, or 0, false, no or off", _flag)
NAMES = Kind(
    "names, with commas between", lambda text: [part.strip() for part in text.split(",") if part.strip()]
)
NETWORKS = Kind("IP addresses or networks, such as 10.0.0.0/8, with commas between", _networks)
ADDRESS = _matching(r"[a-z][a-z0-9+.-]*://.*", "an address, SCHEME://...")
WEB_ADDRESS = Kind("an http or https address, such as https://mirror.example.org/weights", _web_address)

MAIL_ADDRESS = Kind(
    "the address of a mail server, such as smtp+tls://user:password@mail.example.org:587 (or smtps://, smtp://)",
    _mail_address,
)

VARIABLES: dict[str, Variable] = {
    # --- where things are, and who may come ---
    "DATA_DIR": Variable(
        FOLDER, None, "Everything that is kept: `data` in the checkout, else in the current folder."
    ),
    "HOST": Variable(TEXT, "127.0.0.1", "Address that the web server listens on."),
    "PORT": Variable(_whole_number(1, 65535), 8000, "Its port."),
    "WORKERS": Variable(_whole_number(0, MOST_PROCESSES), 1, "Workers that `make run` starts."),
    "WEB_WORKERS": Variable(_whole_number(most=MOST_PROCESSES), 2, "Web processes that `make run` starts."),
    "WEB_THREADS": Variable(
        _whole_number(2, MOST_PROCESSES),
        16,
        "Threads of each; at most half of them receive large bodies at once.",
    ),
    "ALLOWED_HOSTS": Variable(NAMES, None, "Host names the site answers to: this machine's own and HOST."),
    "CSRF_TRUSTED_ORIGINS": Variable(NAMES, [], "Origins of forms beside the site's own, as `https://name`."),
    "HTTPS": Variable(
        FLAG,
        False,
        "Behind a TLS proxy: cookies travel over TLS only, browsers are told to use nothing else for a year (HSTS), "
        "and the proxy's header X-Forwarded-Proto is believed.",
    ),
    "SECRET_KEY": Variable(TEXT, None, "Signs sessions: made once, in DATA_DIR/secret_key."),
    "DEBUG": Variable(FLAG, False, "Django's; never on a site that others reach."),
    "LOG_LEVEL": Variable(_one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO", "Of the log."),
    "LOG_FORMAT": Variable(
        _one_of("text", "json"),
        "text",
        "Of the log's lines; json has the ids of request, person and job in each.",
    ),
    "METRICS_TOKEN": Variable(
        TEXT, "", "Whoever sends it as a bearer token may read /metrics; without one there is no such page."
    ),
    "MASKWRIGHT_DEMO_PASSWORD": Variable(
        TEXT, "", "Of the demo logins; each gets one made up where it is not set."
    ),
    "LOGIN_FAILURES_MAX": Variable(
        _whole_number(), 10, "Failed sign-ins per address and user name in five minutes."
    ),
    "LOGIN_FAILURES_MAX_PER_ADDRESS": Variable(_whole_number(), 50, "The same, of an address with any name."),
    "LOGIN_FAILURES_MAX_PER_NAME": Variable(
        _whole_number(),
        100,
        "The same, of a name from any address. Browsers in which that person has signed in before are counted apart.",
    ),
    "TRUSTED_PROXIES": Variable(
        NETWORKS,
        ["127.0.0.1", "::1"],
        "Proxies whose `X-Forwarded-For` says where a request comes from. Behind one that is not named, all people "
        "count as one address.",
    ),
    "PASSWORD_LINK_HOURS": Variable(
        _whole_number(1, 8760), 24, "Hours for which a link to set a new password can be used, once."
    ),
    "API_TOKEN_MAX_DAYS": Variable(
        _whole_number(1, 36_500), 365, "Days for which an API token lives at most."
    ),
    # --- servers ---
    "EMAIL_URL": Variable(
        MAIL_ADDRESS,
        "",
        "Sends the site's e-mails, which are links to set a new password; without it they are written to the web "
        "server's log.",
    ),
    "EMAIL_FROM": Variable(TEXT, "maskwright@localhost", "Who the site's e-mails are from."),
    "DATABASE_URL": Variable(ADDRESS, None, "SQLite in DATA_DIR, or `postgres://user:password@host/name`."),
    "CELERY_BROKER_URL": Variable(
        ADDRESS, "filesystem://localhost", "Carries the wake-ups: a folder, or Redis."
    ),
    "MODEL": Variable(
        TEXT,
        "",
        "`make run` installs this published model (`manage.py bundles list`) and makes it the default, at the first "
        "start or where nobody has chosen another default since. Where that fails, the site comes up without it.",
    ),
    "MODEL_REQUIRED": Variable(FLAG, False, "`make run` ends where `MODEL` cannot be installed."),
    "WEIGHTS_MIRROR": Variable(
        WEB_ADDRESS, "", "Published weights are fetched below this address instead of their publishers'."
    ),
    # --- jobs ---
    "STAND_IN_BUNDLE": Variable(
        TEXT,
        None,
        "Answers while the embedding of a project's own bundle is made: the built-in bundle. With `none`, people wait.",
    ),
    "DEVICE": Variable(
        _matching(
            r"auto|cpu|mps|(cuda|xpu)(:[0-9]+)?",
            "auto, cpu, mps, cuda, xpu, or one of several, such as cuda:1",
        ),
        "auto",
        "What a worker's torch computes on.",
    ),
    "ENCODER_PRECISION": Variable(
        _one_of("auto", "float32", "bfloat16"),
        "auto",
        "What image encoders compute in. With auto: float16 on a GPU; on a CPU bfloat16 where a measurement finds it "
        "faster and the masks the same, else float32.",
    ),
    "ENCODER_BACKEND": Variable(
        _one_of("auto", "torch", "openvino"),
        "auto",
        "What runs image encoders on a CPU. With auto: OpenVINO where it is installed (`pip install -c constraints.txt "
        "openvino`), runs the encoder, and a measurement finds it faster and the masks the same, else torch.",
    ),
    "ENCODER_COMPILE": Variable(
        FLAG,
        True,
        "On a GPU, a worker has torch compile an image encoder once it has made some embeddings: up to a minute, and "
        "then about twice as fast.",
    ),
    "EMBEDDING_ENCODING": Variable(
        _one_of("float16", "int8"),
        "float16",
        "What browsers are sent of an embedding; int8 is half as large.",
    ),
    "JOB_LEASE_S": Variable(
        _whole_number(most=DAY_S), 30, "Seconds after which a worker that died is noticed."
    ),
    "JOB_RETRY_DELAY_S": Variable(
        _whole_number(0, DAY_S),
        20,
        "Seconds until a job is tried again whose first attempt failed; twice as long after the second.",
    ),
    "JOB_SWEEP_INTERVAL_S": Variable(
        _whole_number(most=DAY_S), 5, "Seconds between a worker's looks into the database."
    ),
    "WORKER_STOP_GRACE_S": Variable(
        _whole_number(0, DAY_S), 10, "Seconds a stopping worker lets the running job finish."
    ),
    "EXPORT_KEEP_DAYS": Variable(_whole_number(0, 36_500), 30, "Days after which exports are deleted."),
    "EXPORT_LINK_HOURS": Variable(
        _whole_number(1, 8760), 24, "Hours for which a link to an export can be used without signing in."
    ),
    "IMPORT_KEEP_DAYS": Variable(
        _whole_number(0, 36_500),
        30,
        "Days after which imports that are over are forgotten, with their files.",
    ),
    "IMPORT_ROOTS": Variable(
        FOLDERS,
        [],
        "Folders of the server from which admins may import datasets, on the page and over the API.",
    ),
    "TRASH_KEEP_DAYS": Variable(
        _whole_number(0, 36_500), 30, "Days after which deleted images are removed for good."
    ),
    # --- limits on what comes in ---
    "REQUEST_TIMEOUT_S": Variable(
        _whole_number(most=DAY_S),
        30,
        "Seconds in which a request has to arrive; a large one as many again for each 256 KiB.",
    ),
    "UPLOAD_KEEP_HOURS": Variable(
        _whole_number(1, 8760), 48, "Hours for which a large upload that broke off can be gone on with."
    ),
    "MAX_IMAGE_BYTES": Variable(_whole_number(most=MOST_BYTES), 100 * MEBIBYTE, "Of one image's file."),
    "MAX_IMAGE_PIXELS": Variable(
        _whole_number(), 100_000_000, "Of one image; taking it in, a pixel costs up to 10 bytes."
    ),
    "MAX_PIXELS_AT_ONCE": Variable(
        _whole_number(),
        128_000_000,
        "Of all images that a machine takes in at once; others wait, a larger one comes alone.",
    ),
    "MAX_IMAGE_SIDE_PX": Variable(_whole_number(most=65_535), 32_768, "Of one image's longer side."),
    "KEEP_LOCATION": Variable(
        FLAG,
        False,
        "Uploaded photographs keep the place where they were taken (GPS in EXIF, XMP, IPTC); else it is taken out of "
        "their files, which people of the project can download.",
    ),
    "MAX_FILES_PER_REQUEST": Variable(_whole_number(), 500, "Files in one upload."),
    "MAX_ZIP_BYTES": Variable(_whole_number(most=MOST_BYTES), 4096 * MEBIBYTE, "Of one zip."),
    "MAX_ZIP_ENTRIES": Variable(_whole_number(), 10_000, "Files in one zip."),
    "MAX_ZIP_UNCOMPRESSED_BYTES": Variable(
        _whole_number(most=MOST_BYTES), 8192 * MEBIBYTE, "Of one zip, unpacked."
    ),
    "MAX_ZIP_RATIO": Variable(
        _whole_number(), 200, "Unpacked to packed bytes; more is a decompression bomb."
    ),
    "MAX_REQUEST_BYTES": Variable(
        _whole_number(most=MOST_BYTES), None, "Of one upload: 16 MiB more than MAX_ZIP_BYTES."
    ),
    "PROMETHEUS_MULTIPROC_DIR": Variable(
        FOLDER, None, "Where one server's web processes count together: a folder below DATA_DIR/tmp."
    ),
    # --- read elsewhere, before or beside the site ---
    "VENV": Variable(FOLDER, None, "`make`: the virtual environment, `.venv` in the checkout."),
    "CHROMIUM": Variable(PROGRAM, "", "Tests and benchmarks: a Chromium; searched for where it is not set."),
    "MASKWRIGHT_CACHE_DIR": Variable(
        FOLDER, None, "`load_predictor`: where it keeps exported decoders, the user's cache folder."
    ),
    "MASKWRIGHT_QUALITY_DATASET": Variable(FOLDER, None, "`benchmarks.interactive_quality`: the data set."),
}


def read(name: str, environ: Mapping[str, str] = os.environ) -> Any:
    """The value of a variable of the table.

    Raises:
        WrongEnvironment: with the variable, its value and what is accepted.
    """
    variable = VARIABLES[name]
    text = environ.get(name, "")
    if not text.strip():
        return variable.default
    try:
        # A password keeps its spaces.
        return variable.kind.read(text if variable.kind is TEXT else text.strip())
    except ValueError:
        raise WrongEnvironment(f"{name} is {text!r}; it must be {variable.kind.accepted}.") from None


def check(environ: Mapping[str, str] = os.environ) -> None:
    """Reads every variable. Raises WrongEnvironment with a line for each that makes no sense."""
    wrong = []
    for name in VARIABLES:
        try:
            read(name, environ)
        except WrongEnvironment as error:
            wrong.append(str(error))
    if wrong:
        raise WrongEnvironment("\n".join(wrong))
