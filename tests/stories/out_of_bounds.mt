# One pixel outside is the edge (X11 reports it); farther out is nowhere, and counts nowhere. The line back in
# counts where it is on the screen, from the clamped pixel at x = 3 on.
0  layout A 3x2+0+0
0  left 3,2
5  left 65535,65535
10 left 5,1
15 left 1,1
15 end

A@3x2 dwell
. . .
. . 5

A@3x2 travel
. . .
. 1 2

A@3x2 clicks.left
. . .
. 1 1

out of bounds 2
