-- Takes, keeps or releases a lock that lapses by itself.
--
-- KEYS  1 lock
-- ARGV  1 token of the caller  2 how long to hold it from now on, in ms; 0
--       releases it
-- Reply 1 the caller holds the lock (or, for a release, held it), 0 another one does
-- Only the holder of a lock keeps or releases it.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
if tonumber(ARGV[2]) > 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
elseif holder then
  redis.call('DEL', KEYS[1])
else
  return 0
end
return 1
