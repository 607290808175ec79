"""How many cores each process of the tests takes. Imported before TensorFlow, which reads it then."""

import os

VARIABLES = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")


def divided() -> dict[str, str]:
    """Variables that give this process its share: where each takes all cores, they wait for one another's threads."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes == 1:
        return {}
    share = str(max(1, (os.cpu_count() or 1) // processes))
    return {name: share for name in VARIABLES if name not in os.environ}


DIVIDED = divided()
