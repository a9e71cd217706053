"""DICOM: one file decoded or refused, slices and frames assembled to volumes, structured reports read."""
