# Substitutions, the hold space and branches of sed.
s/[0-9]\{3,\}/<&>/g
/sta/{
  y/abc/ABC/
  s/\([a-z]*\) \([a-z]*\)/\2 \1/2
}
:again
s/  */ /2
tdone
:done
/<[0-9]*>$/!{
  H
  $!d
}
x
s/\n.*//
x
P
