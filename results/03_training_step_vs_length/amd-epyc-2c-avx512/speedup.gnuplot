# Drawn by yoso-bench plot. To draw it again: gnuplot speedup.gnuplot
if (!exists("figure")) figure = 'speedup.svg'
set encoding utf8
set terminal svg size 680,416 font 'sans-serif,10.67' linewidth 1.333 background 'white' noenhanced
set output figure

# linear
$panel0_0 << EOD
128 2.06796484 2.01490603 2.10308312
256 4.21222082 4.09706227 4.30091825
512 7.53134132 7.23089844 7.72995911
1024 13.1975483 12.8090506 13.646456
2048 26.7247927 26.2752664 27.2372166
4096 51.0047063 45.1216001 53.5684056


EOD
# linear
$panel0_0_predicted << EOD
4096 51.0047063 45.1216001 53.5684056
8192 105.794697 58.4906925 109.815464

8192 105.794697 58.4906925 109.815464
16384 215.434582 211.542692 216.965393

EOD
# linformer k=256
$panel0_1 << EOD
128 0.531777037 0.522690407 0.536936947
256 0.545798481 0.538090727 0.556917498
512 1.09266228 1.08708842 1.1018286
1024 2.15808606 2.14892301 2.18271621
2048 4.29656705 4.2615895 4.33234575
4096 8.85763237 8.63323595 9.01192452


EOD
# linformer k=256
$panel0_1_predicted << EOD
4096 8.85763237 8.63323595 9.01192452
8192 17.4767143 17.4767143 17.4767143

8192 17.4767143 17.4767143 17.4767143
16384 35.2018889 34.8718342 35.2869474

EOD
# longformer window=128
$panel0_2 << EOD
128 0.846545295 0.834876671 0.871297243
256 1.40131147 1.35540329 1.43668472
512 2.41846508 2.37440873 2.45833924
1024 4.28831117 4.26859999 4.40279847
2048 8.04700233 7.85746854 8.20359749
4096 15.7165444 15.7165444 15.7165444


EOD
# longformer window=128
$panel0_2_predicted << EOD
4096 15.7165444 15.7165444 15.7165444
8192 30.7937345 17.5568976 31.6300622

8192 30.7937345 17.5568976 31.6300622
16384 63.7021763 62.9562626 64.2175091

EOD
# nystrom landmarks=64
$panel0_3 << EOD
128 0.218498412 0.215318122 0.22144842
256 0.714795705 0.702628458 0.726353885
512 1.9845859 1.95602147 2.00720725
1024 4.7535667 4.69815013 4.82996828
2048 10.3087632 10.1385647 10.554225
4096 22.7301955 21.8658841 23.204109


EOD
# nystrom landmarks=64
$panel0_3_predicted << EOD
4096 22.7301955 21.8658841 23.204109
8192 45.7742111 26.164881 47.2350901

8192 45.7742111 26.164881 47.2350901
16384 97.4685856 94.8313028 98.3513163

EOD
# performer features=256 kernel=relu
$panel0_4 << EOD
128 0.293976361 0.290122115 0.300058144
256 0.612527577 0.597126002 0.626379059
512 1.19733405 1.18527263 1.20775559
1024 2.33692567 2.322745 2.36216049
2048 4.57254921 4.52029495 4.60527609
4096 9.33073643 9.17094728 9.46090863


EOD
# performer features=256 kernel=relu
$panel0_4_predicted << EOD
4096 9.33073643 9.17094728 9.46090863
8192 18.5409173 9.85712812 18.7132612

8192 18.5409173 9.85712812 18.7132612
16384 37.4427977 36.945207 37.8025821

EOD
# reformer rounds=2
$panel0_5 << EOD
128 0.398703996 0.392654687 0.403602097
256 0.794451089 0.775632142 0.812438361
512 1.50680899 1.48433269 1.52931687
1024 2.72931688 2.64313321 2.77819976
2048 5.12386104 5.01555186 5.21715454
4096 9.63811523 9.63811523 9.63811523


