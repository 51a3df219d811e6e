# Events out of order in time are counted, but time that runs backwards is credited to nobody.
0   layout A 3x1+0+0
100 move 0,0
90  move 1,0
95  move 2,0
95  end

A@3x1 dwell
. 5 .

A@3x1 travel
. 1 1
