"""Which random numbers a run drew from its seed: runs that drew the same differ by design alone."""

TENSORFLOW = "tensorflow"  # its own kernels, which train on a processor
XLA = "xla"  # compiled, on a GPU or as an exported program


def draws_of(result: dict) -> str:
    """`TENSORFLOW` or `XLA`, from where a result was measured.

    Order, dropout and noise come from the same seeds and operations, whose numbers XLA makes by another algorithm than
    TensorFlow's kernels.
    """
    session = result["sessions"][-1]
    compiled = "jax" in session["versions"] or session["hardware"]["device"] != "CPU"
    return XLA if compiled else TENSORFLOW
