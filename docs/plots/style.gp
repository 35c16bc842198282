# SPDX-License-Identifier: GPL-2.0-or-later
# Common to all plots. `data` is the folder with the columns, `out` that of the pictures.
set terminal svg size 680,400 dynamic enhanced font "sans,13" background "white"
set datafile missing "-"
set encoding utf8
# Okabe and Ito's colours, which the colour-blind can tell apart
set linetype 1 lc rgb "#0072b2" lw 2
set linetype 2 lc rgb "#d55e00" lw 2
set linetype 3 lc rgb "#009e73" lw 2
set linetype 4 lc rgb "#cc79a7" lw 2
set border 3 lc rgb "#606060"
set tics nomirror tc rgb "#303030"
set grid lc rgb "#e4e4e4" lt 1 lw 1
set key samplen 2 spacing 1.2 textcolor rgb "#303030"
