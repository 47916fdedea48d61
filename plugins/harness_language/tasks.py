"""The declarations of the tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from harness import Data, Metric, Setting, Task
from harness_language._settings import FORM, LABELLED_TEXTS, QUESTIONS, TEXTS

if TYPE_CHECKING:
    from collections.abc import Mapping


_ACCURACY = Metric(name="accuracy", unit="share", column="correct", higher_is_better=True, ceiling=1.0)
_MACRO_F1 = Metric(name="macro-F1", unit="share", column=None, ceiling=1.0)
_DOCUMENTS = ("harness_language.data", "harness_language._corpus")
"""`_corpus` reads the default texts on import, once for all workers."""
_DOCSTRINGS = "docstrings (40 characters and longer) of scipy's Python sources → sub-package; the 8 largest"
_DOCSTRINGS_LICENCE = "BSD-3-Clause"
_DOCUMENTS_NAME = "scipy-docstrings"


def _docstrings_identity() -> str:
    from importlib.metadata import version

    from harness_language._docstrings import RULE

    return f"scipy {version('scipy')} docstrings, rule {RULE}"


def _libraries_identity() -> str:
    from importlib.metadata import version

    return f"scipy {version('scipy')}, sklearn {version('scikit-learn')}, pandas {version('pandas')}"


def written(settings: Mapping[str, Any]) -> str:
    """Return settings in words, in the order of their names."""
    return " ".join(f"{name}={settings[name]}" for name in sorted(settings))


class TextTask(Task):
    """A task that takes the user's data."""

    takes_data = True
    data_imports = ("datasets", "pyarrow")


