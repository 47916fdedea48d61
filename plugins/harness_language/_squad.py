"""Reads the user's questions.

Three formats are read: SQuAD's JSON (articles, paragraphs, questions), the hub's rows of SQuAD (`question`, `context`,
`answers` with `text` and `answer_start`), and rows with one `answer` and its `start`. Characters are counted from 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness import DataError
from harness.user_data.tables import Tables, gathered, refuse_unused, require_own_columns
from harness_language._columns import require_column, whole_number
from harness_language._completed import Item, completed
from harness_language._parameters import Question
from harness_language._settings import FORM, QUESTIONS
from harness_language._table_files import Table
from harness_language._tables import loaded
from harness_language.questions import QuestionData

ADVICE = "Give questions about at least 3 different contexts."
ARTICLES = "data"
"""The column of SQuAD's file."""
_FORMS = "question, context, and either answers with text and answer_start, as SQuAD has them, or answer and start"


def read(source: str, settings: Mapping[str, Any]) -> QuestionData:
    """Load questions from a file, a folder in the hub's format, or the hub.

    The source's splits are kept; without any it is divided 70/10/20. Questions about one context stay together.

    Args:
        source: a path or the name of a hub data set.
        settings: the columns of rows, and how the files are written.

    Raises:
        DataError: names the file and the row or column that is wrong.
    """
    tables = loaded(source, settings, {})
    columns = _columns_of(tables, settings)
    require_own_columns(source, tables, columns)
    rows = gathered(tables, lambda part: _rows(part.name, part.table, settings))
    unused = QUESTIONS.keys() - FORM.keys() - columns.keys()
    refuse_unused(f"{source} has its questions in {', '.join(columns.values())}", settings, QUESTIONS, unused)
    made = completed(source, rows, ADVICE, what="context")
    data = QuestionData({split: [question for _, question in items] for split, items in made.splits.items()})
    data.how_read = rows.how_read(made, columns, unit="questions")
    return data


def _columns_of(tables: Tables, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return setting → column that is read."""
    present = {column for part in tables.parts for column in part.columns}
    if ARTICLES in present:
        return {ARTICLES: ARTICLES}
    fields = ("question", "context", *(("answers",) if settings["answers_column"] in present else ("answer", "start")))
    return {f"{field}_column": settings[f"{field}_column"] for field in fields}


def _rows(name: str, table: Table, settings: Mapping[str, Any]) -> list[Item]:
    """Return the contexts of a table with their questions."""
    entries = _of_articles(name, table) if ARTICLES in table.columns else _of_rows(name, table, settings)
    questions = [_question(where, entry) for where, entry in entries]
    if not questions:
        raise DataError(f"{name} has no questions. Give a file with {_FORMS}.")
    return [(question.context, question) for question in questions]


def _of_articles(name: str, table: Table) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield SQuAD's nested questions, each with its place for messages."""
    try:
        articles = [article for data in table[ARTICLES] for article in data]
        first: dict[Any, str] = {}
        for number, article in enumerate(articles, start=1):
            of_article = f"{name}, article {number}"
            for second, paragraph in enumerate(_listed(article, "paragraphs", of_article), start=1):
                of_paragraph = f"{of_article}, paragraph {second}"
                for third, entry in enumerate(_listed(paragraph, "qas", of_paragraph), start=1):
                    where = f"{of_paragraph}, question {third}"
                    if (other := first.setdefault(entry.get("id", where), where)) != where:
                        raise DataError(
                            f"{where} has the id {entry['id']!r} of {other}. Give each its own, or remove one."
                        )
                    yield where, {**entry, "context": paragraph.get("context")}
    except (AttributeError, TypeError) as error:  # a text or a number where an object or a list should be
        raise DataError(
            f"{name}: {ARTICLES!r} holds no articles of SQuAD, with paragraphs, contexts and qas. Give {_FORMS}."
        ) from error


def _listed(holder: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """Return what an article or a paragraph holds, which may be nothing, but not be missing."""
    listed = holder.get(key)
    if not isinstance(listed, list):
        raise DataError(f"{where} has no list {key!r}. Add it, or take out what lacks it.")
    return listed


def _of_rows(name: str, table: Table, settings: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield rows under the names that SQuAD's fields have, each with its place for messages."""
    answered = ("answers",) if settings["answers_column"] in table.columns else ("answer", "start")
    columns = {field: settings[f"{field}_column"] for field in ("question", "context", *answered)}
    for field, column in columns.items():
        try:
            require_column(name, table, column, f"{field}_column", list(columns.values()))
        except DataError as error:
            raise DataError(f"{str(error).removesuffix('.')}. Needed are {_FORMS}.") from None
    cells = [table[column] for column in columns.values()]
    for number, values in enumerate(zip(*cells, strict=True), start=1):
        entry = dict(zip(columns, values, strict=True))
        if "start" in entry:
            entry["start"] = whole_number(entry["start"], table)
        yield f"{name}, row {number}", entry


def _question(where: str, entry: Mapping[str, Any]) -> Question:
    question, context = (_text(where, column, entry.get(column)) for column in ("question", "context"))
    spans = [_span(where, context, *answer) for answer in _answers(where, entry)]
    if not spans:
        raise DataError(f"{where} has no answer. Add one or delete the question.")
    _, *others = dict.fromkeys(context[start:end] for start, end in spans)
    return Question(question, context, *spans[0], tuple(others))


def _text(where: str, column: str, value: Any) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise DataError(f"{where}: {column!r} is empty. Fill it in or delete the question.")
    if not isinstance(value, str):
        raise DataError(f"{where}: {column!r} holds {value!r:.40}, which is no text. Give a text.")
    return value


def _answers(where: str, entry: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Return (text, start) of each answer; SQuAD's file has a list of pairs, the hub a pair of lists."""
    if "answers" not in entry:
        return [(entry["answer"], entry["start"])] if "answer" in entry else []
    answers = entry["answers"] or []
    try:
        if isinstance(answers, Mapping):
            return list(zip(answers["text"] or (), answers["answer_start"] or (), strict=True))
        return [(answer["text"], answer["answer_start"]) for answer in answers]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{where}: 'answers' holds {answers!r:.60}. Give {_FORMS}.") from error


def _span(where: str, context: str, answer: Any, start: Any) -> tuple[int, int]:
    """Return an answer's start and end."""
    text = _text(where, "answer", answer)
    if not isinstance(start, int) or isinstance(start, bool):
        raise DataError(
            f"{where}: the answer {text!r:.60} starts at {start!r}. Give the number of its first character."
        )
    end = start + len(text)
    if start >= 0 and context[start:end] == text:
        return start, end
    position = context.find(text)
    hint = f"It is at {position}: correct its start." if position >= 0 else "It is nowhere in the context: correct it."
    raise DataError(
        f"{where}: the answer {text!r:.60} is not at character {start} of its context "
        f"(there is {context[max(start, 0) : max(end, 0)]!r:.60}). {hint}"
    )
