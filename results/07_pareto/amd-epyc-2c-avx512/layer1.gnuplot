# Drawn by yoso-bench plot. To draw it again: gnuplot layer1.gnuplot
if (!exists("figure")) figure = 'layer1.svg'
set encoding utf8
set terminal svg size 605,378 font 'sans-serif,10.67' linewidth 1.333 background 'white' noenhanced
set output figure

$panel0_frontier << EOD
0.0651463029 1.84848989e-08
0.376476833 0.810789889
0.556963501 0.877252731
0.696351 0.9009799
0.973751999 0.951153027
2.2449445 0.976331283
5.1732655 0.986325167
5.303629 1
138.082287 1
EOD
# linear
$panel0_0_dominated << EOD
1.483492 0.0556109255 1.4786445 1.4900615 0.0556109255 0.0556109255
EOD
# linformer, by k
$panel0_1 << EOD
0.394627167 0.66358772
0.376476833 0.810789889
0.696351 0.9009799
1.336353 0.945786319
2.677744 0.966450658
5.1732655 0.986325167
EOD
# linformer, by k
$panel0_1_dominated << EOD
0.394627167 0.66358772 0.392832667 0.396343 0.66358772 0.66358772
1.336353 0.945786319 1.3310755 1.34424 0.945786319 0.945786319
2.677744 0.966450658 2.665765 2.70219 0.966450658 0.966450658
EOD
# longformer, by window
$panel0_2 << EOD
1.193866 -8.90329006
1.3298435 -7.705117
1.607852 -6.14376864
2.200243 -4.29226836
3.153512 -2.17291256
4.55729 0.152196436
EOD
# longformer, by window
$panel0_2_dominated << EOD
4.55729 0.152196436 4.531391 4.572121 0.152196436 0.152196436
EOD
# longformer, by window, below the axis
$panel0_2_below_dominated << EOD
1.193866 -1
1.3298435 -1
1.607852 -1
2.200243 -1
3.153512 -1
EOD
# nystrom, by landmarks
$panel0_3 << EOD
0.4727654 0.70882909
0.556963501 0.877252731
0.973751999 0.951153027
2.2449445 0.976331283
7.188754 0.986457333
36.579196 0.993015937
EOD
# nystrom, by landmarks
$panel0_3_dominated << EOD
0.4727654 0.70882909 0.470261599 0.476703201 0.70882909 0.70882909
7.188754 0.986457333 7.156517 7.251999 0.986457333 0.986457333
36.579196 0.993015937 36.439868 36.849769 0.993015937 0.993015937
EOD
# performer, by features
$panel0_4 << EOD
0.46112 -0.0229365432
0.788509666 0.00249154615
1.43247325 0.00579591847
2.800175 0.0124079036
5.440092 0.00632612236
10.736262 0.00352954679
21.0162845 0.00158181108
EOD
# performer, by features
$panel0_4_dominated << EOD
0.46112 -0.0229365432 0.458856601 0.463327199 -0.0781596742 -0.00796509155
0.788509666 0.00249154615 0.782497334 0.796171 -0.00942648777 0.0185085254
1.43247325 0.00579591847 1.4193265 1.4487905 -0.00900336795 0.0135279191
2.800175 0.0124079036 2.769861 2.873675 0.00326745676 0.0180628048
5.440092 0.00632612236 5.374055 5.520953 0.00171432476 0.0147297327
10.736262 0.00352954679 10.652437 10.870391 0.000956748508 0.00585659618
21.0162845 0.00158181108 20.925389 21.187298 0.000434200646 0.0036325242
EOD
# yoso-e norm=rowsum
$panel0_6_dominated << EOD
5.7573695 0.627447432 5.743374 5.769703 0.627447432 0.627447432
EOD
# yoso-m norm=rowsum, by hashes
$panel0_7 << EOD
1.4276335 -6.12163892
1.75255225 -2.74273293
2.507451 -0.996618953
3.981282 -0.136930799
7.359719 0.222758399
13.793179 0.431619185
27.267078 0.533503366
53.505456 0.580914107
108.919721 0.600555774
EOD
# yoso-m norm=rowsum, by hashes
$panel0_7_dominated << EOD
2.507451 -0.996618953 2.480329 2.547049 -1.02984617 -0.949791465
3.981282 -0.136930799 3.95864899 4.010556 -0.176742279 -0.112820404
7.359719 0.222758399 7.342553 7.379488 0.20104446 0.251408185
13.793179 0.431619185 13.731206 13.845537 0.41227983 0.436937794
27.267078 0.533503366 27.203409 27.391599 0.527473046 0.538721808
53.505456 0.580914107 53.387691 53.796149 0.575899725 0.58775695
108.919721 0.600555774 108.665473 109.731169 0.598512212 0.602579223
EOD
# yoso-m norm=rowsum, by hashes, below the axis
$panel0_7_below_dominated << EOD
1.4276335 -1
1.75255225 -1
EOD
# subsample, by keys
$panel0_9 << EOD
0.351798999 -1.12612299
0.522799601 -0.140729407
0.861494666 0.399219419
1.540742 0.718743296
2.894887 0.905397355
5.430738 1
EOD
# subsample, by keys
$panel0_9_dominated << EOD
0.522799601 -0.140729407 0.5193266 0.525632 -0.30863716 -0.103982925
0.861494666 0.399219419 0.851863668 0.873852999 0.346505008 0.473433533
1.540742 0.718743296 1.531118 1.550206 0.695102228 0.747659912
2.894887 0.905397355 2.871161 2.915798 0.897928085 0.91213693
5.430738 1 5.411731 5.46980699 1 1
EOD
# subsample, by keys, below the axis
$panel0_9_below_dominated << EOD
0.351798999 -1
EOD
# linformer, by k
$panel0_1_best << EOD
0.376476833 0.810789889 0.374976167 0.3783545 0.810789889 0.810789889
0.696351 0.9009799 0.6926405 0.699433002 0.9009799 0.9009799
5.1732655 0.986325167 5.150902 5.191763 0.986325167 0.986325167
EOD
# nystrom, by landmarks
$panel0_3_best << EOD
0.556963501 0.877252731 0.5538515 0.560709252 0.877252731 0.877252731
0.973751999 0.951153027 0.967849667 0.982631667 0.951153027 0.951153027
2.2449445 0.976331283 2.226883 2.27069799 0.976331283 0.976331283
EOD
# softmax
$panel0_5_best << EOD
5.303629 1 5.272724 5.362868 1 1
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
set rmargin at screen 0.59629
set bmargin at screen 0.09878
set tmargin at screen 0.98236
set logscale x
set xrange [0.278819335:138.082287]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('1' 1, '10' 10, '100' 100, '' 0.3 1, '' 0.4 1, '' 0.5 1, '' 0.6 1, '' 0.7 1, '' 0.8 1, '' 0.9 1, '' 2 1, '' 3 1, '' 4 1, '' 5 1, '' 6 1, '' 7 1, '' 8 1, '' 9 1, '' 20 1, '' 30 1, '' 40 1, '' 50 1, '' 60 1, '' 70 1, '' 80 1, '' 90 1)
unset logscale y
set yrange [-1.08:1.08]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('−1' -1, '−0.5' -0.5, '0' 0, '0.5' 0.5, '1' 1)
set label 'time (ms)' at screen 0.34251,0.02822 center font ',8.00'
set label 'skill; arrows: below −1' at screen 0.01984,0.54057 center rotate font ',8.00'
set arrow from screen 0.61834,0.96384 to screen 0.66244,0.96384 nohead lw 1.2 dt (9,3,2,3) lc rgb '#332288'
set label '' at screen 0.64039,0.96384 point pt 11 ps 0.5 lc rgb '#332288'
set label 'linear' at screen 0.67126,0.96384 left font ',7'
set arrow from screen 0.61834,0.92680 to screen 0.66244,0.92680 nohead lw 1.2 dt solid lc rgb '#0072b2'
set label '' at screen 0.64039,0.92680 point pt 9 ps 0.5 lc rgb '#0072b2'
set label 'linformer, by k' at screen 0.67126,0.92680 left font ',7'
set arrow from screen 0.61834,0.88976 to screen 0.66244,0.88976 nohead lw 1.2 dt (9,3,2,3) lc rgb '#999933'
set label '' at screen 0.64039,0.88976 point pt 9 ps 0.5 lc rgb '#999933'
set label 'longformer, by window' at screen 0.67126,0.88976 left font ',7'
set arrow from screen 0.61834,0.85272 to screen 0.66244,0.85272 nohead lw 1.2 dt solid lc rgb '#56b4e9'
set label '' at screen 0.64039,0.85272 point pt 15 ps 0.5 lc rgb '#56b4e9'
set label 'nystrom, by landmarks' at screen 0.67126,0.85272 left font ',7'
set arrow from screen 0.61834,0.81567 to screen 0.66244,0.81567 nohead lw 1.2 dt solid lc rgb '#009e73'
set label '' at screen 0.64039,0.81567 point pt 11 ps 0.5 lc rgb '#009e73'
set label 'performer, by features' at screen 0.67126,0.81567 left font ',7'
set arrow from screen 0.61834,0.77863 to screen 0.66244,0.77863 nohead lw 1.2 dt solid lc rgb '#000000'
set label '' at screen 0.64039,0.77863 point pt 5 ps 0.5 lc rgb '#000000'
set label 'softmax' at screen 0.67126,0.77863 left font ',7'
set arrow from screen 0.61834,0.74159 to screen 0.66244,0.74159 nohead lw 1.2 dt (6,3) lc rgb '#e69f00'
set label '' at screen 0.64039,0.74159 point pt 7 ps 0.5 lc rgb '#e69f00'
set label 'yoso-e norm=rowsum' at screen 0.67126,0.74159 left font ',7'
set arrow from screen 0.61834,0.70455 to screen 0.66244,0.70455 nohead lw 1.2 dt solid lc rgb '#d55e00'
set label '' at screen 0.64039,0.70455 point pt 7 ps 0.5 lc rgb '#d55e00'
set label 'yoso-m norm=rowsum, by hashes' at screen 0.67126,0.70455 left font ',7'
set arrow from screen 0.61834,0.66751 to screen 0.66244,0.66751 nohead lw 1.2 dt (2,3) lc rgb '#707070'
set label 'mean-v, off the axis (time 65.1 µs)' at screen 0.67126,0.66751 left font ',7'
set arrow from screen 0.61834,0.63047 to screen 0.66244,0.63047 nohead lw 1.2 dt (4,4) lc rgb '#8c8c8c'
set label '' at screen 0.64039,0.63047 point pt 1 ps 0.5 lc rgb '#8c8c8c'
set label 'subsample, by keys' at screen 0.67126,0.63047 left font ',7'
set arrow from screen 0.61834,0.59342 to screen 0.66244,0.59342 nohead lw 1.2 dt solid lc rgb '#c8c8c8'
set label 'frontier' at screen 0.67126,0.59342 left font ',7'
set label '' at screen 0.64039,0.55638 point pt 6 ps 0.5 lc rgb '#b0b0b0'
set label 'faint, hollow: dominated' at screen 0.67126,0.55638 left font ',7'
set label '8' at graph 0.02979,0.80722 center front font ',6.5' tc rgb '#0072b2'
set label '256' at graph 0.47070,0.93068 center front font ',6.5' tc rgb '#0072b2'
set label '16' at graph 0.23439,0.06299 center front font ',6.5' tc rgb '#999933'
set label '512' at graph 0.45027,0.59641 center front font ',6.5' tc rgb '#999933'
set label '8' at graph 0.08510,0.85411 center front font ',6.5' tc rgb '#56b4e9'
set label '256' at graph 0.78592,0.98568 center front font ',6.5' tc rgb '#56b4e9'
set label '16' at graph 0.08108,0.51533 center front font ',6.5' tc rgb '#009e73'
set label '1024' at graph 0.69661,0.52668 center front font ',6.5' tc rgb '#009e73'
set label '8' at graph 0.26321,0.06299 center front font ',6.5' tc rgb '#d55e00'
set label '2048' at graph 0.96177,0.80399 center front font ',6.5' tc rgb '#d55e00'
set label '16' at graph 0.03747,0.06299 center front font ',6.5' tc rgb '#8c8c8c'
set label '512' at graph 0.54321,0.92264 center front font ',6.5' tc rgb '#8c8c8c'
set label 'mean-v' at graph 0.92971,0.52196 center front font ',6.5' tc rgb '#707070'
plot $panel0_frontier with steps lw 2.5 dt solid lc rgb '#c8c8c8', \
     $panel0_0_dominated using 1:2:3:4:5:6 with xyerrorbars pt 10 ps 0.4 lw 0.8 lc rgb '#ada7cf', \
     $panel0_1 with lines lw 0.8 dt solid lc rgb '#99c7e0', \
     $panel0_1_dominated using 1:2:3:4:5:6 with xyerrorbars pt 8 ps 0.4 lw 0.8 lc rgb '#99c7e0', \
     $panel0_2 with lines lw 0.8 dt (9,3,2,3) lc rgb '#d6d6ad', \
     $panel0_2_dominated using 1:2:3:4:5:6 with xyerrorbars pt 8 ps 0.4 lw 0.8 lc rgb '#d6d6ad', \
     $panel0_2_below_dominated with points pt 11 ps 0.5 lc rgb '#d6d6ad', \
     $panel0_3 with lines lw 0.8 dt solid lc rgb '#bbe1f6', \
     $panel0_3_dominated using 1:2:3:4:5:6 with xyerrorbars pt 14 ps 0.4 lw 0.8 lc rgb '#bbe1f6', \
     $panel0_4 with lines lw 0.8 dt solid lc rgb '#99d8c7', \
     $panel0_4_dominated using 1:2:3:4:5:6 with xyerrorbars pt 10 ps 0.4 lw 0.8 lc rgb '#99d8c7', \
     $panel0_6_dominated using 1:2:3:4:5:6 with xyerrorbars pt 6 ps 0.4 lw 0.8 lc rgb '#f5d999', \
     $panel0_7 with lines lw 0.8 dt solid lc rgb '#eebf99', \
     $panel0_7_dominated using 1:2:3:4:5:6 with xyerrorbars pt 6 ps 0.4 lw 0.8 lc rgb '#eebf99', \
     $panel0_7_below_dominated with points pt 11 ps 0.5 lc rgb '#eebf99', \
     $panel0_9 with lines lw 0.8 dt (4,4) lc rgb '#d1d1d1', \
     $panel0_9_dominated using 1:2:3:4:5:6 with xyerrorbars pt 1 ps 0.4 lw 0.8 lc rgb '#d1d1d1', \
     $panel0_9_below_dominated with points pt 11 ps 0.5 lc rgb '#d1d1d1', \
     $panel0_1_best using 1:2:3:4:5:6 with xyerrorbars pt 9 ps 0.6 lw 0.8 lc rgb '#0072b2', \
     $panel0_3_best using 1:2:3:4:5:6 with xyerrorbars pt 15 ps 0.6 lw 0.8 lc rgb '#56b4e9', \
     $panel0_5_best using 1:2:3:4:5:6 with xyerrorbars pt 5 ps 0.6 lw 0.8 lc rgb '#000000', \
     1.84848989e-08 with lines lw 0.8 dt (2,3) lc rgb '#707070'

unset multiplot
unset output
