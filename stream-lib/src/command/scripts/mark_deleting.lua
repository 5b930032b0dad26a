#!lua flags=allow-oom
-- Marks a stream with partitions as being deleted, unless a member of it lives.
--
-- KEYS  1 meta, of the stem  then per group: members
-- ARGV  1 how long the mark lasts, in ms  then the groups, in the order of their keys
-- Reply the word 'marked'; 'alive' and <group>:<consumer>; or 'groups', and those that an
--       earlier call has marked and ARGV doesn't name: nothing was written
-- Partitions are deleted one by one, each in its own slot. Until the mark lapses, or is
-- removed with the hash, new members find it here, where they give their signs of life,
-- and don't start. The groups stay stored, since after a deletion that ended half-way
-- nothing else names the groups of the deleted partitions.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local named = {}
for i = 2, #ARGV do
  named[ARGV[i]] = true
end
local unnamed = {'groups'}
local meta = redis.call('HGETALL', KEYS[1])
for i = 1, #meta, 2 do
  local group = string.match(meta[i], '^deleting:(.*)$')
  if group and not named[group] then
    unnamed[#unnamed + 1] = group
  end
  local member = string.match(meta[i], '^beat:(.*)$')
  local at, lease = string.match(meta[i + 1], '^(%d+) (%d+)$')
  if member and at and now - tonumber(at) < 2 * tonumber(lease) then
    return {'alive', member}
  end
end
if #unnamed > 1 then
  return unnamed
end
for i = 2, #ARGV do
  local alive = redis.call('ZRANGE', KEYS[i], '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, 1)
  if alive[1] then
    return {'alive', ARGV[i] .. ':' .. alive[1]}
  end
end
redis.call('HSET', KEYS[1], 'deleting', string.format('%.0f', now + tonumber(ARGV[1])))
for i = 2, #ARGV do
  redis.call('HSET', KEYS[1], 'deleting:' .. ARGV[i], '')
end
return {'marked'}
