# A pause while the display is gone is still one stretch of not knowing.
0   layout A 4x1+0+0
0   move 0,0
20  gap
30  gap
500 gap
900 move 3,0
901 end

A@4x1 dwell
20 . . 1
