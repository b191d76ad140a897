# Drawn by yoso-bench plot. To draw it again: gnuplot ratio.gnuplot
if (!exists("figure")) figure = 'ratio.svg'
set encoding utf8
set terminal svg size 680,340 font 'sans-serif,10.67' linewidth 1.333 background 'white' noenhanced
set output figure

# yoso-m hashes=512 norm=none
$panel0_0 << EOD
0 1.01025391 0.99609375 1.02441406
0.1 1.00285249 0.989887858 1.02191813
0.2 1.00185432 0.989798311 1.02054113
0.3 1.00046581 0.99277731 1.01536228
0.4 1.00299383 0.99606336 1.0126195
0.5 1.00499168 0.994949489 1.01472488
0.6 1.00505409 0.996398365 1.01197868
0.7 1.00332663 0.999304303 1.00813381
0.8 1.00126866 0.99951299 1.00775702
0.9 1.00046021 0.996999985 1.00868535
0.95 1.00248525 0.998886424 1.00477542
0.99 1.0008443 0.998458968 1.00205531
EOD
# yoso-m hashes=512 projection=packed norm=none
$panel0_1 << EOD
0 0.95703125 0.946289063 0.977539063
0.1 0.964721217 0.95556971 0.981498978
0.2 0.973522699 0.96086389 0.984975907
0.3 0.978361383 0.968750751 0.985088816
0.4 0.983164975 0.974116853 0.987977798
0.5 0.986761236 0.983825824 0.995876457
0.6 0.994419905 0.986258789 0.997882197
0.7 0.99665545 0.992829322 1.00028536
0.8 0.99485664 0.991574286 0.998291654
0.9 0.998474834 0.992915772 1.00063038
0.95 0.999540754 0.994119135 1.00141028
0.99 0.999853464 0.998605761 1.00242228
EOD
# yoso-m hashes=512 projection=gaussian norm=none
$panel0_2 << EOD
0 1.0078125 0.985351563 1.0234375
0.1 1.00857218 0.993700984 1.02191813
0.2 1.00999213 0.990401111 1.01873273
0.3 1.0026282 0.990374659 1.01536227
0.4 1.0039564 0.99144304 1.01839489
0.5 1.00545517 0.990005639 1.01472488
0.6 1.00221007 0.991204919 1.01000022
0.7 1.00401337 0.993221752 1.00754518
0.8 0.99737565 0.993406301 1.00424568
0.9 0.998191203 0.993029224 1.00233214
0.95 0.996409303 0.992997424 1.0032798
0.99 0.999156219 0.997137875 1.00095438
EOD
# yoso-m hashes=512 projection=shared norm=none
$panel0_3 << EOD
0 0.999511719 0.979492189 1.02929687
0.1 0.992175735 0.981498978 1.0150545
0.2 1.00155292 0.983770306 1.00969072
0.3 1.00094634 0.994699439 1.00719325
0.4 1.00010614 0.986437698 1.00992431
0.5 1.00298324 0.991859583 1.00700012
0.6 1.00060257 0.995903745 1.01049484
0.7 0.999206194 0.991455845 1.00891865
0.8 1.00050533 0.992948295 1.00852036
0.9 1.00170815 0.996319277 1.00630289
0.95 1.00117659 0.997203854 1.00253199
0.99 0.999926858 0.996697506 1.00234888
EOD
# yoso-m hashes=512 norm=none
$panel1_0 << EOD
0 0.9609375 0.937499999 1.046875
0.1 0.98147626 0.91477399 1.02912074
0.2 1.00315249 0.964455216 1.02994291
0.3 1.01958105 0.983640348 1.03660562
0.4 1.01526011 0.993400436 1.02983322
0.5 1.01051503 0.990179605 1.02928621
0.6 1.00656384 0.99203409 1.02409981
0.7 1.00575589 0.991563684 1.01048666
0.8 1.00354655 0.997818552 1.0134751
0.9 1.00061352 0.99618509 1.00989213
0.95 1.00219184 0.999113909 1.00469714
0.99 1.00007956 0.998446807 1.00409522
EOD
# yoso-m hashes=512 projection=packed norm=none
$panel1_1 << EOD
0 0.8515625 0.796875001 0.953125
0.1 0.87189396 0.790898347 0.933831779
0.2 0.872177094 0.851340097 0.9168278
0.3 0.892842796 0.870143411 0.915542174
0.4 0.919320459 0.898675225 0.935107981
0.5 0.933083918 0.910402076 0.962022824
0.6 0.953454958 0.93090872 0.964978593
0.7 0.967594589 0.955610044 0.977686859
0.8 0.983307602 0.968414788 0.987508131
0.9 0.984059652 0.980369278 0.992389297
0.95 0.997968618 0.990810614 1.00068868
0.99 0.998976337 0.996505154 1.00224184
EOD
# yoso-m hashes=512 projection=gaussian norm=none
$panel1_2 << EOD
0 0.9921875 0.90625 1.0625
0.1 0.967182916 0.933831781 1.05770742
0.2 0.979338784 0.940641508 1.00612921
0.3 0.99499007 0.949591281 1.05173857
0.4 0.998258154 0.976398458 1.06626601
0.5 1.01129715 0.962022836 1.03241475
0.6 0.997545381 0.97499912 1.02911008
0.7 0.996609784 0.975163763 1.0111174
0.8 0.998009468 0.987508136 1.00774707
0.9 0.996395978 0.99449806 1.00145702
0.95 0.999614968 0.991812733 1.00398135
0.99 0.997652486 0.995710851 1.00135927
EOD
# yoso-m hashes=512 projection=shared norm=none
$panel1_3 << EOD
0 1.03125 0.9375 1.078125
0.1 1.01006295 0.952889574 1.06723632
0.2 0.997199067 0.946594935 1.05971005
0.3 1.00255652 0.972290687 1.04038888
0.4 0.999472611 0.978827339 1.03226209
0.5 0.998783052 0.983922535 1.04180032
0.6 1.00706486 0.983015559 1.02209572
0.7 1.00102516 0.984625255 1.02120968
0.8 1.0045012 0.989417471 1.01003828
0.9 0.999559136 0.989226145 1.00693985
0.95 0.99968655 0.992958012 1.00126132
0.99 1.00105036 0.997387722 1.0037422
EOD
# yoso-m hashes=512 norm=none
$panel2_0 << EOD
0.3 0.997813327 0.923349574 1.13184788
0.4 0.965277185 0.903989732 1.07253023
0.5 0.966129207 0.926533725 1.05323918
0.6 0.990687997 0.982567619 1.02722968
0.7 0.985481188 0.973314772 1.0199528
0.8 1.00053492 0.98572988 1.01725032
0.9 0.99345338 0.985809904 1.00384061
0.95 0.995730929 0.992113303 1.00548762
0.99 1.00174385 0.997074215 1.00641345
EOD
# yoso-m hashes=512 projection=packed norm=none
$panel2_1 << EOD
0.3 0.729744072 0.655280441 0.774422318
0.4 0.781415024 0.735449298 0.858024107
0.5 0.815666423 0.783990106 0.823585547
0.6 0.846551014 0.79173829 0.881062701
0.7 0.875983281 0.863816854 0.894232937
0.8 0.920301086 0.904540904 0.941792319
0.9 0.958371829 0.94504481 0.975226673
0.95 0.979725574 0.974792402 0.992990279
0.99 0.995535328 0.991661677 0.997604822
EOD
# yoso-m hashes=512 projection=gaussian norm=none
$panel2_2 << EOD
0.3 1.0573842 0.953135082 1.16163347
0.4 0.988260059 0.949955344 1.10317386
0.5 1.02948188 0.958210037 1.04532011
0.6 1.02316957 0.986627776 1.05565112
0.7 0.998661506 0.979397997 1.05036887
0.8 0.996236714 0.971402454 1.02775711
0.9 0.999920922 0.987377762 1.00540856
0.95 0.995840546 0.991236232 0.999787105
0.99 0.999621258 0.996225148 1.0020622
EOD
# yoso-m hashes=512 projection=shared norm=none
$panel2_3 << EOD
0.3 1.0275987 0.863778684 1.13184784
0.4 0.988260079 0.934633476 1.05720842
0.5 1.00968424 0.942371937 1.06907737
0.6 0.982567603 0.946025751 1.04347056
0.7 1.00373092 0.987508941 1.02400824
0.8 1.01008655 0.993371203 1.01916065
0.9 0.99972492 0.983850032 1.01089609
0.95 0.995182782 0.990797791 1.00395286
0.99 0.99818855 0.99431483 1.00577667
EOD
set border 3 lw 0.5 lc rgb '#404040'
set grid xtics ytics lt 1 lw 0.4 lc rgb '#e4e4e4'
set clip two
unset key
set multiplot

