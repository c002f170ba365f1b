"""HTML and SVG as text in which nothing that others wrote can be anything but text: every attribute, and every child
that is not `Html` itself, is escaped. No scripts, nothing loaded from elsewhere."""

from collections.abc import Sequence
from html import escape

from chainwatch.evaluate.score import Rate

_LABEL, _WIDTH, _VALUE, _STEP, _BAR = 210, 420, 190, 16, 10
"""Pixels: room for a name, for bars, for the numbers beside them; height of a bar's line and of the bar."""

_OFTEN = 100
"""Rates of fewer have bounds so wide that beside them nothing else could be seen."""

_COLOURS = ("#2f6f9f", "#c26a1b", "#4b8b3b")

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.2rem; } p.note { opacity: .75; max-width: 70ch; }
table { border-collapse: collapse; margin: .6rem 0; font-size: 13px; }
th, td { text-align: left; vertical-align: top; padding: .2rem .7rem .2rem 0; border-bottom: 1px solid #8885; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font-size: 12px; overflow-wrap: anywhere; } div.wide { overflow-x: auto; }
svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Even if escaping failed, a browser would run and load nothing."""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *children: object, **attributes: object) -> Html:
    """An element. An attribute's underscore at the end is dropped (`class_`), others become hyphens."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items())
    return Html(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: object) -> Html:
    """Children one after another, escaped unless they are Html."""
    return Html("".join(child if isinstance(child, Html) else escape(str(child)) for child in children))


def page(title: str, *children: object) -> Html:
    """A whole document."""
    head = tag(
        "head",
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("title", title),
        Html(f"<style>{_STYLE}</style>"),
    )
    body = tag("body", tag("h1", title), *children)
    return Html(f"<!doctype html>\n{tag('html', head, body, lang='en')}\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[int] = ()) -> Html:
    """A table; the columns at the indexes `numbers` stand to the right."""

    def cells(name: str, row: Sequence[object]) -> list[Html]:
        return [tag(name, cell, class_="n") if i in numbers else tag(name, cell) for i, cell in enumerate(row)]

    head = tag("tr", *cells("th", columns))
    return tag("div", tag("table", head, *(tag("tr", *cells("td", row)) for row in rows)), class_="wide")


def bars(lines: Sequence[tuple[str, Sequence[Rate]]], names: Sequence[str], *, whole: bool) -> Html:
    """For each line a bar for each of `names`, with its interval as a whisker.

    The axis ends at 100 % with `whole`, else at the highest bound of what was counted often: a whisker that goes on
    beyond it has no end.
    """
    highs = [(rate.of, rate.high) for _, rates in lines for rate in rates if rate.of]
    most = (
        1.0 if whole else max((h for of, h in highs if of >= _OFTEN), default=max((h for _, h in highs), default=1.0))
    )
    drawn: list[Html] = []
    y = 20
    for i, name in enumerate(names):
        x = _LABEL + i * 150
        drawn += [_rect(x, 4, 10, i), tag("text", name, x=x + 14, y=13)]
    for what, rates in lines:
        drawn.append(tag("text", what, x=_LABEL - 8, y=y + _BAR + 1, text_anchor="end"))
        for i, rate in enumerate(rates):
            drawn += _bar(rate, most, y, i)
            y += _STEP
        y += 6
    for part in (0.0, 0.5, 1.0):
        at = _LABEL + part * _WIDTH
        drawn.append(tag("line", x1=at, x2=at, y1=18, y2=y, stroke="#8886"))
        drawn.append(tag("text", f"{part * most:.3g}" if not part else f"{part * most:.2%}", x=at, y=y + 13,
                         text_anchor="middle"))  # fmt: skip
    width, height = _LABEL + _WIDTH + _VALUE, y + 20
    return tag("svg", *drawn, viewBox=f"0 0 {width} {height}", width=width, height=height, role="img")


def said(rate: Rate) -> str:
    """A rate in words: "14 of 22 (41 % to 83 %)"."""
    if rate.of == 0:
        return "none to count"
    if rate.count == 0:
        return f"0 of {rate.of:,} (< {rate.high:.2%})"
    return f"{rate.count:,} of {rate.of:,} ({rate.low:.2%} to {rate.high:.2%})"


def _bar(rate: Rate, most: float, y: int, series: int) -> list[Html]:
    text = tag("text", said(rate), x=_LABEL + _WIDTH + 10, y=y + _BAR)
    if rate.of == 0:
        return [text]
    low, high, length = (round(min(x, most) * _WIDTH / most, 1) for x in (rate.low, rate.high, rate.count / rate.of))
    ends = [low, high] if rate.high <= most else [low]
    middle = y + _BAR / 2
    whisker = {"stroke": "currentColor", "stroke_width": 1.2}
    return [
        _rect(_LABEL, y, length, series),
        tag("line", x1=_LABEL + low, x2=_LABEL + high, y1=middle, y2=middle, **whisker),
        *(tag("line", x1=_LABEL + x, x2=_LABEL + x, y1=middle - 3, y2=middle + 3, **whisker) for x in ends),
        text,
    ]


def _rect(x: float, y: float, width: float, series: int) -> Html:
    return tag("rect", x=x, y=y, width=width, height=_BAR, fill=_COLOURS[series % len(_COLOURS)])
