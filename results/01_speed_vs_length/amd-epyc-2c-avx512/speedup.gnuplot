# Drawn by yoso-bench plot. To draw it again: gnuplot speedup.gnuplot
if (!exists("figure")) figure = 'speedup.svg'
set encoding utf8
set terminal svg size 680,416 font 'sans-serif,10.67' linewidth 1.333 background 'white' noenhanced
set output figure

# linear
$panel0_0 << EOD
128 1.75432262 1.75148371 1.75750127
256 3.33942753 3.17513362 3.34966173
512 6.61461351 6.57028987 6.67303693
1024 13.1063029 13.0379032 13.1462603
2048 25.4825134 24.5986484 26.2641167
4096 47.4821174 45.5334397 49.2658864
8192 93.2992591 76.0621623 96.4477109
16384 158.535491 123.164892 173.314587


EOD
# linear
$panel0_0_predicted << EOD
16384 158.535491 123.164892 173.314587
32768 226.543647 215.400666 300.269288

32768 226.543647 215.400666 300.269288
65536 447.846979 422.184205 568.474511

EOD
# linformer k=256
$panel0_1 << EOD
128 0.545699066 0.545589341 0.547710753
256 0.531545831 0.528251699 0.533459252
512 1.04560514 1.0421399 1.04711113
1024 2.08035171 2.07029493 2.09002897
2048 4.0995029 4.08204279 4.11074808
4096 8.19353641 8.14634357 8.20986157
8192 16.4731244 16.347924 16.6331062
16384 32.7344244 32.1551769 33.4153846


EOD
# linformer k=256
$panel0_1_predicted << EOD
16384 32.7344244 32.1551769 33.4153846
32768 64.4980441 63.3737693 64.72551

32768 64.4980441 63.3737693 64.72551
65536 127.549748 126.24341 128.927675

EOD
# longformer window=128
$panel0_2 << EOD
128 0.853039899 0.84825402 0.854018804
256 1.35671356 1.34743895 1.35780632
512 2.44451143 2.43586338 2.47297147
1024 4.70503929 4.65642195 4.72207616
2048 8.88545467 8.630309 8.95012149
4096 16.7382542 16.2839095 17.2188148
8192 33.0393662 32.0351927 33.5088399
16384 62.3872883 61.3857774 63.8089889


EOD
# longformer window=128
$panel0_2_predicted << EOD
16384 62.3872883 61.3857774 63.8089889
32768 121.880218 121.417873 124.527362

32768 121.880218 121.417873 124.527362
65536 243.217281 240.289016 249.756142

EOD
# nystrom landmarks=64
$panel0_3 << EOD
128 0.244051491 0.243233247 0.244351422
256 0.73822232 0.73508113 0.740829566
512 2.07128015 2.05834503 2.0718383
1024 5.20038307 5.15532735 5.23237122
2048 11.6256081 11.3290958 11.7080288
4096 24.2605399 23.9189261 24.4103505
8192 46.6806453 44.5691944 47.3458498
16384 90.5470161 87.8585791 92.2198623


EOD
# nystrom landmarks=64
$panel0_3_predicted << EOD
16384 90.5470161 87.8585791 92.2198623
32768 176.532436 174.245934 180.511497

32768 176.532436 174.245934 180.511497
65536 350.816773 348.756767 359.006154

EOD
# performer features=256
$panel0_4 << EOD
128 0.248090721 0.247873547 0.249301189
256 0.481703942 0.480121514 0.484139367
512 0.951060606 0.943739694 0.956840737
1024 1.9089011 1.89538075 1.91132452
2048 3.7578551 3.72258935 3.7775568
4096 7.49173989 7.44380249 7.53809898
8192 14.9262125 14.8782715 15.1068032
16384 29.5652496 29.256063 30.0486229


EOD
# performer features=256
$panel0_4_predicted << EOD
16384 29.5652496 29.256063 30.0486229
32768 58.008264 57.3113639 58.1988685

