"""Fixtures of tests in a real browser: Chromium, pages of several origins, and an emulator.

    def test_something(page: Page, web: Web) -> None:
        page.goto(web.address("shop.example", "<h1>Shop</h1>"))

`page` is Playwright's (https://playwright.dev/python), in a context of its own. Every name below `.example` leads to
127.0.0.1, so `web` serves any page under any such name, and the emulator is asked by any of them.
"""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from stockroom.engines.localstack import LocalStackEngine
from stockroom.settings import Settings
from stockroom.system.processes import free_port
from stockroom.testing import browser
from tests.emulator.functions import client
from tests.emulator.recipe import Emulator

LAUNCH = [
    "--no-sandbox",  # as root Chromium has none, and it sees pages of ours only
    "--host-resolver-rules=MAP *.example 127.0.0.1",
    "--disable-features=LocalNetworkAccessChecks",  # what is tested is what the emulator refuses, not the browser
]
SHOP = "shop.example"  # which the user allows

Page = Any


@dataclass
class Web:
    """Serves pages, under every name that leads here."""

    port: int
    pages: dict[str, str] = field(default_factory=dict)

    def origin(self, host: str) -> str:
        return f"http://{host}:{self.port}"

    def address(self, host: str, content: str) -> str:
        """URL of a page with this HTML."""
        path = f"/{uuid.uuid4().hex}"
        self.pages[path] = f"<!doctype html><title>{host}</title>{content}"
        return f"{self.origin(host)}{path}"


@pytest.fixture(scope="session")
def web() -> Iterator[Web]:
    pages: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = pages.get(self.path)
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((content or "").encode())

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Web(server.server_address[1], pages)
        server.shutdown()


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory, web: Web) -> Iterator[Emulator]:
    """Its user allows the pages of the shop."""
    run_dir = tmp_path_factory.mktemp("emulator") / "run"
    settings = Settings(run_dir=run_dir, port=free_port(), allowed_origins=web.origin(SHOP))  # type: ignore[arg-type]
    engine = LocalStackEngine(settings)
    engine.start()
    try:
        engine.wait_until_ready()
        running = Emulator(settings)
        running.wait_for_services()
        yield running
    finally:
        engine.stop()


@pytest.fixture(scope="session")
def aws(emulator: Emulator) -> Callable[[str], Any]:
    return lambda service: client(service, emulator.endpoint)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    browser.install(print)
    sys.path.append(str(browser.packages()))
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser.executable(), args=LAUNCH)
        yield running
        running.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Page]:
    """Of a context of its own: no test sees another's cookies or cache."""
    context = chromium.new_context()
    yield context.new_page()
    context.close()
