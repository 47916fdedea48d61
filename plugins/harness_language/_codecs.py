"""How texts become arrays and logits become probabilities. No torch: what serves an exported model needs none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from harness import Codec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TOKENIZER = "tokenizer.json"
DESCRIPTION = "text.json"
PAD, UNKNOWN, CLS, SEP, MASK = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD_ID, END_ID, MASK_ID = 0, 3, 4
SPANS = tuple(f"[SPAN{number}]" for number in range(16))
"""Each stands for a span that was cut out."""
SPAN_IDS = range(len(SPECIAL), len(SPECIAL) + len(SPANS))
_ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts without blanks: each character is a piece."""
_PIECE = rf"[{_ALONE}]|\p{{N}}| ?[^\s\p{{N}}\p{{P}}\p{{S}}{_ALONE}]+| ?[\p{{P}}\p{{S}}]|\s"
"""What pieces never cross: characters alone, digits, words and signs, with the blank before them."""


def train_wordpiece(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """Train BERT's tokenizer: lower case, words and punctuation, WordPiece, `[CLS] … [SEP]`.

    Args:
        texts: of the training split only.
        vocabulary: largest number of tokens.
    """
    tokenizer = _reader(models.WordPiece(unk_token=UNKNOWN))
    tokenizer.train_from_iterator(texts, _wordpiece_trainer(tokenizer, texts, vocabulary))
    # What the trainer was given as special tokens to fix their order are ordinary pieces from here on.
    tokenizer = _reader(models.WordPiece(tokenizer.get_vocab(), unk_token=UNKNOWN))
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.decoder = decoders.WordPiece()
    ends = [(token, tokenizer.token_to_id(token)) for token in (CLS, SEP)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{CLS} $A {SEP}", special_tokens=ends)
    return tokenizer


def _wordpiece_trainer(tokenizer: Tokenizer, texts: Sequence[str], vocabulary: int) -> trainers.WordPieceTrainer:
    """Return a trainer that gives the same pieces every time.

    The library numbers the letters inside words in the order of a random hash map and breaks ties by these numbers, so
    they are numbered beforehand.
    """
    letters = sorted({letter for text in texts for letter in tokenizer.normalizer.normalize_str(text)} - {" "})
    fixed = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
    return trainers.WordPieceTrainer(vocab_size=vocabulary, special_tokens=fixed, show_progress=False)


def _reader(model: models.Model) -> Tokenizer:
    """Return a tokenizer that reads as BERT's does: lower case, words and punctuation apart."""
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def train_byte_pairs(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """Train GPT's tokenizer: byte pairs, which spell every text and lose nothing, `[CLS] … [SEP]`."""
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
    ends = [(token, tokenizer.token_to_id(token)) for token in (CLS, SEP)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{CLS} $A {SEP}", special_tokens=ends)
    return tokenizer


def train_pieces(texts: Sequence[str], pieces: int) -> Tokenizer:
    """Train a tokenizer that loses nothing of the characters it was trained on: byte-pair encoding of words, `… [SEP]`.

    Args:
        texts: of the training split only, of any language.
        pieces: most pieces of several characters; every single character is a token too.
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
    """Train a word-level tokenizer: lower case, the most frequent words, the others unknown."""
    tokenizer = _reader(models.WordLevel(unk_token=UNKNOWN))
    trainer = trainers.WordLevelTrainer(vocab_size=vocabulary, special_tokens=list(SPECIAL), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def pad(rows: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
    """Pad token ids to the longest of the batch: int64 [n, longest], the mask is 1 where a token stands."""
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
    """Turn logits into probabilities [n, classes].

    Args:
        logits: [n, classes]; [n, 1] is a sigmoid's logit for the second of two classes.
    """
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    return softmax(logits)


class TokenCodec(Codec):
    """Token ids padded to the longest of a batch."""

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        """Take a trained tokenizer; longer texts are cut at `max_length` tokens."""
        self.tokenizer = tokenizer
        self.max_length = max_length
        tokenizer.enable_truncation(max_length)
        tokenizer.no_padding()

    @property
    def vocabulary(self) -> int:
        """The number of tokens."""
        return int(self.tokenizer.get_vocab_size())

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's token ids, cut at `max_length`."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]

    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return `input_ids` and `attention_mask`, int64 [n, longest]."""
        return pad(self.ids(inputs))

    def decode(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:  # type: ignore[override]  # an array is the sequence here
        """Return probabilities [n, classes]."""
        return probabilities(arrays["logits"])

    def save(self, folder: Path) -> None:
        """Write the tokenizer with its truncation."""
        self.tokenizer.save(str(folder / TOKENIZER))

    @classmethod
    def load(cls, folder: Path) -> TokenCodec:
        """Read what `save` wrote."""
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        truncation: dict[str, Any] = tokenizer.truncation or {}
        return cls(tokenizer, truncation["max_length"])


class CostCodec(TokenCodec):
    """Token ids of passages whose cost is asked for."""

    def decode(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:  # type: ignore[override]  # an array is the sequence here
        """Return costs in nats [n]."""
        return arrays["nats"]


def spelt(question: str, context: str) -> str:
    """Return a question with its context as one text, as T5 reads them (Raffel et al., 2020)."""
    return f"question: {question} context: {context}"


class TranslationCodec(TokenCodec):
    """Token ids in and out; an input is a text, or a question with its context."""

    at_most = np.iinfo(np.int64).max
    """Tokens of an answer, for which the network has its own limit too."""

    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return `input_ids` and `attention_mask`, int64 [n, longest], and `at_most`, int64 [n]."""
        texts = [one if isinstance(one, str) else spelt(**one) for one in inputs]
        return super().encode(texts) | {"at_most": np.full(len(texts), self.at_most, dtype=np.int64)}

    def first(self) -> TranslationCodec:
        """Return a codec that asks for one token."""
        codec = TranslationCodec(self.tokenizer, self.max_length)
        codec.at_most = 1
        return codec

    def decode(self, arrays: Mapping[str, np.ndarray]) -> list[str]:  # type: ignore[override]  # no rows of numbers here
        """Return the texts that `tokens`, int64 [n, longest], spell up to their ends."""
        rows = [row[: row.index(END_ID)] if END_ID in row else row for row in arrays["tokens"].astype(int).tolist()]
        return list(self.tokenizer.decode_batch(rows))


class BagCodec(Codec):
    """Hashed bags of words: how often each word and pair of words occurs, dampened, of length 1. Nothing is fitted."""

    def __init__(self, features: int) -> None:
        """Take the number of hash buckets."""
        from sklearn.feature_extraction.text import HashingVectorizer

        self.features = features
        self._vectorizer = HashingVectorizer(n_features=features, alternate_sign=False, norm=None, dtype=np.float32)

    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return `bag`, float32 [n, features]."""
        counts = np.log1p(self._vectorizer.transform(inputs).toarray())
        lengths = np.linalg.norm(counts, axis=1, keepdims=True)
        return {"bag": (counts / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)}

    def decode(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:  # type: ignore[override]  # an array is the sequence here
        """Return probabilities [n, classes]."""
        return probabilities(arrays["logits"])


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """Write what rebuilds a network."""
    text = json.dumps(description, indent=1, sort_keys=True)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def read_description(folder: Path) -> dict[str, Any]:
    """Read what `write_description` wrote."""
    description: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    return description
