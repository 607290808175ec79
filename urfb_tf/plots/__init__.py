"""The book's figures. Each function returns a matplotlib figure, those of `interactive` HTML; none trains."""

from urfb_tf.plots import circuit as circuit
from urfb_tf.plots import interactive as interactive
from urfb_tf.plots.alignment import angle_against_error as angle_against_error
from urfb_tf.plots.alignment import angle_panels as angle_panels
from urfb_tf.plots.architecture import architecture as architecture
from urfb_tf.plots.connectivity import against_connectivity as against_connectivity
from urfb_tf.plots.connectivity import masks as masks
from urfb_tf.plots.curves import alignment_curves as alignment_curves
from urfb_tf.plots.curves import learning_curves as learning_curves
from urfb_tf.plots.depth import error_by_depth as error_by_depth
from urfb_tf.plots.linear import curves_against_epsilon as curves_against_epsilon
from urfb_tf.plots.linear import curves_by_epsilon as curves_by_epsilon
from urfb_tf.plots.linear import epsilons_compared as epsilons_compared
from urfb_tf.plots.linear import final_rates as final_rates
from urfb_tf.plots.linear import lambdas_along_time as lambdas_along_time
from urfb_tf.plots.linear import rules_compared as rules_compared
from urfb_tf.plots.loss import error_signal as error_signal
from urfb_tf.plots.loss import saturated_linearity as saturated_linearity
from urfb_tf.plots.roofline import roofline as roofline
from urfb_tf.plots.rules import losses_by_epsilon as losses_by_epsilon
from urfb_tf.plots.untied import connections as connections
from urfb_tf.plots.untied import filters_across_space as filters_across_space
from urfb_tf.plots.untied import homogeneity_curves as homogeneity_curves
from urfb_tf.plots.weights import traces as traces
from urfb_tf.plots.weights import weights_along_training as weights_along_training
