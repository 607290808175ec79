"""What the recorded benchmarks say, in tables and sentences that stay right when they are measured again."""

from collections.abc import Mapping

from urfb_tf.bench import kernels
from urfb_tf.bench.contenders import entrants as names
from urfb_tf.bench.subjects import SUBJECTS, find
from urfb_tf.environment import short_commit
from urfb_tf.table import Table


def provenance(records: Mapping[str, dict]) -> Table:
    """When and on what each subject was measured, and how busy the machine was with it and with anything else."""
    rows = []
    for subject in SUBJECTS:
        if subject not in records:
            rows.append([subject, "not recorded", *[""] * 5])
            continue
        record = records[subject]
        # An operation's bound is held against ceilings that were measured after it too.
        later = {name: record["found"][name] for name in record["machine"] if name in record["found"]}
        hardware, machine = record["hardware"], record["machine"] | later
        rows.append(
            [
                subject,
                record["date"][:10],
                f"{hardware['device']} ({hardware['processor']}, {hardware['cores']} cores)",
                ", ".join("?" if load is None else f"{load:.1f}" for load in record["load"]),
                str(record["settings"]["repeats"]),
                f"{machine['flops'] / 1e9:.0f} GFLOP/s, {machine['bandwidth'] / 1e9:.0f} GB/s",
                short_commit(record["commit"]),
            ]
        )
    header = ["subject", "date", "device", "load before, after", "repeats", "ceilings", "commit"]
    return Table(header, rows)


def disturbed(records: Mapping[str, dict]) -> list[str]:
    """The subjects during which more processes wanted a core than there were cores."""
    return [
        subject
        for subject, record in records.items()
        if max((load or 0) for load in record["load"]) > record["hardware"]["cores"] + 0.5
    ]


def shown(records: Mapping[str, dict], subject: str) -> list[Table | str]:
    """A subject's tables, each after its title in bold Markdown; a sentence if it is not recorded."""
    if subject not in records:
        return [f"Not recorded yet: `python -m urfb_tf bench {subject} --record` does it."]
    parts: list[Table | str] = []
    for title, content in find(subject).tables(records[subject]["found"]):
        parts += [f"**{title}**", content] if title else [content]
    return parts


def fit_beside_products(records: Mapping[str, dict]) -> dict[str, float]:
    """How many times as long as the products of a step a whole step by Keras' `fit` takes, by network.

    It is what a step with the same products gains if all else in it takes no time.
    """
    if not {"training", "kernels"} <= set(records):
        return {}
    products = kernels.products(records["kernels"]["found"])
    return {
        row["network"]: row["median"] / row["steps"] / products[row["network"]]
        for row in records["training"]["found"]["rows"]
        if row["contender"] == names.KERAS and row["network"] in products
    }