32768 58.008264 57.3113639 58.1988685
65536 115.359306 113.612618 115.947948

EOD
# reformer rounds=2
$panel0_5 << EOD
128 0.340855745 0.338485765 0.342742107
256 0.653862248 0.644264577 0.655962
512 1.2933162 1.27202031 1.30961386
1024 2.56347679 2.55200408 2.5923247
2048 5.2142352 4.98980535 5.22813577
4096 9.72675251 9.33743526 9.86841744
8192 16.4766703 15.8650583 17.1208814
16384 27.4791427 26.8003317 28.2240934

EOD
# reformer rounds=2
$panel0_5_predicted << EOD
16384 27.4791427 26.8003317 28.2240934
32768 43.2223712 42.0331412 44.0909011

EOD
# softmax
$panel0_6 << EOD
128 1 1 1
256 1 1 1
512 1 1 1
1024 1 1 1
2048 1 1 1
4096 1 1 1
8192 1 1 1
16384 1 1 1
EOD
# softmax-naive
$panel0_7 << EOD
128 0.98843742 0.982598233 0.991711192
256 0.955904747 0.951390545 0.965992074
512 0.921396144 0.914397623 0.92444997
1024 0.88587738 0.882493352 0.88917908
2048 0.845488822 0.839102804 0.851708791
4096 0.843017474 0.839624982 0.850342688
8192 0.841952046 0.833065398 0.851711362
16384 0.849645119 0.81805368 0.860059477
EOD
# yoso-e
$panel0_8 << EOD
128 0.762665642 0.76111017 0.763080437
256 0.833596685 0.831817521 0.837057332
512 0.879466163 0.878161409 0.880481606
1024 0.913294712 0.907123024 0.917561253
2048 0.924391849 0.923851497 0.928005227
4096 0.933056122 0.928583741 0.941819099
8192 0.957161219 0.937446806 0.962723276
16384 0.944804127 0.94043256 0.957266378
EOD
# yoso-m hashes=16
$panel0_9 << EOD
128 0.690076922 0.683050273 0.709421213
256 1.81122035 1.81064312 1.85220855
512 3.94962486 3.92194807 4.06177855
1024 8.45962098 8.37856516 8.53796369
2048 16.8515592 16.3737805 17.1510593
4096 31.0918422 30.0470107 32.7044292
8192 55.3257636 54.1825162 58.783847
16384 99.5435406 96.3013978 108.314108


EOD
# yoso-m hashes=16
$panel0_9_predicted << EOD
16384 99.5435406 96.3013978 108.314108
32768 186.838245 180.486226 189.442002

32768 186.838245 180.486226 189.442002
65536 323.562232 306.574124 350.3255

EOD
# yoso-m hashes=16 hash_bits=auto
$panel0_10 << EOD
128 1.06256781 1.04834119 1.07297204
256 2.02885527 1.99412379 2.063458
512 3.94962486 3.92194807 4.06177855
1024 7.76611565 7.70302669 7.83642184
2048 13.5836281 13.3528735 13.791838
4096 23.0741978 22.2861239 24.0101724
8192 36.7720584 35.1760424 37.0671456
16384 65.3121232 61.1194516 69.2358258


EOD
# yoso-m hashes=16 hash_bits=auto
$panel0_10_predicted << EOD
16384 65.3121232 61.1194516 69.2358258
32768 111.823898 109.406029 125.381499

32768 111.823898 109.406029 125.381499
65536 210.937338 191.410354 220.311851

EOD
# yoso-m hashes=32
$panel0_11 << EOD
128 0.412649478 0.410259027 0.424102622
256 1.13632566 1.10908851 1.14671339
512 2.56437109 2.54294763 2.61706458
1024 5.50708477 5.37487018 5.57377164
2048 11.1600697 10.981519 11.3803916
4096 21.5287691 20.7969545 21.9437309
8192 38.8317129 37.902991 39.3972527
16384 74.8944048 71.6100949 77.0504505