class TextClassification(TextTask):
    """Texts with one class each: technical documents and their sub-package, or the user's texts."""

    name = "text-classification"
    kind = "text-classification"
    summary = "Classify texts: technical documents by eight topics, or texts of your own"
    imports = _DOCUMENTS
    metrics = (_ACCURACY, _MACRO_F1)
    settings = LABELLED_TEXTS
    baseline = "tfidf"
    use_case = "document-classification"
    source = _DOCSTRINGS
    licence = _DOCSTRINGS_LICENCE
    data_name = _DOCUMENTS_NAME
    former_names: ClassVar[Mapping[str, str]] = {"topics": "", "sentiment": "reviews"}

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return the version of the documents, or a source's digest and the settings."""
        from harness_language import _sources

        if source is None:
            return _docstrings_identity()
        return f"{_sources.identity(source)} {written(settings)}"

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Load the splits."""
        if source is not None:
            from harness_language import _tables

            return _tables.read(source, settings)
        from harness_language._corpus import DOCSTRINGS
        from harness_language._splits import divide
        from harness_language.data import Examples, TextClassificationData

        texts, packages = zip(*DOCSTRINGS, strict=True)
        classes = sorted(set(packages))
        labels = [classes.index(package) for package in packages]
        rows = divide(texts, labels)
        splits = {s: Examples(tuple(texts[i] for i in r), tuple(labels[i] for i in r)) for s, r in rows.items()}
        return TextClassificationData(classes, splits)


class LanguageModelling(TextTask):
    """The documents of `text-classification`, or the user's texts."""

    name = "language-modelling"
    kind = "language-modelling"
    summary = "Predict technical documentation, or texts of your own, passage by passage"
    imports = ("harness_language._corpus", "harness_language.passages")
    metrics = (Metric(name="bits per byte", unit="bit/byte", column="bits_per_byte", higher_is_better=False),)
    baseline = "ngram"
    use_case = "text-completion"
    pretrains_on = "text-classification"
    source = _DOCSTRINGS + "; divided as the task `text-classification` divides them"
    licence = _DOCSTRINGS_LICENCE
    data_name = _DOCUMENTS_NAME
    former_names: ClassVar[Mapping[str, str]] = {"docstrings": ""}
    settings = TEXTS

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return the version of the documents, or a source's digest and the settings."""
        if source is None:
            return f"{_docstrings_identity()}, passages"
        from harness_language import _sources

        return f"{_sources.identity(source, _sources.WITH_PLAIN)} {written(settings)}"

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Load the documents of `text-classification`, or those of a source."""
        if source is not None:
            from harness_language import _documents

            return _documents.read(source, settings)
        from harness_language._corpus import DOCSTRINGS
        from harness_language._splits import divide
        from harness_language.passages import PassageData

        texts, packages = zip(*DOCSTRINGS, strict=True)
        classes = sorted(set(packages))
        rows = divide(texts, [classes.index(package) for package in packages])
        return PassageData({split: [texts[i] for i in numbers] for split, numbers in rows.items()})


class QuestionAnswering(TextTask):
    """Questions about the parameters of functions, or the user's questions."""

    name = "question-answering"
    kind = "question-answering"
    summary = "Answer questions about technical documentation, or questions of your own"
    imports = ("sklearn", "harness_language.questions")
    metrics = (
        Metric(name="exact match", unit="share", column="exact", ceiling=1.0),
        Metric(name="F1", unit="share", column="f1", ceiling=1.0),
    )
    baseline = "overlap"
    use_case = "customer-questions"
    pretrains_on = "text-classification"
    data_name = "parameter-questions"
    former_names: ClassVar[Mapping[str, str]] = {"parameters": ""}
    settings = QUESTIONS
    source = "the sections Parameters in the Python sources of scipy, scikit-learn and pandas; questions made by rule"
    licence = "BSD-3-Clause"

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return the versions of the libraries and of the rule, or a source's digest and the settings."""
        if source is not None:
            from harness_language import _sources

            return f"{_sources.identity(source)} questions {written(settings)}"
        from harness_language._parameters import RULE

        return f"{_libraries_identity()}, rule {RULE}"

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Load the questions; no context is in two splits."""
        if source is not None:
            from harness_language import _squad

            return _squad.read(source, settings)
        from harness_language._parameters import questions
        from harness_language._splits import divide
        from harness_language.questions import QuestionData

        items = questions()
        rows = divide([question.context for question in items], [0] * len(items))
        return QuestionData({split: [items[i] for i in numbers] for split, numbers in rows.items()})


class Translation(TextTask):
    """Phrases of two locales, or the user's pairs of texts."""

    name = "translation"
    kind = "translation"
    summary = "Translate dates, quantities, spans of time, lists of countries and amounts of money"
    imports = ("babel.dates", "sacrebleu", "harness_language.translations")
    metrics = (
        Metric(name="BLEU", unit="points", column=None, ceiling=100.0),
        Metric(name="chrF", unit="points", column=None, ceiling=100.0),
        Metric(name="exact match", unit="share", column="exact", ceiling=1.0),
    )
    baseline = "nearest"
    use_case = "document-translation"
    source = "procedural: phrases drawn by rule and formatted in two locales by babel, from the tables of Unicode CLDR"
    licence = "BSD-3-Clause (babel), Unicode-3.0 (CLDR)"
    data_name = "cldr-phrases"
    former_names: ClassVar[Mapping[str, str]] = {"phrases": ""}
    settings: ClassVar[Mapping[str, Setting]] = {
        "source_locale": Setting("en", "Locale to translate from: en, fr, pt_BR."),
        "target_locale": Setting(
            "zh", "Locale to translate into; with the translations' script it decides BLEU's tokenizer."
        ),
        "source_column": Setting("", "Column of your own data with the texts. Empty: named as source_locale."),
        "target_column": Setting("", "Column of your own data with translations. Empty: named as target_locale."),
        **FORM,
    }

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return babel's version, that of the rule and the settings, or a source's digest and the settings."""
        values = written(settings)
        if source is not None:
            from harness_language import _sources

            return f"{_sources.identity(source)} {values}"
        from importlib.metadata import version

        from harness_language._phrases import RULE

        return f"babel {version('babel')} phrases, rule {RULE}, {values}"

    def check(self, source: str | None, settings: Mapping[str, Any]) -> Data | None:
        """Check the locales, or load the user's source; nothing is written.

        Raises:
            DataError: names the locale, file, row or column that is wrong.
        """
        if source is None:
            from harness_language._phrases import locales

            locales(settings["source_locale"], settings["target_locale"])
        return super().check(source, settings)

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Load the splits; no source text is in two of them."""
        if source is not None:
            from harness_language import _pairs

            return _pairs.read(source, settings)
        from harness_language._phrases import phrases
        from harness_language.translations import TranslationData

        splits = phrases(settings["source_locale"], settings["target_locale"])
        return TranslationData(splits, settings["target_locale"])


