# Drawn by yoso-bench plot. To draw it again: gnuplot layer0.gnuplot
if (!exists("figure")) figure = 'layer0.svg'
set encoding utf8
set terminal svg size 680,340 font 'sans-serif,10.67' linewidth 1.333 background 'white' noenhanced
set output figure

# yoso-m hashes=16
$panel0_0 << EOD
2 0.0694197684 0.0578516851 0.0795933654
4 0.0952321459 0.0693209708 0.12644141
6 -0.0300200361 -0.0897013783 -0.00799718172
7 -0.189981425 -0.268311944 -0.11016567
8 -0.424412781 -0.504044951 -0.24962726
9 -0.643042 -0.790949085 -0.59055021
10 -0.917758198 -0.994374606 -0.852417189
12 -1.28907699 -1.05959718 -1.05959718
14 -1.38825599 -1.05959718 -1.05959718
EOD
# yoso-m hashes=16
$panel0_0_below << EOD
12 -1
14 -1
EOD
# yoso-m hashes=64
$panel0_1 << EOD
2 0.068294307 0.0645259107 0.0722592349
4 0.138754012 0.132425926 0.143548499
6 0.197844067 0.188435297 0.205500527
7 0.195400168 0.180113485 0.212537806
8 0.183913471 0.146610882 0.195555688
9 0.129219397 0.11469815 0.145443921
10 -0.0133936061 -0.0433819091 0.0130435334
12 -0.540110304 -0.576380724 -0.466459327
14 -1.0884185 -1.05959718 -1.0023387
EOD
# yoso-m hashes=64
$panel0_1_below << EOD
14 -1
EOD
# yoso-m hashes=256
$panel0_2 << EOD
2 0.0688202953 0.0677905498 0.0709051271
4 0.145607672 0.142302719 0.148905077
6 0.218841071 0.210086164 0.223842132
7 0.256494838 0.24710734 0.261857699
8 0.283412604 0.275635828 0.28965614
9 0.295622311 0.28479598 0.305206572
10 0.287240248 0.273141169 0.299633382
12 0.168127407 0.151302813 0.189739382
14 -0.224426664 -0.295123398 -0.206862207
EOD
# yoso-m hashes=1024
$panel0_3 << EOD
2 0.0691160942 0.0684816827 0.0694518946
4 0.145566592 0.143063892 0.146882071
6 0.227373812 0.225059446 0.228641333
7 0.264249962 0.262107812 0.266669384
8 0.296652838 0.293471211 0.305190938
9 0.328005103 0.32290339 0.333405398
10 0.35702181 0.350794262 0.361067536
12 0.368667395 0.360446604 0.381333082
14 0.29652098 0.276409429 0.303205649
EOD
# yoso-e norm=rowsum
$panel0_4 << EOD
2 0.0689623234 0.0689623234 0.0689623234
4 0.144472552 0.144472552 0.144472552
6 0.226211532 0.226211532 0.226211532
7 0.266437512 0.266437512 0.266437512
8 0.304867114 0.304867114 0.304867114
9 0.341100372 0.341100372 0.341100372
10 0.375011827 0.375011827 0.375011827
12 0.43619592 0.43619592 0.43619592
14 0.489929517 0.489929517 0.489929517
EOD
# yoso-m hashes=16
$panel1_0 << EOD
2 0.0517683642 0.0422665041 0.0630986508
4 0.084278563 0.0722950067 0.0938907889
6 0.0434524273 0.00970193421 0.0667610784
7 -0.0370956976 -0.051582579 -0.01233884
8 -0.181875972 -0.227084501 -0.124802679
9 -0.376848319 -0.458644286 -0.328686094
10 -0.669553869 -0.719212298 -0.587535002
12 -1.33020031 -1.05959718 -1.05959718
14 -1.71690438 -1.05959718 -1.05959718
EOD
# yoso-m hashes=16
$panel1_0_below << EOD
12 -1
14 -1
EOD
# yoso-m hashes=64
$panel1_1 << EOD
2 0.0584333363 0.0554831046 0.0604788871
4 0.111225034 0.107097007 0.120605857
6 0.157252303 0.145140381 0.167103109
7 0.1477944 0.140210501 0.163467476
8 0.162446752 0.151748643 0.173216606
9 0.129410479 0.106576073 0.147543383
10 0.0844149811 0.0409583044 0.0980023327
12 -0.211306181 -0.295220391 -0.193943107
14 -0.860109305 -0.882511377 -0.808449211
EOD
# yoso-m hashes=256
$panel1_2 << EOD
2 0.0620492697 0.059933804 0.0634921724
4 0.121831751 0.117182831 0.123480405
6 0.178569497 0.171185376 0.182458128
7 0.203100432 0.195886143 0.214239858
8 0.225050357 0.218441797 0.233365495
9 0.24350511 0.240953593 0.25154188
10 0.247782337 0.23868352 0.256140182
12 0.212115166 0.20325424 0.229469705
14 0.0347941285 0.0169487443 0.0552682389
EOD
# yoso-m hashes=1024
$panel1_3 << EOD
2 0.0616656009 0.0610036621 0.0628663606
4 0.123214112 0.121483695 0.124489288
6 0.181721288 0.178110064 0.184234051
7 0.21167843 0.208394163 0.213473854
8 0.239794878 0.236801281 0.24219795
9 0.269339553 0.263047695 0.274344349
10 0.291062398 0.28591161 0.295460727
12 0.323846765 0.320502158 0.327923128
14 0.311592551 0.303789331 0.318230915
EOD
# yoso-e norm=rowsum
$panel1_4 << EOD
2 0.0618355822 0.0618355822 0.0618355822
4 0.122754722 0.122754722 0.122754722
6 0.183528961 0.183528961 0.183528961
7 0.214075765 0.214075765 0.214075765
8 0.244579748 0.244579748 0.244579748
9 0.274758804 0.274758804 0.274758804
10 0.30435552 0.30435552 0.30435552
12 0.361163668 0.361163668 0.361163668
14 0.414270929 0.414270929 0.414270929
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
set rmargin at screen 0.38405
set bmargin at screen 0.10975
set tmargin at screen 0.92944
unset logscale x
set xrange [1.52:14.48]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('2' 2, '4' 4, '6' 6, '8' 8, '10' 10, '12' 12, '14' 14)
unset logscale y
set yrange [-1.05959718:0.549526698]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('−1' -1, '−0.5' -0.5, '0' 0, '0.5' 0.5)
set label 'n = 512' at graph 0.5,1 center offset 0,0.6 font ',8'
set label 'τ, bits of a hash' at screen 0.39581,0.03136 center font ',8.00'
set label 'skill; arrows: below −1' at screen 0.01764,0.51960 center rotate font ',8.00'
set arrow from screen 0.73236,0.90887 to screen 0.77156,0.90887 nohead lw 1.2 dt (6,3) lc rgb '#e69f00'
set label '' at screen 0.75196,0.90887 point pt 7 ps 0.5 lc rgb '#e69f00'
set label 'yoso-e norm=rowsum' at screen 0.77940,0.90887 left font ',7'
set arrow from screen 0.73236,0.86771 to screen 0.77156,0.86771 nohead lw 1.2 dt (8,3,2,3) lc rgb '#e69e66'
set label '' at screen 0.75196,0.86771 point pt 6 ps 0.5 lc rgb '#e69e66'
set label 'yoso-m hashes=1024' at screen 0.77940,0.86771 left font ',7'
set arrow from screen 0.73236,0.82655 to screen 0.77156,0.82655 nohead lw 1.2 dt (2,2) lc rgb '#db7322'
set label '' at screen 0.75196,0.82655 point pt 7 ps 0.5 lc rgb '#db7322'
set label 'yoso-m hashes=256' at screen 0.77940,0.82655 left font ',7'
set arrow from screen 0.73236,0.78539 to screen 0.77156,0.78539 nohead lw 1.2 dt (8,3) lc rgb '#b95100'
set label '' at screen 0.75196,0.78539 point pt 6 ps 0.5 lc rgb '#b95100'
set label 'yoso-m hashes=64' at screen 0.77940,0.78539 left font ',7'
set arrow from screen 0.73236,0.74424 to screen 0.77156,0.74424 nohead lw 1.2 dt solid lc rgb '#803800'
set label '' at screen 0.75196,0.74424 point pt 7 ps 0.5 lc rgb '#803800'
set label 'yoso-m hashes=16' at screen 0.77940,0.74424 left font ',7'
set label 'all of yoso-m: norm=rowsum' at screen 0.77940,0.70308 left font ',7'
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
     $panel0_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#e69e66', \
     $panel0_4 with linespoints lw 1.2 dt (6,3) pt 7 ps 0.45 lc rgb '#e69f00'

# n = 2048
unset label
unset arrow
unset object
set lmargin at screen 0.40757
set rmargin at screen 0.71276
set bmargin at screen 0.10975
set tmargin at screen 0.92944
unset logscale x
set xrange [1.52:14.48]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('2' 2, '4' 4, '6' 6, '8' 8, '10' 10, '12' 12, '14' 14)
unset logscale y
set yrange [-1.05959718:0.549526698]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('' -1, '' -0.5, '' 0, '' 0.5)
set label 'n = 2048' at graph 0.5,1 center offset 0,0.6 font ',8'
plot $panel1_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel1_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#b95100', \
     $panel1_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#db7322', \
     $panel1_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel1_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69f00', \
     $panel1_0 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel1_0_below with points pt 11 ps 0.6 lc rgb '#803800', \
     $panel1_1 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#b95100', \
     $panel1_2 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#db7322', \
     $panel1_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#e69e66', \
     $panel1_4 with linespoints lw 1.2 dt (6,3) pt 7 ps 0.45 lc rgb '#e69f00'

unset multiplot
unset output
