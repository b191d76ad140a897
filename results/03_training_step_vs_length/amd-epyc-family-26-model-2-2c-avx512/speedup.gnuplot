# Drawn by yoso-bench plot. To draw it again: gnuplot speedup.gnuplot
if (!exists("figure")) figure = 'speedup.svg'
set encoding utf8
set terminal svg size 680,416 font 'sans-serif,10.67' linewidth 1.333 background 'white' noenhanced
set output figure

# linear
$panel0_0 << EOD
128 2.03085048 1.99078801 2.05079671
256 4.07784826 3.98236966 4.17229135
512 8.04205616 7.83637694 8.27172052
1024 14.0041353 13.8043701 14.2488112
2048 24.3515871 24.0420801 24.6860845
4096 44.5623313 43.1896497 46.0030144


EOD
# linear
$panel0_0_predicted << EOD
4096 44.5623313 43.1896497 46.0030144
8192 91.0022062 89.6343862 91.8918262

8192 91.0022062 89.6343862 91.8918262
16384 170.514996 169.686012 171.517518

EOD
# linformer k=256
$panel0_1 << EOD
128 0.557751375 0.551625754 0.567526059
256 0.550191771 0.543436695 0.587386164
512 1.08183293 1.07289769 1.09499431
1024 2.15524463 2.14453674 2.16887491
2048 4.21699507 4.17271982 4.24187987
4096 8.13344385 8.01127916 8.46533258


EOD
# linformer k=256
$panel0_1_predicted << EOD
4096 8.13344385 8.01127916 8.46533258
8192 16.441749 16.3561047 16.5137048

8192 16.441749 16.3561047 16.5137048
16384 32.5020922 32.3024057 32.663664

EOD
# longformer window=128
$panel0_2 << EOD
128 0.808221266 0.79818086 0.816098784
256 1.27262005 1.25947675 1.30036652
512 2.32009709 2.27035745 2.36037507
1024 4.02172981 3.98446981 4.06281901
2048 7.09156746 6.93602573 7.3280795
4096 13.2492662 10.8580047 13.8903254


EOD
# longformer window=128
$panel0_2_predicted << EOD
4096 13.2492662 10.8580047 13.8903254
8192 28.143151 27.6767765 28.3215791

8192 28.143151 27.6767765 28.3215791
16384 53.2946759 52.6715267 53.9412315

EOD
# nystrom landmarks=64
$panel0_3 << EOD
128 0.222813683 0.221578064 0.225067826
256 0.692824885 0.669333516 0.72656578
512 1.91329022 1.87796427 1.9449245
1024 4.59073544 4.54539005 4.62434201
2048 9.80776117 9.52809545 10.0477251
4096 19.7205979 17.6340239 20.3355754


EOD
# nystrom landmarks=64
$panel0_3_predicted << EOD
4096 19.7205979 17.6340239 20.3355754
8192 42.1291385 41.6611639 42.4185279

8192 42.1291385 41.6611639 42.4185279
16384 82.3459191 82.0095617 82.7012006

EOD
# performer features=256 kernel=relu
$panel0_4 << EOD
128 0.294334115 0.290755207 0.298015774
256 0.585729967 0.564873614 0.605102708
512 1.16791342 1.15625867 1.17962131
1024 2.32931548 2.31403328 2.34171497
2048 4.50190682 4.46563958 4.51731866
4096 8.64220102 8.36201535 9.07750588


EOD
# performer features=256 kernel=relu
$panel0_4_predicted << EOD
4096 8.64220102 8.36201535 9.07750588
8192 17.4851954 17.3936406 17.6016487

8192 17.4851954 17.3936406 17.6016487
16384 34.6372985 34.4003025 34.7877759

EOD
# reformer rounds=2
$panel0_5 << EOD
128 0.361152157 0.354383842 0.364884477
256 0.700270468 0.686387763 0.713023543
512 1.36927443 1.3523283 1.39283509
1024 2.45192106 2.41500932 2.4922581
2048 4.35014294 4.22240745 4.55477097
4096 7.84554599 7.54406077 8.05887652