class InformationExtraction(TextTask):
    """The parameters that docstrings describe, or what is to be found in the user's texts."""

    name = "information-extraction"
    kind = "information-extraction"
    summary = "Write what a text states as JSON: the parameters of functions, or what your own schema asks for"
    imports = ("jsonschema", "harness_language.extraction")
    metrics = (
        Metric(name="exact match", unit="share", column="exact", ceiling=1.0),
        Metric(name="F1", unit="share", column=None, ceiling=1.0),
    )
    baseline = "nearest"
    use_case = "field-extraction"
    source = "the sections Parameters in the Python sources of scipy, scikit-learn and pandas → name, type and default"
    licence = "BSD-3-Clause"
    data_name = "parameter-records"
    settings: ClassVar[Mapping[str, Setting]] = {
        "schema": Setting("", "File with the JSON Schema of the answers to your own texts, which must have one."),
        "text_column": Setting("text", "Column of your own data that holds the text, or several: title+text."),
        "json_column": Setting("json", "Column of your own data with the answer: JSON in a text, or nested."),
        **FORM,
    }

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return the versions of the libraries and of the rule, or digests of source and schema, and the settings."""
        if source is not None:
            from harness_language import _sources

            schema = _sources.digest_of_file(settings["schema"]) if settings["schema"] else ""
            return f"{_sources.identity(source)} {written({**settings, 'schema': schema})}"
        from harness_language._records import RULE

        return f"{_libraries_identity()} records, rule {RULE}"

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Load the texts; no text and no answer of the default data is in two splits."""
        if source is not None:
            from harness_language import _extracts

            return _extracts.read(source, settings)
        from harness_language._records import SCHEMA, records
        from harness_language._splits import divide
        from harness_language.extraction import Extract, ExtractionData, canonical

        items = [Extract(*record) for record in records()]
        rows = divide([canonical(item.value) for item in items], [0] * len(items))
        return ExtractionData({split: [items[i] for i in numbers] for split, numbers in rows.items()}, SCHEMA)


class Summarization(TextTask):
    """The first lines of docstrings, or the summaries of the user's texts."""

    name = "summarization"
    kind = "summarization"
    summary = "Summarise technical documentation in a line, or texts of your own"
    imports = ("rouge_score", "sacrebleu", "harness_language.summaries")
    metrics = (
        Metric(name="ROUGE-L", unit="share", column="rougeL", ceiling=1.0),
        Metric(name="ROUGE-1", unit="share", column="rouge1", ceiling=1.0),
        Metric(name="ROUGE-2", unit="share", column="rouge2", ceiling=1.0),
        Metric(name="chrF", unit="points", column=None, ceiling=100.0),
    )
    baseline = "lead"
    use_case = "document-summaries"
    source = "docstrings in the Python sources of scipy, scikit-learn and pandas → their first line, which is cut out"
    licence = "BSD-3-Clause"
    data_name = "docstring-summaries"
    settings: ClassVar[Mapping[str, Setting]] = {
        "text_column": Setting("text", "Column of your own data that holds the text, or several: title+text."),
        "summary_column": Setting(
            "summary",
            "Column of your own data with the summary, or with a list of them; or several columns: summary+summary2.",
        ),
        **FORM,
    }

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return the versions of the libraries and of the rule, or a source's digest and the settings."""
        if source is not None:
            from harness_language import _sources

            return f"{_sources.identity(source)} summaries {written(settings)}"
        from harness_language._first_lines import RULE

        return f"{_libraries_identity()} first lines, rule {RULE}"

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Load the texts; no text and no summary of the default data is in two splits."""
        if source is not None:
            from harness_language import _summaries

            return _summaries.read(source, settings)
        from harness_language._first_lines import first_lines
        from harness_language._splits import divide
        from harness_language.summaries import Summarised, SummaryData

        pairs = first_lines()
        rows = divide([summary for _, summary in pairs], [0] * len(pairs))
        items = [Summarised(text, (summary,)) for text, summary in pairs]
        return SummaryData({split: [items[i] for i in numbers] for split, numbers in rows.items()})
