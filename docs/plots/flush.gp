# SPDX-License-Identifier: GPL-2.0-or-later
load data . "/style.gp"
set output out . "/flush.svg"
set title "A FLUSH after scattered 4 KiB writes into the cache"
set xlabel "writes before it"
set ylabel "ms, mean"
set xrange [0:100]
set yrange [0:1500]
set samples 200
set key left top
plot data . "/barracuda-dm006-2tb-flush.tsv" using 1:2 with lines lt 2 title "barracuda-dm006-2tb", \
     "" using 1:4 with points lt 2 pt 2 ps 1.2 title "measured on the drive, through NTFS (median)", \
     28 + 9.4 * x with lines lt 2 dt 3 lw 1 title "its fit over all counts: 28 + 9.4 n ms", \
     data . "/generic-7200-flush.tsv" using 1:2 with lines lt 1 title "generic-7200", \
     "" using 1:4 with points lt 1 pt 6 ps 1 title "reference: Monte-Carlo"
