# SPDX-License-Identifier: GPL-2.0-or-later
load data . "/style.gp"
set output out . "/response-depth.svg"
set title "Response of 4 KiB random reads by queue depth (solid: median, dashed: p99)"
set xlabel "depth"
set ylabel "ms"
set logscale x 2
set logscale y
set xrange [0.9:72]
set key left top
plot data . "/generic-7200-depth.tsv" using 1:3 with linespoints lt 1 pt 7 ps 0.4 title "generic-7200", \
     "" using 1:4 with linespoints lt 1 dt 2 pt 7 ps 0.4 notitle, \
     data . "/barracuda-dm006-2tb-depth.tsv" using 1:3 with linespoints lt 2 pt 7 ps 0.4 title "barracuda-dm006-2tb", \
     "" using 1:4 with linespoints lt 2 dt 2 pt 7 ps 0.4 notitle
