# Drawn by yoso-bench plot. To draw it again: gnuplot layer1.gnuplot
if (!exists("figure")) figure = 'layer1.svg'
set encoding utf8
set terminal svg size 605,378 font 'sans-serif,10.67' linewidth 1.333 background 'white' noenhanced
set output figure

# yoso-m hashes=16
$panel0_0 << EOD
2 0.112465893 0.082422027 0.128121524
4 0.0266092792 0.00401894083 0.0492606864
6 -0.365548165 -0.435177396 -0.319998757
7 -0.769054454 -0.89740578 -0.729637475
8 -1.52756473 -1.07082272 -1.07082272
9 -2.74273293 -1.07082272 -1.07082272
10 -4.95609735 -1.07082272 -1.07082272
12 -10.0070155 -1.07082272 -1.07082272
14 -11.6610173 -1.07082272 -1.07082272
EOD
# yoso-m hashes=16
$panel0_0_below << EOD
8 -1
9 -1
10 -1
12 -1
14 -1
EOD
# yoso-m hashes=64
$panel0_1 << EOD
2 0.169307825 0.158253026 0.173573361
4 0.278177196 0.254863344 0.293590198
6 0.285474654 0.275758958 0.309458614
7 0.234706786 0.200886992 0.261571177
8 0.073183587 0.0638026181 0.09193396
9 -0.136930799 -0.176742279 -0.112820404
10 -0.612470797 -0.642755664 -0.553062485
12 -2.99514385 -1.07082272 -1.07082272
14 -8.1810279 -1.07082272 -1.07082272
EOD
# yoso-m hashes=64
$panel0_1_below << EOD
12 -1
14 -1
EOD
# yoso-m hashes=256
$panel0_2 << EOD
2 0.18029279 0.17856938 0.184126224
4 0.32289309 0.318496633 0.328233586
6 0.428483172 0.427069652 0.433368811
7 0.449502044 0.444481588 0.462813351
8 0.457141346 0.449178618 0.465806627
9 0.431619185 0.41227983 0.436937794
10 0.350626405 0.34132235 0.357729095
12 -0.157320006 -0.177313704 -0.130188344
14 -1.91955231 -1.07082272 -1.07082272
EOD
# yoso-m hashes=256
$panel0_2_below << EOD
14 -1
EOD
# yoso-m hashes=1024
$panel0_3 << EOD
2 0.182240499 0.179785024 0.183894031
4 0.335119182 0.32879409 0.338211543
6 0.459181902 0.454565321 0.465190897
7 0.506230599 0.501876903 0.511039609
8 0.550978818 0.543957909 0.553111776
9 0.580914107 0.575899725 0.58775695
10 0.583211162 0.576524578 0.592519317
12 0.506260422 0.498379025 0.508181328
14 0.118335878 0.113486259 0.144259151
EOD
# yoso-e norm=rowsum
$panel0_4 << EOD
2 0.183397398 0.183397398 0.183397398
4 0.33771197 0.33771197 0.33771197
6 0.469138478 0.469138478 0.469138478
7 0.527228035 0.527228035 0.527228035
8 0.580123033 0.580123033 0.580123033
9 0.627447432 0.627447432 0.627447432
10 0.668784335 0.668784335 0.668784335
12 0.732430499 0.732430499 0.732430499
14 0.770567877 0.770567877 0.770567877
EOD
set border 3 lw 0.5 lc rgb '#404040'
set grid xtics ytics lt 1 lw 0.4 lc rgb '#e4e4e4'
set clip two
unset key
set multiplot

# the panel
unset label
unset arrow
unset object
set lmargin at screen 0.08872
set rmargin at screen 0.67686
set bmargin at screen 0.09878
set tmargin at screen 0.98236
unset logscale x
set xrange [1.52:14.48]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('2' 2, '4' 4, '6' 6, '8' 8, '10' 10, '12' 12, '14' 14)
unset logscale y
set yrange [-1.07082272:0.841390592]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('−1' -1, '−0.5' -0.5, '0' 0, '0.5' 0.5)
set label 'τ, bits of a hash' at screen 0.38279,0.02822 center font ',8.00'
set label 'skill; arrows: below −1' at screen 0.01984,0.54057 center rotate font ',8.00'
set arrow from screen 0.69890,0.96384 to screen 0.74300,0.96384 nohead lw 1.2 dt (6,3) lc rgb '#e69f00'
set label '' at screen 0.72095,0.96384 point pt 7 ps 0.5 lc rgb '#e69f00'
set label 'yoso-e norm=rowsum' at screen 0.75182,0.96384 left font ',7'
set arrow from screen 0.69890,0.92680 to screen 0.74300,0.92680 nohead lw 1.2 dt (8,3,2,3) lc rgb '#e69e66'
set label '' at screen 0.72095,0.92680 point pt 6 ps 0.5 lc rgb '#e69e66'
set label 'yoso-m hashes=1024' at screen 0.75182,0.92680 left font ',7'
set arrow from screen 0.69890,0.88976 to screen 0.74300,0.88976 nohead lw 1.2 dt (2,2) lc rgb '#db7322'
set label '' at screen 0.72095,0.88976 point pt 7 ps 0.5 lc rgb '#db7322'
set label 'yoso-m hashes=256' at screen 0.75182,0.88976 left font ',7'
set arrow from screen 0.69890,0.85272 to screen 0.74300,0.85272 nohead lw 1.2 dt (8,3) lc rgb '#b95100'
set label '' at screen 0.72095,0.85272 point pt 6 ps 0.5 lc rgb '#b95100'
set label 'yoso-m hashes=64' at screen 0.75182,0.85272 left font ',7'
set arrow from screen 0.69890,0.81567 to screen 0.74300,0.81567 nohead lw 1.2 dt solid lc rgb '#803800'
set label '' at screen 0.72095,0.81567 point pt 7 ps 0.5 lc rgb '#803800'
set label 'yoso-m hashes=16' at screen 0.75182,0.81567 left font ',7'
set label 'all of yoso-m: norm=rowsum' at screen 0.75182,0.77863 left font ',7'
plot $panel0_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel0_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#b95100', \
     $panel0_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#db7322', \
     $panel0_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel0_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69f00', \
     $panel0_0 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel0_0_below with points pt 11 ps 0.6 lc rgb '#803800', \
     $panel0_1 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#b95100', \
     $panel0_1_below with points pt 11 ps 0.6 lc rgb '#b95100', \
     $panel0_2 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#db7322', \
     $panel0_2_below with points pt 11 ps 0.6 lc rgb '#db7322', \
     $panel0_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#e69e66', \
     $panel0_4 with linespoints lw 1.2 dt (6,3) pt 7 ps 0.45 lc rgb '#e69f00'

unset multiplot
unset output
