# Drawn by yoso-bench plot. To draw it again: gnuplot skill.gnuplot
if (!exists("figure")) figure = 'skill.svg'
set encoding utf8
set terminal svg size 680,340 font 'sans-serif,10.67' linewidth 1.333 background 'white' noenhanced
set output figure

# softmax
$panel0_0 << EOD
0.0625 1 1 1
0.125 1 1 1
0.25 1 1 1
0.5 1 1 1
1 1 1 1
2 1 1 1
4 1 1 1
8 1 1 1
16 1 1 1
EOD
# yoso-m hashes=32
$panel0_1 << EOD
0.0625 -234.201169 -1.08 -1.08
0.125 -56.8676286 -1.08 -1.08
0.25 -12.3928838 -1.08 -1.08
0.5 -1.87833988 -1.08 -1.08
1 -0.333557601 -0.457484563 -0.282249475
2 -0.118852304 -0.174526417 -0.108792876
4 -0.0653458769 -0.0743957672 -0.053851944
8 -0.047894093 -0.056581264 -0.0355049525
16 -0.0420833427 -0.0516558926 -0.030956704
EOD
# yoso-m hashes=32
$panel0_1_below << EOD
0.0625 -1
0.125 -1
0.25 -1
0.5 -1
EOD
# yoso-m hashes=128
$panel0_2 << EOD
0.0625 -63.3383664 -1.08 -1.08
0.125 -14.1694394 -1.08 -1.08
0.25 -2.44106419 -1.08 -1.08
0.5 -0.0356884544 -0.0949433275 0.0011046848
1 0.152224485 0.142193704 0.165228291
2 0.102794496 0.0950604055 0.111027397
4 0.070229965 0.0646308335 0.0761517642
8 0.0575469287 0.0527619067 0.0623513875
16 0.0524652843 0.0477902557 0.0567527138
EOD
# yoso-m hashes=128
$panel0_2_below << EOD
0.0625 -1
0.125 -1
0.25 -1
EOD
# yoso-m hashes=512
$panel0_3 << EOD
0.0625 -23.7431917 -1.08 -1.08
0.125 -4.46872754 -1.08 -1.08
0.25 -0.241901203 -0.279574589 -0.228094297
0.5 0.342329693 0.336638958 0.348895869
1 0.243137428 0.239013804 0.249163731
2 0.14147255 0.138429574 0.145306871
4 0.0948987486 0.0920503352 0.0970018518
8 0.0771290642 0.0744189636 0.0785352842
16 0.0696728347 0.0674433547 0.0711621903
EOD
# yoso-m hashes=512
$panel0_3_below << EOD
0.0625 -1
0.125 -1
EOD
# yoso-e norm=rowsum
$panel0_4 << EOD
0.0625 -10.2923614 -1.08 -1.08
0.125 -1.12901331 -1.08 -1.08
0.25 0.509808822 0.509808822 0.509808822
0.5 0.473883722 0.473883722 0.473883722
1 0.273236502 0.273236502 0.273236502
2 0.154176733 0.154176733 0.154176733
4 0.101851714 0.101851714 0.101851714
8 0.082288642 0.082288642 0.082288642
16 0.0745799189 0.0745799189 0.0745799189
EOD
# yoso-e norm=rowsum
$panel0_4_below << EOD
0.0625 -1
0.125 -1
EOD
# linformer k=64
$panel0_5 << EOD
0.0625 0.990111882 0.990111882 0.990111882
0.125 0.989414825 0.989414825 0.989414825
0.25 0.984771962 0.984771962 0.984771962
0.5 0.957428724 0.957428724 0.957428724
1 0.897948298 0.897948298 0.897948298
2 0.739523038 0.739523038 0.739523038
4 0.55011942 0.55011942 0.55011942
8 0.410068657 0.410068657 0.410068657
16 0.32696546 0.32696546 0.32696546
EOD
# nystrom landmarks=64
$panel0_6 << EOD
0.0625 0.89551693 0.89551693 0.89551693
0.125 0.960822045 0.960822045 0.960822045
0.25 0.980402513 0.980402513 0.980402513
0.5 0.963328781 0.963328781 0.963328781
1 0.917250202 0.917250202 0.917250202
2 0.753176366 0.753176366 0.753176366
4 0.497713601 0.497713601 0.497713601
8 0.298545493 0.298545493 0.298545493
16 0.156655211 0.156655211 0.156655211
EOD
# performer features=256
$panel0_7 << EOD
0.0625 -0.663215129 -1.08 -0.358432786
0.125 -0.00204972351 -0.203251993 0.0692758647
0.25 0.00544378919 0.00291968851 0.00763670863
0.5 1.30919036e-06 5.76089716e-07 3.61246641e-06
1 2.21969802e-07 2.13654268e-07 2.44425347e-07
2 2.21534215e-07 2.21180993e-07 2.22394859e-07
4 1.93077173e-07 1.93000535e-07 1.93233835e-07
8 1.72160776e-07 1.72111982e-07 1.72184832e-07
16 1.60760021e-07 1.60760021e-07 1.60760021e-07
EOD
# linear
$panel0_8 << EOD
0.0625 0.00511013195 0.00511013195 0.00511013195
0.125 0.0443713967 0.0443713967 0.0443713967
0.25 0.0501397425 0.0501397425 0.0501397425
0.5 0.0383913232 0.0383913232 0.0383913232
1 0.0276056652 0.0276056652 0.0276056652
2 0.0195895642 0.0195895642 0.0195895642
4 0.0158654404 0.0158654404 0.0158654404
8 0.0149808065 0.0149808065 0.0149808065
16 0.0150563119 0.0150563119 0.0150563119
EOD
# longformer window=64
$panel0_9 << EOD
0.0625 -829.564136 -1.08 -1.08
0.125 -208.051713 -1.08 -1.08
0.25 -48.9317076 -1.08 -1.08
0.5 -9.03607827 -1.08 -1.08
1 -2.21341385 -1.08 -1.08
2 -1.04330816 -1.04330816 -1.04330816
4 -0.726187679 -0.726187679 -0.726187679
8 -0.640423098 -0.640423098 -0.640423098
16 -0.611590919 -0.611590919 -0.611590919
EOD
# longformer window=64
$panel0_9_below << EOD
0.0625 -1
0.125 -1
0.25 -1
0.5 -1
1 -1
2 -1
EOD
# mean-v
$panel0_10 << EOD
0.0625 -7.58302069e-08 -7.58302069e-08 -7.58302069e-08
0.125 8.05706196e-08 8.05706196e-08 8.05706196e-08
0.25 1.46193176e-07 1.46193176e-07 1.46193176e-07
0.5 1.30026126e-07 1.30026126e-07 1.30026126e-07
1 8.94716739e-08 8.94716739e-08 8.94716739e-08
2 6.55895863e-08 6.55895863e-08 6.55895863e-08
4 4.93730875e-08 4.93730875e-08 4.93730875e-08
8 4.06800723e-08 4.06800723e-08 4.06800723e-08
16 3.66978635e-08 3.66978635e-08 3.66978635e-08
EOD
# subsample keys=256
$panel0_11 << EOD
0.0625 -2.285287 -1.08 -1.08
0.125 0.129895271 0.0638630138 0.197985527
0.25 0.737570893 0.716968033 0.754957207
0.5 0.857839046 0.850994758 0.864979324
1 0.798150206 0.775038744 0.811514528
2 0.642391114 0.590687995 0.650632416
4 0.460332359 0.415957225 0.470514071
8 0.320874321 0.287560338 0.347735639
16 0.242939165 0.209076613 0.277510784
EOD
# subsample keys=256
$panel0_11_below << EOD
0.0625 -1
EOD
# softmax
$panel1_0 << EOD
0.0625 1 1 1
0.125 1 1 1
0.25 1 1 1
0.5 1 1 1
1 1 1 1
2 1 1 1
4 1 1 1
8 1 1 1
16 1 1 1
EOD
# yoso-m hashes=32
$panel1_1 << EOD
0.0625 -283.025281 -1.08 -1.08
0.125 -71.2856278 -1.08 -1.08
0.25 -17.8856886 -1.08 -1.08
0.5 -4.41046792 -1.08 -1.08
1 -0.996618953 -1.02984617 -0.949791465
2 -0.174297861 -0.186445011 -0.134559181
4 -0.00825325845 -0.0199026271 0.00626607232
8 0.0118175075 0.0011579142 0.0196439268
16 0.0130268133 0.00236797269 0.0197826963
EOD
# yoso-m hashes=32
$panel1_1_below << EOD
0.0625 -1
0.125 -1
0.25 -1
0.5 -1
EOD
# yoso-m hashes=128
$panel1_2 << EOD
0.0625 -91.7150433 -1.08 -1.08
0.125 -21.2700938 -1.08 -1.08
0.25 -4.26483764 -1.08 -1.08
0.5 -0.436821565 -0.51843288 -0.403686943
1 0.222758399 0.20104446 0.251408185
2 0.234407733 0.22591998 0.246595826
4 0.1486861 0.143889631 0.153679766
8 0.0994692487 0.0937705294 0.102857748
16 0.0816303865 0.07687133 0.0852730271
EOD
# yoso-m hashes=128
$panel1_2_below << EOD
0.0625 -1
0.125 -1
0.25 -1
EOD
# yoso-m hashes=512
$panel1_3 << EOD
0.0625 -45.8894991 -1.08 -1.08
0.125 -9.04656517 -1.08 -1.08
0.25 -0.918946355 -0.963996058 -0.911821712
0.5 0.531506538 0.517056602 0.537569673
1 0.533503366 0.527473046 0.538721808
2 0.332998414 0.329643441 0.335517075
4 0.182353946 0.180732945 0.185460476
8 0.118549817 0.117953633 0.120921523
16 0.0966308467 0.0961042298 0.0985245354
EOD
# yoso-m hashes=512
$panel1_3_below << EOD
0.0625 -1
0.125 -1
EOD
# yoso-e norm=rowsum
$panel1_4 << EOD
0.0625 -30.1437738 -1.08 -1.08
0.125 -4.9401089 -1.08 -1.08
0.25 0.186046009 0.186046009 0.186046009
0.5 0.845954726 0.845954726 0.845954726
1 0.627447432 0.627447432 0.627447432
2 0.362566818 0.362566818 0.362566818
4 0.194824775 0.194824775 0.194824775
8 0.125674628 0.125674628 0.125674628
16 0.102322488 0.102322488 0.102322488
EOD
# yoso-e norm=rowsum
$panel1_4_below << EOD
0.0625 -1
0.125 -1
EOD
# linformer k=64
$panel1_5 << EOD
0.0625 0.979687406 0.979687406 0.979687406
0.125 0.97914146 0.97914146 0.97914146
0.25 0.977482386 0.977482386 0.977482386
0.5 0.97109232 0.97109232 0.97109232
1 0.945786319 0.945786319 0.945786319
2 0.884312537 0.884312537 0.884312537
4 0.758388441 0.758388441 0.758388441
8 0.591662303 0.591662303 0.591662303
16 0.464611886 0.464611886 0.464611886
EOD
# nystrom landmarks=64
$panel1_6 << EOD
0.0625 0.823024676 0.823024676 0.823024676
0.125 0.918047959 0.918047959 0.918047959
0.25 0.966616549 0.966616549 0.966616549
0.5 0.981881093 0.981881093 0.981881093
1 0.976331283 0.976331283 0.976331283
2 0.940368367 0.940368367 0.940368367
4 0.816720947 0.816720947 0.816720947
8 0.558192771 0.558192771 0.558192771
16 0.317203344 0.317203344 0.317203344
EOD
# performer features=256
$panel1_7 << EOD
0.0625 0.220192776 0.00488362328 0.30264721
0.125 0.0091745508 -0.138846252 0.11546315
0.25 -0.0768925654 -0.336230206 0.0611382292
0.5 -0.0692958679 -0.172821736 0.0316297966
1 0.00632612236 0.00171432476 0.0147297327
2 1.84753523e-06 -3.79705437e-06 7.58300205e-06
4 -4.27266425e-08 -4.35505591e-08 -4.21168299e-08
8 -5.80369483e-09 -5.85549048e-09 -5.7540461e-09
16 -2.48222487e-09 -2.48689025e-09 -2.47726312e-09
EOD
# linear
$panel1_8 << EOD
0.0625 0.0381542997 0.0381542997 0.0381542997
0.125 0.0450813813 0.0450813813 0.0450813813
0.25 0.0488883798 0.0488883798 0.0488883798
0.5 0.0532503219 0.0532503219 0.0532503219
1 0.0556109255 0.0556109255 0.0556109255
2 0.0472348803 0.0472348803 0.0472348803
4 0.0314278088 0.0314278088 0.0314278088
8 0.0222707508 0.0222707508 0.0222707508
16 0.0195039375 0.0195039375 0.0195039375
EOD
# longformer window=64
$panel1_9 << EOD
0.0625 -1149.57711 -1.08 -1.08
0.125 -296.786803 -1.08 -1.08
0.25 -78.8573483 -1.08 -1.08
0.5 -21.7074833 -1.08 -1.08
1 -6.14376864 -1.08 -1.08
2 -1.76257628 -1.08 -1.08
4 -0.600185345 -0.600185345 -0.600185345
8 -0.351699741 -0.351699741 -0.351699741
16 -0.315422749 -0.315422749 -0.315422749
EOD
# longformer window=64
$panel1_9_below << EOD
0.0625 -1
0.125 -1
0.25 -1
0.5 -1
1 -1
2 -1
EOD
# mean-v
$panel1_10 << EOD
0.0625 3.44791818e-07 3.44791818e-07 3.44791818e-07
0.125 1.69159213e-07 1.69159213e-07 1.69159213e-07
0.25 7.92770012e-08 7.92770012e-08 7.92770012e-08
0.5 3.24762078e-08 3.24762078e-08 3.24762078e-08
1 1.84848989e-08 1.84848989e-08 1.84848989e-08
2 1.86824546e-08 1.86824546e-08 1.86824546e-08
4 1.40183225e-08 1.40183225e-08 1.40183225e-08
8 9.7265947e-09 9.7265947e-09 9.7265947e-09
16 7.74962863e-09 7.74962863e-09 7.74962863e-09
EOD
# subsample keys=256
$panel1_11 << EOD
0.0625 -5.258662 -1.08 -1.08
0.125 -0.629740252 -0.786616831 -0.406320046
0.25 0.546712745 0.507714298 0.60697695
0.5 0.846817025 0.830550047 0.861789516
1 0.905397355 0.897928085 0.91213693
2 0.874694033 0.866021136 0.88655814
4 0.787177293 0.754768552 0.799962082
8 0.669140846 0.613292403 0.677146984
16 0.561806913 0.504180645 0.578258832
EOD
# subsample keys=256
$panel1_11_below << EOD
0.0625 -1
EOD
# softmax
$panel2_0 << EOD
0.0625 1 1 1
0.125 1 1 1
0.25 1 1 1
0.5 1 1 1
1 1 1 1
2 1 1 1
4 1 1 1
8 1 1 1
16 1 1 1
EOD
# yoso-m hashes=32
$panel2_1 << EOD
0.0625 -3531.4366 -1.08 -1.08
0.125 -871.600929 -1.08 -1.08
0.25 -209.634133 -1.08 -1.08
0.5 -45.9078123 -1.08 -1.08
1 -6.84453118 -1.08 -1.08
2 -0.300652405 -0.302818703 -0.297830694
4 -0.0178256266 -0.0185626922 -0.0164896059
8 -0.00575533371 -0.00623899484 -0.0048533209
16 -0.00380828804 -0.00439596401 -0.00341927798
EOD
# yoso-m hashes=32
$panel2_1_below << EOD
0.0625 -1
0.125 -1
0.25 -1
0.5 -1
1 -1
EOD
# yoso-m hashes=128
$panel2_2 << EOD
0.0625 -937.077227 -1.08 -1.08
0.125 -227.08013 -1.08 -1.08
0.25 -52.4295776 -1.08 -1.08
0.5 -10.3604233 -1.08 -1.08
1 -1.08924281 -1.08 -1.07680887
2 0.029159514 0.0281456344 0.0309707946
4 0.0168536234 0.0164470345 0.0173701901
8 0.0100866272 0.00977592826 0.010304381
16 0.0079513015 0.00775935673 0.00812563516
EOD
# yoso-m hashes=128
$panel2_2_below << EOD
0.0625 -1
0.125 -1
0.25 -1
0.5 -1
1 -1
EOD
# yoso-m hashes=512
$panel2_3 << EOD
0.0625 -326.61076 -1.08 -1.08
0.125 -75.4062807 -1.08 -1.08
0.25 -15.4272164 -1.08 -1.08
0.5 -1.99783888 -1.08 -1.08
1 0.274306241 0.271133731 0.276174551
2 0.109653248 0.108829657 0.110712653
4 0.025450811 0.0251937272 0.0257614418
8 0.0139779978 0.0138306442 0.0141431191
16 0.0108888206 0.0107611175 0.0109801784
EOD
# yoso-m hashes=512
$panel2_3_below << EOD
0.0625 -1
0.125 -1
0.25 -1
0.5 -1
EOD
# yoso-e norm=rowsum
$panel2_4 << EOD
0.0625 -123.413074 -1.08 -1.08
0.125 -24.9382733 -1.08 -1.08
0.25 -3.13004066 -1.08 -1.08
0.5 0.781844115 0.781844115 0.781844115
1 0.723879215 0.723879215 0.723879215
2 0.135211861 0.135211861 0.135211861
4 0.0281575053 0.0281575053 0.0281575053
8 0.0152583458 0.0152583458 0.0152583458
16 0.0118782489 0.0118782489 0.0118782489
EOD
# yoso-e norm=rowsum
$panel2_4_below << EOD
0.0625 -1
0.125 -1
0.25 -1
EOD
# linformer k=64
$panel2_5 << EOD
0.0625 0.0595780152 0.0595780152 0.0595780152
0.125 0.0591925938 0.0591925938 0.0591925938
0.25 0.0577532691 0.0577532691 0.0577532691
0.5 0.052328572 0.052328572 0.052328572
1 0.0340264013 0.0340264013 0.0340264013
2 0.00700599804 0.00700599804 0.00700599804
4 0.000497694917 0.000497694917 0.000497694917
8 -0.00800748946 -0.00800748946 -0.00800748946
16 -0.025721853 -0.025721853 -0.025721853
EOD
# nystrom landmarks=64
$panel2_6 << EOD
0.0625 0.00172575138 0.00172575138 0.00172575138
0.125 0.00359121718 0.00359121718 0.00359121718
0.25 0.0106929446 0.0106929446 0.0106929446
0.5 0.0341273286 0.0341273286 0.0341273286
1 0.0730347367 0.0730347367 0.0730347367
2 0.0371455521 0.0371455521 0.0371455521
4 -0.00831559838 -0.00831559838 -0.00831559838
8 -1.10919996 -1.08 -1.08
16 -13.9918223 -1.08 -1.08
EOD
# nystrom landmarks=64
$panel2_6_below << EOD
8 -1
16 -1
EOD
# performer features=256
$panel2_7 << EOD
0.0625 0.230561316 0.134459637 0.279976719
0.125 0.0448395838 0.0004962116 0.0940338778
0.25 -1.52291834 -1.08 -1.08
0.5 -2.11253377 -1.08 -1.08
1 0.00306302842 -0.00215080975 0.00441452575
2 4.74899053e-07 2.36238944e-07 7.90491242e-07
4 1.07842546e-09 1.03914521e-09 1.1127369e-09
8 4.67270056e-10 4.66780725e-10 4.68867833e-10
16 1.82568183e-10 1.82568183e-10 1.82568183e-10
EOD
# performer features=256
$panel2_7_below << EOD
0.25 -1
0.5 -1
EOD
# linear
$panel2_8 << EOD
0.0625 -0.0402716046 -0.0402716046 -0.0402716046
0.125 0.0705717819 0.0705717819 0.0705717819
0.25 0.107485058 0.107485058 0.107485058
0.5 0.100257469 0.100257469 0.100257469
1 0.0568707768 0.0568707768 0.0568707768
2 0.00995222004 0.00995222004 0.00995222004
4 0.00219922973 0.00219922973 0.00219922973
8 0.00142288045 0.00142288045 0.00142288045
16 0.00128280427 0.00128280427 0.00128280427
EOD
# longformer window=64
$panel2_9 << EOD
0.0625 -3644.25271 -1.08 -1.08
0.125 -915.52252 -1.08 -1.08
0.25 -233.642454 -1.08 -1.08
0.5 -63.3915263 -1.08 -1.08
1 -20.3017505 -1.08 -1.08
2 -4.57254728 -1.08 -1.08
4 -1.28230633 -1.08 -1.08
8 -0.963312638 -0.963312638 -0.963312638
16 -0.90397796 -0.90397796 -0.90397796
EOD
# longformer window=64
$panel2_9_below << EOD
0.0625 -1
0.125 -1
0.25 -1
0.5 -1
1 -1
2 -1
4 -1
EOD
# mean-v
$panel2_10 << EOD
0.0625 -5.68722294e-08 -5.68722294e-08 -5.68722294e-08
0.125 -2.60883228e-08 -2.60883228e-08 -2.60883228e-08
0.25 -1.07980365e-08 -1.07980365e-08 -1.07980365e-08
0.5 -3.50819174e-09 -3.50819174e-09 -3.50819174e-09
1 -1.04832321e-09 -1.04832321e-09 -1.04832321e-09
2 -9.01196007e-10 -9.01196007e-10 -9.01196007e-10
4 -3.7098502e-10 -3.7098502e-10 -3.7098502e-10
8 -1.87158511e-10 -1.87158511e-10 -1.87158511e-10
16 -1.3351853e-10 -1.3351853e-10 -1.3351853e-10
EOD
# subsample keys=256
$panel2_11 << EOD
0.0625 -745.947415 -1.08 -1.08
0.125 -186.876016 -1.08 -1.08
0.25 -47.1289567 -1.08 -1.08
0.5 -12.1543353 -1.08 -1.08
1 -3.51312291 -1.08 -1.08
2 -1.04622655 -1.0794672 -1.02036767
4 -0.369713004 -0.389812904 -0.35253395
8 -0.384109022 -0.408709636 -0.369775631
16 -0.431377704 -0.452890933 -0.418129226
EOD
# subsample keys=256
$panel2_11_below << EOD
0.0625 -1
0.125 -1
0.25 -1
0.5 -1
1 -1
2 -1
EOD
set border 3 lw 0.5 lc rgb '#404040'
set grid xtics ytics lt 1 lw 0.4 lc rgb '#e4e4e4'
set clip two
unset key
set multiplot

