"""The pages' templates; everything that comes from files is escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rarecase.report.blocks import Cell


def fill(template: str, values: Mapping[str, Any]) -> str:
    """A page as text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode("ascii")
    environment.filters["cell"] = lambda c: c if isinstance(c, Cell) else Cell(c)
    return environment.get_template(template).render(values)
