# Drawn by yoso-bench plot. To draw it again: gnuplot skill.gnuplot
if (!exists("figure")) figure = 'skill.svg'
set encoding utf8
set terminal svg size 680,454 font 'sans-serif,10.67' linewidth 1.333 background 'white' noenhanced
set output figure

# yoso-m hashes=8
$panel0_0 << EOD
128 -83.1411835 -1.07858891 -1.07858891
256 -73.5459937 -1.07858891 -1.07858891
512 -66.2263576 -1.07858891 -1.07858891
1024 -64.6215324 -1.07858891 -1.07858891
2048 -62.4804425 -1.07858891 -1.07858891
4096 -62.1478449 -1.07858891 -1.07858891
EOD
# yoso-m hashes=8
$panel0_0_below << EOD
128 -1
256 -1
512 -1
1024 -1
2048 -1
4096 -1
EOD
# yoso-m hashes=16
$panel0_1 << EOD
128 -36.6931856 -1.07858891 -1.07858891
256 -32.6325663 -1.07858891 -1.07858891
512 -30.8962351 -1.07858891 -1.07858891
1024 -31.0409332 -1.07858891 -1.07858891
2048 -30.1830032 -1.07858891 -1.07858891
4096 -29.8108465 -1.07858891 -1.07858891
EOD
# yoso-m hashes=16
$panel0_1_below << EOD
128 -1
256 -1
512 -1
1024 -1
2048 -1
4096 -1
EOD
# yoso-m hashes=32
$panel0_2 << EOD
128 -16.0187576 -1.07858891 -1.07858891
256 -14.9508315 -1.07858891 -1.07858891
512 -14.5404318 -1.07858891 -1.07858891
1024 -14.6841161 -1.07858891 -1.07858891
2048 -14.2892426 -1.07858891 -1.07858891
4096 -14.2017258 -1.07858891 -1.07858891
EOD
# yoso-m hashes=32
$panel0_2_below << EOD
128 -1
256 -1
512 -1
1024 -1
2048 -1
4096 -1
EOD
# yoso-m hashes=64
$panel0_3 << EOD
128 -7.0130759 -1.07858891 -1.07858891
256 -6.70925667 -1.07858891 -1.07858891
512 -6.53565239 -1.07858891 -1.07858891
1024 -6.62017585 -1.07858891 -1.07858891
2048 -6.4258732 -1.07858891 -1.07858891
4096 -6.40488662 -1.07858891 -1.07858891
EOD
# yoso-m hashes=64
$panel0_3_below << EOD
128 -1
256 -1
512 -1
1024 -1
2048 -1
4096 -1
EOD
# yoso-m hashes=128
$panel0_4 << EOD
128 -2.92531104 -1.07858891 -1.07858891
256 -2.8353442 -1.07858891 -1.07858891
512 -2.74177114 -1.07858891 -1.07858891
1024 -2.79514016 -1.07858891 -1.07858891
2048 -2.70967741 -1.07858891 -1.07858891
4096 -2.70502688 -1.07858891 -1.07858891
EOD
# yoso-m hashes=128
$panel0_4_below << EOD
128 -1
256 -1
512 -1
1024 -1
2048 -1
4096 -1
EOD
# yoso-m hashes=256
$panel0_5 << EOD
128 -0.943176296 -0.964786143 -0.930101313
256 -0.907931687 -0.925078925 -0.898992876
512 -0.858985068 -0.874947919 -0.853895007
1024 -0.898032607 -0.902827116 -0.885140707
2048 -0.855829609 -0.859055586 -0.851782027
4096 -0.848005904 -0.85465724 -0.844698377
EOD
# yoso-m hashes=512
$panel0_6 << EOD
128 0.0309612323 0.0148678324 0.0385115281
256 0.0414313432 0.0332943846 0.0489042506
512 0.0675967581 0.060819876 0.0739786584
1024 0.0549965267 0.049633718 0.0591017157
2048 0.0750803159 0.0714707834 0.0775119936
4096 0.0766562914 0.0743500564 0.0780311343
EOD
# yoso-m hashes=8
$panel1_0 << EOD
128 -2.12572239 -1.07858891 -1.07858891
256 -2.06828502 -1.07858891 -1.07858891
512 -2.35046712 -1.07858891 -1.07858891
1024 -3.24294814 -1.07858891 -1.07858891
2048 -5.65210561 -1.07858891 -1.07858891
4096 -9.63544446 -1.07858891 -1.07858891
EOD
# yoso-m hashes=8
$panel1_0_below << EOD
128 -1
256 -1
512 -1
1024 -1
2048 -1
4096 -1
EOD
# yoso-m hashes=16
$panel1_1 << EOD
128 -0.35894612 -0.414503993 -0.294597968
256 -0.362380378 -0.417101618 -0.335924385
512 -0.58347745 -0.613177984 -0.546642688
1024 -1.0233371 -1.05119098 -1.00182673
2048 -2.20415978 -1.07858891 -1.07858891
4096 -4.18038748 -1.07858891 -1.07858891
EOD
# yoso-m hashes=16
$panel1_1_below << EOD
1024 -1
2048 -1
4096 -1
EOD
# yoso-m hashes=32
$panel1_2 << EOD
128 0.386916706 0.345337107 0.4086074
256 0.364768051 0.355636995 0.376470769
512 0.256065933 0.246594334 0.2681138
1024 0.0268602646 0.0167751774 0.033635849
2048 -0.557562439 -0.56664194 -0.541802475
4096 -1.52596983 -1.07858891 -1.07858891
EOD
# yoso-m hashes=32
$panel1_2_below << EOD
4096 -1
EOD
# yoso-m hashes=64
$panel1_3 << EOD
128 0.708719424 0.706122883 0.718847281
256 0.698450767 0.693958071 0.701995878
512 0.641327916 0.63793414 0.646770833
1024 0.528138403 0.526613584 0.531021317
2048 0.244091152 0.238759177 0.250071424
4096 -0.229339381 -0.237152115 -0.224189917
EOD
# yoso-m hashes=128
$panel1_4 << EOD
128 0.856640372 0.852448526 0.858839428
256 0.851912628 0.84624326 0.854801901
512 0.821731406 0.818831233 0.823393073
1024 0.765389233 0.76454991 0.766808334
2048 0.623573045 0.620141073 0.624261902
4096 0.387412561 0.38354861 0.388811405
EOD
# yoso-m hashes=256
$panel1_5 << EOD
128 0.92762239 0.926703064 0.929158456
256 0.924549376 0.923396323 0.925172441
512 0.911491518 0.910535168 0.912265917
1024 0.883334457 0.882063301 0.883682375
2048 0.811554247 0.810775017 0.812254183
4096 0.693183524 0.692554943 0.6944728
EOD
# yoso-m hashes=512
$panel1_6 << EOD
128 0.963427034 0.962535049 0.964722662
256 0.963000615 0.962463986 0.96353321
512 0.955552735 0.955247284 0.956051614
1024 0.941731673 0.941494859 0.941968522
2048 0.906060523 0.905875004 0.906275331
4096 0.847004757 0.846509758 0.84725745
EOD
# yoso-m hashes=8
$panel2_0 << EOD
128 -6.42721877 -1.07858891 -1.07858891
256 -7.51971395 -1.07858891 -1.07858891
512 -18.1560926 -1.07858891 -1.07858891
1024 -33.6707174 -1.07858891 -1.07858891
2048 -27.6140523 -1.07858891 -1.07858891
EOD
# yoso-m hashes=8
$panel2_0_below << EOD
128 -1
256 -1
512 -1
1024 -1
2048 -1
EOD
# yoso-m hashes=16
$panel2_1 << EOD
128 -3.24871188 -1.07858891 -1.07858891
256 -4.42096898 -1.07858891 -1.07858891
512 -10.481271 -1.07858891 -1.07858891
1024 -18.4412564 -1.07858891 -1.07858891
2048 -12.8458938 -1.07858891 -1.07858891
EOD
# yoso-m hashes=16
$panel2_1_below << EOD
128 -1
256 -1
512 -1
1024 -1
2048 -1
EOD
# yoso-m hashes=32
$panel2_2 << EOD
128 -0.817874579 -0.926771795 -0.733303995
256 -1.6059751 -1.07858891 -1.07858891
512 -4.34465799 -1.07858891 -1.07858891
1024 -8.01577992 -1.07858891 -1.07858891
2048 -5.81788203 -1.07858891 -1.07858891
EOD
# yoso-m hashes=32
$panel2_2_below << EOD
256 -1
512 -1
1024 -1
2048 -1
EOD
# yoso-m hashes=64
$panel2_3 << EOD
128 0.240308601 0.219354146 0.252836237
256 -0.24746418 -0.308011028 -0.166548397
512 -1.6152289 -1.07858891 -1.07858891
1024 -3.24901949 -1.07858891 -1.07858891
2048 -2.24904676 -1.07858891 -1.07858891
EOD
# yoso-m hashes=64
$panel2_3_below << EOD
512 -1
1024 -1
2048 -1
EOD
# yoso-m hashes=128
$panel2_4 << EOD
128 0.645743074 0.63570773 0.656440595
256 0.401354696 0.371134257 0.441847457
512 -0.356433902 -0.372775058 -0.251464653
1024 -1.13372346 -1.07858891 -1.05269051
2048 -0.629806307 -0.646069826 -0.557212231
EOD
# yoso-m hashes=128
$panel2_4_below << EOD
1024 -1
EOD
# yoso-m hashes=256
$panel2_5 << EOD
128 0.825347353 0.821515116 0.829564629
256 0.71495966 0.709742689 0.726760197
512 0.384515393 0.33472421 0.413112395
1024 -0.0185353629 -0.0627210089 0.0118101553
2048 0.207435787 0.180274753 0.244823121
EOD
# yoso-m hashes=512
$panel2_6 << EOD
128 0.913874282 0.911897475 0.914356309
256 0.859256451 0.852824032 0.861187749
512 0.690152873 0.673971844 0.70360299
1024 0.494621269 0.486335234 0.505600891
2048 0.605429692 0.598757317 0.616753206
EOD
# yoso-m hashes=8
$panel3_0 << EOD
128 -10.9954669 -1.07858891 -1.07858891
256 -13.4924516 -1.07858891 -1.07858891
512 -20.3382656 -1.07858891 -1.07858891
EOD
# yoso-m hashes=8
$panel3_0_below << EOD
128 -1
256 -1
512 -1
EOD
# yoso-m hashes=16
$panel3_1 << EOD
128 -6.36952844 -1.07858891 -1.07858891
256 -6.38397185 -1.07858891 -1.07858891
512 -9.4364906 -1.07858891 -1.07858891
EOD
# yoso-m hashes=16
$panel3_1_below << EOD
128 -1
256 -1
512 -1
EOD
# yoso-m hashes=32
$panel3_2 << EOD
128 -2.28437133 -1.07858891 -1.07858891
256 -2.6392145 -1.07858891 -1.07858891
512 -3.93028112 -1.07858891 -1.07858891
EOD
# yoso-m hashes=32
$panel3_2_below << EOD
128 -1
256 -1
512 -1
EOD
# yoso-m hashes=64
$panel3_3 << EOD
128 -0.373659476 -0.441570535 -0.344531704
256 -0.711197747 -0.766742748 -0.68927634
512 -1.43962094 -1.07858891 -1.07858891
EOD
# yoso-m hashes=64
$panel3_3_below << EOD
512 -1
EOD
# yoso-m hashes=128
$panel3_4 << EOD
128 0.335279081 0.291602042 0.353951396
256 0.133635709 0.106977295 0.144455986
512 -0.203460962 -0.214125216 -0.183330897
EOD
# yoso-m hashes=256
$panel3_5 << EOD
128 0.677551882 0.664977681 0.68966085
256 0.564652126 0.552426908 0.573814545
512 0.388617742 0.369472853 0.40689774
EOD
# yoso-m hashes=512
$panel3_6 << EOD
128 0.839879313 0.836350505 0.844811021
256 0.778628827 0.773124516 0.780980311
512 0.691037119 0.682831948 0.701166823
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
set lmargin at screen 0.07887
set rmargin at screen 0.33631
set bmargin at screen 0.55733
set tmargin at screen 0.94708
set logscale x
set xrange [111.430472:4705.06846]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('128' 128, '512' 512, '2k' 2048, '' 256 1, '' 1024 1, '' 4096 1)
unset logscale y
set yrange [-1.07858891:1.04331157]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('−1' -1, '−0.5' -0.5, '0' 0, '0.5' 0.5, '1' 1)
set label 'gaussian, d = 64' at graph 0.5,1 center offset 0,0.6 font ',8'
set label 'tokens n' at screen 0.34807,0.02352 center font ',8.00'
set label 'skill against the method''s own target; arrows: below −1' at screen 0.01764,0.51470 center rotate font ',8.00'
set arrow from screen 0.63687,0.93165 to screen 0.67607,0.93165 nohead lw 1.2 dt (2,2) lc rgb '#e69e66'
set label '' at screen 0.65647,0.93165 point pt 7 ps 0.5 lc rgb '#e69e66'
set label 'yoso-m hashes=512' at screen 0.68391,0.93165 left font ',7'
set arrow from screen 0.63687,0.90078 to screen 0.67607,0.90078 nohead lw 1.2 dt (8,3) lc rgb '#e08944'
set label '' at screen 0.65647,0.90078 point pt 6 ps 0.5 lc rgb '#e08944'
set label 'yoso-m hashes=256' at screen 0.68391,0.90078 left font ',7'
set arrow from screen 0.63687,0.86991 to screen 0.67607,0.86991 nohead lw 1.2 dt solid lc rgb '#db7322'
set label '' at screen 0.65647,0.86991 point pt 7 ps 0.5 lc rgb '#db7322'
set label 'yoso-m hashes=128' at screen 0.68391,0.86991 left font ',7'
set arrow from screen 0.63687,0.83905 to screen 0.67607,0.83905 nohead lw 1.2 dt (8,3,2,3) lc rgb '#d55e00'
set label '' at screen 0.65647,0.83905 point pt 6 ps 0.5 lc rgb '#d55e00'
set label 'yoso-m hashes=64' at screen 0.68391,0.83905 left font ',7'
set arrow from screen 0.63687,0.80818 to screen 0.67607,0.80818 nohead lw 1.2 dt (2,2) lc rgb '#b95100'
set label '' at screen 0.65647,0.80818 point pt 7 ps 0.5 lc rgb '#b95100'
set label 'yoso-m hashes=32' at screen 0.68391,0.80818 left font ',7'
set arrow from screen 0.63687,0.77731 to screen 0.67607,0.77731 nohead lw 1.2 dt (8,3) lc rgb '#9c4500'
set label '' at screen 0.65647,0.77731 point pt 6 ps 0.5 lc rgb '#9c4500'
set label 'yoso-m hashes=16' at screen 0.68391,0.77731 left font ',7'
set arrow from screen 0.63687,0.74644 to screen 0.67607,0.74644 nohead lw 1.2 dt solid lc rgb '#803800'
set label '' at screen 0.65647,0.74644 point pt 7 ps 0.5 lc rgb '#803800'
set label 'yoso-m hashes=8' at screen 0.68391,0.74644 left font ',7'
set label 'all of yoso-m: hash_bits=8 norm=rowsum' at screen 0.68391,0.71557 left font ',7'
plot $panel0_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel0_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#9c4500', \
     $panel0_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#b95100', \
     $panel0_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#d55e00', \
     $panel0_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#db7322', \
     $panel0_5 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e08944', \
     $panel0_6 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel0_0 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel0_0_below with points pt 11 ps 0.6 lc rgb '#803800', \
     $panel0_1 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#9c4500', \
     $panel0_1_below with points pt 11 ps 0.6 lc rgb '#9c4500', \
     $panel0_2 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#b95100', \
     $panel0_2_below with points pt 11 ps 0.6 lc rgb '#b95100', \
     $panel0_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#d55e00', \
     $panel0_3_below with points pt 11 ps 0.6 lc rgb '#d55e00', \
     $panel0_4 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#db7322', \
     $panel0_4_below with points pt 11 ps 0.6 lc rgb '#db7322', \
     $panel0_5 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#e08944', \
     $panel0_6 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#e69e66'

