"""mousetrackd as it is after some hours: with NumPy's cache of small blocks full.

NumPy keeps up to seven freed blocks of each size below 1 KiB for good, 3.7 MB at most (alloc.c of its core). In a life
that is soon full. In a day played 200 times as fast there are 200 times fewer batches, and it would still be filling
when memory has to be flat.
"""

import numpy as np

from mousetrackd.cli.main import main

_CACHED_BYTES, _CACHED_BLOCKS = 1024, 7

if __name__ == "__main__":
    for size in range(1, _CACHED_BYTES):
        blocks = [np.empty(size, np.uint8) for _ in range(_CACHED_BLOCKS)]
        del blocks
    main()
