# SPDX-License-Identifier: BSD-3-Clause
"""A picture of bars over an axis of cycles, one for each row of the tables, as SVG."""
import itertools
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, LABEL_WIDTH, BAR_HEIGHT, GAP, HEADING_HEIGHT = 960, 300, 16, 6, 40
ROOM_FOR_FIGURES, AXIS_HEIGHT, FIGURE_WIDTH = 90, 34, 30
COST, FLOOR, TARGET, GRID = "#3b6ea5", "#9db8d2", "#c0392b", "#dddddd"


@dataclass(frozen=True)
class Bar:
    """Cycles per packet: of sluice, the part of it that macswap takes too, and the limit."""

    label: str
    value: float
    floor: float
    target: float = None


def text(x, y, words, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{escape(words)}</text>'


def rectangle(x, y, width, colour):
    return f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT}" fill="{colour}"/>'


def draw_bar(bar, y, scale):
    middle = y + BAR_HEIGHT - 4
    yield text(LABEL_WIDTH - 8, middle, bar.label, "end")
    yield rectangle(LABEL_WIDTH, y, bar.value * scale, COST)
    yield rectangle(LABEL_WIDTH, y, bar.floor * scale, FLOOR)
    end = bar.value
    if bar.target and 0 <= (bar.target - bar.value) * scale < FIGURE_WIDTH:
        end = bar.target  # else the mark would strike the figure through
    yield text(LABEL_WIDTH + end * scale + 6, middle, f"{bar.value:.0f}")
    if bar.target:
        x = LABEL_WIDTH + bar.target * scale
        yield (
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 2}" y2="{y + BAR_HEIGHT + 2}" '
            f'stroke="{TARGET}" stroke-width="2"/>'
        )


def step_of(most):
    """The distance of ticks: 1, 2 or 5 times a power of ten, for five to ten of them."""
    step = 1
    for factor in itertools.cycle((2, 2.5, 2)):
        if most / step <= 10:
            return int(step)
        step *= factor


def draw_axis(most, scale, top, bottom):
    """Cycles along the foot, with a line through all bars of a group for each tick."""
    step = step_of(most)
    for tick in range(0, int(most) + 1, step):
        x = LABEL_WIDTH + tick * scale
        yield (
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="{GRID}"/>'
        )
        yield text(x, bottom + 14, str(tick), "middle")
    yield text(LABEL_WIDTH + most * scale, bottom + 30, "cycles per packet", "end")


def picture(title, notes, groups):
    """`groups` are (heading, bars); those without bars are left out."""
    groups = [(heading, bars) for heading, bars in groups if bars]
    most = max(bar.value for _, bars in groups for bar in bars)
    scale = (WIDTH - LABEL_WIDTH - ROOM_FOR_FIGURES) / most
    parts, y = [text(16, 28, title, extra='font-size="18" font-weight="bold"')], 36
    for note in [*notes, "light: macswap on the same port; dark: sluice; red: the target"]:
        y += 16
        parts.append(text(16, y, note))
    for heading, bars in groups:
        y += HEADING_HEIGHT
        parts.append(text(16, y - 12, heading, extra='font-weight="bold"'))
        bottom = y + len(bars) * (BAR_HEIGHT + GAP)
        parts.extend(draw_axis(most, scale, y - 4, bottom))
        for bar in bars:
            parts.extend(draw_bar(bar, y, scale))
            y += BAR_HEIGHT + GAP
        y += AXIS_HEIGHT
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 16}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        *parts,
        "</svg>",
        "",
    ])
