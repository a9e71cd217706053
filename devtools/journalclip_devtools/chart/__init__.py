"""What the Helm chart is generated from: its values as types, the services' own settings, topics and access rights.

``python -m journalclip_devtools.chart charts/journalclip`` writes ``values.schema.json``, ``README.md`` and
``files/topology.json`` of the chart; a test holds them to what is written here.
"""
