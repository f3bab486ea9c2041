"""ACGAN, its relatives and closed-form generators behind one contract."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ACGAN": "rarecase.generators.acgan",
        "ADCGAN": "rarecase.generators.adcgan",
        "BorderlineSmote": "rarecase.generators.resampling",
        "Borrowed": "rarecase.generators.borrowed",
        "CVAE": "rarecase.generators.cvae",
        "Diffusion": "rarecase.generators.diffusion",
        "Duplicates": "rarecase.generators.resampling",
        "Gaussian": "rarecase.generators.gaussian",
        "GaussianMixture": "rarecase.generators.gaussian",
        "Generator": "rarecase.generators.base",
        "InfoGAN": "rarecase.generators.infogan",
        "Mixup": "rarecase.generators.resampling",
        "Remix": "rarecase.generators.resampling",
        "Smote": "rarecase.generators.resampling",
        "WGAN": "rarecase.generators.wgan",
    },
)