# clustered, d = 64
unset label
unset arrow
unset object
set lmargin at screen 0.35983
set rmargin at screen 0.61728
set bmargin at screen 0.55733
set tmargin at screen 0.94708
set logscale x
set xrange [111.430472:4705.06846]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('128' 128, '512' 512, '2k' 2048, '' 256 1, '' 1024 1, '' 4096 1)
unset logscale y
set yrange [-1.07858891:1.04331157]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('' -1, '' -0.5, '' 0, '' 0.5, '' 1)
set label 'clustered, d = 64' at graph 0.5,1 center offset 0,0.6 font ',8'
plot $panel1_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel1_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#9c4500', \
     $panel1_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#b95100', \
     $panel1_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#d55e00', \
     $panel1_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#db7322', \
     $panel1_5 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e08944', \
     $panel1_6 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel1_0 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel1_0_below with points pt 11 ps 0.6 lc rgb '#803800', \
     $panel1_1 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#9c4500', \
     $panel1_1_below with points pt 11 ps 0.6 lc rgb '#9c4500', \
     $panel1_2 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#b95100', \
     $panel1_2_below with points pt 11 ps 0.6 lc rgb '#b95100', \
     $panel1_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#d55e00', \
     $panel1_4 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#db7322', \
     $panel1_5 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#e08944', \
     $panel1_6 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#e69e66'

