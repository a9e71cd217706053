"""Reading sources: the sandbox, and the PDF, DICOM and NIfTI readers and the de-identification that run in it."""
