"""CLIP folders: load, tokenise, preprocess and embed, the same way in training, evaluation and serving."""
