# SPDX-License-Identifier: GPL-2.0-or-later
load data . "/style.gp"
set output out . "/zones.svg"
set title "Sequential rate by address"
set xlabel "address, share of the capacity"
set ylabel "MB/s"
set yrange [0:*]
set format x "%.0f %%"
plot data . "/barracuda-dm006-2tb-zones.tsv" using ($1*100):2 with lines lt 2 title "barracuda-dm006-2tb", \
     data . "/constellation-es3-2tb-zones.tsv" using ($1*100):2 with lines lt 3 title "constellation-es3-2tb", \
     data . "/generic-7200-zones.tsv" using ($1*100):2 with lines lt 1 title "generic-7200"
