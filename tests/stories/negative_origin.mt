# A second screen left of and above the first one is at negative desktop pixels.
0  layout A 3x3+0+0, B 2x3-2-1
0  left -2,-1
10 left -1,1
20 left 0,1
25 end

B@2x3 dwell
10 .
.  .
.  10

A@3x3 dwell
. . .
5 . .
. . .

B@2x3 travel
. .
. 1
. 1

A@3x3 travel
. . .
1 . .
. . .

B@2x3 clicks.left
1 .
. .
. 1

A@3x3 clicks.left
. . .
1 . .
. . .
