# The right screen is pulled out while the pointer is on it: its rest ends there, and the server puts the
# pointer elsewhere without a line.
0  layout A 3x2+0+0, B 2x2+3+0
0  move 2,0
10 move 4,1
30 layout A 3x2+0+0
35 move 2,1
40 move 0,1
41 end

A@3x2 dwell
. . 10
1 . 5

B@2x2 dwell
. .
. 20

B@2x2 travel
. .
1 1

A@3x2 travel
. . .
1 1 .
