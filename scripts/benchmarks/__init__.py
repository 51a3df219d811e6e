"""What mousetrackd costs, beside what one would have instead: ``scripts/bench`` runs this.

Every figure is CPU time, a count or bytes. Alternatives take turns within one run, so that a noisy machine is
noisy for all of them, and each figure is the median of the turns.
"""
