# Lunch: an hour at one pixel is worth no more than the cap; so is the rest that no event has ended.
cap 100
0       layout A 3x3+0+0
0       move 1,1
60      move 0,0
3600000 move 2,2
9999999 end

A@3x3 dwell
100 .  .
.   60 .
.   .  100

A@3x3 travel
1 . .
. 1 .
. . 1
