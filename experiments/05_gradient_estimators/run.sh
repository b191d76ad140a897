#!/bin/sh
# How wrong YOSO's gradients are: results/05_gradient_estimators/<machine>/. README.md says what is asked.
. "$(dirname "$0")/../common.sh"

if [ -n "$SMOKE" ]; then
  n=32 seeds=3 hashes=4,8 layer1=32 layer0=32
else
  n=512 seeds=20 hashes=8..512*4 layer1=512 layer0=1024
fi
cosines=-0.99,-0.95,-0.9,-0.8,-0.7,-0.6,-0.5,-0.4,-0.3,-0.2,-0.1,0,0.1,0.2,0.3,0.4,0.442,0.5,0.6,0.7,0.8,0.9,0.95,0.98,0.99,0.999
estimators="-p yoso-m.gradient=lower-bound,set,expectation -p yoso-m.hashes=$hashes"

begin 05_gradient_estimators "about 2 minutes"

# one pair of a query and a key, whose output is its weight times its value
measure ratio error -m yoso-e --pass backward -n 1 --norm none --gradient lower-bound \
  --input "$(echo $cosines | sed 's/[^,]*/angle:&/g')"
for norm in none l2 rowsum; do
  measure synthetic-$norm error -m yoso-m,yoso-e --pass backward -n $n --input gaussian,clustered --seeds $seeds \
    --norm $norm --gradient lower-bound $estimators
  measure layer1-$norm error -m yoso-m,yoso-e --pass backward --qkv ${data}1-n512.safetensors -n $layer1 --seeds $seeds \
    --norm $norm --gradient lower-bound $estimators
done
measure layer0-l2 error -m yoso-m,yoso-e --pass backward --qkv ${data}0-n2048.safetensors -n $layer0 --seeds $seeds \
  --norm l2 --gradient lower-bound $estimators
# every method's gradient beside that of exact attention
measure methods error -m all --pass backward --qkv ${data}1-n512.safetensors -n $layer1 --seeds $seeds

# The figure: measured ratios on the formula. Its data are lines of the table; without gnuplot they are all there is.
awk '/^angle:/ { cosine = substr($1, 7) + 0 } $1 == "yoso-e" && NF > 9 { print cosine, $6 }' "$partial/ratio.txt" \
  >"$partial/ratio.dat"
cat >"$partial/ratio.gnuplot" <<'PLOT'
# cd to this folder, then: gnuplot ratio.gnuplot
set terminal svg size 560,360 font "sans,12" background "white"
set output "ratio.svg"
set xlabel "cosine x of query and key"
set ylabel "|lower bound| / |derivative|"
set xrange [-1:1]
set yrange [0:1]
set grid lc rgb "#dddddd"
set key bottom center
plot (pi - acos(x)) * sin(acos(x)) / 2 lc rgb "#0072b2" lw 2 title "(π − θ) sin θ / 2", \
     "ratio.dat" lc rgb "#d55e00" pt 7 ps 0.6 title "measured, yoso-e"
PLOT
if command -v gnuplot >/dev/null; then (cd "$partial" && gnuplot ratio.gnuplot); else
  echo "$name: gnuplot is not installed (Debian package gnuplot-nox): no ratio.svg"
fi

finish
