# Drawn by yoso-bench plot. To draw it again: gnuplot layer0.gnuplot
if (!exists("figure")) figure = 'layer0.svg'
set encoding utf8
set terminal svg size 680,340 font 'sans-serif,10.67' linewidth 1.333 background 'white' noenhanced
set output figure

$panel0_frontier << EOD
0.0471332956 -4.35831699e-09
0.197214364 0.834134319
0.291271375 0.872584298
0.356159834 0.902050129
0.5271102 0.912262546
0.67078525 0.932797145
1.334445 0.956221824
2.674249 0.983708971
2.75579 1
331.89328 1
EOD
# linear
$panel0_0_dominated << EOD
0.4143966 0.0515348339 0.410143999 0.416443599 0.0515348339 0.0515348339
EOD
# linformer, by k
$panel0_1 << EOD
0.249379889 0.69626744
0.197214364 0.834134319
0.356159834 0.902050129
0.67078525 0.932797145
1.334445 0.956221824
2.674249 0.983708971
EOD
# linformer, by k
$panel0_1_dominated << EOD
0.249379889 0.69626744 0.247916556 0.250628444 0.69626744 0.69626744
EOD
# longformer, by window
$panel0_2 << EOD
0.610204 -0.752847527
0.683394001 -0.611308626
0.832090998 -0.330218015
1.137858 0.0281143064
1.6418575 0.520118062
2.4025495 0.882578236
EOD
# longformer, by window
$panel0_2_dominated << EOD
0.610204 -0.752847527 0.6024335 0.625330249 -0.752847527 -0.752847527
0.683394001 -0.611308626 0.6813535 0.688228749 -0.611308626 -0.611308626
0.832090998 -0.330218015 0.825688333 0.834929 -0.330218015 -0.330218015
1.137858 0.0281143064 1.1301665 1.148068 0.0281143064 0.0281143064
1.6418575 0.520118062 1.6366095 1.6534545 0.520118062 0.520118062
2.4025495 0.882578236 2.380651 2.417357 0.882578236 0.882578236
EOD
# nystrom, by landmarks
$panel0_3 << EOD
0.250748556 0.789958243
0.291271375 0.872584298
0.5271102 0.912262546
1.365271 0.930728336
5.55889 0.957819362
33.194481 0.977440218
EOD
# nystrom, by landmarks
$panel0_3_dominated << EOD
0.250748556 0.789958243 0.249089444 0.254553111 0.789958243 0.789958243
1.365271 0.930728336 1.3570985 1.3819355 0.930728336 0.930728336
5.55889 0.957819362 5.546802 5.574523 0.957819362 0.957819362
33.194481 0.977440218 32.956617 34.099828 0.977440218 0.977440218
EOD
# performer, by features
$panel0_4 << EOD
0.247659556 3.96559302e-07
0.4209262 4.96722879e-08
0.750987 8.5028521e-08
1.4632015 -1.06784324e-07
2.855888 7.87721894e-08
5.647982 2.31384334e-07
11.1980135 -9.25987223e-07
EOD
# performer, by features
$panel0_4_dominated << EOD
0.247659556 3.96559302e-07 0.246691333 0.249069444 2.23182641e-07 2.35126125e-06
0.4209262 4.96722879e-08 0.4166018 0.424135001 2.06291833e-08 1.5221296e-07
0.750987 8.5028521e-08 0.744260666 0.753220666 7.55958282e-08 1.47099569e-07
1.4632015 -1.06784324e-07 1.450122 1.4980785 -1.23502361e-07 -1.01400615e-07
2.855888 7.87721894e-08 2.840295 2.902368 7.05898995e-08 9.11416402e-08
5.647982 2.31384334e-07 5.618729 5.683875 2.29697315e-07 2.3356602e-07
11.1980135 -9.25987223e-07 11.156997 11.245228 -9.30322525e-07 -9.16279059e-07
EOD
# yoso-e norm=rowsum
$panel0_6_dominated << EOD
3.156185 0.341100372 3.149475 3.172599 0.341100372 0.341100372
EOD
# yoso-m norm=rowsum, by hashes
$panel0_7 << EOD
0.60580625 -1.1134841
0.798896833 -0.643042
1.235979 -0.191039824
2.329505 0.129219397
4.543319 0.233426134
8.525803 0.295622311
16.940922 0.317452901
35.1368605 0.328005103
71.080912 0.337281185
EOD
# yoso-m norm=rowsum, by hashes
$panel0_7_dominated << EOD
0.798896833 -0.643042 0.791530668 0.802927667 -0.790949085 -0.59055021
1.235979 -0.191039824 1.2327035 1.250335 -0.296057847 -0.131618222
2.329505 0.129219397 2.277939 2.353131 0.11469815 0.145443921
4.543319 0.233426134 4.511371 4.578991 0.224157269 0.252681052
8.525803 0.295622311 8.490772 8.569798 0.28479598 0.305206572
16.940922 0.317452901 16.863166 16.998808 0.309809029 0.32308386
35.1368605 0.328005103 35.014649 35.287204 0.32290339 0.333405398
71.080912 0.337281185 70.766654 71.761114 0.335238452 0.341219233
EOD
# yoso-m norm=rowsum, by hashes, below the axis
$panel0_7_below_dominated << EOD
0.60580625 -1
EOD
# subsample, by keys
$panel0_9 << EOD
0.198034636 0.0260597811
0.280889125 0.397662224
0.450991 0.645327371
0.798184 0.802205953
1.472115 0.914832516
2.851011 1
EOD
# subsample, by keys
$panel0_9_dominated << EOD
0.198034636 0.0260597811 0.195794 0.200378091 -0.0713985911 0.0992358493
0.280889125 0.397662224 0.27963475 0.2830685 0.375708829 0.44457481
0.450991 0.645327371 0.4496108 0.4553134 0.626376495 0.670258341
0.798184 0.802205953 0.791697666 0.810435668 0.78571959 0.813472934
1.472115 0.914832516 1.46206 1.475555 0.912985147 0.921931876
2.851011 1 2.84321 2.864742 1 1
EOD
# linformer, by k
$panel0_1_best << EOD
0.197214364 0.834134319 0.195465364 0.198367818 0.834134319 0.834134319
0.356159834 0.902050129 0.353722833 0.357134667 0.902050129 0.902050129
0.67078525 0.932797145 0.6651945 0.67727 0.932797145 0.932797145
1.334445 0.956221824 1.3264585 1.3373945 0.956221824 0.956221824
2.674249 0.983708971 2.666627 2.686847 0.983708971 0.983708971
EOD
# nystrom, by landmarks
$panel0_3_best << EOD
0.291271375 0.872584298 0.28989125 0.294450499 0.872584298 0.872584298
0.5271102 0.912262546 0.524412001 0.534498999 0.912262546 0.912262546
EOD
# softmax
$panel0_5_best << EOD
2.75579 1 2.746816 2.775949 1 1
EOD
$panel1_frontier << EOD
0.0621901617 8.94716739e-08
0.404949917 0.732427044
0.5817205 0.772018694
0.719987666 0.826704493
1.012648 0.876783602
1.375496 0.897948298
2.2796065 0.917250202
2.704779 0.924920521
5.288868 0.948404885
10.8518035 1
331.89328 1
EOD
# linear
$panel1_0_dominated << EOD
0.834257667 0.0276056652 0.824877333 0.847197002 0.0276056652 0.0276056652
EOD
# linformer, by k
$panel1_1 << EOD
0.4944206 0.556012727
0.404949917 0.732427044
0.719987666 0.826704493
1.375496 0.897948298
2.704779 0.924920521
5.288868 0.948404885
EOD
# linformer, by k
$panel1_1_dominated << EOD
0.4944206 0.556012727 0.4896164 0.4983252 0.556012727 0.556012727
EOD
# longformer, by window
$panel1_2 << EOD
1.29455825 -2.6849118
1.453908 -2.53383632
1.754175 -2.21341385
2.4597545 -1.76588439
3.653716 -1.12485127
5.6672855 -0.312318679
EOD
# longformer, by window
$panel1_2_dominated << EOD
5.6672855 -0.312318679 5.649575 5.717996 -0.312318679 -0.312318679
EOD
# longformer, by window, below the axis
$panel1_2_below_dominated << EOD
1.29455825 -1
1.453908 -1
1.754175 -1
2.4597545 -1
3.653716 -1
EOD
# nystrom, by landmarks
$panel1_3 << EOD
0.494747 0.562567954
0.5817205 0.772018694
1.012648 0.876783602
2.2796065 0.917250202
7.1454 0.934186807
36.551645 0.957033072
EOD
# nystrom, by landmarks
$panel1_3_dominated << EOD
0.494747 0.562567954 0.4896944 0.500184001 0.562567954 0.562567954
7.1454 0.934186807 7.086152 7.295893 0.934186807 0.934186807
36.551645 0.957033072 36.075668 37.145899 0.957033072 0.957033072
EOD
# performer, by features
$panel1_4 << EOD
0.4902673 1.1874821e-07
0.837769667 9.34932068e-09
1.52428 -8.48052449e-08
2.9655915 -7.68809372e-08
5.7283565 2.21969802e-07
11.264883 4.15324771e-07
22.234547 1.58925456e-06
EOD
# performer, by features
$panel1_4_dominated << EOD
0.4902673 1.1874821e-07 0.486774 0.4951346 4.29922982e-08 1.04372045e-06
0.837769667 9.34932068e-09 0.830582333 0.847347001 -6.89865942e-11 4.50992797e-08
1.52428 -8.48052449e-08 1.5125755 1.541959 -9.09412927e-08 -7.91571035e-08
2.9655915 -7.68809372e-08 2.945943 2.996658 -8.43965884e-08 -5.67422616e-08
5.7283565 2.21969802e-07 5.678828 5.761621 2.13654268e-07 2.44425347e-07
11.264883 4.15324771e-07 11.196947 11.691753 4.11559198e-07 4.17729218e-07
22.234547 1.58925456e-06 22.127097 23.272892 1.58029778e-06 1.59240951e-06
EOD
# yoso-e norm=rowsum
$panel1_6_dominated << EOD
12.032945 0.273236502 12.002225 12.07311 0.273236502 0.273236502
EOD
# yoso-m norm=rowsum, by hashes
$panel1_7 << EOD
1.22378825 -1.57053781
1.60751875 -0.897516099
2.47378 -0.333557601
4.397712 0.0270255819
8.2720655 0.152224485
15.872382 0.215698674
31.114607 0.243137428
65.0746815 0.258997086
133.83058 0.268700711
EOD
# yoso-m norm=rowsum, by hashes
$panel1_7_dominated << EOD
1.60751875 -0.897516099 1.5740565 1.643415 -0.98883891 -0.742737195
2.47378 -0.333557601 2.443315 2.538016 -0.457484563 -0.282249475
4.397712 0.0270255819 4.340187 4.482528 0.00400303983 0.0697171247
8.2720655 0.152224485 8.224064 8.30981199 0.142193704 0.165228291
15.872382 0.215698674 15.821877 15.986572 0.206655108 0.222564514
31.114607 0.243137428 30.965555 31.31841 0.239013804 0.249163731
65.0746815 0.258997086 64.891995 65.610334 0.255689343 0.263549748
133.83058 0.268700711 132.97709 140.978533 0.264831989 0.271572539
EOD
# yoso-m norm=rowsum, by hashes, below the axis
$panel1_7_below_dominated << EOD
1.22378825 -1
EOD
# subsample, by keys
$panel1_9 << EOD
0.416003833 -0.454062931
0.588198624 0.0533397154
0.943687 0.391108918
1.640463 0.625484595
3.032486 0.798150206
5.697786 0.919890759
EOD
# subsample, by keys
$panel1_9_dominated << EOD
0.416003833 -0.454062931 0.411281833 0.422481834 -0.587765826 -0.349475999
0.588198624 0.0533397154 0.583057501 0.597974498 -0.00153647267 0.0893940639
0.943687 0.391108918 0.937861999 0.956927002 0.349040583 0.401863046
1.640463 0.625484595 1.6280065 1.668677 0.612323492 0.639269889
3.032486 0.798150206 3.005481 3.060843 0.775038744 0.811514528
5.697786 0.919890759 5.665068 5.737605 0.911970092 0.926365554
EOD
# linformer, by k
$panel1_1_best << EOD
0.404949917 0.732427044 0.401584 0.410265334 0.732427044 0.732427044
0.719987666 0.826704493 0.712419666 0.727962998 0.826704493 0.826704493
1.375496 0.897948298 1.3636585 1.3862575 0.897948298 0.897948298
2.704779 0.924920521 2.678465 2.746916 0.924920521 0.924920521
5.288868 0.948404885 5.251112 5.347565 0.948404885 0.948404885
EOD
# nystrom, by landmarks
$panel1_3_best << EOD
0.5817205 0.772018694 0.579068999 0.586522499 0.772018694 0.772018694
1.012648 0.876783602 1.00252133 1.03008567 0.876783602 0.876783602
2.2796065 0.917250202 2.255756 2.305559 0.917250202 0.917250202
EOD
# softmax
$panel1_5_best << EOD
10.8518035 1 10.80933 10.924692 1 1
EOD
$panel2_frontier << EOD
0.182361333 1.00232881e-07
0.811156833 0.70110963
1.2868345 0.775412785
1.46556525 0.801151603
2.1290025 0.866898796
2.837401 0.878704886
4.034822 0.919454482
10.2376995 0.939606427
41.970887 0.95197646
42.717578 1
331.89328 1
EOD
# linear
$panel2_0_dominated << EOD
1.69073 0.0245304469 1.662463 1.722182 0.0245304469 0.0245304469
EOD
# linformer, by k
$panel2_1 << EOD
1.01803117 0.568211974
0.811156833 0.70110963
1.46556525 0.801151603
2.837401 0.878704886
5.432212 0.916036777
10.4773015 0.937102965
EOD
# linformer, by k
$panel2_1_dominated << EOD
1.01803117 0.568211974 1.00099567 1.037904 0.568211974 0.568211974
5.432212 0.916036777 5.27699 5.65961999 0.916036777 0.916036777
10.4773015 0.937102965 10.389666 10.572668 0.937102965 0.937102965
EOD
# longformer, by window
$panel2_2 << EOD
2.787247 -2.72286613
3.135334 -2.61529047
3.775146 -2.38829379
5.128234 -2.061414
7.727065 -1.57455683
12.3321205 -0.984259438
EOD
# longformer, by window
$panel2_2_dominated << EOD
12.3321205 -0.984259438 12.24058 12.452565 -0.984259438 -0.984259438
EOD
# longformer, by window, below the axis
$panel2_2_below_dominated << EOD
2.787247 -1
3.135334 -1
3.775146 -1
5.128234 -1
7.727065 -1
EOD
# nystrom, by landmarks
$panel2_3 << EOD
1.04199333 0.175545286
1.2868345 0.775412785
2.1290025 0.866898796
4.034822 0.919454482
10.2376995 0.939606427
41.970887 0.95197646
EOD
# nystrom, by landmarks
$panel2_3_dominated << EOD
1.04199333 0.175545286 1.03054967 1.058558 0.175545286 0.175545286
EOD
# performer, by features
$panel2_4 << EOD
1.03091033 7.10403282e-08
1.6948465 -5.18096677e-10
3.1467765 -3.89475683e-08
5.986325 -2.73863008e-07
11.5082845 -3.16820138e-07
22.47218 2.27958047e-07
44.379365 5.93335148e-07
EOD
# performer, by features
$panel2_4_dominated << EOD
1.03091033 7.10403282e-08 1.013301 1.04353567 1.61431205e-08 2.10439763e-07
1.6948465 -5.18096677e-10 1.6648715 1.7480305 -1.57819624e-08 1.90012563e-08
3.1467765 -3.89475683e-08 3.124378 3.209545 -4.81593663e-08 -3.38306528e-08
5.986325 -2.73863008e-07 5.926998 6.06296901 -2.75125054e-07 -2.56398104e-07
11.5082845 -3.16820138e-07 11.453539 11.573817 -3.18084663e-07 -3.13965409e-07
22.47218 2.27958047e-07 22.435285 22.568434 2.27625646e-07 2.32719232e-07
44.379365 5.93335148e-07 44.329506 44.576654 5.90998306e-07 5.95219564e-07
EOD
# yoso-e norm=rowsum
$panel2_6_dominated << EOD
46.848874 0.274758804 46.73241 47.010494 0.274758804 0.274758804
EOD
# yoso-m norm=rowsum, by hashes
$panel2_7 << EOD
2.6957 -0.975554719
3.356739 -0.376848319
4.918572 -0.0470920434
8.4027405 0.129410479
15.8610455 0.20403503
30.4534685 0.24350511
61.175496 0.259605141
123.670275 0.269339553
248.199749 0.270256903
EOD
# yoso-m norm=rowsum, by hashes
$panel2_7_dominated << EOD
2.6957 -0.975554719 2.516414 2.979422 -1.01741194 -0.81725686
3.356739 -0.376848319 3.19962999 3.652173 -0.458644286 -0.328686094
4.918572 -0.0470920434 4.813721 5.016733 -0.0823073099 -0.0301749169
8.4027405 0.129410479 8.357443 8.486765 0.106576073 0.147543383
15.8610455 0.20403503 15.77675 16.048254 0.195980633 0.219102528
30.4534685 0.24350511 30.347556 30.62652 0.240953593 0.25154188
61.175496 0.259605141 61.074886 61.301925 0.250064837 0.263426401
123.670275 0.269339553 123.383949 126.212227 0.263047695 0.274344349
248.199749 0.270256903 247.810429 248.608176 0.266846448 0.272540594
EOD
# subsample, by keys
$panel2_9 << EOD
0.8728785 -0.521209904
1.266454 0.00356958613
1.9712425 0.306495838
3.3504195 0.562945223
6.0042525 0.723678534
11.210983 0.844113674
EOD
# subsample, by keys
$panel2_9_dominated << EOD
0.8728785 -0.521209904 0.860810665 0.907156 -0.561621661 -0.418510309
1.266454 0.00356958613 1.245768 1.290755 -0.161948443 0.0441359999
1.9712425 0.306495838 1.921043 2.1197235 0.280584877 0.343678764
3.3504195 0.562945223 3.307621 3.42791 0.551602009 0.578312159
6.0042525 0.723678534 5.933607 6.08939899 0.70915133 0.731325961
11.210983 0.844113674 11.142976 11.375392 0.838235317 0.853460196
EOD
# linformer, by k
$panel2_1_best << EOD
0.811156833 0.70110963 0.797219334 0.864318999 0.70110963 0.70110963
1.46556525 0.801151603 1.4287555 1.5859795 0.801151603 0.801151603
2.837401 0.878704886 2.789329 2.905782 0.878704886 0.878704886
EOD
# nystrom, by landmarks
$panel2_3_best << EOD
1.2868345 0.775412785 1.248778 1.3266985 0.775412785 0.775412785
2.1290025 0.866898796 2.007411 2.227604 0.866898796 0.866898796
4.034822 0.919454482 3.990146 4.115643 0.919454482 0.919454482
10.2376995 0.939606427 10.073015 10.398419 0.939606427 0.939606427
41.970887 0.95197646 41.658642 42.111226 0.95197646 0.95197646
EOD
# softmax
$panel2_5_best << EOD
42.717578 1 42.608716 42.860991 1 1
EOD
# mean-v
$panel2_8_best << EOD
0.182361333 1.00232881e-07 0.18131725 0.185586917 1.00232881e-07 1.00232881e-07
EOD
set border 3 lw 0.5 lc rgb '#404040'
set grid xtics ytics lt 1 lw 0.4 lc rgb '#e4e4e4'
set clip two
unset key
set multiplot

