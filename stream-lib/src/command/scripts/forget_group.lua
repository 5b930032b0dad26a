#!lua flags=allow-oom
-- Removes the traces of a group that no longer exists.
--
-- KEYS  1 stream  2 meta  3 waiting set  4 members  5 facts
-- ARGV  1 group  then fields of meta: signs of life that may be its members'
-- Reply how many traces were removed; 0 if the group exists
-- The check and the removal are one step: a group that is created later finds nothing,
-- and one that was created before keeps everything. Valid signs of life stay, since their
-- members create the group again. Signs of older versions are in meta, each valid for
-- twice the lease that it names.
local group = ARGV[1]
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    for i = 1, #info, 2 do
      if info[i] == 'name' and info[i + 1] == group then
        return 0
      end
    end
  end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fields, seen = {}, {}
for _, field in ipairs({'retention:floor:' .. group, 'clock:' .. group}) do
  if redis.call('HGET', KEYS[2], field) then
    fields[#fields + 1] = field
  end
end
for i = 2, #ARGV do
  local sign = not seen[ARGV[i]] and redis.call('HGET', KEYS[2], ARGV[i])
  local at, lease = string.match(sign or '', '^(%d+) (%d+)$')
  if sign and (not at or now - tonumber(at) >= 2 * tonumber(lease)) then
    fields[#fields + 1] = ARGV[i]
  end
  seen[ARGV[i]] = true
end
local members = redis.call('ZRANGE', KEYS[4], '-inf', string.format('%.0f', now), 'BYSCORE')
local removed = redis.call('UNLINK', KEYS[3])
-- Everything to remove exists, so only the last removal can empty a key.
for _, field in ipairs(fields) do
  removed = removed + redis.call('HDEL', KEYS[2], field)
end
for _, member in ipairs(members) do
  removed = removed + redis.call('ZREM', KEYS[4], member)
end
if members[1] then
  redis.pcall('HDEL', KEYS[5], unpack(members, 1, math.min(#members, 1000)))
end
return removed
