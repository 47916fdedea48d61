"""What a plugin gives the harness: tasks, models, hardware, runtimes.

The core is in control: it calls `Learner.step`, holds the clock, the budget, the seeds and the meters, and calls
`Data.evaluate` and the load generator with a `Predict`. Nothing here is heavy or specific to a family: the tasks and
the models of one `kind` agree on what an input and an output are.

Declarations (`Task`, `Model`, `Hardware`, `Runtime`) are made while a plugin loads and must be light. Their methods run
in a worker process and import what is heavy.
"""

from harness.seams.declaration import Declaration, Setting, Template
from harness.seams.machine import Hardware, Meter, Reading, Runtime
from harness.seams.model import Assignment, Budget, Codec, Learner, Model, ModelScheme, Progress
from harness.seams.predictors import BilledPredictor, Concurrent, Predict, Served, StreamingPredictor
from harness.seams.prompts import NotAnAnswerError, Prompts
from harness.seams.spending import Quote, Spend
from harness.seams.task import Data, Grades, Metric, Sample, Scores, Task

__all__ = [
    "Assignment",
    "BilledPredictor",
    "Budget",
    "Codec",
    "Concurrent",
    "Data",
    "Declaration",
    "Grades",
    "Hardware",
    "Learner",
    "Meter",
    "Metric",
    "Model",
    "ModelScheme",
    "NotAnAnswerError",
    "Predict",
    "Progress",
    "Prompts",
    "Quote",
    "Reading",
    "Runtime",
    "Sample",
    "Scores",
    "Served",
    "Setting",
    "Spend",
    "StreamingPredictor",
    "Task",
    "Template",
]
