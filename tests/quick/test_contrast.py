"""Colours of our own are read on the App's backgrounds, in both themes."""

from __future__ import annotations

import re

import pytest

from support.environment import ROOT

# What the App has behind texts: body, cards, rows that are pointed at
BACKGROUNDS = {
    "light": ("#ffffff", "#fafafa", "#f2f2f2"),
    "dark": ("#1a1a1a", "#262626", "#2e2e2e"),
}
ENOUGH = 4.5


def luminance(color: str) -> float:
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_tones() -> None:
    script = (ROOT / "js" / "index.js").read_text()
    tones = re.findall(r"--snapshots-\w+: (#[0-9a-f]{6})", script)
    assert len(tones) == 8
    for theme, found in (("light", tones[:4]), ("dark", tones[4:])):
        for tone in found:
            for background in BACKGROUNDS[theme]:
                assert contrast(tone, background) >= ENOUGH, (theme, tone, background)


@pytest.mark.parametrize("pair", [("#ffffff", "#7a4b00"), ("#5a3700", "#ffffff")])
def test_banner(pair: tuple[str, str]) -> None:
    style = (ROOT / "js" / "banner.js").read_text().replace("#fff;", "#ffffff;")
    assert all(color in style for color in pair)
    assert contrast(*pair) >= ENOUGH


def test_names_on_pictures() -> None:
    script = (ROOT / "js" / "pictures.js").read_text()
    colors = re.findall(r'^  \w+: "(#[0-9a-f]{6})",$', script, re.MULTILINE)
    assert len(colors) == 5
    assert all(contrast("#111111", color) >= ENOUGH for color in colors)
