"""One page as plain values: lines of text, images and vectors, in displayed coordinates; no PDF object leaves here."""
