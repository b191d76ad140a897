# Drawn by yoso-bench plot. To draw it again: gnuplot angle.gnuplot
if (!exists("figure")) figure = 'angle.svg'
set encoding utf8
set terminal svg size 680,454 font 'sans-serif,10.67' linewidth 1.333 background 'white' noenhanced
set output figure

# yoso-m hashes=8
$panel0_0 << EOD
128 1.34269335 1.33044655 1.35081394
256 1.35220286 1.35021096 1.35562404
512 1.35035039 1.345795 1.35627783
1024 1.33994119 1.33760358 1.34285231
2048 1.35706061 1.35455623 1.36002486
4096 1.34363383 1.34213473 1.3461753
EOD
# yoso-m hashes=16
$panel0_1 << EOD
128 1.24471719 1.2386102 1.25386128
256 1.26181244 1.25792026 1.26691498
512 1.26188388 1.25950415 1.26739804
1024 1.24931206 1.24788136 1.25204008
2048 1.2730384 1.27202904 1.2744959
4096 1.25546118 1.253103 1.25689966
EOD
# yoso-m hashes=32
$panel0_2 << EOD
128 1.12395885 1.11838218 1.13283109
256 1.14328781 1.14031444 1.15083762
512 1.14603149 1.14317834 1.15036666
1024 1.12926165 1.1260588 1.13203617
2048 1.1605227 1.15825678 1.16129115
4096 1.13789905 1.13533151 1.13926887
EOD
# yoso-m hashes=64
$panel0_3 << EOD
128 0.969830105 0.96452393 0.974549353
256 0.993732809 0.990478155 1.00017857
512 0.996639597 0.993951969 1.00274336
1024 0.974886707 0.972287555 0.978875839
2048 1.0130962 1.01152789 1.01483502
4096 0.985503459 0.983508681 0.988334605
EOD
# yoso-m hashes=128
$panel0_4 << EOD
128 0.79692062 0.794102959 0.80317679
256 0.827822864 0.826841717 0.832963163
512 0.830086936 0.827946809 0.833551767
1024 0.805303131 0.803507029 0.807062318
2048 0.847814287 0.84573105 0.849122357
4096 0.819775906 0.818550456 0.820946132
EOD
# yoso-m hashes=256
$panel0_5 << EOD
128 0.62547473 0.619139029 0.628238774
256 0.653949007 0.65122752 0.654779659
512 0.656720847 0.655751826 0.661226097
1024 0.634527844 0.632883856 0.635353232
2048 0.675293585 0.674331138 0.675497369
4096 0.647067795 0.646264793 0.648352463
EOD
# yoso-m hashes=512
$panel0_6 << EOD
128 0.47209643 0.470329698 0.475257797
256 0.495552724 0.494168125 0.49979747
512 0.500561951 0.498816363 0.501438804
1024 0.479945814 0.478560282 0.480784158
2048 0.514408169 0.513683532 0.514849078
4096 0.490374226 0.489518346 0.491020674
EOD
# yoso-m hashes=8
$panel1_0 << EOD
128 0.910923369 0.878765739 0.932507044
256 0.959242894 0.939194009 0.97047529
512 1.00626978 0.991928867 1.01765629
1024 1.05718617 1.04816364 1.06789347
2048 1.15382719 1.14957812 1.15957672
4096 1.21277099 1.20929687 1.21558381
EOD
# yoso-m hashes=16
$panel1_1 << EOD
128 0.723194711 0.702168244 0.736982234
256 0.774700447 0.758597458 0.783399767
512 0.829481906 0.821332377 0.844571262
1024 0.895322097 0.889716061 0.900882379
2048 1.01090699 1.00674509 1.01490678
4096 1.08322539 1.08079992 1.08567973
EOD
# yoso-m hashes=32
$panel1_2 << EOD
128 0.540624274 0.538014603 0.560987282
256 0.59139606 0.584926155 0.600267071
512 0.65084734 0.643052739 0.657995842
1024 0.714711164 0.712628666 0.722212772
2048 0.839514663 0.834806555 0.842930828
4096 0.925868662 0.922020462 0.926852296
EOD
# yoso-m hashes=64
$panel1_3 << EOD
128 0.393496432 0.390794851 0.402976097
256 0.44331366 0.436393129 0.4491213
512 0.491827095 0.489108177 0.495259847
1024 0.551918754 0.548596601 0.554485308
2048 0.668728548 0.66570706 0.672966824
4096 0.75344745 0.751945007 0.756546663
EOD
# yoso-m hashes=128
$panel1_4 << EOD
128 0.288243433 0.283984634 0.293827088
256 0.320839836 0.317528271 0.327396678
512 0.362187122 0.358858905 0.363425964
1024 0.410828281 0.40827274 0.4123218
2048 0.512103084 0.511041307 0.512842621
4096 0.587767015 0.586844759 0.588344611
EOD
# yoso-m hashes=256
$panel1_5 << EOD
128 0.208882912 0.2074411 0.209781577
256 0.233641859 0.23204319 0.235030062
512 0.260915465 0.259857918 0.26257762
1024 0.298882863 0.298224425 0.300335936
2048 0.379173641 0.378668349 0.380272634
4096 0.440833125 0.440363294 0.441689805
EOD
# yoso-m hashes=512
$panel1_6 << EOD
128 0.149442582 0.146837913 0.151220868
256 0.164947618 0.163928179 0.166286212
512 0.187040821 0.186000837 0.187945051
1024 0.214396734 0.213679574 0.214984275
2048 0.274756658 0.273917529 0.27526354
4096 0.322386701 0.321811177 0.322794987
EOD
# yoso-m hashes=8
$panel2_0 << EOD
128 0.94723824 0.930909325 0.960357936
256 0.931081766 0.890835367 0.944764023
512 0.760047885 0.744235401 0.847316895
1024 0.695059938 0.611327191 0.725954561
2048 0.599197786 0.561370101 0.627833651
EOD
# yoso-m hashes=16
$panel2_1 << EOD
128 0.724022858 0.712808638 0.731421098
256 0.680438149 0.652020624 0.722315149
512 0.542218968 0.51142874 0.564768362
1024 0.462371172 0.427498056 0.483170579
2048 0.408863356 0.39217881 0.425790736
EOD
# yoso-m hashes=32
$panel2_2 << EOD
128 0.516167975 0.507232222 0.526817816
256 0.439533396 0.421013292 0.462295264
512 0.339904269 0.32944921 0.372526016
1024 0.303365444 0.294456331 0.314282177
2048 0.286084361 0.277532887 0.292582512
EOD
# yoso-m hashes=64
$panel2_3 << EOD
128 0.363421617 0.357852147 0.371283886
256 0.290588303 0.281589936 0.300471824
512 0.22680856 0.218211604 0.233894726
1024 0.205706729 0.201417725 0.21274577
2048 0.196504342 0.190427596 0.204800383
EOD
# yoso-m hashes=128
$panel2_4 << EOD
128 0.255419163 0.251472978 0.26052793
256 0.189741542 0.183353761 0.198638593
512 0.154175886 0.150467298 0.157603552
1024 0.142835583 0.140221097 0.146007655
2048 0.137309299 0.136221155 0.140242049
EOD
# yoso-m hashes=256
$panel2_5 << EOD
128 0.181412207 0.179887139 0.182230993
256 0.129137324 0.127524646 0.132010946
512 0.105555746 0.101529331 0.107566164
1024 0.0992069912 0.0973894714 0.100990173
2048 0.0967743093 0.0952394515 0.0983224064
EOD
# yoso-m hashes=512
$panel2_6 << EOD
128 0.128561423 0.127080357 0.130431961
256 0.0906851889 0.0892343429 0.0913717143
512 0.0732823811 0.0719497805 0.0746231871
1024 0.0700864322 0.0690113769 0.0706828362
2048 0.0686541057 0.067281034 0.0690302862
EOD
# yoso-m hashes=8
$panel3_0 << EOD
128 0.983717279 0.944818764 1.01765416
256 0.807996446 0.797799082 0.831485436
512 0.598737523 0.567966895 0.643118642
EOD
# yoso-m hashes=16
$panel3_1 << EOD
128 0.759247971 0.719933025 0.770563667
256 0.603722382 0.592508567 0.617888403
512 0.424971964 0.414278071 0.432294714
EOD
# yoso-m hashes=32
$panel3_2 << EOD
128 0.548007546 0.535662422 0.558883446
256 0.442908336 0.430310871 0.449408073
512 0.288274762 0.28519833 0.298340958
EOD
# yoso-m hashes=64
$panel3_3 << EOD
128 0.380776153 0.376620748 0.386024725
256 0.31270485 0.307437257 0.320914986
512 0.199769168 0.197068906 0.201856443
EOD
# yoso-m hashes=128
$panel3_4 << EOD
128 0.268145694 0.265662026 0.27561567
256 0.224032693 0.222202086 0.226353769
512 0.139143317 0.137716674 0.139778028
EOD
# yoso-m hashes=256
$panel3_5 << EOD
128 0.187928487 0.185308594 0.193558391
256 0.15862187 0.15775868 0.160816474
512 0.0980825482 0.0970342393 0.0991806945
EOD
# yoso-m hashes=512
$panel3_6 << EOD
128 0.132690074 0.131901059 0.134148998
256 0.114250541 0.112805337 0.114651426
512 0.0691776041 0.0685429052 0.0698075644
EOD
set border 3 lw 0.5 lc rgb '#404040'
set grid xtics ytics lt 1 lw 0.4 lc rgb '#e4e4e4'
set clip two
unset key
set multiplot

