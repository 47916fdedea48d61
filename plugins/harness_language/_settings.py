"""The settings that say how data of the user's are read; a light module, for declarations and readers."""

from __future__ import annotations

from harness import Setting

FORM = {
    "encoding": Setting(
        "", "Encoding of your own files, such as gb18030. Empty: UTF-8, or what their first bytes state."
    ),
    "delimiter": Setting(
        "suffix",
        "What stands between the cells of your own CSV files. `suffix`: a comma, in .tsv a tab.",
        ("suffix", "comma", "semicolon", "tab", "pipe"),
    ),
    "columns": Setting("", "Columns of your own CSV files without a header row: text,label. Empty: the first row."),
    "split_column": Setting("split", "Column of your own data with each row's split, if there is one: train, test, …"),
}
LABELLED_TEXTS = {
    "text_column": Setting("text", "Column of your own data that holds the text, or several: title+text."),
    "label_column": Setting("label", "Column of your own data that holds the class: a word or a whole number."),
    **FORM,
}
TEXTS = {
    "text_column": Setting(
        "text", "Column of your own data that holds the text, or several: title+text; a plain text has none."
    ),
    **FORM,
}
QUESTIONS = {
    "question_column": Setting("question", "Column of your own rows with the question."),
    "context_column": Setting("context", "Column of your own rows with the text that holds the answer."),
    "answers_column": Setting("answers", "Column of your own rows with the answers, as SQuAD has them."),
    "answer_column": Setting("answer", "Column of your own rows with one answer, where there are no answers."),
    "start_column": Setting("start", "Column of your own rows with the answer's first character, from 0."),
    **FORM,
}
OPEN_QUESTIONS = {
    "input_column": Setting("input", "Column of your own data with what is asked, or several: context+question."),
    "reference_column": Setting("reference", "Column of your own data with a right answer, if there is one."),
    **FORM,
}
ANSWERS = {
    "input_column": Setting("input", "Column of your own data with what was asked."),
    "reference_column": Setting("reference", "Column of your own data with a right answer, if there is one."),
    "answer_column": Setting("answer", "Column of your own data with the answer to be graded."),
    "grade_column": Setting(
        "grade", "Column of your own data with the right grade, if there is one. A cell may be empty."
    ),
    **FORM,
}
