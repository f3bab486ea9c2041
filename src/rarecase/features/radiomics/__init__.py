"""Radiomics as the Image Biomarker Standardisation Initiative defines it (IBSI, arXiv 1612.07003).

Features bear IBSI's own names: `morph_`, `stat_`, `int_hist_`, `cm_` (grey-level co-occurrence),
`rlm_` (runs), `szm_` (zones), `ngtdm_` (neighbourhood differences), `ngldm_` (dependences; GLDM
elsewhere). docs/radiomics.md says what is measured, and how.
"""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Recipe": "rarecase.features.radiomics.recipe",
        "flat_notes": "rarecase.features.radiomics.notes",
        "missing_note": "rarecase.features.radiomics.notes",
        "parts_of": "rarecase.features.radiomics.region",
        "measure": "rarecase.features.radiomics.recipe",
    },
)
