"""Embedding 50 → LSTM 100 with dropout → Dense: the text-classification network of the Keras tutorials."""

from __future__ import annotations

from torch import Tensor, nn

from harness_language._codecs import PAD_ID
from harness_language._tokens import TokenLearner

EMBEDDING = 50
HIDDEN = 100


class Lstm(nn.Module):
    """An LSTM whose last state is classified."""

    def __init__(self, vocabulary: int, classes: int, dropout: float) -> None:
        """Build the layers; the output is a sigmoid's for two classes, a softmax's for more."""
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, EMBEDDING, padding_idx=PAD_ID)
        self.lstm = nn.LSTM(EMBEDDING, HIDDEN, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(HIDDEN, 1 if classes == 2 else classes)  # noqa: PLR2004 - a sigmoid

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return `logits` [n, classes], or [n, 1] for two classes.

        Args:
            input_ids: int64 [n, s].
            attention_mask: int64 [n, s], 1 for tokens, 0 for padding on the right.
        """
        states, _ = self.lstm(self.dropout(self.embedding(input_ids)))
        # The state at the last token does not depend on the padding right of it.
        last = (attention_mask.sum(dim=1) - 1).clamp(min=0)
        state = states.gather(1, last[:, None, None].expand(-1, 1, HIDDEN))[:, 0]
        return {"logits": self.dense(self.dropout(state))}


class LstmLearner(TokenLearner):
    """Classification with the LSTM."""

    def construct(self) -> nn.Module:
        """Return the network."""
        description = self.description()
        return Lstm(description["vocabulary"], description["classes"], description["settings"]["dropout"])