# use-lite-layer0-n2048, n = 1024, d = 64
unset label
unset arrow
unset object
set lmargin at screen 0.07887
set rmargin at screen 0.27448
set bmargin at screen 0.10975
set tmargin at screen 0.92944
set logscale x
set xrange [0.0500668673:19.9732888]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('0.0625' 0.0625, '0.5' 0.5, '4' 4, '' 0.125 1, '' 0.25 1, '' 1 1, '' 2 1, '' 8 1, '' 16 1)
unset logscale y
set yrange [-1.08:1.08]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('−1' -1, '−0.5' -0.5, '0' 0, '0.5' 0.5, '1' 1)
set label 'use-lite-layer0-n2048, n = 1024, d = 64' at graph 0.5,1 center offset 0,0.6 font ',4.94'
set label 'logits times s' at screen 0.39581,0.03136 center font ',8.00'
set label 'skill; arrows: below −1' at screen 0.01764,0.51960 center rotate font ',8.00'
set arrow from screen 0.73236,0.90887 to screen 0.77156,0.90887 nohead lw 1.2 dt solid lc rgb '#000000'
set label '' at screen 0.75196,0.90887 point pt 5 ps 0.5 lc rgb '#000000'
set label 'softmax' at screen 0.77940,0.90887 left font ',7'
set arrow from screen 0.73236,0.86771 to screen 0.77156,0.86771 nohead lw 1.2 dt solid lc rgb '#0072b2'
set label '' at screen 0.75196,0.86771 point pt 9 ps 0.5 lc rgb '#0072b2'
set label 'linformer k=64' at screen 0.77940,0.86771 left font ',7'
set arrow from screen 0.73236,0.82655 to screen 0.77156,0.82655 nohead lw 1.2 dt (4,4) lc rgb '#8c8c8c'
set label '' at screen 0.75196,0.82655 point pt 1 ps 0.5 lc rgb '#8c8c8c'
set label 'subsample keys=256' at screen 0.77940,0.82655 left font ',7'
set arrow from screen 0.73236,0.78539 to screen 0.77156,0.78539 nohead lw 1.2 dt solid lc rgb '#56b4e9'
set label '' at screen 0.75196,0.78539 point pt 15 ps 0.5 lc rgb '#56b4e9'
set label 'nystrom landmarks=64' at screen 0.77940,0.78539 left font ',7'
set arrow from screen 0.73236,0.74424 to screen 0.77156,0.74424 nohead lw 1.2 dt (6,3) lc rgb '#e69f00'
set label '' at screen 0.75196,0.74424 point pt 7 ps 0.5 lc rgb '#e69f00'
set label 'yoso-e norm=rowsum' at screen 0.77940,0.74424 left font ',7'
set arrow from screen 0.73236,0.70308 to screen 0.77156,0.70308 nohead lw 1.2 dt (2,2) lc rgb '#e69e66'
set label '' at screen 0.75196,0.70308 point pt 7 ps 0.5 lc rgb '#e69e66'
set label 'yoso-m hashes=512' at screen 0.77940,0.70308 left font ',7'
set arrow from screen 0.73236,0.66192 to screen 0.77156,0.66192 nohead lw 1.2 dt (8,3) lc rgb '#d55e00'
set label '' at screen 0.75196,0.66192 point pt 6 ps 0.5 lc rgb '#d55e00'
set label 'yoso-m hashes=128' at screen 0.77940,0.66192 left font ',7'
set arrow from screen 0.73236,0.62076 to screen 0.77156,0.62076 nohead lw 1.2 dt (9,3,2,3) lc rgb '#332288'
set label '' at screen 0.75196,0.62076 point pt 11 ps 0.5 lc rgb '#332288'
set label 'linear' at screen 0.77940,0.62076 left font ',7'
set arrow from screen 0.73236,0.57961 to screen 0.77156,0.57961 nohead lw 1.2 dt solid lc rgb '#009e73'
set label '' at screen 0.75196,0.57961 point pt 11 ps 0.5 lc rgb '#009e73'
set label 'performer features=256' at screen 0.77940,0.57961 left font ',7'
set arrow from screen 0.73236,0.53845 to screen 0.77156,0.53845 nohead lw 1.2 dt (2,3) lc rgb '#707070'
set label '' at screen 0.75196,0.53845 point pt 2 ps 0.5 lc rgb '#707070'
set label 'mean-v' at screen 0.77940,0.53845 left font ',7'
set arrow from screen 0.73236,0.49729 to screen 0.77156,0.49729 nohead lw 1.2 dt solid lc rgb '#803800'
set label '' at screen 0.75196,0.49729 point pt 7 ps 0.5 lc rgb '#803800'
set label 'yoso-m hashes=32' at screen 0.77940,0.49729 left font ',7'
set arrow from screen 0.73236,0.45613 to screen 0.77156,0.45613 nohead lw 1.2 dt (9,3,2,3) lc rgb '#999933'
set label '' at screen 0.75196,0.45613 point pt 9 ps 0.5 lc rgb '#999933'
set label 'longformer window=64' at screen 0.77940,0.45613 left font ',7'
set label 'all of yoso-m: norm=rowsum' at screen 0.77940,0.41498 left font ',7'
plot $panel0_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#000000', \
     $panel0_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel0_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#d55e00', \
     $panel0_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel0_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69f00', \
     $panel0_5 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#0072b2', \
     $panel0_6 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#56b4e9', \
     $panel0_7 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#009e73', \
     $panel0_8 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#332288', \
     $panel0_9 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#999933', \
     $panel0_10 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#707070', \
     $panel0_11 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#8c8c8c', \
     $panel0_0 with linespoints lw 1.2 dt solid pt 5 ps 0.45 lc rgb '#000000', \
     $panel0_1 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel0_1_below with points pt 11 ps 0.6 lc rgb '#803800', \
     $panel0_2 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#d55e00', \
     $panel0_2_below with points pt 11 ps 0.6 lc rgb '#d55e00', \
     $panel0_3 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#e69e66', \
     $panel0_3_below with points pt 11 ps 0.6 lc rgb '#e69e66', \
     $panel0_4 with linespoints lw 1.2 dt (6,3) pt 7 ps 0.45 lc rgb '#e69f00', \
     $panel0_4_below with points pt 11 ps 0.6 lc rgb '#e69f00', \
     $panel0_5 with linespoints lw 1.2 dt solid pt 9 ps 0.45 lc rgb '#0072b2', \
     $panel0_6 with linespoints lw 1.2 dt solid pt 15 ps 0.45 lc rgb '#56b4e9', \
     $panel0_7 with linespoints lw 1.2 dt solid pt 11 ps 0.45 lc rgb '#009e73', \
     $panel0_8 with linespoints lw 1.2 dt (9,3,2,3) pt 11 ps 0.45 lc rgb '#332288', \
     $panel0_9 with linespoints lw 1.2 dt (9,3,2,3) pt 9 ps 0.45 lc rgb '#999933', \
     $panel0_9_below with points pt 11 ps 0.6 lc rgb '#999933', \
     $panel0_10 with linespoints lw 1 dt (2,3) pt 2 ps 0.45 lc rgb '#707070', \
     $panel0_11 with linespoints lw 1 dt (4,4) pt 1 ps 0.45 lc rgb '#8c8c8c', \
     $panel0_11_below with points pt 11 ps 0.6 lc rgb '#8c8c8c'

