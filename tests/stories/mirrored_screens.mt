# A projector shows the corner of the laptop's screen: the first one named has what both show.
0 layout LAPTOP 3x3+0+0, BEAMER 2x2+0+0
0 left 1,1
5 left 2,2
5 end

LAPTOP@3x3 dwell
. . .
. 5 .
. . .

LAPTOP@3x3 travel
. . .
. . .
. . 1

LAPTOP@3x3 clicks.left
. . .
. 1 .
. . 1
