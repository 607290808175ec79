"""The circuit of three neurons that computes an output unit's error (section 2.3, Figures 1 and 2)."""

from urfb_tf.circuit.cycles import Cycle as Cycle
from urfb_tf.circuit.cycles import cycle as cycle
from urfb_tf.circuit.dynamics import UPDATES as UPDATES
from urfb_tf.circuit.dynamics import Trajectory as Trajectory
from urfb_tf.circuit.dynamics import run as run
from urfb_tf.circuit.emission import signal as signal
from urfb_tf.circuit.four_cases import Case as Case
from urfb_tf.circuit.four_cases import Update as Update
from urfb_tf.circuit.four_cases import cases as cases
from urfb_tf.circuit.four_cases import updates as updates
from urfb_tf.circuit.hinge import CircuitHinge as CircuitHinge
from urfb_tf.circuit.units import Circuit as Circuit
