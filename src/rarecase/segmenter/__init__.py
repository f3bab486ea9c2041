"""U-Net with named blocks, the paper's augmentation, losses and metrics, training, prediction."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Augmentation": "rarecase.segmenter.augment",
        "Normaliser": "rarecase.segmenter.model",
        "PackedMasks": "rarecase.segmenter.predict",
        "Segmenter": "rarecase.segmenter.model",
        "SegmenterSchedule": "rarecase.segmenter.schedule",
        "Slices": "rarecase.segmenter.batches",
        "UNet": "rarecase.segmenter.unet",
        "Volumes": "rarecase.segmenter.batches",
        "channel_map": "rarecase.segmenter.model",
        "load_segmenter": "rarecase.segmenter.model",
        "model_files": "rarecase.segmenter.model",
        "predict_masks": "rarecase.segmenter.predict",
        "read_card": "rarecase.segmenter.model",
        "refuse_seen": "rarecase.segmenter.model",
        "train_segmenter": "rarecase.segmenter.train",
    },
)
