# A fast pointer is seen at two places only: the pixels between were crossed all the same.
# The start was entered by nobody.
0  layout A 4x4+0+0
0  move 0,0
10 move 3,3
10 end

A@4x4 dwell
10 . . .
.  . . .
.  . . .
.  . . .

A@4x4 travel
. . . .
. 1 . .
. . 1 .
. . . 1
