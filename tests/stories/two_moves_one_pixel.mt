# A pointer that trembles within a pixel rests there, and enters it no second time.
0  layout A 3x3+0+0
0  move 0,1
5  move 1,1
15 move 1,1
30 end

A@3x3 dwell
. .  .
5 25 .
. .  .

A@3x3 travel
. . .
. 1 .
. . .
