#!lua flags=allow-oom
-- Stores the number of partitions of a stream, unless one is stored or the stream is used
-- without partitions.
--
-- KEYS  1 meta  2 stream  3 backup stream  4 dead letters  5 due times of scheduled
--       messages  6 jobs, all of the stem  7 the stored backup stream, which may be
--       the third again
-- ARGV  1 how many
-- Reply the number that applies from now on; else the reason why none does: 'alive
--       <member>' if a member of an older version gives its sign of life in meta;
--       'holds <entries> <backup> <dead> <groups> <scheduled> <jobs>' if the stream
--       itself has any, or groups that hold entries, or jobs that were not removed;
--       'deleting <ms>' if it is being deleted, with the most ms left
-- A group that waits for the first entry doesn't count as use: its members find the
-- partitions. The number never changes, since keys would move. The check and the write
-- are one step, so two programs can't store two numbers.
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