EOD
# yoso-m hashes=32
$panel0_11_predicted << EOD
16384 74.8944048 71.6100949 77.0504505
32768 139.398781 128.864295 141.487486

32768 139.398781 128.864295 141.487486
65536 225.659062 203.18243 247.842194

EOD
# yoso-m hashes=32 hash_bits=auto
$panel0_12 << EOD
128 0.741924193 0.731095833 0.761149124
256 1.40367722 1.39498243 1.44115982
512 2.56437109 2.54294763 2.61706458
1024 4.91654644 4.86097116 4.96816755
2048 8.13353103 8.06555067 8.27000368
4096 13.2582439 12.9805721 13.5780029
8192 21.908782 21.5709692 22.8132343
16384 40.8962208 38.233295 41.9282175


EOD
# yoso-m hashes=32 hash_bits=auto
$panel0_12_predicted << EOD
16384 40.8962208 38.233295 41.9282175
32768 71.9705254 69.9683389 76.6520572

32768 71.9705254 69.9683389 76.6520572
65536 137.464276 133.161334 139.887589

EOD
# yoso-m hashes=64
$panel0_13 << EOD
128 0.21835492 0.215295299 0.22039343
256 0.609096717 0.607516601 0.618953166
512 1.38930368 1.38136158 1.41041887
1024 3.02411768 2.97086159 3.05398308
2048 6.1136589 5.9472531 6.19152305
4096 11.6977792 11.4320052 11.9264444
8192 23.0705219 22.8823428 23.3507908
16384 45.0902062 44.3051542 46.9968497


EOD
# yoso-m hashes=64
$panel0_13_predicted << EOD
16384 45.0902062 44.3051542 46.9968497
32768 86.8556741 85.5747998 89.1656316

32768 86.8556741 85.5747998 89.1656316
65536 139.106649 118.225301 153.097835

EOD
# yoso-m hashes=64 hash_bits=auto
$panel0_14 << EOD
128 0.406107834 0.403741828 0.41524468
256 0.74979099 0.712813656 0.751332326
512 1.38930368 1.38136158 1.41041887
1024 2.53688316 2.49724316 2.55354527
2048 4.32116384 4.28886636 4.38944642
4096 7.31467957 7.1091575 7.33088979
8192 12.6106046 12.4883763 12.7360116
16384 22.7978273 22.3100589 23.3475225


EOD
# yoso-m hashes=64 hash_bits=auto
$panel0_14_predicted << EOD
16384 22.7978273 22.3100589 23.3475225
32768 42.3599803 41.7504914 44.0554715

32768 42.3599803 41.7504914 44.0554715
65536 76.9803868 72.2937388 78.6868263

EOD
# subsample keys=256
$panel0_15 << EOD
128 0.930592744 0.929645382 0.934066621
256 0.960642263 0.957286334 0.966773507
512 1.89155267 1.88336177 1.89898522
1024 3.7512076 3.74700124 3.78923503
2048 7.35081801 7.13922909 7.43784338
4096 14.1179852 14.0213 14.4618801
8192 29.2164601 28.6017702 29.5347091
16384 58.4079102 58.1184104 59.0088875


EOD
# subsample keys=256
$panel0_15_predicted << EOD
16384 58.4079102 58.1184104 59.0088875
32768 116.095864 115.167149 116.47131

