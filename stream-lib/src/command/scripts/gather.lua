-- Leaves entries of ~waiting that are missing from the set to the takeover.
--
-- KEYS  1 stream  2 waiting set
-- ARGV  1 group  2 where to continue ('-', or '(' and an id)  3 how many to look at
-- Reply 1 where to continue next ('' at the end)  2 how many were found
-- Claims of due entries don't find such entries. Each walk begins with the counts, so
-- there is no walk if the set has all of them.
local from, look = ARGV[2], tonumber(ARGV[3])
if from == '-' then
  local held = 0
  for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local facts = {}
    for i = 1, #info, 2 do
      facts[info[i]] = info[i + 1]
    end
    if facts.name == '~waiting' then
      held = facts.pending
    end
  end
  if held <= redis.call('ZCARD', KEYS[2]) then
    return {'', 0}
  end
end
local list = redis.call('XPENDING', KEYS[1], ARGV[1], from, '+', look, '~waiting')
local found = 0
for _, pending in ipairs(list) do
  local id = pending[1]
  if not redis.call('ZSCORE', KEYS[2], id) then
    -- TIME 1: idle since 1970.
    redis.call('XCLAIM', KEYS[1], ARGV[1], '~takeover', 0, id, 'TIME', 1, 'JUSTID')
    found = found + 1
  end
end
return {#list == look and '(' .. list[look][1] or '', found}
