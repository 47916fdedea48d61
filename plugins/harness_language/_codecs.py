"""Pre- and postprocessing of texts: tokenizers, codecs and probabilities. Serving an export needs no torch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from harness import Codec
from harness_language._scripts import CHARACTER, SPACELESS, has_marks, terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TOKENIZER = "tokenizer.json"
DESCRIPTION = "text.json"
PAD, UNKNOWN, CLS, SEP, MASK = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD_ID, CLS_ID, END_ID, MASK_ID = 0, 2, 3, 4
FRAME = [(CLS, CLS_ID), (SEP, END_ID)]
"""The tokens around a text, with their ids."""
SPANS = tuple(f"[SPAN{number}]" for number in range(16))
"""T5's sentinel tokens, each in place of a span that is cut out."""
SPAN_IDS = range(len(SPECIAL), len(SPECIAL) + len(SPANS))
_PIECE = rf"[{SPACELESS}]|\p{{N}}| ?[^\s\p{{N}}\p{{P}}\p{{S}}{SPACELESS}]+| ?[\p{{P}}\p{{S}}]|\s"
"""Bounds of byte-pair merges: a character of a script without spaces, a digit, or a word or sign with the space before
it."""


def train_wordpiece(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """Train BERT's tokenizer: lower case, words and punctuation, WordPiece, `[CLS] … [SEP]`.

    Args:
        texts: of the training split only.
        vocabulary: largest number of tokens.
    """
    marks = has_marks(texts)
    tokenizer = _lower_case_words(models.WordPiece(unk_token=UNKNOWN), marks=marks)
    tokenizer.train_from_iterator(texts, _wordpiece_trainer(tokenizer, texts, vocabulary))
    # The letters were special tokens for the trainer; in a new tokenizer they are ordinary pieces.
    tokenizer = _lower_case_words(models.WordPiece(tokenizer.get_vocab(), unk_token=UNKNOWN), marks=marks)
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{CLS} $A {SEP}", special_tokens=FRAME)
    return tokenizer


def _wordpiece_trainer(tokenizer: Tokenizer, texts: Sequence[str], vocabulary: int) -> trainers.WordPieceTrainer:
    """Return a trainer with a reproducible result.

    The library numbers the letters inside words in the order of a random hash map and breaks ties by these numbers.
    Given as special tokens, letters have fixed numbers.
    """
    letters = sorted({letter for text in texts for letter in tokenizer.normalizer.normalize_str(text)} - {" "})
    fixed = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
    return trainers.WordPieceTrainer(vocab_size=vocabulary, special_tokens=fixed, show_progress=False)


def _lower_case_words(model: models.Model, *, marks: bool) -> Tokenizer:
    """Return a tokenizer that splits as BERT's does: into lower-case words and punctuation.

    BERT's makes a word of each Chinese character; this one does so in all scripts without spaces.

    Args:
        model: what makes tokens of words.
        marks: whether to keep marks, which are vowels in Thai; BERT's removes them, as accents.
    """
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=not marks)
    characters = pre_tokenizers.Split(Regex(CHARACTER), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([characters, pre_tokenizers.BertPreTokenizer()])
    return tokenizer


def train_byte_pairs(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """Train GPT's tokenizer: byte-level byte-pair encoding, which is lossless, `[CLS] … [SEP]`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{CLS} $A {SEP}", special_tokens=FRAME)
    return tokenizer


def train_pieces(texts: Sequence[str], pieces: int) -> Tokenizer:
    """Train T5's tokenizer: byte-pair encoding of characters, lossless for those of the texts, `… [SEP]`.

    Args:
        texts: of the training split only, in any language.
        pieces: largest number of pieces of several characters; every single character is a token too.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_PIECE), "isolated")
    tokenizer.decoder = decoders.Fuse()
    letters = sorted({letter for text in texts for letter in text})
    special = [*SPECIAL, *SPANS]
    trainer = trainers.BpeTrainer(
        vocab_size=len(special) + len(letters) + pieces,
        special_tokens=special,
        initial_alphabet=letters,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {SEP}", special_tokens=[(SEP, END_ID)])
    return tokenizer


def train_words(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """Train a word-level tokenizer: the most frequent words in lower case; others are unknown."""
    tokenizer = _lower_case_words(models.WordLevel(unk_token=UNKNOWN), marks=has_marks(texts))
    trainer = trainers.WordLevelTrainer(vocab_size=vocabulary, special_tokens=list(SPECIAL), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def pad(rows: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
    """Return `input_ids`, padded to the longest of the batch, and `attention_mask`: int64 [n, longest]."""
    lengths = np.array([len(row) for row in rows])
    ids = np.full((len(rows), max(1, lengths.max())), PAD_ID, dtype=np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
    return {"input_ids": ids, "attention_mask": (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)}


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return probabilities [n, classes].

    Args:
        logits: [n, classes], or [n, 1] of a sigmoid for the second of two classes.
    """
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    return softmax(logits)


class TokenCodec(Codec):
    """Token ids padded to the longest of a batch."""

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        """Take a trained tokenizer; texts are truncated to `max_length` tokens."""
        self.tokenizer = tokenizer
        self.max_length = max_length
        tokenizer.enable_truncation(max_length)
        tokenizer.no_padding()

    @property
    def vocabulary(self) -> int:
        """The number of tokens."""
        return int(self.tokenizer.get_vocab_size())

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's token ids."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]

    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return `input_ids` and `attention_mask`, int64 [n, longest]."""
        return pad(self.ids(inputs))

    def decode(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:  # type: ignore[override]  # an array is the sequence here
        """Return probabilities [n, classes]."""
        return probabilities(arrays["logits"])

    def save(self, folder: Path) -> None:
        """Write the tokenizer, with `max_length`."""
        self.tokenizer.save(str(folder / TOKENIZER))

    @classmethod
    def load(cls, folder: Path) -> TokenCodec:
        """Read what `save` wrote."""
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        truncation: dict[str, Any] = tokenizer.truncation or {}
        return cls(tokenizer, truncation["max_length"])


class CostCodec(TokenCodec):
    """Token ids in, negative log-likelihoods out."""

    def decode(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:  # type: ignore[override]  # an array is the sequence here
        """Return the negative log-likelihood of each passage in nats [n]."""
        return arrays["nats"]


def question_prompt(question: str, context: str) -> str:
    """Return a question with its context in T5's format (Raffel et al., 2020)."""
    return f"question: {question} context: {context}"


class TranslationCodec(TokenCodec):
    """Token ids in and out; an input is a text, or a question with its context."""

    at_most = np.iinfo(np.int64).max
    """Most tokens of an answer, beside the network's own limit."""

    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return `input_ids` and `attention_mask`, int64 [n, longest], and `at_most`, int64 [n]."""
        texts = [item if isinstance(item, str) else question_prompt(**item) for item in inputs]
        return super().encode(texts) | {"at_most": np.full(len(texts), self.at_most, dtype=np.int64)}

    def first(self) -> TranslationCodec:
        """Return a codec that limits answers to one token."""
        codec = TranslationCodec(self.tokenizer, self.max_length)
        codec.at_most = 1
        return codec

    def decode(self, arrays: Mapping[str, np.ndarray]) -> list[str]:  # type: ignore[override]  # no rows of numbers here
        """Return the texts of `tokens`, int64 [n, longest], each up to its end token."""
        rows = [row[: row.index(END_ID)] if END_ID in row else row for row in arrays["tokens"].astype(int).tolist()]
        return list(self.tokenizer.decode_batch(rows))


class BagCodec(Codec):
    """Hashed bags of words: log(1 + count) of each bucket, scaled to length 1. Nothing is fitted.

    In scripts without spaces they are bags of characters and of their pairs.
    """

    def __init__(self, features: int) -> None:
        """Take the number of hash buckets."""
        from sklearn.feature_extraction.text import HashingVectorizer

        self.features = features
        self._vectorizer = HashingVectorizer(
            n_features=features, analyzer=terms(1), alternate_sign=False, norm=None, dtype=np.float32
        )

    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return `bag`, float32 [n, features]."""
        counts = np.log1p(self._vectorizer.transform(inputs).toarray())
        lengths = np.linalg.norm(counts, axis=1, keepdims=True)
        return {"bag": (counts / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)}

    def decode(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:  # type: ignore[override]  # an array is the sequence here
        """Return probabilities [n, classes]."""
        return probabilities(arrays["logits"])


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """Write the description from which a network is built."""
    text = json.dumps(description, indent=1, sort_keys=True)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def read_description(folder: Path) -> dict[str, Any]:
    """Read what `write_description` wrote."""
    description: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    return description
