-- Records a member's sign of life, and returns all signs.
--
-- KEYS  1 members  2 meta  3 hold  4 facts
-- ARGV  1 name of the member  2 its lease in ms, with a half if the member
--       stops and wants no share of the partitions  3 how long a lapsed sign is
--       kept, in ms  4 by how many ms the server's clock was set back since the
--       member's last sign (0: it was not)  5 the member's facts ('': none)
--       6 'sweep' to remove facts of members without a sign
-- Reply 1 the server's time in ms  2 names, each followed by the ms until its
--       sign lapses, negative once it has  3 the stored number of partitions of
--       the stream ('': none)  4 the hold of the group ('': none);
--       or 'deleting <ms>' if the stream is being deleted, with the most ms left:
--       then no sign was given
-- A sign is the time until which a member is alive: its own lease after it was
-- given. Lapsed ones stay a while, and tell a dead member from a consumer that
-- never gives signs.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease, keep, back = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
-- Without permission to read them, the stream counts as not partitioned.
local partitions = redis.pcall('HGET', KEYS[2], 'partitions')
if type(partitions) ~= 'string' then
  partitions = ''
end
local deleting = redis.pcall('HGET', KEYS[2], 'deleting')
deleting = type(deleting) == 'string' and tonumber(deleting) or 0
if deleting > now then
  return 'deleting ' .. string.format('%.0f', deleting - now)
end
local signs, reply, old = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES'), {}, {}
for i = 1, #signs, 2 do
  local name, till = signs[i], tonumber(signs[i + 1])
  -- Signs from before the step lie far ahead, later ones don't, so several members may do
  -- this. After a small step, others' signs stay as they are.
  if back > 0 and till > now + math.max(back / 2, lease) then
    till = till - back
    redis.call('ZADD', KEYS[1], till, name)
  end
  if name == ARGV[1] then
    -- The member's own sign is set below.
  elseif till < now - keep then
    old[#old + 1] = name
  else
    reply[#reply + 1] = name
    reply[#reply + 1] = till - now
  end
end
redis.call('ZADD', KEYS[1], now + lease, ARGV[1])
for _, name in ipairs(old) do
  redis.call('ZREM', KEYS[1], name)
end
-- Facts are optional: without permission, or with another type there, this is skipped.
if ARGV[5] ~= '' then
  redis.pcall('HSET', KEYS[4], ARGV[1], ARGV[5])
end
-- Members of older versions remove only signs.
if ARGV[6] == 'sweep' then
  local known, said = {[ARGV[1]] = true}, redis.pcall('HGETALL', KEYS[4])
  for i = 1, #signs, 2 do
    known[signs[i]] = true
  end
  for i = 1, #said, 2 do
    if not known[said[i]] then
      old[#old + 1] = said[i]
    end
  end
end
if old[1] then
  redis.pcall('HDEL', KEYS[4], unpack(old, 1, math.min(#old, 1000)))
end
-- A value of another type is no hold.
local held = redis.pcall('GET', KEYS[3])
return {now, reply, partitions, type(held) == 'string' and held or ''}
