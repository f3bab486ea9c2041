"""rarecase: which features know your rare class, and do synthetic ones add anything?

`Study(data, label=..., out=...).run()` takes a folder of volumes to the evidence; everything the
command line does can be had from here.
"""

from rarecase._lazy import attach

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Arm": "rarecase.experiment.arm",
        "ACGAN": "rarecase.generators.acgan",
        "Classifier": "rarecase.experiment.classifiers.contract",
        "Cohort": "rarecase.cohort.case",
        "DataError": "rarecase.errors",
        "FeatureStore": "rarecase.features.store",
        "LeakError": "rarecase.errors",
        "RarecaseError": "rarecase.errors",
        "Protocol": "rarecase.pipeline.protocol",
        "Result": "rarecase.evidence.result",
        "Sampler": "rarecase.experiment.arm",
        "SettingError": "rarecase.errors",
        "Study": "rarecase.study",
        "UNet": "rarecase.segmenter.unet",
        "compare": "rarecase.pipeline.compare",
        "compare_external": "rarecase.pipeline.compare",
        "export_model": "rarecase.pipeline.models",
        "load_model": "rarecase.pipeline.models",
        "plan": "rarecase.evidence.planning",
        "predict_images": "rarecase.deploy.predict",
        "read_cohort": "rarecase.cohort.read",
        "scarcity_curve": "rarecase.pipeline.scarcity",
        "show_progress": "rarecase.progress",
        "simulate_cohort": "rarecase.simulate.cohort",
    },
)
__all__ += ["__version__"]
