"""The grid on which a volume is cut into axial slices."""

from __future__ import annotations

from rarecase.imaging.grid import Grid, straight, with_pixels

TILT = 5.0
"""Degrees up to which slices are taken as they were acquired."""

_SHEAR = 0.5  # degrees; a tilted gantry shifts slices against each other
_SQUARE = 1.02  # sides of pixels that differ by less are square


def axial_grid(grid: Grid, *, pixel: float | None = None) -> tuple[Grid, tuple[str, ...]]:
    """From a grid in RAS+ order to the one whose third axis counts true axial slices, and what was
    changed.

    A volume tilted by more than five degrees, or sheared by a tilted gantry, is laid straight;
    pixels that are not square are made so, of the shorter side, or of `pixel` mm. The slice
    distance stays. Otherwise the grid itself is returned, and nothing is resampled.
    """
    notes = []
    found = grid
    if grid.shear > _SHEAR:
        notes.append(
            f"its axes stand askew by {grid.shear:.1f} degrees, as from a tilted gantry; resampled "
            "to straight axial slices"
        )
        found = straight(grid)
    elif grid.tilt > TILT:
        notes.append(f"its slices are tilted by {grid.tilt:.1f} degrees; resampled to axial slices")
        found = straight(grid)
    x, y, _ = found.spacing
    if pixel is not None:
        return with_pixels(found, pixel), tuple(notes)
    if max(x, y) > _SQUARE * min(x, y):
        notes.append(f"axial pixels of {x:.2f} by {y:.2f} mm; resampled to {min(x, y):.2f} mm")
        found = with_pixels(found, min(x, y))
    return found, tuple(notes)
