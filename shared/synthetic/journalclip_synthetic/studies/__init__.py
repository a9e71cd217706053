"""Synthetic head-MRI studies: a head phantom with lesions of known site, side, size and signal, sequence by sequence.

The truth is drawn first (`truth`), tissue labels and brightness follow from it (`head`, `signals`, `scan`), and writers
put it down as an archive would hold it (`dicom`, `folders`). A report is written from the same truth by the structuring
service's pseudo-report writer, so that image and text agree. World coordinates are millimetres in RAS: x to the
patient's right, y to the front, z up.
"""

from journalclip_synthetic.studies.scan import Scan, draw_study
from journalclip_synthetic.studies.truth import LesionTruth, StudyTruth, draw_truth

__all__ = ["LesionTruth", "Scan", "StudyTruth", "draw_study", "draw_truth"]
