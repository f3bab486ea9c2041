"""Radiomics as the Image Biomarker Standardisation Initiative defines it (IBSI, arXiv 1612.07003).

Features bear IBSI's own names: `morph_`, `stat_`, `int_hist_`, `cm_` (grey-level co-occurrence),
`rlm_` (runs), `szm_` (zones), `ngtdm_` (neighbourhood differences), `ngldm_` (dependences; GLDM
elsewhere).
"""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Recipe": "rarecase.features.radiomics.recipe",
        "measure": "rarecase.features.radiomics.recipe",
    },
)
