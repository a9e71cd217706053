"""Reading radiology reports by rules, English and Chinese: sections, sentences, chunks, mentions, findings."""
