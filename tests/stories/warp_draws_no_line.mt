# A game throws the pointer back to the middle. That is no way anyone went, but time goes on.
warp 3
0  layout A 6x2+0+0
0  move 0,0
5  move 5,0   # 5 px: thrown
10 move 2,1   # 3 px along the longer axis: moved
12 end

A@6x2 dwell
5 . . . . 5
. . 2 . . .

A@6x2 travel
. . . . 1 .
. . 1 1 . .
