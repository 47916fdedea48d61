"""The settings that name the columns of tables of images; a light module, for declarations and readers."""

from __future__ import annotations

from harness import Setting

COLUMNS = {
    "image_column": Setting("image", "Column of data of your own that holds the images."),
    "label_column": Setting("label", "Column of data of your own that holds the classes."),
    "split_column": Setting("split", "Column of data of your own with each row's split, if there is one."),
}
