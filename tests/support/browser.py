"""A real Chromium without a screen and without a network, and axe-core in it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selenium.webdriver.remote.webelement import WebElement

_PATIENCE_SECONDS = 30
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # containers run tests as root
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_AXE = resources.files("selenium_axe_python").joinpath("axe-core", "axe.min.js")
_RUN_AXE = """
const done = arguments[arguments.length - 1];
const options = {resultTypes: ["violations"], ...(arguments[0].length ? {runOnly: arguments[0]} : {})};
axe.run(options).then(found => done(JSON.stringify(found.violations)));
"""


class Browser:
    """Chromium with a page in it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, address: str, *, width: int = 1360, dark: bool = False, media: str = "screen") -> None:
        """Open a page anew, in a window of so many pixels."""
        theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": theme})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get("about:blank")
        self.driver.get(address)

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until something is so that a click or a step back brings about: pages change after they return."""
        # An element that goes away meanwhile is no answer either.
        waiting = WebDriverWait(self.driver, _PATIENCE_SECONDS, ignored_exceptions=[WebDriverException])
        waiting.until(lambda _: condition())

    def complaints(self) -> list[str]:
        """Return what the console has been told since it was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def find(self, css: str) -> WebElement:
        """Return the first element that a selector finds."""
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def texts(self, css: str) -> list[str]:
        """Return the text of each element that a selector finds, as it is shown."""
        found: list[str] = self.run(
            "return [...document.querySelectorAll(arguments[0])].map(each => each.innerText.trim())", css
        )
        return found

    def rows(self, css: str) -> list[dict[str, str]]:
        """Return the rows of a table as they are shown, by the names of their columns."""
        names = self.texts(f"{css} thead th")
        cells: list[list[str]] = self.run(
            "return [...document.querySelectorAll(arguments[0])].map(row => [...row.cells].map(each => "
            "each.innerText.trim()))",
            f"{css} tbody tr",
        )
        return [dict(zip(names, row, strict=True)) for row in cells]

    def run(self, script: str, *values: object) -> Any:  # noqa: ANN401 - whatever a script gives
        """Run a script in the page."""
        return self.driver.execute_script(script, *values)  # type: ignore[no-untyped-call]

    def barriers(self, *rules: str) -> list[str]:
        """Return what axe-core finds, by all of its rules or by some, that keeps people from reading the page."""
        self.run(_AXE.read_text(encoding="utf-8"))
        found = json.loads(self.driver.execute_async_script(_RUN_AXE, rules))  # type: ignore[no-untyped-call]
        return [f"{each['id']}: {each['help']}: {[node['html'] for node in each['nodes']][:3]}" for each in found]

    def pdf(self) -> str:
        """Print the page, and return the PDF in base64."""
        printed: dict[str, str] = self.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
        return printed["data"]


@contextmanager
def started() -> Iterator[Browser]:
    """Start Debian's Chromium, and end it at the end of the block."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.set_script_timeout(120)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
