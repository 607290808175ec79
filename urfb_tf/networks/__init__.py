"""The paper's networks, and the notation in which a new one takes one line."""

from urfb_tf.networks.builder import build as build
from urfb_tf.networks.catalogue import NETWORKS as NETWORKS
from urfb_tf.networks.changes import change_rule as change_rule
from urfb_tf.networks.changes import freeze as freeze
from urfb_tf.networks.changes import reinitialise as reinitialise
from urfb_tf.networks.changes import untie as untie
from urfb_tf.networks.conversion import convert as convert
from urfb_tf.networks.conversion import under_back_propagation as under_back_propagation
from urfb_tf.networks.direct import connect_direct_feedback as connect_direct_feedback
from urfb_tf.networks.paper import deepernet as deepernet
from urfb_tf.networks.paper import deepernet_s as deepernet_s
from urfb_tf.networks.paper import deepnet as deepnet
from urfb_tf.networks.paper import simpnet as simpnet
