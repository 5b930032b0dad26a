-- Returns the holdings of a group's consumers.
--
-- KEYS  1 stream  2 waiting set
-- ARGV  1 group  2 the ms without a sign of life after which consumers that hold
--       nothing are also named ('' names none)
-- Reply 1 how many more entries ~waiting holds than the set has  2 names, each
--       followed by its number of entries and the ms since it was last seen;
--       ~waiting is left out  3 the server's time in ms
-- If the stream or the group is gone, nothing is held.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if consumers.err then
  if string.find(consumers.err, 'no such key', 1, true) or string.find(consumers.err, 'NOGROUP') then
    return {0, {}, now}
  end
  return consumers
end
local strays, reply, patience = 0, {}, tonumber(ARGV[2])
for _, info in ipairs(consumers) do
  local facts = {}
  for i = 1, #info, 2 do
    facts[info[i]] = info[i + 1]
  end
  if facts.name == '~waiting' then
    strays = math.max(0, facts.pending - redis.call('ZCARD', KEYS[2]))
  elseif facts.pending > 0 or patience and facts.idle >= patience then
    reply[#reply + 1] = facts.name
    reply[#reply + 1] = facts.pending
    reply[#reply + 1] = facts.idle
  end
end
return {strays, reply, now}