# gaussian, d = 64
unset label
unset arrow
unset object
set lmargin at screen 0.07091
set rmargin at screen 0.33233
set bmargin at screen 0.55733
set tmargin at screen 0.94708
set logscale x
set xrange [111.430472:4705.06846]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('128' 128, '512' 512, '2k' 2048, '' 256 1, '' 1024 1, '' 4096 1)
unset logscale y
set yrange [0.0155712808:1.41173462]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('0.2' 0.2, '0.4' 0.4, '0.6' 0.6, '0.8' 0.8, '1' 1, '1.2' 1.2, '1.4' 1.4)
set label 'gaussian, d = 64' at graph 0.5,1 center offset 0,0.6 font ',8'
set label 'tokens n' at screen 0.34409,0.02352 center font ',8.00'
set label 'angle to yoso-e (rad)' at screen 0.01764,0.51470 center rotate font ',8.00'
set arrow from screen 0.63687,0.93165 to screen 0.67607,0.93165 nohead lw 1.2 dt solid lc rgb '#803800'
set label '' at screen 0.65647,0.93165 point pt 7 ps 0.5 lc rgb '#803800'
set label 'yoso-m hashes=8' at screen 0.68391,0.93165 left font ',7'
set arrow from screen 0.63687,0.90078 to screen 0.67607,0.90078 nohead lw 1.2 dt (8,3) lc rgb '#9c4500'
set label '' at screen 0.65647,0.90078 point pt 6 ps 0.5 lc rgb '#9c4500'
set label 'yoso-m hashes=16' at screen 0.68391,0.90078 left font ',7'
set arrow from screen 0.63687,0.86991 to screen 0.67607,0.86991 nohead lw 1.2 dt (2,2) lc rgb '#b95100'
set label '' at screen 0.65647,0.86991 point pt 7 ps 0.5 lc rgb '#b95100'
set label 'yoso-m hashes=32' at screen 0.68391,0.86991 left font ',7'
set arrow from screen 0.63687,0.83905 to screen 0.67607,0.83905 nohead lw 1.2 dt (8,3,2,3) lc rgb '#d55e00'
set label '' at screen 0.65647,0.83905 point pt 6 ps 0.5 lc rgb '#d55e00'
set label 'yoso-m hashes=64' at screen 0.68391,0.83905 left font ',7'
set arrow from screen 0.63687,0.80818 to screen 0.67607,0.80818 nohead lw 1.2 dt solid lc rgb '#db7322'
set label '' at screen 0.65647,0.80818 point pt 7 ps 0.5 lc rgb '#db7322'
set label 'yoso-m hashes=128' at screen 0.68391,0.80818 left font ',7'
set arrow from screen 0.63687,0.77731 to screen 0.67607,0.77731 nohead lw 1.2 dt (8,3) lc rgb '#e08944'
set label '' at screen 0.65647,0.77731 point pt 6 ps 0.5 lc rgb '#e08944'
set label 'yoso-m hashes=256' at screen 0.68391,0.77731 left font ',7'
set arrow from screen 0.63687,0.74644 to screen 0.67607,0.74644 nohead lw 1.2 dt (2,2) lc rgb '#e69e66'
set label '' at screen 0.65647,0.74644 point pt 7 ps 0.5 lc rgb '#e69e66'
set label 'yoso-m hashes=512' at screen 0.68391,0.74644 left font ',7'
set label 'all of yoso-m: hash_bits=8 norm=rowsum' at screen 0.68391,0.71557 left font ',7'
plot $panel0_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel0_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#9c4500', \
     $panel0_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#b95100', \
     $panel0_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#d55e00', \
     $panel0_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#db7322', \
     $panel0_5 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e08944', \
     $panel0_6 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel0_0 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel0_1 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#9c4500', \
     $panel0_2 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#b95100', \
     $panel0_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#d55e00', \
     $panel0_4 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#db7322', \
     $panel0_5 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#e08944', \
     $panel0_6 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#e69e66'

