"""The page in a real browser: it opens, searches, folds, and shows weights and differences."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import graphpass
from graphpass.model import Model
from graphpass.view.drawing import draw, draw_difference
from graphpass.view.page import page
from tests.view.test_page import chain, residual

pytest.importorskip("fast_sugiyama", reason="the layout of pictures needs fast-sugiyama")
webdriver = pytest.importorskip("selenium.webdriver", reason="needs the browser extra")

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="Chromium and its driver are not installed"
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--window-size=1300,900",
]

Open = Callable[[str], Any]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    def show(text: str) -> Any:
        (tmp_path / "page.html").write_text(text)
        browser.get((tmp_path / "page.html").as_uri())
        assert browser.execute_script("return document.body.dataset.ready") == "true"
        return browser

    yield show
    assert [line for line in browser.get_log("browser") if line["level"] == "SEVERE"] == []


def count(browser: Any, selector: str) -> int:
    found: int = browser.execute_script(
        "return document.querySelectorAll(arguments[0]).length", selector
    )
    return found


def press(browser: Any, *keys: str) -> None:
    for key in keys:
        browser.execute_script(
            "document.getElementById('picture').dispatchEvent("
            "new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))",
            key,
        )


def panel(browser: Any) -> str:
    text: str = browser.execute_script("return document.getElementById('panel').innerText")
    return text


def search(browser: Any, words: str) -> None:
    browser.execute_script(
        "const box = document.getElementById('search'); box.value = arguments[0];"
        "box.dispatchEvent(new Event('input'));"
        "box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter'}))",
        words,
    )


@pytest.mark.parametrize("count_", [30, 500, 5_000])
def test_all_boxes_show_when_unfolded(open_page: Open, count_: int):
    browser = open_page(page(draw(chain(count_, "stage{0}_op"))))
    press(browser, "e")
    assert count(browser, "g.item:not(.group)") == count_ + 1


def test_a_hundred_thousand_open_folded_and_are_found(open_page: Open):
    browser = open_page(page(draw(chain(100_000))))
    assert 0 < count(browser, "g.item") <= 700
    search(browser, "op77777")
    assert "op77777" in panel(browser)
    assert count(browser, "g.item.on") == 1


def test_groups_fold_and_unfold(open_page: Open):
    model = chain(60, "block_op{}")
    browser = open_page(page(draw(Model(model.graph))))
    press(browser, "e")
    shown = count(browser, "g.item:not(.group)")
    press(browser, "c")
    assert count(browser, "g.item:not(.group)") <= shown
    press(browser, "e")
    assert count(browser, "g.item:not(.group)") == shown


def test_a_click_shows_the_histogram_of_a_weight(open_page: Open):
    browser = open_page(page(draw(residual(), {"data": (1, 3, 8, 8)})))
    browser.find_element("xpath", "//*[local-name()='g'][*[text()='conv0']]").click()
    assert "conv0_weight" in panel(browser)
    assert "num_filter" in panel(browser)
    assert count(browser, "svg.histogram rect.bar") == 32


def test_arrows_walk_along_values(open_page: Open):
    browser = open_page(page(draw(residual())))
    press(browser, "ArrowDown", "ArrowDown")
    assert panel(browser).startswith("conv0\n")
    press(browser, "ArrowUp")
    assert panel(browser).startswith("data\n")


def test_differences_are_coloured_and_explained(open_page: Open):
    before, after = residual(), residual()
    report = graphpass.apply("fold-batchnorm", after)
    drawing = draw_difference(before, after, graphpass.diff(before, after), report=report)
    browser = open_page(page(drawing))
    assert count(browser, "g.removed") == 2 and count(browser, "g.changed") == 2
    colours = browser.execute_script(
        "return ['removed', 'changed', 'moved'].map(each => "
        "getComputedStyle(document.querySelector(`g.${each} > rect`)).fill)"
    )
    assert len(set(colours)) == 3
    search(browser, "Convolution bn0")
    assert "made it of" in panel(browser)


def test_tied_weights_light_up_in_both_towers(open_page: Open):
    model = residual()
    graphpass.apply([{"clone": {"prefix": "right_", "share": "parameters"}}], model)
    browser = open_page(page(draw(model)))
    search(browser, "right_conv0")
    browser.find_element("css selector", "a[data-weight='conv0_weight']").click()
    assert count(browser, "g.tied") == 2


def test_dark_and_weights(open_page: Open):
    browser = open_page(page(draw(residual())))
    before = browser.execute_script("return document.documentElement.className")
    press(browser, "d", "w")
    assert browser.execute_script("return document.documentElement.className") != before
    assert "conv0_weight" in browser.execute_script(
        "return document.getElementById('scene').textContent"
    )
