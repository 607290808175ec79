"""The theory of the linear case: deep linear networks whose feedback weights learn (sections 3 and 6 of the paper).

Everything here is NumPy in float64. A network of depth k has the weights W_1, .., W_k, of shapes [n_i, n_{i-1}], and
the feedback weights R_2, .., R_k, of shapes [n_{i-1}, n_i] (no error travels below layer 1, so there is no R_1). Lists
are in that order: `weights[0]` is W_1 and `feedback[0]` is R_2. The target T is [n_k, n_0], and the error is
e = T - W_k .. W_1.

| File | Equations |
|---|---|
| `increments.py`, `flow.py` | (10), (11), (12), (15): the matrix differential equations |
| `aligned.py` | the initial conditions under which they decouple |
| `decoupled.py` | (13), (14), (16): one set of scalar equations for each direction of T |
| `invariants.py` | (17): what is conserved |
| `functions.py` | (20), (21): the layers below and above as functions of each other |
| `rate.py` | (18): how fast the error falls |
| `fixed_product.py`, `elasticity.py` | the same at a given product of the lambdas: the book's own theorem |
| `any_start.py` | the same from other starts than zero: the book's own |
| `decoding.py` | what the best linear map from a layer leaves |
| `deep_limit.py` | how long learning takes in very deep networks: the book's own |
| `fixed_feedback.py`, `small_epsilon.py` | FRFB in two layers solved, and a little of URFB: the book's own |
| `descent.py`, `simulation.py` | gradient descent in small steps: Figures 3 and 4 |
"""

from urfb_tf.linear.aligned import Frames as Frames
from urfb_tf.linear.aligned import frames as frames
from urfb_tf.linear.any_start import rate_elasticity_from as rate_elasticity_from
from urfb_tf.linear.any_start import rate_from as rate_from
from urfb_tf.linear.any_start import start_with as start_with
from urfb_tf.linear.decoding import decoding_error as decoding_error
from urfb_tf.linear.decoupled import Decoupled as Decoupled
from urfb_tf.linear.decoupled import derivatives as derivatives
from urfb_tf.linear.decoupled import integrate as integrate
from urfb_tf.linear.deep_limit import limiting_time as limiting_time
from urfb_tf.linear.descent import Descent as Descent
from urfb_tf.linear.descent import descend as descend
from urfb_tf.linear.elasticity import balances as balances
from urfb_tf.linear.elasticity import path_weights as path_weights
from urfb_tf.linear.elasticity import rate_elasticity as rate_elasticity
from urfb_tf.linear.elasticity import shifted_elasticities as shifted_elasticities
from urfb_tf.linear.fixed_feedback import Modes as Modes
from urfb_tf.linear.fixed_feedback import fixed_feedback_modes as fixed_feedback_modes
from urfb_tf.linear.fixed_feedback import mode_clock as mode_clock
from urfb_tf.linear.fixed_feedback import mode_pace as mode_pace
from urfb_tf.linear.fixed_feedback import mode_share as mode_share
from urfb_tf.linear.fixed_product import lambdas_at as lambdas_at
from urfb_tf.linear.fixed_product import limiting_rate as limiting_rate
from urfb_tf.linear.fixed_product import rate_at as rate_at
from urfb_tf.linear.fixed_product import time_to_reach as time_to_reach
from urfb_tf.linear.flow import Flow as Flow
from urfb_tf.linear.flow import flow as flow
from urfb_tf.linear.functions import above as above
from urfb_tf.linear.functions import below as below
from urfb_tf.linear.functions import effective_feedback as effective_feedback
from urfb_tf.linear.increments import error as error
from urfb_tf.linear.increments import increments as increments
from urfb_tf.linear.invariants import invariants as invariants
from urfb_tf.linear.invariants import matrix_invariants as matrix_invariants
from urfb_tf.linear.rate import rate as rate
from urfb_tf.linear.simulation import Problem as Problem
from urfb_tf.linear.simulation import compare_epsilons as compare_epsilons
from urfb_tf.linear.simulation import compare_rules as compare_rules
from urfb_tf.linear.simulation import draw as draw
from urfb_tf.linear.simulation import relative_difference as relative_difference
from urfb_tf.linear.small_epsilon import error_slope as error_slope
from urfb_tf.linear.small_epsilon import mode_response as mode_response