# use-lite-layer1-n512, n = 512, d = 128
unset label
unset arrow
unset object
set lmargin at screen 0.29800
set rmargin at screen 0.49362
set bmargin at screen 0.10975
set tmargin at screen 0.92944
set logscale x
set xrange [0.0500668673:19.9732888]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('0.0625' 0.0625, '0.5' 0.5, '4' 4, '' 0.125 1, '' 0.25 1, '' 1 1, '' 2 1, '' 8 1, '' 16 1)
unset logscale y
set yrange [-1.08:1.08]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('' -1, '' -0.5, '' 0, '' 0.5, '' 1)
set label 'use-lite-layer1-n512, n = 512, d = 128' at graph 0.5,1 center offset 0,0.6 font ',5.07'
plot $panel1_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#000000', \
     $panel1_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel1_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#d55e00', \
     $panel1_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel1_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69f00', \
     $panel1_5 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#0072b2', \
     $panel1_6 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#56b4e9', \
     $panel1_7 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#009e73', \
     $panel1_8 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#332288', \
     $panel1_9 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#999933', \
     $panel1_10 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#707070', \
     $panel1_11 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#8c8c8c', \
     $panel1_0 with linespoints lw 1.2 dt solid pt 5 ps 0.45 lc rgb '#000000', \
     $panel1_1 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel1_1_below with points pt 11 ps 0.6 lc rgb '#803800', \
     $panel1_2 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#d55e00', \
     $panel1_2_below with points pt 11 ps 0.6 lc rgb '#d55e00', \
     $panel1_3 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#e69e66', \
     $panel1_3_below with points pt 11 ps 0.6 lc rgb '#e69e66', \
     $panel1_4 with linespoints lw 1.2 dt (6,3) pt 7 ps 0.45 lc rgb '#e69f00', \
     $panel1_4_below with points pt 11 ps 0.6 lc rgb '#e69f00', \
     $panel1_5 with linespoints lw 1.2 dt solid pt 9 ps 0.45 lc rgb '#0072b2', \
     $panel1_6 with linespoints lw 1.2 dt solid pt 15 ps 0.45 lc rgb '#56b4e9', \
     $panel1_7 with linespoints lw 1.2 dt solid pt 11 ps 0.45 lc rgb '#009e73', \
     $panel1_8 with linespoints lw 1.2 dt (9,3,2,3) pt 11 ps 0.45 lc rgb '#332288', \
     $panel1_9 with linespoints lw 1.2 dt (9,3,2,3) pt 9 ps 0.45 lc rgb '#999933', \
     $panel1_9_below with points pt 11 ps 0.6 lc rgb '#999933', \
     $panel1_10 with linespoints lw 1 dt (2,3) pt 2 ps 0.45 lc rgb '#707070', \
     $panel1_11 with linespoints lw 1 dt (4,4) pt 1 ps 0.45 lc rgb '#8c8c8c', \
     $panel1_11_below with points pt 11 ps 0.6 lc rgb '#8c8c8c'