# hash_bits = 4
unset label
unset arrow
unset object
set lmargin at screen 0.07091
set rmargin at screen 0.35774
set bmargin at screen 0.21559
set tmargin at screen 0.92944
unset logscale x
set xrange [-0.0396:1.0296]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('0' -0, '0.5' 0.5, '1' 1)
unset logscale y
set yrange [0.635026319:1.1818876]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('0.7' 0.7, '0.8' 0.8, '0.9' 0.9, '1' 1, '1.1' 1.1)
set label 'hash_bits = 4' at graph 0.5,1 center offset 0,0.6 font ',8'
set label 'cosine of query and key' at screen 0.52467,0.13719 center font ',8.00'
set label 'collisions / (1 - θ/π)^τ' at screen 0.01764,0.57252 center rotate font ',8.00'
set arrow from screen 0.00980,0.08133 to screen 0.04900,0.08133 nohead lw 1.2 dt solid lc rgb '#803800'
set label '' at screen 0.02940,0.08133 point pt 7 ps 0.5 lc rgb '#803800'
set label 'yoso-m hashes=512 norm=none' at screen 0.05684,0.08133 left font ',7'
set arrow from screen 0.00980,0.04018 to screen 0.04900,0.04018 nohead lw 1.2 dt (8,3,2,3) lc rgb '#e69e66'
set label '' at screen 0.02940,0.04018 point pt 6 ps 0.5 lc rgb '#e69e66'
set label 'yoso-m hashes=512 projection=shared norm=none' at screen 0.05684,0.04018 left font ',7'
set arrow from screen 0.43450,0.08133 to screen 0.47370,0.08133 nohead lw 1.2 dt (8,3) lc rgb '#b95100'
set label '' at screen 0.45410,0.08133 point pt 6 ps 0.5 lc rgb '#b95100'
set label 'yoso-m hashes=512 projection=packed norm=none' at screen 0.48154,0.08133 left font ',7'
set arrow from screen 0.43450,0.04018 to screen 0.47370,0.04018 nohead lw 1.2 dt (2,2) lc rgb '#db7322'
set label '' at screen 0.45410,0.04018 point pt 7 ps 0.5 lc rgb '#db7322'
set label 'yoso-m hashes=512 projection=gaussian norm=none' at screen 0.48154,0.04018 left font ',7'
plot $panel0_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel0_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#b95100', \
     $panel0_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#db7322', \
     $panel0_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel0_0 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel0_1 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#b95100', \
     $panel0_2 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#db7322', \
     $panel0_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#e69e66'

