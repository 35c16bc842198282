# SPDX-License-Identifier: GPL-2.0-or-later
load data . "/style.gp"
set output out . "/filled.svg"
set title "generic-7200: 4 KiB random reads of 4 GiB by the share they are spread over"
set xlabel "filled (0 %: packed at the outer edge)"
set ylabel "reads/s"
set format x "%.0f %%"
set yrange [0:*]
plot data . "/generic-7200-filled.tsv" using ($1*100):4 with lines lt 2 title "depth 32", \
     "" using ($1*100):3 with lines lt 3 title "depth 4", \
     "" using ($1*100):2 with lines lt 1 title "depth 1"
