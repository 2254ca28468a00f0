"""How good a restoration is: full maps are degraded, restored by this project and by classical methods, and compared.

Three nouns, from the left of a table to its cells. A *scenario* says how any full map is degraded. A *task* is what a
scenario makes of one map with one seed: what a method is given, and the truth. An *answer* is what one method gives
back for one task; measured, it is a line of the record. `PlannedTask` is a task that is not made yet, with the methods
that are to answer it; `MeasuredAnswer` is an answer's figures and cost.
"""
