"""The story of two annotators and a lead (``make demo ARGS=--branches``)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import fiftyone as fo

import fiftyone_snapshots as fos

from .telling import say, show_history


def tell(dataset: fo.Dataset) -> None:
    """Has two people correct labels, each on a branch, and merges both.

    Args:
        dataset: the digits
    """
    say("Anna and Ben correct labels, each on a branch. Nobody who uses 'digits' sees that yet.")
    for name in ("anna", "ben"):
        print(f">>> fos.create_branch('digits', '{name}')")
        fos.create_branch(dataset, name)
    for branch in fos.list_branches(dataset):
        print(f"{branch.dataset_name}, made of snapshot '{branch.base_snapshot}'")
    relabel("digits.anna", {0: "6", 5: "9", 12: "3"})
    relabel("digits.ben", {5: "3", 20: "0", 33: "8"})
    fo.load_dataset("digits.ben").match_tags("validation").tag_samples("checked by ben")
    print(dict(sorted(dataset.count_values("ground_truth.label").items())))

    say("The lead looks at what Anna's work would change. There is nothing to decide: merge it.")
    print(">>> plan = fos.plan_merge('digits.anna')")
    plan = fos.plan_merge("digits.anna", progress=False)
    show(plan)
    print(">>> fos.apply_merge(plan)")
    fos.apply_merge(plan)

    say("Ben has labelled one of the same digits, differently. That stops the merge.")
    print(">>> plan = fos.plan_merge('digits.ben')")
    plan = fos.plan_merge("digits.ben", progress=False)
    show(plan)
    try:
        fos.apply_merge(plan)
    except fos.ConflictsRemainError as error:
        print(f"ConflictsRemainError: {error}")

    say("What did they say? The lead looks at the digit, and takes Anna's word.")
    (conflict,) = plan.conflicts()
    said = (conflict.base["label"], conflict.ours["label"], conflict.theirs["label"])
    print(f"{conflict.kind} in {conflict.path}: it was %s, Anna says %s, Ben says %s" % said)
    print(">>> plan.resolve(conflict, 'ours')")
    plan.resolve(conflict, "ours")
    print(">>> fos.apply_merge(plan, description='Both have checked')")
    fos.apply_merge(plan, description="Both have checked")
    dataset.reload()
    print(dict(sorted(dataset.count_values("ground_truth.label").items())))
    print(f"{len(dataset.match_tags('checked by ben'))} samples are checked by Ben")
    show_history(dataset)

    say("Ben was not to be merged yet. The whole merge is taken back; Anna's stays.")
    print(">>> fos.undo_merge('digits')")
    fos.undo_merge(dataset)
    dataset.reload()
    print(f"{len(dataset.match_tags('checked by ben'))} samples are checked by Ben")
    show_history(dataset)


def relabel(name: str, labels: Mapping[int, str]) -> None:
    """Corrects the labels of samples, by their places in a dataset."""
    dataset = fo.load_dataset(name)
    for place, label in labels.items():
        sample = dataset.skip(place).first()
        sample["ground_truth"].label = label
        sample.save()


def show(plan: fos.MergePlan) -> None:
    """Prints a plan, without the id, which is another one each time."""
    print(re.sub("^Merge [0-9a-f]+ ", "Merge ... ", str(plan)))
