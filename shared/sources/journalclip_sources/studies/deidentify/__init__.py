"""De-identification: on by default, on this machine, before anything is stored, announced or logged.

Nothing of a header survives but closed facts (numbers, terms of lists): the profile's table says what was there.
 A report's text is scrubbed with what the headers name; pictures lose burned-in text (the series is left
out) and the face.
"""
