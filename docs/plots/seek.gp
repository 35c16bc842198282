# SPDX-License-Identifier: GPL-2.0-or-later
load data . "/style.gp"
set output out . "/seek.svg"
set title "Seek time by distance (solid: read, dashed: write)"
set xlabel "distance, share of the stroke"
set ylabel "ms"
set yrange [0:*]
set format x "%.0f %%"
set key left top
plot data . "/generic-7200-seek.tsv" using ($1*100):2 with lines lt 1 title "generic-7200", \
     "" using ($1*100):3 with lines lt 1 dt 2 notitle, \
     data . "/constellation-es3-2tb-seek.tsv" using ($1*100):2 with lines lt 3 title "constellation-es3-2tb", \
     "" using ($1*100):3 with lines lt 3 dt 2 notitle, \
     data . "/barracuda-dm006-2tb-seek.tsv" using ($1*100):2 with lines lt 2 title "barracuda-dm006-2tb", \
     "" using ($1*100):3 with lines lt 2 dt 2 notitle
