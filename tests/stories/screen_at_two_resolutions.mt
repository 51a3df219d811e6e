# A screen at another resolution is counted apart: its pixels are other places on the glass.
0  layout A 4x2+0+0
0  left 1,1
10 layout A 2x1+0+0
20 left 1,0
25 end

A@4x2 dwell
. .  . .
. 10 . .

A@2x1 dwell
. 5

A@4x2 clicks.left
. . . .
. 1 . .

A@2x1 clicks.left
. 1