# n = 512
unset label
unset arrow
unset object
set lmargin at screen 0.07887
set rmargin at screen 0.22144
set bmargin at screen 0.10975
set tmargin at screen 0.92944
set logscale x
set xrange [0.135817606:331.89328]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('1' 1, '100' 100, '' 0.2 1, '' 0.3 1, '' 0.4 1, '' 0.5 1, '' 0.6 1, '' 0.7 1, '' 0.8 1, '' 0.9 1, '' 2 1, '' 3 1, '' 4 1, '' 5 1, '' 6 1, '' 7 1, '' 8 1, '' 9 1, '' 10 1, '' 20 1, '' 30 1, '' 40 1, '' 50 1, '' 60 1, '' 70 1, '' 80 1, '' 90 1, '' 200 1, '' 300 1)
unset logscale y
set yrange [-1.08:1.08]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('−1' -1, '−0.5' -0.5, '0' 0, '0.5' 0.5, '1' 1)
set label 'n = 512' at graph 0.5,1 center offset 0,0.6 font ',8'
set label 'time (ms)' at screen 0.31624,0.03136 center font ',8.00'
set label 'skill; arrows: below −1' at screen 0.01764,0.51960 center rotate font ',8.00'
set arrow from screen 0.57322,0.90887 to screen 0.61241,0.90887 nohead lw 1.2 dt (9,3,2,3) lc rgb '#332288'
set label '' at screen 0.59282,0.90887 point pt 11 ps 0.5 lc rgb '#332288'
set label 'linear' at screen 0.62025,0.90887 left font ',7'
set arrow from screen 0.57322,0.86771 to screen 0.61241,0.86771 nohead lw 1.2 dt solid lc rgb '#0072b2'
set label '' at screen 0.59282,0.86771 point pt 9 ps 0.5 lc rgb '#0072b2'
set label 'linformer, by k' at screen 0.62025,0.86771 left font ',7'
set arrow from screen 0.57322,0.82655 to screen 0.61241,0.82655 nohead lw 1.2 dt (9,3,2,3) lc rgb '#999933'
set label '' at screen 0.59282,0.82655 point pt 9 ps 0.5 lc rgb '#999933'
set label 'longformer, by window' at screen 0.62025,0.82655 left font ',7'
set arrow from screen 0.57322,0.78539 to screen 0.61241,0.78539 nohead lw 1.2 dt solid lc rgb '#56b4e9'
set label '' at screen 0.59282,0.78539 point pt 15 ps 0.5 lc rgb '#56b4e9'
set label 'nystrom, by landmarks' at screen 0.62025,0.78539 left font ',7'
set arrow from screen 0.57322,0.74424 to screen 0.61241,0.74424 nohead lw 1.2 dt solid lc rgb '#009e73'
set label '' at screen 0.59282,0.74424 point pt 11 ps 0.5 lc rgb '#009e73'
set label 'performer, by features' at screen 0.62025,0.74424 left font ',7'
set arrow from screen 0.57322,0.70308 to screen 0.61241,0.70308 nohead lw 1.2 dt solid lc rgb '#000000'
set label '' at screen 0.59282,0.70308 point pt 5 ps 0.5 lc rgb '#000000'
set label 'softmax' at screen 0.62025,0.70308 left font ',7'
set arrow from screen 0.57322,0.66192 to screen 0.61241,0.66192 nohead lw 1.2 dt (6,3) lc rgb '#e69f00'
set label '' at screen 0.59282,0.66192 point pt 7 ps 0.5 lc rgb '#e69f00'
set label 'yoso-e norm=rowsum' at screen 0.62025,0.66192 left font ',7'
set arrow from screen 0.57322,0.62076 to screen 0.61241,0.62076 nohead lw 1.2 dt solid lc rgb '#d55e00'
set label '' at screen 0.59282,0.62076 point pt 7 ps 0.5 lc rgb '#d55e00'
set label 'yoso-m norm=rowsum, by hashes' at screen 0.62025,0.62076 left font ',7'
set arrow from screen 0.57322,0.57961 to screen 0.61241,0.57961 nohead lw 1.2 dt (2,3) lc rgb '#707070'
set label 'mean-v, off the axis (time 47.1 µs to 62.2 µs)' at screen 0.62025,0.57961 left font ',7'
set arrow from screen 0.57322,0.53845 to screen 0.61241,0.53845 nohead lw 1.2 dt (4,4) lc rgb '#8c8c8c'
set label '' at screen 0.59282,0.53845 point pt 1 ps 0.5 lc rgb '#8c8c8c'
set label 'subsample, by keys' at screen 0.62025,0.53845 left font ',7'
set arrow from screen 0.57322,0.49729 to screen 0.61241,0.49729 nohead lw 1.2 dt (2,3) lc rgb '#707070'
set label '' at screen 0.59282,0.49729 point pt 2 ps 0.5 lc rgb '#707070'
set label 'mean-v' at screen 0.62025,0.49729 left font ',7'
set arrow from screen 0.57322,0.45613 to screen 0.61241,0.45613 nohead lw 1.2 dt solid lc rgb '#c8c8c8'
set label 'frontier' at screen 0.62025,0.45613 left font ',7'
set label '' at screen 0.59282,0.41498 point pt 6 ps 0.5 lc rgb '#b0b0b0'
set label 'faint, hollow: dominated' at screen 0.62025,0.41498 left font ',7'
set label '8' at graph 0.16078,0.85343 center front font ',6.5' tc rgb '#0072b2'
set label '256' at graph 0.58669,0.90712 center front font ',6.5' tc rgb '#0072b2'
set label '16' at graph 0.30339,0.15146 center front font ',6.5' tc rgb '#999933'
set label '512' at graph 0.36827,0.87752 center front font ',6.5' tc rgb '#999933'
set label '8' at graph 0.22747,0.81742 center front font ',6.5' tc rgb '#56b4e9'
set label '256' at graph 0.84357,0.95252 center front font ',6.5' tc rgb '#56b4e9'
set label '16' at graph 0.07701,0.46892 center front font ',6.5' tc rgb '#009e73'
set label '1024' at graph 0.56557,0.53108 center front font ',6.5' tc rgb '#009e73'
set label '8' at graph 0.19167,0.06812 center front font ',6.5' tc rgb '#d55e00'
set label '2048' at graph 0.80247,0.68723 center front font ',6.5' tc rgb '#d55e00'
set label '16' at graph 0.22512,0.56036 center front font ',6.5' tc rgb '#8c8c8c'
set label '512' at graph 0.18552,0.96296 center front font ',6.5' tc rgb '#8c8c8c'
set label 'mean-v' at graph 0.77758,0.47370 center front font ',6.5' tc rgb '#707070'
plot $panel0_frontier with steps lw 2.5 dt solid lc rgb '#c8c8c8', \
     $panel0_0_dominated using 1:2:3:4:5:6 with xyerrorbars pt 10 ps 0.4 lw 0.8 lc rgb '#ada7cf', \
     $panel0_1 with lines lw 0.8 dt solid lc rgb '#99c7e0', \
     $panel0_1_dominated using 1:2:3:4:5:6 with xyerrorbars pt 8 ps 0.4 lw 0.8 lc rgb '#99c7e0', \
     $panel0_2 with lines lw 0.8 dt (9,3,2,3) lc rgb '#d6d6ad', \
     $panel0_2_dominated using 1:2:3:4:5:6 with xyerrorbars pt 8 ps 0.4 lw 0.8 lc rgb '#d6d6ad', \
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
     $panel0_1_best using 1:2:3:4:5:6 with xyerrorbars pt 9 ps 0.6 lw 0.8 lc rgb '#0072b2', \
     $panel0_3_best using 1:2:3:4:5:6 with xyerrorbars pt 15 ps 0.6 lw 0.8 lc rgb '#56b4e9', \
     $panel0_5_best using 1:2:3:4:5:6 with xyerrorbars pt 5 ps 0.6 lw 0.8 lc rgb '#000000', \
     -4.35831699e-09 with lines lw 0.8 dt (2,3) lc rgb '#707070'

