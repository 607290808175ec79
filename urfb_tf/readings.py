"""Readings: one named object for everything on which the paper's text and the author's code differ or stay silent.

`PAPER` is the text to the letter where the letter can be meant; `ORIGINAL` is what the original implementation did.
An experiment names its reading; `Reading.but` changes single items and says so in the name.
"""

import dataclasses

from urfb_tf.errors import ArgumentError, is_positive, one_of


@dataclasses.dataclass(frozen=True)
class Reading:
    """How to understand the paper where it leaves a choice.

    Attributes:
        name: by which results refer to it.
        slope: slope of the saturated linearity.
        closed: whether sigma' is non-zero at the corners of the saturated linearity ("if |x| <= 1").
        propagate_derivative: whether sigma'(h) multiplies the error handed down. Equation (6) as printed leaves it out,
            but then R = W does not give the gradient, which the text says it does; both readings include it.
        mu_grows: the weight mu of the wrong classes in the hinge loss (3), which the paper does not give. False is
            1/(C-1), the balance of both terms. True is (C/10)/(C-1), which passes through the two values of the
            original parameter files, 1/9 for 10 classes and 10/99 for 100.
        tied_pooling: whether all pixels tied at a maximum receive the error, and zeros join at the border
            (`TiedMaxPooling2D`), or one pixel does (Keras).
        average_late_pools: whether deepnet's second and third pooling average.
        narrow_wide_conv: whether deepernet's first 128-filter convolution is 2x2 (the parameter file) or 3x3 (the
            paper).
        prune_all: whether random connectivity touches the first convolution and the output layer too.
        drop_is_keep: whether the number in "drop .8" is the share of units kept. The text does not say; in the code it
            is the share dropped.
    """

    name: str
    slope: float
    closed: bool
    propagate_derivative: bool
    mu_grows: bool
    tied_pooling: bool
    average_late_pools: bool
    narrow_wide_conv: bool
    prune_all: bool
    drop_is_keep: bool

    def __post_init__(self):
        if not is_positive(self.slope):
            raise ArgumentError(f"slope of a reading is a finite number > 0, but got {self.slope!r}.")
        for field in dataclasses.fields(self):
            if field.type is bool and not isinstance(getattr(self, field.name), bool):
                raise ArgumentError(
                    f"{field.name} of a reading is True or False, but got {getattr(self, field.name)!r}."
                )

    def mu(self, classes: int) -> float:
        """The weight of each wrong class in the hinge loss (3)."""
        return (classes / 10 if self.mu_grows else 1) / (classes - 1)

    def but(self, **changes) -> "Reading":
        """This reading with single items changed; the name lists the changes.

        Raises:
            ArgumentError: for an item that no reading has, or a value that the item cannot take.
        """
        known = [field.name for field in dataclasses.fields(self) if field.name != "name"]
        for item in changes:
            if item not in known:
                raise ArgumentError(one_of("item of a reading", item, known))
        changed = {item: value for item, value in changes.items() if value != getattr(self, item)}
        name = ", ".join([self.name, *(f"{item}={value}" for item, value in sorted(changed.items()))])
        return dataclasses.replace(self, name=name, **changed)


PAPER = Reading(
    name="paper",
    slope=1.0,
    closed=True,
    propagate_derivative=True,
    mu_grows=False,
    tied_pooling=False,
    average_late_pools=False,
    narrow_wide_conv=False,
    prune_all=True,
    drop_is_keep=False,
)

ORIGINAL = Reading(
    name="original",
    slope=0.5,
    closed=False,
    propagate_derivative=True,
    mu_grows=True,
    tied_pooling=True,
    average_late_pools=True,
    narrow_wide_conv=True,
    prune_all=False,
    drop_is_keep=False,
)

READINGS = {reading.name: reading for reading in (PAPER, ORIGINAL)}
DEFAULT = ORIGINAL


def get(identifier: "str | Reading") -> Reading:
    """The reading that a name or a reading itself stands for.

    Raises:
        ArgumentError: if there is no such reading.
    """
    if isinstance(identifier, Reading):
        return identifier
    if identifier not in tuple(READINGS):  # a list has no hash
        raise ArgumentError(one_of("reading", identifier, READINGS))
    return READINGS[identifier]
