"""The book's figures. Each function returns a matplotlib figure, those that a reader moves HTML; none trains."""

from urfb_tf.late import late as _late

__getattr__, __dir__ = _late(
    globals(),
    {
        "alignment": "angle_against_error angle_panels",
        "ceilings": "roofline",
        "circuit": "",
        "connectivity": "against_connectivity masks",
        "curves": "alignment_curves errors_and_limits learning_curves",
        "depth": "error_by_depth",
        "drawing": "architecture",
        "in_turn": "errors_in_turn forgetting_arrows",
        "interactive": "",
        "linear": (
            "curves_against_epsilon curves_by_epsilon epsilons_compared final_rates lambdas_along_time "
            "mode_curves modes_along_time rules_compared"
        ),
        "loss": "error_signal saturated_linearity",
        "readings": "error_differences",
        "rules": "against_epsilon losses_by_epsilon",
        "style": "",
        "untied": "connections filters_across_space homogeneity_curves",
        "weights": "traces weights_along_training",
    },
)
