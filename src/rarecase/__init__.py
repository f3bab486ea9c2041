"""rarecase: do synthetic features help your rare class?

`Study(data, label=..., out=...).run()` takes a folder of volumes to the evidence; everything the
command line does can be had from here.
"""

from rarecase._lazy import attach

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ACGAN": "rarecase.generators.acgan",
        "CompareResult": "rarecase.comparison.compare",
        "Cohort": "rarecase.cohort.case",
        "DataError": "rarecase.errors",
        "FeatureStore": "rarecase.features.store",
        "LeakError": "rarecase.errors",
        "RarecaseError": "rarecase.errors",
        "SettingError": "rarecase.errors",
        "Study": "rarecase.study.study",
        "UNet": "rarecase.segmenter.unet",
        "compare": "rarecase.comparison.compare",
        "compare_external": "rarecase.comparison.external",
        "export_model": "rarecase.study.ship",
        "load_model": "rarecase.study.ship",
        "predict_images": "rarecase.study.predicting",
        "read_cohort": "rarecase.cohort.read",
        "scarcity_curve": "rarecase.comparison.scarcity",
        "simulate_cohort": "rarecase.simulate.cohort",
    },
)
__all__ += ["__version__"]
