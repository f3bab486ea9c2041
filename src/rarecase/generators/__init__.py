"""ACGAN, its relatives and closed-form generators behind one contract."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ACGAN": "rarecase.generators.acgan",
        "ADCGAN": "rarecase.generators.adcgan",
        "BorderlineSmote": "rarecase.generators.smote",
        "Borrowed": "rarecase.generators.borrowed",
        "CVAE": "rarecase.generators.vae",
        "Diffusion": "rarecase.generators.diffusion",
        "DiscriminatingGenerator": "rarecase.generators.discriminating",
        "Duplicates": "rarecase.generators.duplicates",
        "Gaussian": "rarecase.generators.gaussian",
        "GaussianMixture": "rarecase.generators.gaussian",
        "Generator": "rarecase.generators.base",
        "InfoGAN": "rarecase.generators.infogan",
        "Mixup": "rarecase.generators.mixing",
        "Remix": "rarecase.generators.mixing",
        "Smote": "rarecase.generators.smote",
        "WGAN": "rarecase.generators.wgan",
    },
)
