# The path is one, its pixels belong to two.
0 layout A 3x2+0+0, B 3x2+3+0
0 move 1,0
0 move 5,0
0 end

A@3x2 travel
. . 1
. . .

B@3x2 travel
1 1 1
. . .
