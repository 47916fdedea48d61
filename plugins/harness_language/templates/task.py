"""The task my-name: texts with a class each. Put your texts in `data`, then run: harness check my_name.py"""

import random

import harness

DISHES = ("soup", "bread", "rice", "fish", "salad", "noodles", "dumplings", "tea")
WORDS = {"praise": ("splendid", "tender", "warm", "generous"), "complaint": ("stale", "cold", "salty", "burnt")}


class MyName(harness.Task):
    name = "my-name"
    kind = "text-classification"  # an input is a text, an output is a row of probabilities
    summary = "Classify reviews as praise or complaint"
    metrics = (harness.Metric("accuracy", "share", "correct", higher_is_better=True, ceiling=1.0),)
    baseline = "tfidf"
    source = "sentences made of two short lists"
    licence = "none needed"
    data_name = "made-reviews"  # the data's name in tables

    def identity(self, source, settings):
        return "my-name, lists 1"  # change it with the data: older results are then stale

    def data(self, source, settings):
        from harness_language.data import Examples, TextClassificationData

        # It evaluates, digests, and computes the random baseline.
        return TextClassificationData(sorted(WORDS), {name: Examples(*columns) for name, columns in splits().items()})


def splits():
    """Return split → (texts, labels): no text is in two of them."""
    rows = [
        (f"The {first} was {word} and the {second} came after {minutes} minutes.", label)
        for label, words in enumerate(WORDS[name] for name in sorted(WORDS))
        for word in words
        for first in DISHES
        for second in DISHES
        for minutes in (5, 20, 45)
    ]
    random.Random(0).shuffle(rows)
    cut = {"train": rows[:1000], "validation": rows[1000:1200], "test": rows[1200:]}
    return {name: tuple(zip(*part, strict=True)) for name, part in cut.items()}


@harness.hookimpl
def harness_tasks():
    return [MyName()]
