#!/bin/sh
# tau x hashes x length: results/08_hyperparameters/<machine>/. README.md says what is asked.
. "$(dirname "$0")/../common.sh"

begin 08_hyperparameters "about 5 minutes"
collect grid

layer0="input=='${data}0-n2048.safetensors'" layer1="input=='${data}1-n512.safetensors'"
yoso='method==yoso-m || method==yoso-e'
show layer0.svg plot grid.json --x hash_bits --y skill --facet n --linear x --size 18x9 --where "$layer0" --where "$yoso" \
  --x-label "τ, bits of a hash"
show layer1.svg plot grid.json --x hash_bits --y skill --linear x --where "$layer1" --where "$yoso" \
  --x-label "τ, bits of a hash"
show skill.md table grid.json --where "$yoso" --rows method,hashes --cols hash_bits --value skill
show time.md table grid.json --where "$yoso" --rows method,hashes --cols hash_bits --value time

finish
