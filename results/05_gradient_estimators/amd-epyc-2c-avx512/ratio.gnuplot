# cd to this folder, then: gnuplot ratio.gnuplot
set terminal svg size 560,360 font "sans,12" background "white"
set output "ratio.svg"
set xlabel "cosine x of query and key"
set ylabel "|lower bound| / |derivative|"
set xrange [-1:1]
set yrange [0:1]
set grid lc rgb "#dddddd"
set key bottom center
plot (pi - acos(x)) * sin(acos(x)) / 2 lc rgb "#0072b2" lw 2 title "(π − θ) sin θ / 2", \
     "ratio.dat" lc rgb "#d55e00" pt 7 ps 0.6 title "measured, yoso-e"
