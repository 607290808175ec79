"""Which results may travel with the package: those of its experiments, measured on the images of those recorded."""

from collections.abc import Iterable

from urfb_tf.environment import UNKNOWN
from urfb_tf.errors import ResultError

LINE = "a line in urfb_tf/experiments/further.py"


def check_admission(result: dict, source: str, recorded: Iterable[dict]) -> None:
    """Raise a ResultError if a result is not what the catalogue says of its id, or does not say what measured it.

    It has to have been measured on the images of the others.

    Args:
        result: as `urfb_tf.results.schema` describes it.
        source: the file's name, for the message.
        recorded: the results that are there already; those of the same dataset say which images it has.
    """
    from urfb_tf.experiments.catalogue import EXPERIMENTS  # it needs what results are

    identifier, configuration = result["id"], result["configuration"]
    if identifier not in EXPERIMENTS:
        raise ResultError(
            f"{source} is of {identifier!r}, which is no experiment of the package: give it {LINE}, with this id, and "
            "record it then."
        )
    expected = EXPERIMENTS[identifier].configuration()
    if configuration != expected:
        keys = [key for key in {**expected, **configuration} if configuration.get(key) != expected.get(key)]
        raise ResultError(
            f"{source} was run with other settings than {identifier!r} has ({', '.join(keys)}): give it an id of its "
            f"own and {LINE}, and run that."
        )
    data, dataset = result["data"], configuration["dataset"]
    if data.get("name") != dataset:
        raise ResultError(
            f"{source} was measured on {data.get('name')!r}, and {identifier!r} is of {dataset!r}: run it on that, in "
            "another folder."
        )
    other = next((run["data"] for run in recorded if run["data"]["name"] == dataset), data)
    if data != other:
        raise ResultError(
            f"{source} was measured on other images of {dataset!r} than the recorded runs, whose SHA-256 is "
            f"{other['sha256']}, {other['images']}: run it on these in another folder."
        )
    measured_by = [*result["sessions"], *([result["settled"]] if "settled" in result else [])]
    if any(each["commit"] == UNKNOWN for each in measured_by):
        raise ResultError(
            f"{source} does not name the commit that measured it, as git did not read the checkout: install git or "
            "trust the checkout (`git config --global --add safe.directory FOLDER`), and run it in another folder."
        )
