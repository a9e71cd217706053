"""``journalclip studies downstream``: a study model as the start of other tasks, by how many labels there are.

errors.py   why a folder of labelled cases is refused
cases.py    folders of the shape of BraTS 2019 as cases on the model's grid
split.py    test cases by class and patient, and nested shares of the labels
start.py    the pretrained model: a folder, or an alias of the registry
curves.py   every arm (task, seed, share, start), each measured once
report.py   means, intervals, differences, and the picture
"""
