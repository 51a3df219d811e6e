# A monitor that reports for duty without having changed breaks nothing.
0  layout A 3x1+0+0
0  move 0,0
5  layout A 3x1+0+0
10 move 2,0
10 end

A@3x1 dwell
10 . .

A@3x1 travel
. 1 1
