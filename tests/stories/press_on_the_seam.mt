# B begins where A ends: x = 3 is B's, x = 2 is A's.
0 layout A 3x2+0+0, B 2x2+3+0
0 left 2,0
1 left 3,0
2 right 3,1
2 end

A@3x2 dwell
. . 1
. . .

B@2x2 dwell
1 .
. .

B@2x2 travel
1 .
1 .

A@3x2 clicks.left
. . 1
. . .

B@2x2 clicks.left
1 .
. .

B@2x2 clicks.right
. .
1 .
