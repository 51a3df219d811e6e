# Along the longer axis one pixel a step; halves go to the larger number.
0 layout A 5x2+0+0
0 move 0,0
0 move 4,1
0 end

A@5x2 travel
. 1 . . .
. . 1 1 1
