"""DICOM: a folder with a series, any file of a series, files of several frames, segmentations."""

from rarecase.imaging.formats.dicom.read import FORMAT as FORMAT