EOD
# reformer rounds=2
$panel0_5_predicted << EOD
4096 7.84554599 7.54406077 8.05887652
8192 15.0624936 14.8280239 15.1843464

8192 15.0624936 14.8280239 15.1843464
16384 27.711335 27.5034038 27.838689

EOD
# softmax
$panel0_6 << EOD
128 1 1 1
256 1 1 1
512 1 1 1
1024 1 1 1
2048 1 1 1
4096 1 1 1
EOD
# softmax-naive
$panel0_7 << EOD
128 1.20857202 1.19096745 1.22164388
256 1.15033109 1.13785469 1.17207613
512 1.13424061 1.12193595 1.1428448
1024 0.929962976 0.918898325 0.936483458
2048 0.841829337 0.838521046 0.846706426
4096 0.786753931 0.618378967 0.826796052
EOD
# yoso-e hash_bits=auto
$panel0_8 << EOD
128 0.75181157 0.744083532 0.761919642
256 0.847206346 0.819692294 0.875243833
512 0.932220471 0.916279878 0.946099287
1024 0.959299065 0.944730395 0.977250222
2048 0.96216461 0.953621404 0.96882486
4096 0.95942798 0.94354313 0.971337168
EOD
# yoso-m hashes=16
$panel0_9 << EOD
128 0.910503881 0.901478483 0.924932545
256 1.76112322 1.74021777 1.79268724
512 3.38423347 3.31917296 3.45338004
1024 5.82778934 5.59529536 6.19911496
2048 10.6965043 10.5540201 10.825859
4096 19.3740943 18.7030915 19.6588877


EOD
# yoso-m hashes=16
$panel0_9_predicted << EOD
4096 19.3740943 18.7030915 19.6588877
8192 34.9089569 34.2439919 35.254481

8192 34.9089569 34.2439919 35.254481
16384 57.4447159 56.6318565 57.6587207

EOD
# yoso-m hashes=32
$panel0_10 << EOD
128 0.537017215 0.530245964 0.541685975
256 1.14828902 1.13387268 1.18146811
512 2.08275744 2.02154329 2.10155466
1024 3.94405537 3.89666711 3.99347605
2048 6.9638752 6.86904587 7.03531116
4096 12.1896508 11.7293404 12.4536808


EOD
# yoso-m hashes=32
$panel0_10_predicted << EOD
4096 12.1896508 11.7293404 12.4536808
8192 21.3519039 20.5200482 21.7592772

8192 21.3519039 20.5200482 21.7592772
16384 36.5751436 35.9428431 37.1512235

EOD
# subsample keys=256
$panel0_11 << EOD
128 0.944113307 0.92957723 0.957073364
256 0.963433372 0.951016126 0.982191791
512 1.86452493 1.84154339 1.88941134
1024 3.76188167 3.72216858 3.80995674
2048 7.45488404 7.41664971 7.48035982
4096 14.7654023 14.3541111 15.8665125


EOD
# subsample keys=256
$panel0_11_predicted << EOD
4096 14.7654023 14.3541111 15.8665125
8192 30.1367888 29.9173014 30.2926711

