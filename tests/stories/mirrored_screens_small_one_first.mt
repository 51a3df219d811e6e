# Named first, the small one has its part, and the large one the rest.
0 layout BEAMER 2x2+0+0, LAPTOP 3x3+0+0
0 left 1,1
5 left 2,2
5 end

BEAMER@2x2 dwell
. .
. 5

LAPTOP@3x3 travel
. . .
. . .
. . 1

BEAMER@2x2 clicks.left
. .
. 1

LAPTOP@3x3 clicks.left
. . .
. . .
. . 1
