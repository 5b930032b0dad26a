#!lua flags=allow-oom
-- Notes how many partitions a stream has, unless that is known, or it is used without
-- any.
--
-- KEYS  1 meta  2 stream  3 backup stream  4 dead letters  5 due times of scheduled
--       messages  6 jobs, all of the stem  7 the backup stream that the stream knows
--       of, which may be the third again
-- ARGV  1 how many
-- Reply the number that holds from now on; else why none does: 'alive <member>', where
--       a member of an older version gives its sign of life in meta, or 'holds
--       <entries> <backup> <dead> <groups> <scheduled> <jobs>', where the stream
--       itself has any, or groups that hold entries, or jobs that were not removed, or
--       'deleting <ms>', where it is being deleted, for so long at most
-- A group that waits for the first entry is no use: its members find the partitions.
-- The number never changes: a key would go elsewhere. Looking and noting are one step,
-- so that two programs can't note two numbers.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local deleting = tonumber(redis.call('HGET', KEYS[1], 'deleting') or 0) or 0
if deleting > now then
  return 'deleting ' .. string.format('%.0f', deleting - now)
end
local known = redis.call('HGET', KEYS[1], 'partitions')
if known then
  return known
end
local meta = redis.call('HGETALL', KEYS[1])
for i = 1, #meta, 2 do
  local member = string.match(meta[i], '^beat:(.*)$')
  local at, lease = string.match(meta[i + 1], '^(%d+) (%d+)$')
  if member and at and now - tonumber(at) < 2 * tonumber(lease) then
    return 'alive ' .. member
  end
end
local held = {
  redis.call('XLEN', KEYS[2]),
  redis.call('XLEN', KEYS[3]),
  redis.call('XLEN', KEYS[4]),
  0,
  redis.call('ZCARD', KEYS[5]),
  0,
}
if KEYS[7] ~= KEYS[3] then
  held[2] = held[2] + redis.call('XLEN', KEYS[7])
end
if redis.call('EXISTS', KEYS[2]) == 1 then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
    for i = 1, #info, 2 do
      if info[i] == 'pending' and (info[i + 1] > 0 or held[1] > 0) then
        held[4] = held[4] + 1
      end
    end
  end
end
-- As part_cron.lua writes them.
local jobs = redis.call('HGETALL', KEYS[6])
for i = 2, #jobs, 2 do
  local state = string.match(jobs[i], '^%d+|%d+|(%a+)|')
  if state and state ~= 'off' then
    held[6] = held[6] + 1
  end
end
if held[1] + held[2] + held[3] + held[4] + held[5] + held[6] > 0 then
  return 'holds ' .. table.concat(held, ' ')
end
redis.call('HSET', KEYS[1], 'partitions', ARGV[1])
return ARGV[1]
