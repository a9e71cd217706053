"""A CLIP made from nothing: a small configuration and a tokenizer trained on the given texts.

Used where no pretrained checkpoint is at hand (the demo, the tests): everything comes from a seed and the texts,
nothing is downloaded, and the folder is a real CLIP folder. Its quality is a demonstration's, not the product's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast

from journalclip_modeling.folder import ClipFolder
from journalclip_modeling.preprocess import Preprocess
from journalclip_modeling.scratch_config import ScratchConfig

_START, _END, _PAD = "<|startoftext|>", "<|endoftext|>", "<|pad|>"


def scratch_clip(texts: Sequence[str], config: ScratchConfig, seed: int) -> ClipFolder:
    """The same texts, configuration and seed give the same weights and the same tokenizer."""
    tokenizer = train_tokenizer(texts, config.vocabulary, config.context)
    tower = {
        "hidden_size": config.width,
        "intermediate_size": 4 * config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
    }
    clip_config = CLIPConfig(
        text_config={
            **tower,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": config.context,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={**tower, "image_size": config.image_size, "patch_size": config.patch_size},
        projection_dim=config.dim,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CLIPModel(clip_config)
    return ClipFolder(model, tokenizer, Preprocess(config.image_size))


def train_tokenizer(texts: Sequence[str], vocabulary: int, context: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE, lower-cased, with CLIP's start and end tokens; deterministic for the same texts."""
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        # The end token must not be number 2: transformers takes that for CLIP's old configurations, and then pools a
        # text at its largest token number instead of at its end.
        special_tokens=[_PAD, _END, _START],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sorted(texts), trainer)
    start, end = tokenizer.token_to_id(_START), tokenizer.token_to_id(_END)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_START} $A {_END}", special_tokens=[(_START, start), (_END, end)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=_START, eos_token=_END, pad_token=_PAD, model_max_length=context
    )
