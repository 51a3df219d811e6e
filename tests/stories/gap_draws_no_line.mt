# Paused from 20 to 1000: the rest ends at 20, nobody knows the way to 3,0, and time begins again there.
0    layout A 4x2+0+0
0    move 0,0
10   move 1,0
20   gap
1000 move 3,0
1007 move 3,1
1007 end

A@4x2 dwell
10 10 . 7
.  .  . .

A@4x2 travel
. 1 . .
. . . 1
