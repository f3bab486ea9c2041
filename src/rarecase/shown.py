"""How objects show themselves: a line as text, a table in a notebook.

Both are short whatever the size of what they show, and all in them is text: names come from other
people's files. Of a path only its last part is shown, since notebooks are passed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rarecase.errors import plain
from rarecase.numbers import plainly

if TYPE_CHECKING:
    import pandas as pd

CHARACTERS, CELL, SENTENCE, LISTED, ROWS, COLUMNS = 60, 160, 600, 4, 12, 14  # shown at most
DASH = "\N{EN DASH}"
Grid = tuple[Sequence[str], Sequence[Sequence[Any]]]
"""Heads of columns, and rows of as many cells."""

_TABLE = """\
{% for line in above %}<p>{{ line }}</p>
{% endfor %}
<table border="1" class="dataframe">
<caption style="text-align: left; caption-side: top">{{ caption }}</caption>
{% if heads %}
<thead><tr>{% for head in heads %}
<th scope="col" style="{{ sides[loop.index0] }}; white-space: normal">{{ head }}</th>{% endfor %}
</tr></thead>
{% endif %}
<tbody>{% for row in rows %}
<tr>{% for cell in row %}<td style="{{ sides[loop.index0] }}">{{ cell }}</td>\
{% endfor %}</tr>{% endfor %}
</tbody>
</table>
{% if cut %}<p>{{ cut }}</p>
{% endif %}
{% for line in below %}<p>{{ line }}</p>
{% endfor %}"""


def cut(text: object, *, most: int = CHARACTERS) -> str:
    """Text as one line of printable characters, a long one without its end.

    >>> cut("a\\n\\u202eb"), cut("x" * 100, most=4)
    ('a ?b', 'xxx…')
    """
    line = plain(str(text)[: 4 * most])
    return line if len(line) <= most else f"{line[: most - 1]}…"


def listed(words: Iterable[object], *, most: int = LISTED) -> str:
    """Words in a row, and how many more there are.

    >>> listed(["a", "b", "c"], most=1)
    'a and 2 more'
    """
    known = list(words)
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(cut(word) for word in known[:most]) + more


def counts(of: Mapping[str, int], *, rare: str | None = None) -> str:
    """How many of each class, the rare one marked.

    >>> counts({"HGG": 24, "LGG": 12}, rare="LGG")
    '24 HGG, 12 LGG (rare)'
    """
    marks = {rare: " (rare)"}
    return listed(f"{n} {cut(name)}{marks.get(name, '')}" for name, n in of.items())


def short(value: Any) -> str:
    """Any value in a few words.

    >>> short(np.zeros((2, 3))), short(("a", "b")), short({"C": 0.00001}), short(Path("a/b"))
    ('float64 (2, 3)', 'a, b', 'C: 0.00001', 'b')
    """
    if value is None or (isinstance(value, float) and np.isnan(value)) or str(value) == "<NA>":
        return DASH
    if isinstance(value, Path):
        return cut(value.name)
    if isinstance(value, float | np.floating):  # never as an exponent
        return plainly(float(value))
    if hasattr(value, "iloc") and hasattr(value, "columns"):
        return f"{len(value)} rows × {len(value.columns)} columns"
    if hasattr(value, "dtype") and len(getattr(value, "shape", "")):
        return f"{value.dtype} {tuple(value.shape)}"
    if isinstance(value, Mapping):
        return listed(f"{name}: {short(each)}" for name, each in value.items())
    if isinstance(value, tuple | list | set | frozenset):
        kinds = {type(each).__name__ for each in value if is_dataclass(each)}
        many = len(value) > LISTED and len(kinds) == 1
        if many:
            return f"{len(value)} × {kinds.pop()}"
        inner = (f"({short(v)})" if isinstance(v, tuple | list) else short(v) for v in value)
        return listed(inner)
    if callable(value) and hasattr(value, "__name__"):
        return cut(value.__name__)
    if isinstance(value, Brief):
        return cut(repr(value))
    return type(value).__name__ if is_dataclass(value) else cut(value)


def brief(name: str, about: Mapping[str, Any]) -> str:
    """A line: a name, and in brackets what there is to say.

    >>> brief("Volume", {"data": np.zeros((2, 2, 2)), "notes": ["a", "b"]})
    'Volume(data=float64 (2, 2, 2); notes=a, b)'
    """
    return cut(f"{name}({'; '.join(f'{k}={short(v)}' for k, v in about.items())})", most=SENTENCE)


def grid_of(frame: pd.DataFrame) -> Grid:
    """A table for `html`. No more of its rows is looked at than is shown."""
    some = frame.head(ROWS).itertuples(index=False, name=None)
    return [str(name) for name in frame.columns], [list(row) for row in some]


def html(
    caption: str,
    grid: Grid,
    *,
    above: Sequence[str] = (),
    below: Sequence[str] = (),
    total: int | None = None,
) -> str:
    """A table for a notebook, with sentences around it, all escaped. What is long is cut, and said;
    `total`: how many rows there are, where the grid does not hold them all."""
    from jinja2 import Environment

    heads, rows = grid
    shown = [[_cell(value) for value in row[:COLUMNS]] for row in rows[:ROWS]]
    total, wide = len(rows) if total is None else total, max(map(len, [heads, *rows[:1]]))
    cuts = [
        f"{most} of {there:,} {name}"
        for most, there, name in ((ROWS, total, "rows"), (COLUMNS, wide, "columns"))
        if there > most
    ]
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return template.from_string(_TABLE).render(
        caption=cut(caption, most=SENTENCE), heads=[cut(head) for head in heads[:COLUMNS]],
        rows=shown, sides=[_side(each) for each in zip(*shown, strict=True)] or [_side([])] * wide,
        above=[cut(line, most=SENTENCE) for line in above],
        below=[cut(line, most=SENTENCE) for line in below],
        cut=f"Shown: {', '.join(cuts)}." if cuts else "",
    )  # fmt: skip


def facts(caption: str, about: Mapping[str, Any], *, below: Sequence[str] = ()) -> str:
    """What there is to say of one thing, a line each, for a notebook."""
    return html(caption, ([], [[name, value] for name, value in about.items()]), below=below)


def _cell(value: Any) -> str:
    return cut(value, most=CELL) if isinstance(value, str) else short(value)


def _side(column: Sequence[str]) -> str:
    """The style of a column: numbers to the right, words to the left."""
    right = all(c[:1] in set("0123456789+−-–") or not c for c in column)
    return f"padding: 0.1em 0.6em; text-align: {'right; white-space: nowrap' if right else 'left'}"


class Brief:
    """A dataclass (`repr=False`) that shows its fields in few words, those that are empty or as
    always left out. What has other things to say overrides `_about`."""

    def _about(self) -> dict[str, Any]:
        mine = [(each, getattr(self, each.name)) for each in fields(self)]  # type: ignore[arg-type]
        return {each.name: value for each, value in mine if not _usual(value, each.default)}

    def __repr__(self) -> str:
        return brief(type(self).__name__, self._about())

    def _repr_html_(self) -> str:
        return facts(type(self).__name__, self._about())


def _usual(value: Any, default: Any) -> bool:
    if value is None or (isinstance(value, str | tuple | Mapping) and not value):
        return True
    return value is default or (isinstance(value, str | int | float) and value == default)
