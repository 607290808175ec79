"""Feedback rules: which weights carry the error down, and how those weights learn.

A layer with feedforward weights W hands the error down through weights that its rule chooses. A rule answers a few
questions and nothing else; the layers do the rest:

1. Does the layer own separate feedback weights R (`has_feedback`), and do they learn (`updates_feedback`)?
2. Through what does the error travel (`propagating`)?
3. What increment does R receive when W receives the Hebbian product (`feedback_increment`)?
4. Beyond the paper: do W and R decay (`weight_decay`), does R change without an error (`renews_feedback`), does the
   output error by-pass the layers (`direct`)?
5. Do W and R learn at every batch (`skips_updates`, `learns`), at once (`delay`), and from one image (`lag`)?

R is stored in the layout of W, so that the entry of R which joins two units stands where W's does. A new rule is a
subclass with the decorator `register`, in a file of its family here or in a notebook; `check` says whether layers can
learn by it, and the shared rule tests cover those of this package.
"""

from urfb_tf.rules.checks import check as check
from urfb_tf.rules.direct import DirectFeedbackAlignment as DirectFeedbackAlignment
from urfb_tf.rules.kolen_pollack import KolenPollack as KolenPollack
from urfb_tf.rules.mirror import WeightMirror as WeightMirror
from urfb_tf.rules.paper import BackPropagation as BackPropagation
from urfb_tf.rules.paper import FixedRandomFeedback as FixedRandomFeedback
from urfb_tf.rules.paper import UpdatedRandomFeedback as UpdatedRandomFeedback
from urfb_tf.rules.rule import RULES as RULES
from urfb_tf.rules.rule import FeedbackRule as FeedbackRule
from urfb_tf.rules.rule import get as get
from urfb_tf.rules.rule import register as register
from urfb_tf.rules.sign import BatchwiseRandomSignFeedback as BatchwiseRandomSignFeedback
from urfb_tf.rules.sign import FixedRandomSignFeedback as FixedRandomSignFeedback
from urfb_tf.rules.sign import UniformSignFeedback as UniformSignFeedback
from urfb_tf.rules.timing import AlternateUpdates as AlternateUpdates
from urfb_tf.rules.timing import DelayedFeedback as DelayedFeedback
from urfb_tf.rules.timing import LateUpdates as LateUpdates
from urfb_tf.rules.timing import SporadicUpdates as SporadicUpdates
from urfb_tf.rules.timing import TimedRule as TimedRule