32768 116.095864 115.167149 116.47131
65536 233.90583 231.663272 235.676717

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
set rmargin at screen 0.67297
set bmargin at screen 0.08980
set tmargin at screen 0.98396
set logscale x
set xrange [99.7330662:84110.5996]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('128' 128, '512' 512, '2k' 2048, '8k' 8192, '32k' 32768, '' 256 1, '' 1024 1, '' 4096 1, '' 16384 1, '' 65536 1)
set logscale y
set yrange [0.157096854:779.072823]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('1' 1, '10' 10, '100' 100, '' 0.2 1, '' 0.3 1, '' 0.4 1, '' 0.5 1, '' 0.6 1, '' 0.7 1, '' 0.8 1, '' 0.9 1, '' 2 1, '' 3 1, '' 4 1, '' 5 1, '' 6 1, '' 7 1, '' 8 1, '' 9 1, '' 20 1, '' 30 1, '' 40 1, '' 50 1, '' 60 1, '' 70 1, '' 80 1, '' 90 1, '' 200 1, '' 300 1, '' 400 1, '' 500 1, '' 600 1, '' 700 1)
set label 'tokens n' at screen 0.37194,0.02566 center font ',8.00'
set label 'speed-up over softmax' at screen 0.01764,0.53688 center rotate font ',8.00'
set arrow from screen 0.69257,0.96713 to screen 0.73177,0.96713 nohead lw 1.2 dt (9,3,2,3) lc rgb '#332288'
set label '' at screen 0.71217,0.96713 point pt 11 ps 0.5 lc rgb '#332288'
set label 'linear' at screen 0.73961,0.96713 left font ',7'
set arrow from screen 0.69257,0.93345 to screen 0.73177,0.93345 nohead lw 1.2 dt solid lc rgb '#56b4e9'
set label '' at screen 0.71217,0.93345 point pt 15 ps 0.5 lc rgb '#56b4e9'
set label 'nystrom landmarks=64' at screen 0.73961,0.93345 left font ',7'
set arrow from screen 0.69257,0.89978 to screen 0.73177,0.89978 nohead lw 1.2 dt solid lc rgb '#803800'
set label '' at screen 0.71217,0.89978 point pt 7 ps 0.5 lc rgb '#803800'
set label 'yoso-m hashes=16' at screen 0.73961,0.89978 left font ',7'
set arrow from screen 0.69257,0.86610 to screen 0.73177,0.86610 nohead lw 1.2 dt (9,3,2,3) lc rgb '#999933'
set label '' at screen 0.71217,0.86610 point pt 9 ps 0.5 lc rgb '#999933'
set label 'longformer window=128' at screen 0.73961,0.86610 left font ',7'
set arrow from screen 0.69257,0.83243 to screen 0.73177,0.83243 nohead lw 1.2 dt (4,4) lc rgb '#8c8c8c'
set label '' at screen 0.71217,0.83243 point pt 1 ps 0.5 lc rgb '#8c8c8c'
set label 'subsample keys=256' at screen 0.73961,0.83243 left font ',7'
set arrow from screen 0.69257,0.79876 to screen 0.73177,0.79876 nohead lw 1.2 dt (2,2) lc rgb '#c45600'
set label '' at screen 0.71217,0.79876 point pt 7 ps 0.5 lc rgb '#c45600'
set label 'yoso-m hashes=32' at screen 0.73961,0.79876 left font ',7'
set arrow from screen 0.69257,0.76508 to screen 0.73177,0.76508 nohead lw 1.2 dt (8,3) lc rgb '#a24700'
set label '' at screen 0.71217,0.76508 point pt 6 ps 0.5 lc rgb '#a24700'
set label 'yoso-m hashes=16 hash_bits=auto' at screen 0.73961,0.76508 left font ',7'
set arrow from screen 0.69257,0.73141 to screen 0.73177,0.73141 nohead lw 1.2 dt solid lc rgb '#df853d'
set label '' at screen 0.71217,0.73141 point pt 7 ps 0.5 lc rgb '#df853d'
set label 'yoso-m hashes=64' at screen 0.73961,0.73141 left font ',7'
set arrow from screen 0.69257,0.69773 to screen 0.73177,0.69773 nohead lw 1.2 dt (8,3,2,3) lc rgb '#d86b14'
set label '' at screen 0.71217,0.69773 point pt 6 ps 0.5 lc rgb '#d86b14'
set label 'yoso-m hashes=32 hash_bits=auto' at screen 0.73961,0.69773 left font ',7'
set arrow from screen 0.69257,0.66406 to screen 0.73177,0.66406 nohead lw 1.2 dt solid lc rgb '#0072b2'
set label '' at screen 0.71217,0.66406 point pt 9 ps 0.5 lc rgb '#0072b2'
set label 'linformer k=256' at screen 0.73961,0.66406 left font ',7'
set arrow from screen 0.69257,0.63039 to screen 0.73177,0.63039 nohead lw 1.2 dt solid lc rgb '#009e73'
set label '' at screen 0.71217,0.63039 point pt 11 ps 0.5 lc rgb '#009e73'
set label 'performer features=256' at screen 0.73961,0.63039 left font ',7'
set arrow from screen 0.69257,0.59671 to screen 0.73177,0.59671 nohead lw 1.2 dt (8,3) lc rgb '#e69e66'
set label '' at screen 0.71217,0.59671 point pt 6 ps 0.5 lc rgb '#e69e66'
set label 'yoso-m hashes=64 hash_bits=auto' at screen 0.73961,0.59671 left font ',7'
set arrow from screen 0.69257,0.56304 to screen 0.73177,0.56304 nohead lw 1.2 dt solid lc rgb '#cc79a7'
set label '' at screen 0.71217,0.56304 point pt 13 ps 0.5 lc rgb '#cc79a7'
set label 'reformer rounds=2' at screen 0.73961,0.56304 left font ',7'
set arrow from screen 0.69257,0.52936 to screen 0.73177,0.52936 nohead lw 1.2 dt solid lc rgb '#000000'
set label '' at screen 0.71217,0.52936 point pt 5 ps 0.5 lc rgb '#000000'
set label 'softmax' at screen 0.73961,0.52936 left font ',7'
set arrow from screen 0.69257,0.49569 to screen 0.73177,0.49569 nohead lw 1.2 dt (6,3) lc rgb '#e69f00'
set label '' at screen 0.71217,0.49569 point pt 7 ps 0.5 lc rgb '#e69f00'
set label 'yoso-e' at screen 0.73961,0.49569 left font ',7'
set arrow from screen 0.69257,0.46201 to screen 0.73177,0.46201 nohead lw 1.2 dt (6,3) lc rgb '#882255'
set label '' at screen 0.71217,0.46201 point pt 5 ps 0.5 lc rgb '#882255'
set label 'softmax-naive' at screen 0.73961,0.46201 left font ',7'
set arrow from screen 0.69257,0.42834 to screen 0.73177,0.42834 nohead lw 1.2 dt (1,2) lc rgb '#707070'
set label 'dotted, no mark: predicted' at screen 0.73961,0.42834 left font ',7'
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
     $panel0_10 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#a24700', \
     $panel0_11 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#c45600', \
     $panel0_12 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#d86b14', \
     $panel0_13 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#df853d', \
     $panel0_14 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel0_15 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#8c8c8c', \
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
     $panel0_10 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#a24700', \
     $panel0_10_predicted with lines lw 1 dt (1,2) lc rgb '#a24700', \
     $panel0_11 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#c45600', \
     $panel0_11_predicted with lines lw 1 dt (1,2) lc rgb '#c45600', \
     $panel0_12 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#d86b14', \
     $panel0_12_predicted with lines lw 1 dt (1,2) lc rgb '#d86b14', \
     $panel0_13 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#df853d', \
     $panel0_13_predicted with lines lw 1 dt (1,2) lc rgb '#df853d', \
     $panel0_14 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#e69e66', \
     $panel0_14_predicted with lines lw 1 dt (1,2) lc rgb '#e69e66', \
     $panel0_15 with linespoints lw 1 dt (4,4) pt 1 ps 0.45 lc rgb '#8c8c8c', \
     $panel0_15_predicted with lines lw 1 dt (1,2) lc rgb '#8c8c8c'

unset multiplot
unset output
