"""Pictures side by side, each with what it is of."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image

QUALITY = 82  # of JPEG: outlines and letters stay sharp
Mark = Literal["", "warning", "error"]


@dataclass(frozen=True)
class Picture:
    """A picture and what it is of.

    Parameters
    ----------
    data
        PNG or JPEG; None where there is none to show.
    below
        Smaller, under the title.
    mark
        A frame around it.
    """

    title: str
    data: bytes | None
    below: str = ""
    mark: Mark = ""

    @property
    def source(self) -> str:
        """The picture as an address that holds it."""
        data = self.data or b""
        kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
        return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


@dataclass(frozen=True)
class Sheet:
    """As many pictures in a row as there is room for, each at least `narrowest` pixels wide."""

    pictures: Sequence[Picture]
    narrowest: int
    kind: str = field(default="sheet", init=False)


def jpeg(data: bytes, *, width: int) -> bytes:
    """A picture as JPEG, at most `width` pixels wide."""
    with Image.open(io.BytesIO(data)) as opened:
        image = opened.convert("RGB")
    if image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))))
    stream = io.BytesIO()
    image.save(stream, format="JPEG", quality=QUALITY, optimize=True)
    return stream.getvalue()
