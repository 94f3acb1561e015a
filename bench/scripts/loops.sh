# Arithmetic, arrays, expansion and functions of bash; nothing here starts a process.
declare -A words
twice() { REPLY=$(($1 * 2)); }
for ((round = 0; round < ${1:-1}; round++)); do
  words=()
  best=0 at=0
  for ((n = 1; n < 600; n++)); do
    x=$n steps=0
    while ((x != 1)); do
      if ((x % 2)); then ((x = 3 * x + 1)); else ((x /= 2)); fi
      ((steps++))
    done
    if ((steps > best)); then best=$steps at=$n; fi
  done
  for ((i = 0; i < 12000; i++)); do
    key=k$((i * 7919 % 500))
    words[$key]=$((${words[$key]:-0} + i))
  done
  text=
  for key in "${!words[@]}"; do [[ $key == k4* ]] && text+=" ${words[$key]}"; done
  for ((i = 0; i < 8000; i++)); do twice "$i"; done
  echo "$at ${#words[@]} ${#text} ${text//1/one}" "$REPLY"
done