# n = 1024
unset label
unset arrow
unset object
set lmargin at screen 0.24496
set rmargin at screen 0.38753
set bmargin at screen 0.10975
set tmargin at screen 0.92944
set logscale x
set xrange [0.135817606:331.89328]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('1' 1, '100' 100, '' 0.2 1, '' 0.3 1, '' 0.4 1, '' 0.5 1, '' 0.6 1, '' 0.7 1, '' 0.8 1, '' 0.9 1, '' 2 1, '' 3 1, '' 4 1, '' 5 1, '' 6 1, '' 7 1, '' 8 1, '' 9 1, '' 10 1, '' 20 1, '' 30 1, '' 40 1, '' 50 1, '' 60 1, '' 70 1, '' 80 1, '' 90 1, '' 200 1, '' 300 1)
unset logscale y
set yrange [-1.08:1.08]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('' -1, '' -0.5, '' 0, '' 0.5, '' 1)
set label 'n = 1024' at graph 0.5,1 center offset 0,0.6 font ',8'
set label '8' at graph 0.24852,0.75741 center front font ',6.5' tc rgb '#0072b2'
set label '256' at graph 0.33071,0.97016 center front font ',6.5' tc rgb '#0072b2'
set label '16' at graph 0.17821,0.03704 center front font ',6.5' tc rgb '#999933'
set label '512' at graph 0.47828,0.38649 center front font ',6.5' tc rgb '#999933'
set label '8' at graph 0.08282,0.76045 center front font ',6.5' tc rgb '#56b4e9'
set label '256' at graph 0.71721,0.97415 center front font ',6.5' tc rgb '#56b4e9'
set label '16' at graph 0.16454,0.46892 center front font ',6.5' tc rgb '#009e73'
set label '1024' at graph 0.65350,0.53108 center front font ',6.5' tc rgb '#009e73'
set label '8' at graph 0.43068,0.08534 center front font ',6.5' tc rgb '#d55e00'
set label '2048' at graph 0.88358,0.65548 center front font ',6.5' tc rgb '#d55e00'
set label '16' at graph 0.14349,0.32087 center front font ',6.5' tc rgb '#8c8c8c'
set label '512' at graph 0.61767,0.89479 center front font ',6.5' tc rgb '#8c8c8c'
set label 'mean-v' at graph 0.77758,0.47370 center front font ',6.5' tc rgb '#707070'
plot $panel1_frontier with steps lw 2.5 dt solid lc rgb '#c8c8c8', \
     $panel1_0_dominated using 1:2:3:4:5:6 with xyerrorbars pt 10 ps 0.4 lw 0.8 lc rgb '#ada7cf', \
     $panel1_1 with lines lw 0.8 dt solid lc rgb '#99c7e0', \
     $panel1_1_dominated using 1:2:3:4:5:6 with xyerrorbars pt 8 ps 0.4 lw 0.8 lc rgb '#99c7e0', \
     $panel1_2 with lines lw 0.8 dt (9,3,2,3) lc rgb '#d6d6ad', \
     $panel1_2_dominated using 1:2:3:4:5:6 with xyerrorbars pt 8 ps 0.4 lw 0.8 lc rgb '#d6d6ad', \
     $panel1_2_below_dominated with points pt 11 ps 0.5 lc rgb '#d6d6ad', \
     $panel1_3 with lines lw 0.8 dt solid lc rgb '#bbe1f6', \
     $panel1_3_dominated using 1:2:3:4:5:6 with xyerrorbars pt 14 ps 0.4 lw 0.8 lc rgb '#bbe1f6', \
     $panel1_4 with lines lw 0.8 dt solid lc rgb '#99d8c7', \
     $panel1_4_dominated using 1:2:3:4:5:6 with xyerrorbars pt 10 ps 0.4 lw 0.8 lc rgb '#99d8c7', \
     $panel1_6_dominated using 1:2:3:4:5:6 with xyerrorbars pt 6 ps 0.4 lw 0.8 lc rgb '#f5d999', \
     $panel1_7 with lines lw 0.8 dt solid lc rgb '#eebf99', \
     $panel1_7_dominated using 1:2:3:4:5:6 with xyerrorbars pt 6 ps 0.4 lw 0.8 lc rgb '#eebf99', \
     $panel1_7_below_dominated with points pt 11 ps 0.5 lc rgb '#eebf99', \
     $panel1_9 with lines lw 0.8 dt (4,4) lc rgb '#d1d1d1', \
     $panel1_9_dominated using 1:2:3:4:5:6 with xyerrorbars pt 1 ps 0.4 lw 0.8 lc rgb '#d1d1d1', \
     $panel1_1_best using 1:2:3:4:5:6 with xyerrorbars pt 9 ps 0.6 lw 0.8 lc rgb '#0072b2', \
     $panel1_3_best using 1:2:3:4:5:6 with xyerrorbars pt 15 ps 0.6 lw 0.8 lc rgb '#56b4e9', \
     $panel1_5_best using 1:2:3:4:5:6 with xyerrorbars pt 5 ps 0.6 lw 0.8 lc rgb '#000000', \
     8.94716739e-08 with lines lw 0.8 dt (2,3) lc rgb '#707070'

