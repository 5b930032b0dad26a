-- Removes consumers that hold nothing from their group.
--
-- KEYS  1 stream
-- ARGV  1 group  then names of consumers
-- Reply the names of those removed
-- XGROUP DELCONSUMER would discard what a consumer holds.
local removed = {}
for i = 2, #ARGV do
  local name = ARGV[i]
  if not redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, name)[1] then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], name)
    removed[#removed + 1] = name
  end
end
return removed