EOD
# reformer rounds=2
$panel0_5_predicted << EOD
4096 9.63811523 9.63811523 9.63811523
8192 17.8614879 9.48651474 18.7896398

8192 17.8614879 9.48651474 18.7896398
16384 36.3391935 35.6027738 36.7332373

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
128 1.19650309 1.17500084 1.21412317
256 1.22843163 1.17391795 1.28439436
512 1.12588024 1.10785387 1.13651513
1024 0.92658002 0.920257085 0.935381012
2048 0.912110844 0.900469279 0.920825829
4096 1.0741797 1.04829964 1.08113297
EOD
# yoso-e hash_bits=auto
$panel0_8 << EOD
128 0.803602075 0.788135712 0.817476884
256 0.895580811 0.866796922 0.932222344
512 0.941217332 0.933217394 0.948164383
1024 0.964358593 0.957596165 0.974123524
2048 0.971897816 0.949547072 0.982583378
4096 0.995674229 0.986390427 1.01180909
EOD
# yoso-m hashes=16
$panel0_9 << EOD
128 1.18969216 1.17605964 1.20688752
256 2.36163681 2.25394666 2.43234201
512 3.95480016 3.81175602 4.03204947
1024 6.65499421 6.37186154 6.82315327
2048 10.4245324 10.2945811 10.7688535
4096 19.8005547 19.8005547 19.8005547


EOD
# yoso-m hashes=16
$panel0_9_predicted << EOD
4096 19.8005547 19.8005547 19.8005547
8192 34.2146514 34.2146514 34.2146514

8192 34.2146514 34.2146514 34.2146514
16384 63.4289767 59.3183254 66.1033171

EOD
# yoso-m hashes=32
$panel0_10 << EOD
128 0.635365366 0.6241358 0.657646967
256 1.52307824 1.43096857 1.5645586
512 2.50827213 2.45422724 2.58042216
1024 4.06432615 3.96791893 4.2130065
2048 7.17640319 7.07968375 7.3881835
4096 12.9900303 12.9900303 12.9900303


EOD
# yoso-m hashes=32
$panel0_10_predicted << EOD
4096 12.9900303 12.9900303 12.9900303
8192 20.5145943 20.5145943 20.5145943

8192 20.5145943 20.5145943 20.5145943
16384 34.2943646 30.6249004 36.7439498

EOD
# subsample keys=256
$panel0_11 << EOD
128 0.94772619 0.938300743 0.961462282
256 0.989962967 0.969196424 1.01814889
512 1.90106215 1.52314611 1.97237719
1024 3.75848187 3.72140751 3.79601009
2048 7.48734201 7.45134275 7.65086791
4096 15.4653075 15.3194128 15.7278442


EOD
# subsample keys=256
$panel0_11_predicted << EOD
4096 15.4653075 15.3194128 15.7278442
8192 31.0297951 20.3045517 31.3617969

