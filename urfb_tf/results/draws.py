"""Which random numbers a run drew from its seed: runs that drew the same differ by design alone."""

TENSORFLOW = "tensorflow"  # its own kernels, which train on a processor
XLA = "xla"  # compiled, on a GPU or as an exported program
MIXED = "mixed"  # begun on one kind of device and gone on with on the other: comparable with neither


def draws_of(result: dict) -> str:
    """`TENSORFLOW` or `XLA`, from where a result was measured; `MIXED` if its sessions were of both kinds.

    Order, dropout and noise come from the same seeds and operations, whose numbers XLA makes by another algorithm than
    TensorFlow's kernels.
    """
    kinds = {XLA if _is_compiled(session) else TENSORFLOW for session in result["sessions"]}
    return kinds.pop() if len(kinds) == 1 else MIXED


def _is_compiled(session: dict) -> bool:
    return "jax" in session["versions"] or session["hardware"]["device"] != "CPU"