# temperature, n = 1024, d = 64
unset label
unset arrow
unset object
set lmargin at screen 0.51714
set rmargin at screen 0.71276
set bmargin at screen 0.10975
set tmargin at screen 0.92944
set logscale x
set xrange [0.0500668673:19.9732888]
set xtics nomirror out scale 0.5,0.25 offset 0,0.4 font ',7' ('0.0625' 0.0625, '0.5' 0.5, '4' 4, '' 0.125 1, '' 0.25 1, '' 1 1, '' 2 1, '' 8 1, '' 16 1)
unset logscale y
set yrange [-1.08:1.08]
set ytics nomirror out scale 0.5,0.25 offset 0.5,0 font ',7' ('' -1, '' -0.5, '' 0, '' 0.5, '' 1)
set label 'temperature, n = 1024, d = 64' at graph 0.5,1 center offset 0,0.6 font ',6.65'
plot $panel2_0 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#000000', \
     $panel2_1 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#803800', \
     $panel2_2 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#d55e00', \
     $panel2_3 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69e66', \
     $panel2_4 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#e69f00', \
     $panel2_5 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#0072b2', \
     $panel2_6 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#56b4e9', \
     $panel2_7 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#009e73', \
     $panel2_8 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#332288', \
     $panel2_9 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#999933', \
     $panel2_10 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#707070', \
     $panel2_11 using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '#8c8c8c', \
     $panel2_0 with linespoints lw 1.2 dt solid pt 5 ps 0.45 lc rgb '#000000', \
     $panel2_1 with linespoints lw 1.2 dt solid pt 7 ps 0.45 lc rgb '#803800', \
     $panel2_1_below with points pt 11 ps 0.6 lc rgb '#803800', \
     $panel2_2 with linespoints lw 1.2 dt (8,3) pt 6 ps 0.45 lc rgb '#d55e00', \
     $panel2_2_below with points pt 11 ps 0.6 lc rgb '#d55e00', \
     $panel2_3 with linespoints lw 1.2 dt (2,2) pt 7 ps 0.45 lc rgb '#e69e66', \
     $panel2_3_below with points pt 11 ps 0.6 lc rgb '#e69e66', \
     $panel2_4 with linespoints lw 1.2 dt (6,3) pt 7 ps 0.45 lc rgb '#e69f00', \
     $panel2_4_below with points pt 11 ps 0.6 lc rgb '#e69f00', \
     $panel2_5 with linespoints lw 1.2 dt solid pt 9 ps 0.45 lc rgb '#0072b2', \
     $panel2_6 with linespoints lw 1.2 dt solid pt 15 ps 0.45 lc rgb '#56b4e9', \
     $panel2_6_below with points pt 11 ps 0.6 lc rgb '#56b4e9', \
     $panel2_7 with linespoints lw 1.2 dt solid pt 11 ps 0.45 lc rgb '#009e73', \
     $panel2_7_below with points pt 11 ps 0.6 lc rgb '#009e73', \
     $panel2_8 with linespoints lw 1.2 dt (9,3,2,3) pt 11 ps 0.45 lc rgb '#332288', \
     $panel2_9 with linespoints lw 1.2 dt (9,3,2,3) pt 9 ps 0.45 lc rgb '#999933', \
     $panel2_9_below with points pt 11 ps 0.6 lc rgb '#999933', \
     $panel2_10 with linespoints lw 1 dt (2,3) pt 2 ps 0.45 lc rgb '#707070', \
     $panel2_11 with linespoints lw 1 dt (4,4) pt 1 ps 0.45 lc rgb '#8c8c8c', \
     $panel2_11_below with points pt 11 ps 0.6 lc rgb '#8c8c8c'

unset multiplot
unset output
