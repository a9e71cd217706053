"""Studies served: drop one, get similar studies, similar published figures, and how it compares with findings."""
