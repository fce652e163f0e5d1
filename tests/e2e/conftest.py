"""The real thing for the browser tests: gunicorn, the embedding worker and Chromium, all as processes.

Nothing is mocked here. One site is started per test session in a temporary DATA_DIR with the demo users; each test
makes its own project through the API, so that tests do not see each other's data.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import APIRequestContext, Browser, BrowserContext, Page, Playwright, sync_playwright

from scripts.environment import require_chromium
from scripts.run import web_server
from tests.e2e.workbench_driver import bench, make_project  # noqa: F401  (fixtures)
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct-horse-battery"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",  # WebGL, for the test that needs it
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_TIMEOUT_S = 120


@dataclass
class Site:
    """A running Maskwright: its address, its data folder and its two processes.

    Attributes:
        python, command: the interpreter, and Django's command line; others where it was installed as a package.
        cwd: the folder that both are started in.
        more_env: variables beside those that every site has.
    """

    data_dir: Path
    port: int
    bundle: str = "pocket"
    python: str = sys.executable
    command: tuple[str, ...] = (sys.executable, "manage.py")
    cwd: Path = ROOT
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)
    more_env: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        return os.environ | {
            "DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
            "MASKWRIGHT_DEMO_PASSWORD": PASSWORD,
            "OMP_NUM_THREADS": "2",
            **self.more_env,
        }

    def manage(self, *args: str) -> str:
        """Runs a management command to its end; its output, or an error that shows it."""
        done = subprocess.run(
            [*self.command, *args],
            cwd=self.cwd,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(args)} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def start(self) -> None:
        """From an empty data folder to a site with the demo logins and its worker, without images."""
        self.manage("migrate", "--verbosity", "0")
        self.manage("collectstatic", "--noinput", "--verbosity", "0")
        self.manage("install_bundle", self.bundle, "--default")
        self.manage("create_demo", "--no-images")
        self.start_web()
        self.start_worker()

    def start_web(self) -> None:
        self._spawn("web", [self.python, *web_server("127.0.0.1", self.port), "--workers", "1"])
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/login/", timeout=2).close()
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if self.processes["web"].poll() is not None:
                    break
                time.sleep(0.2)
        raise RuntimeError(f"the web server did not start; see {self.data_dir / 'web.log'}")

    def start_worker(self) -> None:
        self._spawn("worker", [*self.command, "worker"])

    def kill(self, name: str, sig: int = signal.SIGKILL) -> None:
        """Signals the whole process group, as a crash of the machine would, and waits for its end."""
        process = self.processes.pop(name)
        try:
            os.killpg(process.pid, sig)
        except ProcessLookupError:
            pass
        process.wait(timeout=60)

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def _spawn(self, name: str, command: list[str]) -> None:
        log = open(self.data_dir / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen(
            command, cwd=self.cwd, env=self.env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def sign_in_as(page: Page, username: str) -> None:
    page.goto("/login/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/login/" not in url)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    running = Site(tmp_path_factory.mktemp("site"), free_port())
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    browser = playwright_driver.chromium.launch(executable_path=require_chromium(), args=CHROMIUM_ARGS)
    yield browser
    browser.close()


@pytest.fixture
def context(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    context = browser.new_context(
        base_url=site.url, viewport={"width": 1440, "height": 900}, accept_downloads=True, locale="en-GB"
    )
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def sign_in(page: Page):
    """Signs the page in as one of the demo users through the sign-in form."""

    def do(username: str) -> Page:
        sign_in_as(page, username)
        return page

    return do


@pytest.fixture
def api(playwright_driver: Playwright, site: Site) -> Iterator:
    """`api("manager")` gives a request context that carries that user's token."""
    contexts: list[APIRequestContext] = []

    def do(username: str) -> APIRequestContext:
        anonymous = playwright_driver.request.new_context(base_url=site.url)
        contexts.append(anonymous)
        answer = anonymous.post("/api/auth/token/", data={"username": username, "password": PASSWORD})
        assert answer.ok, answer.text()
        token = answer.json()["token"]
        signed_in = playwright_driver.request.new_context(
            base_url=site.url, extra_http_headers={"Authorization": f"Token {token}"}
        )
        contexts.append(signed_in)
        return signed_in

    yield do
    for context in contexts:
        context.dispose()
