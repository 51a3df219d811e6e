# Each crossing counts, in either direction.
0  layout A 3x1+0+0
0  move 0,0 2,0 0,0 2,0
0  end

A@3x1 travel
1 3 2
