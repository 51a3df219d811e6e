"""What crashes, power cuts and bad disks cost: ``scripts/check-faults`` runs this.

A child process writes numbered checkpoints and pictures with the real code, and acknowledges each when it is done.
It is killed, or its disk is taken away, and what is there afterwards is compared with what it acknowledged.
"""
