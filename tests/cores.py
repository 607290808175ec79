"""The share of the cores that this process of the tests takes. Imported before TensorFlow, which reads it then."""

import os

from building import kernels

_PROCESSES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
VARIABLES = tuple(kernels.threads(1))
# Those that are set here and nowhere else before: none where one process has all cores.
DIVIDED = {name: n for name, n in kernels.threads(_PROCESSES).items() if _PROCESSES > 1 and name not in os.environ}