# hash_bits = 8
unset label
unset arrow
unset object
set lmargin at screen 0.38126
set rmargin at screen 0.66809
set bmargin at screen 0.21559
set tmargin at screen 0.92944
unset logscale x
set xrange [-0.0396:1.0296]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('0' -0, '0.5' 0.5, '1' 1)
unset logscale y
set yrange [0.635026319:1.1818876]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('' 0.7, '' 0.8, '' 0.9, '' 1, '' 1.1)
set label 'hash_bits = 8' at graph 0.5,1 center offset 0,0.6 font ',8'
plot $panel1_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel1_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#b95100', \
     $panel1_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#db7322', \
     $panel1_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel1_0 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel1_1 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#b95100', \
     $panel1_2 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#db7322', \
     $panel1_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#e69e66'

# hash_bits = 12
unset label
unset arrow
unset object
set lmargin at screen 0.69161
set rmargin at screen 0.97844
set bmargin at screen 0.21559
set tmargin at screen 0.92944
unset logscale x
set xrange [-0.0396:1.0296]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('0' -0, '0.5' 0.5, '1' 1)
unset logscale y
set yrange [0.635026319:1.1818876]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('' 0.7, '' 0.8, '' 0.9, '' 1, '' 1.1)
set label 'hash_bits = 12' at graph 0.5,1 center offset 0,0.6 font ',8'
plot $panel2_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel2_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#b95100', \
     $panel2_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#db7322', \
     $panel2_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel2_0 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel2_1 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#b95100', \
     $panel2_2 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#db7322', \
     $panel2_3 with linespoints lw 1.2 dt (8,3,2,3) pt 6 ps 0.45 lc rgb '#e69e66'

unset multiplot
unset output
