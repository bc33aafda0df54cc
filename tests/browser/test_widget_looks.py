"""The widget in dark and light, on a phone, in both languages; and how much of it a page has to load."""

import gzip
import re

import pytest
from browsing import Widget
from fakes.chat_script import scripted
from fakes.chat_server import WIDGET, ChatServer, Running
from playwright.sync_api import Page, expect

# Contrast of an element's text with what lies behind it, by WCAG 2.
CONTRAST = """(element) => {
  const parts = (colour) => {
    const canvas = document.createElement("canvas").getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = parts(colour).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let behind = element;
  while (parts(getComputedStyle(behind).backgroundColor)[3] < 255) behind = behind.parentElement;
  const [a, b] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(luminance);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""
READ = [
    ".customer .text",
    ".bot .text",
    ".meta",
    ".intro",
    ".privacy",
    ".role",
    ".choices button",
    ".offer .reason",
    ".see",
]


@pytest.mark.parametrize(("part", "limit"), [("widget.js", 12_000), ("widget-panel.js", 9_000)])
def test_a_page_loads_little(part: str, limit: int) -> None:
    """Bytes, gzipped. The first with every page, the second when the chat is opened; together it is bound by 21 kB."""
    assert len(gzip.compress((WIDGET / part).read_bytes(), 9)) < limit


@pytest.mark.parametrize("part", ["widget.js", "widget-panel.js"])
def test_both_languages_have_all_words(part: str) -> None:
    source = (WIDGET / part).read_text()
    english, indonesian = (
        set(re.findall(r"(\w+): \"", re.search(rf"\n  {language}: {{(.*?)\n  }}", source, re.DOTALL)[1]))  # type: ignore[index]
        for language in ("en", "id")
    )
    assert english == indonesian
    assert "close" in english


@pytest.mark.parametrize("accent", ["#8a4b2a", "#ffd54a", "#0b1f4d"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_in_light_and_in_dark(
    widget: Widget, page: Page, chat: ChatServer, scheme: str, accent: str
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    chat.config["accent"] = accent
    widget.visit().open()
    widget.say("10 to 40")
    widget.say("what do you recommend?")
    expect(page.locator(".choices button:enabled")).to_have_count(3)
    for selector in READ:
        contrast = page.locator(selector).last.evaluate(CONTRAST)
        assert contrast >= 4.5, f"{selector} has a contrast of {contrast:.1f}"


def test_dark_is_dark(widget: Widget, page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    widget.visit().open()
    dark = "rgb(23, 22, 20)"
    expect(widget.panel).to_have_css("background-color", dark)
    page.emulate_media(color_scheme="light")
    expect(widget.panel).not_to_have_css("background-color", dark)


def test_it_speaks_the_language_of_the_document(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit(lang="id").open()
    expect(page.get_by_role("textbox", name="Tulis pesan")).to_be_visible()
    widget.say("halo")
    widget.shows("halo", "Halo, selamat datang di Kopi Sudirman.")
    expect(widget.saying("halo").first).to_contain_text("Hari ini")
    assert chat.posted("/v1/chat/sessions")[0]["language"] == "id"


def test_the_attribute_comes_before_the_document_and_can_change(widget: Widget, page: Page) -> None:
    widget.visit("language=id").open()
    widget.say("halo")
    expect(widget.saying("halo").first.locator(".meta")).to_contain_text("Terkirim")
    page.evaluate("document.querySelector('rapport-chat').setAttribute('language', 'en')")
    expect(widget.saying("halo").first.locator(".meta")).to_contain_text("Sent")
    expect(widget.messages).to_have_count(2)


@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_it_fills_the_screen_and_keeps_the_focus(widget: Widget, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 640})
    widget.visit().open()
    widget.say("10 to 40")
    expect(page.locator(".offer")).to_be_visible()
    assert widget.panel.bounding_box() == {"x": 0, "y": 0, "width": width, "height": 640}
    assert page.locator(".scroll").evaluate("(element) => element.scrollWidth <= element.clientWidth")
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches('rapport-chat, body')")


def test_without_motion_for_those_who_ask_for_none(widget: Widget, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    widget.visit().open()
    expect(widget.panel).to_have_css("animation-name", "none")


def test_an_element_with_open_is_open_and_leaves_the_focus_alone(widget: Widget, page: Page) -> None:
    widget.visit("open")
    expect(widget.panel).to_be_visible()
    assert page.evaluate("document.activeElement === document.body")
    page.evaluate("document.querySelector('rapport-chat').removeAttribute('open')")
    expect(widget.panel).to_be_hidden()


def test_the_end_of_the_talk_stays_in_view_while_the_composer_grows(widget: Widget, page: Page) -> None:
    widget.visit().open()
    widget.say("what do you recommend?")
    widget.say("10 to 40")
    expect(page.locator(".offer")).to_be_in_viewport(ratio=1)
    widget.composer.fill("one\ntwo\nthree\nfour\nfive")
    expect(page.locator(".offer .reason")).to_be_in_viewport(ratio=1)


def test_on_a_page_of_another_origin_with_a_strict_policy_all_of_it_works(widget: Widget, page: Page) -> None:
    with Running(ChatServer(answer=scripted)) as shop:
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{shop.url}/embedding?server={widget.url}")
        widget.open()
        widget.say("10 to 40")
        expect(page.locator(".offer .see")).to_have_css("display", "block")
        assert not [complaint for complaint in complaints if "favicon" not in complaint]


def test_what_is_seen_of_an_open_chat_is_loaded_when_somebody_comes_near(widget: Widget, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(widget.url)))
    widget.visit()
    page.wait_for_load_state("networkidle")
    assert [path for path in asked if path.endswith(".js")] == ["/widget.js"]
    widget.launcher.hover()
    expect(page.locator("textarea")).to_be_attached()
    assert [path for path in asked if path.endswith(".js")] == ["/widget.js", "/widget-panel.js"]
