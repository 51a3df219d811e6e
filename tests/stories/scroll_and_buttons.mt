# Every button has a layer of its own, and all directions of the wheel share one.
0 layout A 2x2+0+0
0 move 0,0
0 left 0,0 0,0
0 middle 0,0
0 scroll 0,0 0,0 0,0
0 right 1,1
0 other 1,1 1,1
0 end

A@2x2 travel
. .
. 1

A@2x2 clicks.left
2 .
. .

A@2x2 clicks.middle
1 .
. .

A@2x2 clicks.right
. .
. 1

A@2x2 clicks.other
. .
. 2

A@2x2 scroll
3 .
. .