# n = 2048
unset label
unset arrow
unset object
set lmargin at screen 0.41105
set rmargin at screen 0.55362
set bmargin at screen 0.10975
set tmargin at screen 0.92944
set logscale x
set xrange [0.135817606:331.89328]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('1' 1, '100' 100, '' 0.2 1, '' 0.3 1, '' 0.4 1, '' 0.5 1, '' 0.6 1, '' 0.7 1, '' 0.8 1, '' 0.9 1, '' 2 1, '' 3 1, '' 4 1, '' 5 1, '' 6 1, '' 7 1, '' 8 1, '' 9 1, '' 10 1, '' 20 1, '' 30 1, '' 40 1, '' 50 1, '' 60 1, '' 70 1, '' 80 1, '' 90 1, '' 200 1, '' 300 1)
unset logscale y
set yrange [-1.08:1.08]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('' -1, '' -0.5, '' 0, '' 0.5, '' 1)
set label 'n = 2048' at graph 0.5,1 center offset 0,0.6 font ',8'
set label '8' at graph 0.34110,0.76306 center front font ',6.5' tc rgb '#0072b2'
set label '256' at graph 0.55705,0.96493 center front font ',6.5' tc rgb '#0072b2'
set label '16' at graph 0.27651,0.03704 center front font ',6.5' tc rgb '#999933'
set label '512' at graph 0.57794,0.07541 center front font ',6.5' tc rgb '#999933'
set label '8' at graph 0.34408,0.58127 center front font ',6.5' tc rgb '#56b4e9'
set label '256' at graph 0.87364,0.94073 center front font ',6.5' tc rgb '#56b4e9'
set label '16' at graph 0.25982,0.46892 center front font ',6.5' tc rgb '#009e73'
set label '1024' at graph 0.74209,0.53108 center front font ',6.5' tc rgb '#009e73'
set label '8' at graph 0.38303,0.07944 center front font ',6.5' tc rgb '#d55e00'
set label '2048' at graph 0.79614,0.65620 center front font ',6.5' tc rgb '#d55e00'
set label '16' at graph 0.23849,0.28978 center front font ',6.5' tc rgb '#8c8c8c'
set label '512' at graph 0.70442,0.89079 center front font ',6.5' tc rgb '#8c8c8c'
plot $panel2_frontier with steps lw 2.5 dt solid lc rgb '#c8c8c8', \
     $panel2_0_dominated using 1:2:3:4:5:6 with xyerrorbars pt 10 ps 0.4 lw 0.8 lc rgb '#ada7cf', \
     $panel2_1 with lines lw 0.8 dt solid lc rgb '#99c7e0', \
     $panel2_1_dominated using 1:2:3:4:5:6 with xyerrorbars pt 8 ps 0.4 lw 0.8 lc rgb '#99c7e0', \
     $panel2_2 with lines lw 0.8 dt (9,3,2,3) lc rgb '#d6d6ad', \
     $panel2_2_dominated using 1:2:3:4:5:6 with xyerrorbars pt 8 ps 0.4 lw 0.8 lc rgb '#d6d6ad', \
     $panel2_2_below_dominated with points pt 11 ps 0.5 lc rgb '#d6d6ad', \
     $panel2_3 with lines lw 0.8 dt solid lc rgb '#bbe1f6', \
     $panel2_3_dominated using 1:2:3:4:5:6 with xyerrorbars pt 14 ps 0.4 lw 0.8 lc rgb '#bbe1f6', \
     $panel2_4 with lines lw 0.8 dt solid lc rgb '#99d8c7', \
     $panel2_4_dominated using 1:2:3:4:5:6 with xyerrorbars pt 10 ps 0.4 lw 0.8 lc rgb '#99d8c7', \
     $panel2_6_dominated using 1:2:3:4:5:6 with xyerrorbars pt 6 ps 0.4 lw 0.8 lc rgb '#f5d999', \
     $panel2_7 with lines lw 0.8 dt solid lc rgb '#eebf99', \
     $panel2_7_dominated using 1:2:3:4:5:6 with xyerrorbars pt 6 ps 0.4 lw 0.8 lc rgb '#eebf99', \
     $panel2_9 with lines lw 0.8 dt (4,4) lc rgb '#d1d1d1', \
     $panel2_9_dominated using 1:2:3:4:5:6 with xyerrorbars pt 1 ps 0.4 lw 0.8 lc rgb '#d1d1d1', \
     $panel2_1_best using 1:2:3:4:5:6 with xyerrorbars pt 9 ps 0.6 lw 0.8 lc rgb '#0072b2', \
     $panel2_3_best using 1:2:3:4:5:6 with xyerrorbars pt 15 ps 0.6 lw 0.8 lc rgb '#56b4e9', \
     $panel2_5_best using 1:2:3:4:5:6 with xyerrorbars pt 5 ps 0.6 lw 0.8 lc rgb '#000000', \
     $panel2_8_best using 1:2:3:4:5:6 with xyerrorbars pt 2 ps 0.6 lw 0.8 lc rgb '#707070'

unset multiplot
unset output
