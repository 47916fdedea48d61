"""Samples of a model's output, pictures and texts, as a report shows them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from harness.errors import StoreError
from harness.records import Record
from harness_reports.measured.lineage import label
from harness_reports.measured.results import Results

Sample = Mapping[str, str]
PICTURES = ("image/png", "image/gif")
TEXT = "text/plain"


def picture(sample: Sample) -> bytes | None:
    """Return a sample's picture, None where it is a text.

    Raises:
        StoreError: it is neither, or its content is not base64.
    """
    if sample["media_type"] == TEXT:
        return None
    if sample["media_type"] not in PICTURES:
        raise StoreError(f"The sample {sample['caption']!r} is {sample['media_type']!r}. {_HELP}")
    try:
        return base64.b64decode(sample["content"], validate=True)
    except binascii.Error as error:
        raise StoreError(f"The sample {sample['caption']!r} cannot be read: {error}. {_HELP}") from error


_HELP = f"Samples are {', '.join(PICTURES)} in base64, or {TEXT}. Measure the step again."


def html(samples: Sequence[Sample]) -> str:
    """Return samples as HTML that fetches nothing; captions and texts are escaped."""
    return f"<div class='samples'>{''.join(map(_figure, samples))}</div>"


def _figure(sample: Sample) -> str:
    content, caption = picture(sample), escape(sample["caption"])
    body = (
        f"<pre>{escape(sample['content'])}</pre>"
        if content is None
        else f'<img alt="{caption}" src="data:{sample["media_type"]};base64,{base64.b64encode(content).decode()}">'
    )
    return f"<figure>{body}<figcaption>{caption}</figcaption></figure>"


def shown(records: Sequence[Record]) -> Iterator[tuple[str, Record]]:
    """Return a title and an evaluation with samples for each model of a task: the newest of seeds and runtimes."""
    newest: dict[str, Record] = {}
    for candidate in Results.of(records).evaluated:
        title = f"{candidate.key.task} ({candidate.key.data}): {label(candidate.columns)}"
        leaf = max(candidate.evaluations, key=lambda chain: chain.leaf.started_at).leaf
        if leaf.samples and (title not in newest or newest[title].started_at < leaf.started_at):
            newest[title] = leaf
    yield from newest.items()
