#!/bin/sh
# Skill against time, every method over its knob: results/07_pareto/<machine>/. README.md says what is asked.
. "$(dirname "$0")/../common.sh"

begin 07_pareto "about 10 minutes"
collect pareto

layer0="input=='${data}0-n2048.safetensors'" layer1="input=='${data}1-n512.safetensors'"
show layer0.svg plot pareto.json --kind pareto --facet n --where "$layer0" --size 18x9
show layer1.svg plot pareto.json --kind pareto --where "$layer1" --size 16x10
# at equal skill, who is fastest; at equal time, who is most exact
show equal-skill.md table pareto.json --given skill=0.1,0.25,0.5,0.75,0.9,0.95 --value ratio --best
show equal-time.md table pareto.json --given ratio=0.05,0.1,0.2,0.4,0.8 --value skill --best
show points.md table pareto.json --value time,skill

finish
