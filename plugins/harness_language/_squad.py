"""Reads a source with the `datasets` library into questions, and says what is wrong with it where it cannot.

Three forms are read: SQuAD's own JSON (articles with paragraphs with questions), a row for each question as the hub's
copies have it (`question`, `context`, `answers` with `text` and `answer_start`), and such a row with one `answer` and
its `start`. Characters are counted from 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness import DataError
from harness_language._parameters import Question
from harness_language._tables import Rows, complete, loaded, whose
from harness_language.questions import QuestionData

ADVICE = "Give questions about at least 3 contexts."
_FORMS = "question, context, and either answers with text and answer_start, as SQuAD has them, or answer and start"


def read(source: str) -> QuestionData:
    """Load questions from a file, a folder in the hub's format, or the hub.

    Splits that the source has are used; a source with one split is divided 70/10/20, and questions about one context
    stay together.

    Args:
        source: a path or the name of a hub data set.

    Raises:
        DataError: says which file and row or column is wrong and what to do.
    """
    with loaded(source) as tables:
        given = {name: _rows(whose(source, name, tables), tables[name]) for name in tables}
    splits = complete(source, given, groups=lambda rows: [0] * len(rows.texts), advice=ADVICE)
    return QuestionData({split: rows.labels for split, rows in splits.items()})


def _rows(name: str, table: Any) -> Rows:
    """Return a split's contexts, with the questions as labels."""
    entries = _of_articles(name, table) if "data" in table.column_names else _of_rows(name, table)
    questions = [_question(where, entry) for where, entry in entries]
    if not questions:
        raise DataError(f"{name} has no questions. Give a file with {_FORMS}.")
    return Rows([one.context for one in questions], questions)


def _of_articles(name: str, table: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield SQuAD's nested questions, each with where it stands."""
    articles = [article for row in table for article in row["data"] or ()]
    for number, article in enumerate(articles, start=1):
        for place, paragraph in enumerate(article.get("paragraphs") or (), start=1):
            for count, asked in enumerate(paragraph.get("qas") or (), start=1):
                where = f"{name}, article {number}, paragraph {place}, question {count}"
                yield where, {**asked, "context": paragraph.get("context")}


def _of_rows(name: str, table: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    columns = set(table.column_names)
    wanted = {"question", "context"} | ({"answers"} if "answers" in columns else {"answer", "start"})
    if lacking := sorted(wanted - columns):
        raise DataError(
            f"{name} has no column {lacking[0]!r}; its columns are {', '.join(map(repr, table.column_names))}. "
            f"Rename them: what is read is {_FORMS}."
        )
    for number, row in enumerate(table, start=1):
        yield f"{name}, row {number}", row


def _question(where: str, entry: Mapping[str, Any]) -> Question:
    question, context = (_text(where, column, entry.get(column)) for column in ("question", "context"))
    spans = [_span(where, context, *answer) for answer in _answers(where, entry)]
    if not spans:
        raise DataError(f"{where} has no answer. Every question here has one: add it or delete the question.")
    start, end = spans[0]
    others = dict.fromkeys(context[begin:stop] for begin, stop in spans[1:])
    return Question(question, context, start, end, tuple(text for text in others if text != context[start:end]))


def _text(where: str, column: str, value: Any) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise DataError(f"{where}: {column!r} is empty. Fill it in or delete the question.")
    if not isinstance(value, str):
        raise DataError(f"{where}: {column!r} holds {value!r:.40}, which is no text. Put the text there.")
    return value


def _answers(where: str, entry: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Return (text, start) of each answer: a list of pairs in SQuAD's file, a pair of lists on the hub."""
    if "answers" not in entry:
        return [(entry["answer"], entry["start"])] if "answer" in entry else []
    given = entry["answers"] or []
    try:
        if isinstance(given, Mapping):
            return list(zip(given["text"] or (), given["answer_start"] or (), strict=True))
        return [(one["text"], one["answer_start"]) for one in given]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{where}: 'answers' holds {given!r:.60}. What is read is {_FORMS}.") from error


def _span(where: str, context: str, answer: Any, start: Any) -> tuple[int, int]:
    """Return where an answer begins and ends."""
    text = _text(where, "answer", answer)
    if not isinstance(start, int) or isinstance(start, bool):
        raise DataError(
            f"{where}: the answer {text!r:.60} starts at {start!r}. Give the number of its first character."
        )
    end = start + len(text)
    if start >= 0 and context[start:end] == text:
        return start, end
    found = context.find(text)
    hint = f"It stands at {found}: correct its start." if found >= 0 else "It does not stand there at all: correct it."
    raise DataError(
        f"{where}: the answer {text!r:.60} does not stand at character {start} of its context "
        f"(that is {context[max(start, 0) : max(end, 0)]!r:.60}). {hint}"
    )
