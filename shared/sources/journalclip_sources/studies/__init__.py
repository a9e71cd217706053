"""Head-MRI studies in: DICOM, NIfTI and BIDS to de-identified volumes with a recognised sequence, and the report.

files.py         a folder or a zip as named bytes; bombs and odd names end here
dicom/, nifti.py what a file holds, or why it is refused
recognise.py     which sequence a series is, how surely, and by what evidence
deidentify/      header profile, dates, report text, burned-in text, face
read.py          all of it for one study, in the sandbox's child: nothing personal leaves it
normalise.py     RAS, one grid, brain-centred crop, brightness 0 to 255
labels.py        label maps, which take the same way to the grid
submit.py        stores what was read and announces `StudySubmitted`; handler.py makes `VolumesExtracted` of it
"""