# use-lite-layer0-n2048, d = 64
unset label
unset arrow
unset object
set lmargin at screen 0.07887
set rmargin at screen 0.33631
set bmargin at screen 0.08231
set tmargin at screen 0.47207
set logscale x
set xrange [111.430472:4705.06846]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('128' 128, '512' 512, '2k' 2048, '' 256 1, '' 1024 1, '' 4096 1)
unset logscale y
set yrange [-1.07858891:1.04331157]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('−1' -1, '−0.5' -0.5, '0' 0, '0.5' 0.5, '1' 1)
set label 'use-lite-layer0-n2048, d = 64' at graph 0.5,1 center offset 0,0.6 font ',8'
plot $panel2_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel2_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#9c4500', \
     $panel2_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#b95100', \
     $panel2_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#d55e00', \
     $panel2_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#db7322', \
     $panel2_5 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e08944', \
     $panel2_6 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel2_0 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel2_0_below with points pt 11 ps 0.6 lc rgb '#803800', \
     $panel2_1 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#9c4500', \
     $panel2_1_below with points pt 11 ps 0.6 lc rgb '#9c4500', \
     $panel2_2 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#b95100', \
     $panel2_2_below with points pt 11 ps 0.6 lc rgb '#b95100', \
     $panel2_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#d55e00', \
     $panel2_3_below with points pt 11 ps 0.6 lc rgb '#d55e00', \
     $panel2_4 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#db7322', \
     $panel2_4_below with points pt 11 ps 0.6 lc rgb '#db7322', \
     $panel2_5 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#e08944', \
     $panel2_6 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#e69e66'

