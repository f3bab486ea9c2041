"""The ids of sections, tables and figures, which links name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain, count

from rarecase.report.blocks import Block, Figure, Section, Table, every_block

LONGEST = 60


def places(sections: Sequence[Section]) -> Callable[[Block], str]:
    """Block → its id, for tables and figures: from caption or name, so that it stays the same from
    run to run; where several would have one, all but the first are numbered."""
    found: dict[int, str] = {}
    taken = {section.anchor for section in sections}
    for block in every_block([block for section in sections for block in section.blocks]):
        if isinstance(block, Table | Figure):
            name = block.name if isinstance(block, Figure) else _slug(block.caption)
            ends = chain([""], (f"-{number}" for number in count(2)))
            free = (f"{block.kind}-{name}{end}" for end in ends)
            found[id(block)] = next(each for each in free if each not in taken)
            taken.add(found[id(block)])
    return lambda block: found[id(block)]


def _slug(text: str) -> str:
    return re.sub(r"\W+", "-", text.lower())[:LONGEST].strip("-")
