"""The pages' templates; everything that comes from files is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rarecase.charts.svg import inline
from rarecase.imaging.drawing import visible
from rarecase.report.blocks import Cell

HERE = Path(__file__).parent


def fill(template: str, values: Mapping[str, Any]) -> str:
    """A page as text."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, finalize=_seen,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode("ascii")
    environment.filters["cell"] = lambda c: c if isinstance(c, Cell) else Cell(c)
    environment.filters["inline"] = lambda b: Markup(inline(b.svg, alt=b.alt))
    environment.globals["policy"] = policy(script := scripts())
    environment.globals["script"] = Markup(script)
    return environment.get_template(template).render(values)


def _seen(value: Any) -> Any:
    """What a template shows of a value, for all of them."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def scripts() -> str:
    """Every script of a page, in the order of their names; none of them knows any data."""
    files = sorted((HERE / "scripts").glob("*.js"))
    return "\n".join(['"use strict";', *(file.read_text(encoding="utf-8") for file in files)])


def policy(script: str) -> str:
    """The content security policy of a page: its own script and nothing from anywhere."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
