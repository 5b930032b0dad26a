-- Deletes a stream with all its keys, unless a member of it lives.
--
-- KEYS  1 stream  2 backup stream  3 dead letters  4 meta  5 lock of the drain
--       6 lock of retention  7 marks of spools  8 due times, 9 bodies and 10 unique
--       keys of scheduled messages  11 jobs  12 events  then per group: waiting set,
--       lock of entries that run alone, members, hold, rate, facts; then schemas;
--       last the stored backup stream, which may be the second again
-- ARGV  1 'delete', or 'look' to see whether that would be refused  then the
--       groups, in the order of their keys
-- Reply 'deleted', 'none' if nothing existed, 'groups' if the stream has a group
--       that ARGV doesn't name, or 'alive <group>:<consumer>'; 'free' for a look
--       that finds no living member
-- The check and the deletion are one step: a member that comes later finds no stream, and
-- creates its group again. Members of older versions give their signs in meta, each valid
-- for twice the lease that it names.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local meta = redis.call('HGETALL', KEYS[4])
for i = 1, #meta, 2 do
  local member = string.match(meta[i], '^beat:(.*)$')
  local at, lease = string.match(meta[i + 1], '^(%d+) (%d+)$')
  if member and at and now - tonumber(at) < 2 * tonumber(lease) then
    return 'alive ' .. member
  end
end
for i = 2, #ARGV do
  local group = ARGV[i]
  local alive = redis.call('ZRANGE', KEYS[3 + 6 * i], '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, 1)
  if alive[1] then
    return 'alive ' .. group .. ':' .. alive[1]
  end
end
-- Fails if one of them is no stream.
for _, key in ipairs({KEYS[1], KEYS[2], KEYS[3], KEYS[#KEYS]}) do
  redis.call('XLEN', key)
end
if ARGV[1] == 'look' then
  return 'free'
end
local known = {}
for i = 2, #ARGV do
  known[ARGV[i]] = true
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    for i = 1, #info, 2 do
      if info[i] == 'name' and not known[info[i + 1]] then
        return 'groups'
      end
    end
  end
end
if redis.call('UNLINK', unpack(KEYS)) == 0 then
  return 'none'
end
return 'deleted'
