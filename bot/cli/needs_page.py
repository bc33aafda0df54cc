"""The page of `rapport needs suggest`: one HTML file that asks for nothing else, with plots as SVG, light and dark. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from html import escape

from crm_store.business import Business
from crm_store.differentiate.classes import Class, Proposal

_STYLE = """
:root {
  color-scheme: light dark; --ink: #1c1917; --quiet: #57534e; --page: #fff; --line: #d6d3d1; --fill: #0f766e; --soft: #f5f5f4
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #f5f5f4; --quiet: #a8a29e; --page: #1c1917; --line: #44403c; --fill: #2dd4bf; --soft: #292524 }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page) }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem } .quiet { color: var(--quiet) }
svg { width: 100%; height: auto; display: block } svg text { fill: var(--ink); font: 12px system-ui, sans-serif }
.axis { stroke: var(--line) } .curve { stroke: var(--fill); fill: none; stroke-width: 2 } .dot { fill: var(--fill) }
.ring { fill: none; stroke: var(--fill); stroke-width: 2 } .track { fill: var(--soft) } .bar { fill: var(--fill) }
.mean { stroke: var(--ink); stroke-width: 2 }
pre { background: var(--soft); padding: 1rem; overflow-x: auto; font-size: 13px }
""".strip()


def page(found: Proposal, business: Business, pasted: str, now: datetime) -> str:
    """The whole file."""
    best = len(found.classes)
    some = f", drawn by chance from {found.of:,}" if found.of > found.customers else ""
    classes = "".join(_class(number, each, found) for number, each in enumerate(found.classes, 1))
    name = escape(business.business.name)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Segments of {name}, proposed</title><style>{_STYLE}</style></head><body>
<h1>Segments of {name}, proposed from what customers buy</h1>
<p class="quiet">{now:%Y-%m-%d %H:%M} UTC. Latent classes of {found.customers:,} customers{some}. Nothing has been changed.</p>
<h2>How many</h2>
<p>{best} {"class fits" if best == 1 else "classes fit"} best: the least BIC, which weighs how well a number fits against
how much it takes to say. {_plainly(found)}</p>
{_curve(found)}
<h2>Who they are</h2>
<p>Each bar: how many of the class bought in that category. The stroke: of all customers.
A customer is of their likeliest class with a probability of {found.surety:.0%} on average.</p>
{classes}
<h2>To paste into business.yml</h2>
<p>A beginning: give each segment a name, and the words that its customers use. It takes the place of <code>needs</code>;
<code>questions</code> and <code>offers</code> name the segments too and have to name the new ones.
<code>rapport train</code> then says what is missing, with its line.</p>
<pre>{escape(pasted)}</pre>
</body></html>
"""


def _plainly(found: Proposal) -> str:
    if len(found.classes) == 1:
        return "What customers buy does not tell them apart."
    values = sorted(found.bic.values())
    close = len(values) > 1 and values[1] - values[0] < 10
    return "The next best is hardly worse: look at whether two classes are one." if close else ""


def _curve(found: Proposal) -> str:
    numbers, values = list(found.bic), list(found.bic.values())
    low, high = min(values), max(values)
    wide, tall, left = 640, 220, 90

    def x(number: int) -> float:
        return left + (number - numbers[0]) / max(1, numbers[-1] - numbers[0]) * (wide - left - 30)

    def y(value: float) -> float:
        return 20 + (high - value) / max(high - low, 1e-9) * (tall - 70)

    points = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in found.bic.items())
    dots = "".join(
        f'<circle class="dot" cx="{x(n):.1f}" cy="{y(v):.1f}" r="4"><title>{n} classes: BIC {v:,.0f}</title></circle>'
        f'<text x="{x(n):.1f}" y="{tall - 22}" text-anchor="middle">{n}</text>'
        for n, v in found.bic.items()
    )
    best = min(found.bic, key=found.bic.__getitem__)
    return f"""<svg viewBox="0 0 {wide} {tall}" role="img" aria-label="BIC by number of classes; least at {best}">
<line class="axis" x1="{left - 15}" y1="{tall - 40}" x2="{wide - 15}" y2="{tall - 40}"/>
<text x="{left - 20}" y="24" text-anchor="end">{high:,.0f}</text>
<text x="{left - 20}" y="{tall - 45}" text-anchor="end">{low:,.0f}</text>
<text x="{wide / 2}" y="{tall - 4}" text-anchor="middle">number of classes (BIC: less is better)</text>
<polyline class="curve" points="{points}"/>{dots}
<circle class="ring" cx="{x(best):.1f}" cy="{y(found.bic[best]):.1f}" r="9"/></svg>"""


def _class(number: int, each: Class, found: Proposal) -> str:
    wide, row, left = 640, 24, 190
    rows = []
    for place, (category, chance) in enumerate(sorted(each.buys.items(), key=lambda c: -c[1])):
        top, overall, span = place * row, found.categories[category], wide - left - 60
        rows.append(
            f'<text x="{left - 10}" y="{top + 15}" text-anchor="end">{escape(category[:28])}</text>'
            f'<rect class="track" x="{left}" y="{top + 4}" width="{span}" height="14"/>'
            f'<rect class="bar" x="{left}" y="{top + 4}" width="{chance * span:.1f}" height="14"/>'
            f'<line class="mean" x1="{left + overall * span:.1f}" y1="{top + 2}" x2="{left + overall * span:.1f}" y2="{top + 20}"/>'
            f'<text x="{wide - 50}" y="{top + 15}">{chance:.0%}</text>'
        )
    title = f"Class {number}: {each.share:.0%} of customers"
    drawn = f'<svg viewBox="0 0 {wide} {len(rows) * row}" role="img" aria-label="{title}">{"".join(rows)}</svg>'
    return f"<h3>{title}</h3>{drawn}"


def fragment(found: Proposal, languages: Sequence[str]) -> str:
    """`needs` as business.yml writes it, with what a person has to say instead in capitals."""
    ids = [f"class_{number}" for number in range(1, len(found.classes) + 1)]
    if len(ids) < 2:
        return "# What customers buy does not tell them apart: there is nothing to propose."
    lines = ["needs:", "  segments:"]
    for name, each in zip(ids, found.classes, strict=True):
        most = [c for c, _ in sorted(each.buys.items(), key=lambda c: -(c[1] - found.categories[c[0]]))][:2]
        words = _words(languages, f"buys {' and '.join(most)}: NAME THIS SEGMENT")
        lines += [
            f"    - id: {name}",
            f"      title: {words}",
            f"      prior: {min(max(each.share, 0.01), 0.99):.3f}",
            f"      because: {_words(languages, 'WHY IT SUITS THEM')}",
            f"      says: {_words(languages, ['WHAT THEY SAY'])}",
        ]
    lines.append("  behaviours:")
    for category in found.categories:
        chances = ", ".join(f"{name}: {each.buys[category]:.3f}" for name, each in zip(ids, found.classes, strict=True))
        lines += [
            f"    - id: {_id(f'buys_{category}')}",
            f"      category: {_id(category)}",
            f"      likelihood: {{{chances}}}",
            f"      because: {_words(languages, f'you have bought {category}')}",
        ]
    return "\n".join(lines) + "\n"


def _words(languages: Sequence[str], text: str | list[str]) -> str:
    return "{" + ", ".join(f"{code}: {json.dumps(text, ensure_ascii=False)}" for code in languages) + "}"


def _id(text: str) -> str:
    """As ids are written. A category that is written otherwise has to be renamed where purchases come from."""
    return re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")[:60] or "other"
