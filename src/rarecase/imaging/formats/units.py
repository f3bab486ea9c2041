"""Units of length, as headers write them."""

from __future__ import annotations

_MM = {
    1000.0: "m metre meter",
    10.0: "cm centimetre centimeter",
    1.0: "mm millimetre millimeter",
    1e-3: "um micron micrometre micrometer micro",
    1e-6: "nm nanometre nanometer",
    25.4: "in inch inches",
}
_KNOWN = {name: factor for factor, names in _MM.items() for name in names.split()}


def in_mm(unit: str) -> float | None:
    """Millimetres of a unit's name, in whatever spelling; None if it is no unit of length.

    >>> in_mm("Microns"), in_mm("\\u00b5m"), in_mm("\\\\u00B5m"), in_mm("pixel")
    (0.001, 0.001, 0.001, None)
    """
    low = unit.strip().strip('"').lower().replace("\\u00b5", "u")
    low = low.replace("\u00b5", "u").replace("\u03bc", "u")
    return _KNOWN.get(low, _KNOWN.get(low.removesuffix("s")))
