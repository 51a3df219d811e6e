# Screens need not touch. Nothing is counted in between, and the path goes on beyond.
0 layout A 2x1+0+0, B 2x1+6+0
0 move 1,0
4 move 4,0
9 move 7,0
9 end

A@2x1 dwell
. 4

A@2x1 travel
. 1

B@2x1 travel
2 1

out of bounds 1
