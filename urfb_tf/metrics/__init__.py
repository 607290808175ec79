"""How far a feedback rule is from back-propagation, layer by layer, and how alike untied filters are across space."""

from urfb_tf.metrics.alignment import Alignment as Alignment
from urfb_tf.metrics.alignment import angle as angle
from urfb_tf.metrics.alignment import error_angles as error_angles
from urfb_tf.metrics.alignment import error_ratios as error_ratios
from urfb_tf.metrics.alignment import shared_weight_angles as shared_weight_angles
from urfb_tf.metrics.alignment import update_angles as update_angles
from urfb_tf.metrics.alignment import weight_angles as weight_angles
from urfb_tf.metrics.classes import ClassErrors as ClassErrors
from urfb_tf.metrics.expectation import expected_angle as expected_angle
from urfb_tf.metrics.expectation import movement_of as movement_of
from urfb_tf.metrics.expectation import smallest_angle as smallest_angle
from urfb_tf.metrics.homogeneity import Homogeneity as Homogeneity
from urfb_tf.metrics.homogeneity import HomogeneityProbe as HomogeneityProbe
from urfb_tf.metrics.homogeneity import homogeneity as homogeneity
from urfb_tf.metrics.homogeneity import whole_filters as whole_filters
from urfb_tf.metrics.neighbours import neighbour_similarity as neighbour_similarity
from urfb_tf.metrics.succession import IncrementProbe as IncrementProbe
from urfb_tf.metrics.succession import increment_cosines as increment_cosines
from urfb_tf.metrics.trace import Snapshot as Snapshot
from urfb_tf.metrics.trace import trace as trace
