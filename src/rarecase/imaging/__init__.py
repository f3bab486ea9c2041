"""Reading volumes and pictures, orientation, normalisation, fitting to a size."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Grid": "rarecase.imaging.grid",
        "Scale": "rarecase.imaging.normalise",
        "Volume": "rarecase.imaging.volumes",
        "apply_scale": "rarecase.imaging.normalise",
        "axial_grid": "rarecase.imaging.grid",
        "binarise": "rarecase.imaging.pictures",
        "resample": "rarecase.imaging.grid",
        "centre": "rarecase.imaging.slices",
        "fit_mean_std": "rarecase.imaging.normalise",
        "fit_scale": "rarecase.imaging.normalise",
        "fit_square": "rarecase.imaging.slices",
        "fit_square_masks": "rarecase.imaging.slices",
        "probe_picture": "rarecase.imaging.pictures",
        "probe_volume": "rarecase.imaging.volumes",
        "read_mask_picture": "rarecase.imaging.pictures",
        "read_mask_volume": "rarecase.imaging.volumes",
        "read_picture": "rarecase.imaging.pictures",
        "read_volume": "rarecase.imaging.volumes",
        "unfit_square": "rarecase.imaging.slices",
    },
)
