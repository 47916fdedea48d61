"""Embedding 50 → LSTM 100 with dropout → Dense: the text-classification network of the Keras tutorials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from harness_language._tokens import TokenLearner

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

from harness_language._codecs import PAD_ID

EMBEDDING = 50
HIDDEN = 100


class Lstm(nn.Module):
    """Reads a text from left to right and answers from the last state."""

    def __init__(self, vocabulary: int, classes: int, dropout: float) -> None:
        """Build the layers; two classes share one sigmoid, more have a softmax."""
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, EMBEDDING, padding_idx=PAD_ID)
        self.lstm = nn.LSTM(EMBEDDING, HIDDEN, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(HIDDEN, 1 if classes == 2 else classes)  # noqa: PLR2004 - a sigmoid tells two classes apart

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return `logits` [n, classes], or [n, 1] for two classes.

        Args:
            input_ids: int64 [n, s].
            attention_mask: int64 [n, s], 1 where a token stands; padding is on the right.
        """
        states, _ = self.lstm(self.dropout(self.embedding(input_ids)))
        # The state at the last token: what stands right of it cannot have changed it.
        last = (attention_mask.sum(dim=1) - 1).clamp(min=0)
        state = states.gather(1, last[:, None, None].expand(-1, 1, HIDDEN))[:, 0]
        return {"logits": self.dense(self.dropout(state))}


class LstmLearner(TokenLearner):
    """The network on its task."""

    def construct(self) -> nn.Module:
        """Return the network in its shape."""
        shape: Mapping[str, Any] = self.description()
        return Lstm(shape["vocabulary"], shape["classes"], shape["settings"]["dropout"])