8192 30.1367888 29.9173014 30.2926711
16384 59.3887136 59.0042213 59.6139365

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
set lmargin at screen 0.07091
set rmargin at screen 0.64910
set bmargin at screen 0.08980
set tmargin at screen 0.98396
set logscale x
set xrange [105.41965:19893.369]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('128' 128, '256' 256, '512' 512, '1k' 1024, '2k' 2048, '4k' 4096, '8k' 8192, '16k' 16384)
set logscale y
set yrange [0.169814783:223.79983]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('1' 1, '10' 10, '100' 100, '' 0.2 1, '' 0.3 1, '' 0.4 1, '' 0.5 1, '' 0.6 1, '' 0.7 1, '' 0.8 1, '' 0.9 1, '' 2 1, '' 3 1, '' 4 1, '' 5 1, '' 6 1, '' 7 1, '' 8 1, '' 9 1, '' 20 1, '' 30 1, '' 40 1, '' 50 1, '' 60 1, '' 70 1, '' 80 1, '' 90 1, '' 200 1)
set label 'tokens n' at screen 0.36001,0.02566 center font ',8.00'
set label 'speed-up over softmax' at screen 0.01764,0.53688 center rotate font ',8.00'
set arrow from screen 0.66870,0.96713 to screen 0.70790,0.96713 nohead lw 1.2 dt (9,3,2,3) lc rgb '#332288'
set label '' at screen 0.68830,0.96713 point pt 11 ps 0.5 lc rgb '#332288'
set label 'linear' at screen 0.71574,0.96713 left font ',7'
set arrow from screen 0.66870,0.93345 to screen 0.70790,0.93345 nohead lw 1.2 dt solid lc rgb '#56b4e9'
set label '' at screen 0.68830,0.93345 point pt 15 ps 0.5 lc rgb '#56b4e9'
set label 'nystrom landmarks=64' at screen 0.71574,0.93345 left font ',7'
set arrow from screen 0.66870,0.89978 to screen 0.70790,0.89978 nohead lw 1.2 dt (4,4) lc rgb '#8c8c8c'
set label '' at screen 0.68830,0.89978 point pt 1 ps 0.5 lc rgb '#8c8c8c'
set label 'subsample keys=256' at screen 0.71574,0.89978 left font ',7'
set arrow from screen 0.66870,0.86610 to screen 0.70790,0.86610 nohead lw 1.2 dt solid lc rgb '#803800'
set label '' at screen 0.68830,0.86610 point pt 7 ps 0.5 lc rgb '#803800'
set label 'yoso-m hashes=16' at screen 0.71574,0.86610 left font ',7'
set arrow from screen 0.66870,0.83243 to screen 0.70790,0.83243 nohead lw 1.2 dt (9,3,2,3) lc rgb '#999933'
set label '' at screen 0.68830,0.83243 point pt 9 ps 0.5 lc rgb '#999933'
set label 'longformer window=128' at screen 0.71574,0.83243 left font ',7'
set arrow from screen 0.66870,0.79876 to screen 0.70790,0.79876 nohead lw 1.2 dt (8,3) lc rgb '#e69e66'
set label '' at screen 0.68830,0.79876 point pt 6 ps 0.5 lc rgb '#e69e66'
set label 'yoso-m hashes=32' at screen 0.71574,0.79876 left font ',7'
set arrow from screen 0.66870,0.76508 to screen 0.70790,0.76508 nohead lw 1.2 dt solid lc rgb '#009e73'
set label '' at screen 0.68830,0.76508 point pt 11 ps 0.5 lc rgb '#009e73'
set label 'performer features=256 kernel=relu' at screen 0.71574,0.76508 left font ',7'
set arrow from screen 0.66870,0.73141 to screen 0.70790,0.73141 nohead lw 1.2 dt solid lc rgb '#0072b2'
set label '' at screen 0.68830,0.73141 point pt 9 ps 0.5 lc rgb '#0072b2'
set label 'linformer k=256' at screen 0.71574,0.73141 left font ',7'
set arrow from screen 0.66870,0.69773 to screen 0.70790,0.69773 nohead lw 1.2 dt solid lc rgb '#cc79a7'
set label '' at screen 0.68830,0.69773 point pt 13 ps 0.5 lc rgb '#cc79a7'
set label 'reformer rounds=2' at screen 0.71574,0.69773 left font ',7'
set arrow from screen 0.66870,0.66406 to screen 0.70790,0.66406 nohead lw 1.2 dt solid lc rgb '#000000'
set label '' at screen 0.68830,0.66406 point pt 5 ps 0.5 lc rgb '#000000'
set label 'softmax' at screen 0.71574,0.66406 left font ',7'
set arrow from screen 0.66870,0.63039 to screen 0.70790,0.63039 nohead lw 1.2 dt (6,3) lc rgb '#e69f00'
set label '' at screen 0.68830,0.63039 point pt 7 ps 0.5 lc rgb '#e69f00'
set label 'yoso-e hash_bits=auto' at screen 0.71574,0.63039 left font ',7'
set arrow from screen 0.66870,0.59671 to screen 0.70790,0.59671 nohead lw 1.2 dt (6,3) lc rgb '#882255'
set label '' at screen 0.68830,0.59671 point pt 5 ps 0.5 lc rgb '#882255'
set label 'softmax-naive' at screen 0.71574,0.59671 left font ',7'
set arrow from screen 0.66870,0.56304 to screen 0.70790,0.56304 nohead lw 1.2 dt (1,2) lc rgb '#707070'
set label 'dotted, no mark: predicted' at screen 0.71574,0.56304 left font ',7'
set label 'all of yoso-m: hash_bits=auto' at screen 0.71574,0.52936 left font ',7'
plot $panel0_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#332288', \
     $panel0_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#0072b2', \
     $panel0_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#999933', \
     $panel0_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#56b4e9', \
     $panel0_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#009e73', \
     $panel0_5 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#cc79a7', \
     $panel0_6 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#000000', \
     $panel0_7 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#882255', \
     $panel0_8 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69f00', \
     $panel0_9 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel0_10 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel0_11 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#8c8c8c', \
     1 with lines lw 0.8 lc rgb '#909090', \
     $panel0_0 with linespoints lw 1.2 dt (9,3,2,3) pt 11 ps 0.45 lc rgb '#332288', \
     $panel0_0_predicted with lines lw 1 dt (1,2) lc rgb '#332288', \
     $panel0_1 with linespoints lw 1.2 dt solid pt 9 ps 0.45 lc rgb '#0072b2', \
     $panel0_1_predicted with lines lw 1 dt (1,2) lc rgb '#0072b2', \
     $panel0_2 with linespoints lw 1.2 dt (9,3,2,3) pt 9 ps 0.45 lc rgb '#999933', \
     $panel0_2_predicted with lines lw 1 dt (1,2) lc rgb '#999933', \
     $panel0_3 with linespoints lw 1.2 dt solid pt 15 ps 0.45 lc rgb '#56b4e9', \
     $panel0_3_predicted with lines lw 1 dt (1,2) lc rgb '#56b4e9', \
     $panel0_4 with linespoints lw 1.2 dt solid pt 11 ps 0.45 lc rgb '#009e73', \
     $panel0_4_predicted with lines lw 1 dt (1,2) lc rgb '#009e73', \
     $panel0_5 with linespoints lw 1.2 dt solid pt 13 ps 0.45 lc rgb '#cc79a7', \
     $panel0_5_predicted with lines lw 1 dt (1,2) lc rgb '#cc79a7', \
     $panel0_6 with linespoints lw 1.2 dt solid pt 5 ps 0.45 lc rgb '#000000', \
     $panel0_7 with linespoints lw 1.2 dt (6,3) pt 5 ps 0.45 lc rgb '#882255', \
     $panel0_8 with linespoints lw 1.2 dt (6,3) pt 7 ps 0.45 lc rgb '#e69f00', \
     $panel0_9 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel0_9_predicted with lines lw 1 dt (1,2) lc rgb '#803800', \
     $panel0_10 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#e69e66', \
     $panel0_10_predicted with lines lw 1 dt (1,2) lc rgb '#e69e66', \
     $panel0_11 with linespoints lw 1 dt (4,4) pt 1 ps 0.45 lc rgb '#8c8c8c', \
     $panel0_11_predicted with lines lw 1 dt (1,2) lc rgb '#8c8c8c'

unset multiplot
unset output
