# SPDX-License-Identifier: GPL-2.0-or-later
load data . "/style.gp"
set output out . "/response.svg"
set title "Response of 4 KiB random reads at depth 1"
set xlabel "ms"
set ylabel "share of reads that are done"
set xrange [0:35]
set yrange [0:1]
set key right bottom
plot data . "/generic-7200-response.tsv" using 1:2 with lines lt 1 title "generic-7200", \
     data . "/barracuda-dm006-2tb-response.tsv" using 1:2 with lines lt 2 title "barracuda-dm006-2tb", \
     "" using 1:3 with points lt 2 pt 2 ps 1 title "measured on the drive"