# use-lite-layer1-n512, d = 128
unset label
unset arrow
unset object
set lmargin at screen 0.35983
set rmargin at screen 0.61728
set bmargin at screen 0.08231
set tmargin at screen 0.47207
set logscale x
set xrange [111.430472:4705.06846]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('128' 128, '512' 512, '2k' 2048, '' 256 1, '' 1024 1, '' 4096 1)
unset logscale y
set yrange [-1.07858891:1.04331157]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('' -1, '' -0.5, '' 0, '' 0.5, '' 1)
set label 'use-lite-layer1-n512, d = 128' at graph 0.5,1 center offset 0,0.6 font ',8'
plot $panel3_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel3_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#9c4500', \
     $panel3_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#b95100', \
     $panel3_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#d55e00', \
     $panel3_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#db7322', \
     $panel3_5 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e08944', \
     $panel3_6 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel3_0 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel3_0_below with points pt 11 ps 0.6 lc rgb '#803800', \
     $panel3_1 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#9c4500', \
     $panel3_1_below with points pt 11 ps 0.6 lc rgb '#9c4500', \
     $panel3_2 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#b95100', \
     $panel3_2_below with points pt 11 ps 0.6 lc rgb '#b95100', \
     $panel3_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#d55e00', \
     $panel3_3_below with points pt 11 ps 0.6 lc rgb '#d55e00', \
     $panel3_4 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#db7322', \
     $panel3_5 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#e08944', \
     $panel3_6 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#e69e66'

unset multiplot
unset output