# clustered, d = 64
unset label
unset arrow
unset object
set lmargin at screen 0.35585
set rmargin at screen 0.61728
set bmargin at screen 0.55733
set tmargin at screen 0.94708
set logscale x
set xrange [111.430472:4705.06846]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('128' 128, '512' 512, '2k' 2048, '' 256 1, '' 1024 1, '' 4096 1)
unset logscale y
set yrange [0.0155712808:1.41173462]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('' 0.2, '' 0.4, '' 0.6, '' 0.8, '' 1, '' 1.2, '' 1.4)
set label 'clustered, d = 64' at graph 0.5,1 center offset 0,0.6 font ',8'
plot $panel1_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel1_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#9c4500', \
     $panel1_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#b95100', \
     $panel1_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#d55e00', \
     $panel1_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#db7322', \
     $panel1_5 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e08944', \
     $panel1_6 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel1_0 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel1_1 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#9c4500', \
     $panel1_2 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#b95100', \
     $panel1_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#d55e00', \
     $panel1_4 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#db7322', \
     $panel1_5 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#e08944', \
     $panel1_6 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#e69e66'

# use-lite-layer0-n2048, d = 64
unset label
unset arrow
unset object
set lmargin at screen 0.07091
set rmargin at screen 0.33233
set bmargin at screen 0.08231
set tmargin at screen 0.47207
set logscale x
set xrange [111.430472:4705.06846]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('128' 128, '512' 512, '2k' 2048, '' 256 1, '' 1024 1, '' 4096 1)
unset logscale y
set yrange [0.0155712808:1.41173462]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('0.2' 0.2, '0.4' 0.4, '0.6' 0.6, '0.8' 0.8, '1' 1, '1.2' 1.2, '1.4' 1.4)
set label 'use-lite-layer0-n2048, d = 64' at graph 0.5,1 center offset 0,0.6 font ',8'
plot $panel2_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel2_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#9c4500', \
     $panel2_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#b95100', \
     $panel2_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#d55e00', \
     $panel2_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#db7322', \
     $panel2_5 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e08944', \
     $panel2_6 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel2_0 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel2_1 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#9c4500', \
     $panel2_2 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#b95100', \
     $panel2_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#d55e00', \
     $panel2_4 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#db7322', \
     $panel2_5 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#e08944', \
     $panel2_6 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#e69e66'

# use-lite-layer1-n512, d = 128
unset label
unset arrow
unset object
set lmargin at screen 0.35585
set rmargin at screen 0.61728
set bmargin at screen 0.08231
set tmargin at screen 0.47207
set logscale x
set xrange [111.430472:4705.06846]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('128' 128, '512' 512, '2k' 2048, '' 256 1, '' 1024 1, '' 4096 1)
unset logscale y
set yrange [0.0155712808:1.41173462]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('' 0.2, '' 0.4, '' 0.6, '' 0.8, '' 1, '' 1.2, '' 1.4)
set label 'use-lite-layer1-n512, d = 128' at graph 0.5,1 center offset 0,0.6 font ',8'
plot $panel3_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel3_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#9c4500', \
     $panel3_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#b95100', \
     $panel3_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#d55e00', \
     $panel3_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#db7322', \
     $panel3_5 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e08944', \
     $panel3_6 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel3_0 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel3_1 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#9c4500', \
     $panel3_2 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#b95100', \
     $panel3_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#d55e00', \
     $panel3_4 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#db7322', \
     $panel3_5 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#e08944', \
     $panel3_6 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#e69e66'

unset multiplot
unset output
