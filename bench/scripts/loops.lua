-- Tables, strings, closures and float arithmetic of Lua.
local function collatz(limit)
  local best, at = 0, 0
  for n = 1, limit do
    local x, steps = n, 0
    while x ~= 1 do
      if x % 2 == 0 then x = x // 2 else x = 3 * x + 1 end
      steps = steps + 1
    end
    if steps > best then best, at = steps, n end
  end
  return at
end

for _ = 1, tonumber(arg[1] or 1) do
  local words = {}
  for i = 1, 60000 do
    local key = ('k%d'):format(i * 7919 % 5000)
    words[key] = (words[key] or 0) + i
  end
  local keys = {}
  for key in pairs(words) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return words[a] > words[b] or (words[a] == words[b] and a < b) end)

  local text = table.concat(keys, ' ')
  local count = 0
  for word in text:gmatch('%w+') do
    if word:find('^k4') then count = count + 1 end
  end
  local sum = 0.0
  for i = 1, 400000 do sum = sum + math.sqrt(i) / (i + 1) end
  print(collatz(20000), #keys, keys[1], count, ('%.6f'):format(sum), #text:gsub('k', 'key'))
end
