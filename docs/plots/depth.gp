# SPDX-License-Identifier: GPL-2.0-or-later
load data . "/style.gp"
set output out . "/depth.svg"
set title "4 KiB random reads by queue depth"
set xlabel "depth (the drive sees 32 at most)"
set ylabel "reads/s"
set logscale x 2
set xrange [0.9:72]
set yrange [0:*]
set key left top
plot data . "/generic-7200-depth.tsv" using 1:2 with linespoints lt 1 pt 7 ps 0.4 title "generic-7200", \
     "" using 1:6 with points lt 1 pt 6 ps 1 title "reference: Monte-Carlo", \
     data . "/barracuda-dm006-2tb-depth.tsv" using 1:2 with linespoints lt 2 pt 7 ps 0.4 title "barracuda-dm006-2tb", \
     "" using 1:6 with points lt 2 pt 2 ps 1 title "measured on the drive"