8192 31.0297951 20.3045517 31.3617969
16384 62.6407122 62.3988301 62.8015739

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
set yrange [0.163285714:286.103297]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('1' 1, '10' 10, '100' 100, '' 0.2 1, '' 0.3 1, '' 0.4 1, '' 0.5 1, '' 0.6 1, '' 0.7 1, '' 0.8 1, '' 0.9 1, '' 2 1, '' 3 1, '' 4 1, '' 5 1, '' 6 1, '' 7 1, '' 8 1, '' 9 1, '' 20 1, '' 30 1, '' 40 1, '' 50 1, '' 60 1, '' 70 1, '' 80 1, '' 90 1, '' 200 1)
set label 'tokens n' at screen 0.36001,0.02566 center font ',8.00'
set label 'speed-up over softmax' at screen 0.01764,0.53688 center rotate font ',8.00'
set arrow from screen 0.66870,0.96713 to screen 0.70790,0.96713 nohead lw 1.2 dt (9,3,2,3) lc rgb '#332288'
set label '' at screen 0.68830,0.96713 point pt 11 ps 0.5 lc rgb '#332288'
set label 'linear' at screen 0.71574,0.96713 left font ',7'
set arrow from screen 0.66870,0.93345 to screen 0.70790,0.93345 nohead lw 1.2 dt solid lc rgb '#56b4e9'
set label '' at screen 0.68830,0.93345 point pt 15 ps 0.5 lc rgb '#56b4e9'
set label 'nystrom landmarks=64' at screen 0.71574,0.93345 left font ',7'
set arrow from screen 0.66870,0.89978 to screen 0.70790,0.89978 nohead lw 1.2 dt (9,3,2,3) lc rgb '#999933'
set label '' at screen 0.68830,0.89978 point pt 9 ps 0.5 lc rgb '#999933'
set label 'longformer window=128' at screen 0.71574,0.89978 left font ',7'
set arrow from screen 0.66870,0.86610 to screen 0.70790,0.86610 nohead lw 1.2 dt solid lc rgb '#803800'
set label '' at screen 0.68830,0.86610 point pt 7 ps 0.5 lc rgb '#803800'
set label 'yoso-m hashes=16' at screen 0.71574,0.86610 left font ',7'
set arrow from screen 0.66870,0.83243 to screen 0.70790,0.83243 nohead lw 1.2 dt (4,4) lc rgb '#8c8c8c'
set label '' at screen 0.68830,0.83243 point pt 1 ps 0.5 lc rgb '#8c8c8c'
set label 'subsample keys=256' at screen 0.71574,0.83243 left font ',7'
set arrow from screen 0.66870,0.79876 to screen 0.70790,0.79876 nohead lw 1.2 dt solid lc rgb '#009e73'
set label '' at screen 0.68830,0.79876 point pt 11 ps 0.5 lc rgb '#009e73'
set label 'performer features=256 kernel=relu' at screen 0.71574,0.79876 left font ',7'
set arrow from screen 0.66870,0.76508 to screen 0.70790,0.76508 nohead lw 1.2 dt solid lc rgb '#cc79a7'
set label '' at screen 0.68830,0.76508 point pt 13 ps 0.5 lc rgb '#cc79a7'
set label 'reformer rounds=2' at screen 0.71574,0.76508 left font ',7'
set arrow from screen 0.66870,0.73141 to screen 0.70790,0.73141 nohead lw 1.2 dt solid lc rgb '#0072b2'
set label '' at screen 0.68830,0.73141 point pt 9 ps 0.5 lc rgb '#0072b2'
set label 'linformer k=256' at screen 0.71574,0.73141 left font ',7'
set arrow from screen 0.66870,0.69773 to screen 0.70790,0.69773 nohead lw 1.2 dt (8,3) lc rgb '#e69e66'
set label '' at screen 0.68830,0.69773 point pt 6 ps 0.5 lc rgb '#e69e66'
set label 'yoso-m hashes=32' at screen 0.71574,0.69773 left font ',7'
set arrow from screen 0.66870,0.66406 to screen 0.70790,0.66406 nohead lw 1.2 dt (6,3) lc rgb '#882255'
set label '' at screen 0.68830,0.66406 point pt 5 ps 0.5 lc rgb '#882255'
set label 'softmax-naive' at screen 0.71574,0.66406 left font ',7'
set arrow from screen 0.66870,0.63039 to screen 0.70790,0.63039 nohead lw 1.2 dt solid lc rgb '#000000'
set label '' at screen 0.68830,0.63039 point pt 5 ps 0.5 lc rgb '#000000'
set label 'softmax' at screen 0.71574,0.63039 left font ',7'
set arrow from screen 0.66870,0.59671 to screen 0.70790,0.59671 nohead lw 1.2 dt (6,3) lc rgb '#e69f00'
set label '' at screen 0.68830,0.59671 point pt 7 ps 0.5 lc rgb '#e69f00'
set label 'yoso-e hash_bits=auto' at screen 0.71574,0.59671 left font ',7'
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
