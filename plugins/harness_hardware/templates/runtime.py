"""The runtime my-name: the model's own framework on one thread. Change it, then run: harness check my_name.py."""

import harness


class MyName(harness.Runtime):
    name = "my-name"
    summary = "The model's own framework, on one thread"
    devices = ("cpu",)  # kinds of torch device it runs on
    format = None  # or the exported form it needs, such as "onnx"; then it has an `export` as well

    def predictor(self, model, assignment, trained, exported):
        import torch

        torch.set_num_threads(1)
        learner = model.learner(assignment)
        if trained is not None:  # else the model is measured as it is
            learner.load(trained)
        return learner.predict


@harness.hookimpl
def harness_runtimes():
    return [MyName()]
