"""Head-MRI studies as a model sees them: volumes by sequence, one slice tower, attention pooling, text per sequence."""
