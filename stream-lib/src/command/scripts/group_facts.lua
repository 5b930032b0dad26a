#!lua flags=no-writes,allow-oom
-- Returns ids and counts of entries that groups have not read or not acknowledged.
--
-- KEYS  1 stream  then the waiting set of each group
-- ARGV  for each group, in the order of the sets: its name, the id that it has read up
--       to, how many entries to count at most, and 'whole' if the length of the stream
--       is of use
-- Reply 1 the server's time in ms  2 for each group: how many entries it has not read,
--       as far as they were counted; 'all' of them, the 'whole' stream, or 'more'; the
--       id of the first of them and that of the oldest pending entry ('': none); how
--       many wait; names of consumers, each followed by its number of entries. Nothing
--       for a group that is gone
-- XRANGE copies fields, so a count ends after about a MiB of them.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local BUDGET = 1048576
local beginning

local function count_from(cursor, most)
  local count, first, spent, portion, from = 0, '', 0, 1, '(' .. cursor
  while count < most and spent < BUDGET do
    local entries = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', math.min(portion, most - count))
    if #entries == 0 then
      return count, first, 'all'
    end
    if first == '' then
      first = entries[1][1]
    end
    for _, entry in ipairs(entries) do
      spent = spent + 64
      for _, text in ipairs(entry[2]) do
        spent = spent + #text
      end
    end
    count = count + #entries
    from = '(' .. entries[#entries][1]
    portion = math.max(1, math.min(count, math.floor((BUDGET - spent) / spent * count)))
  end
  return count, first, 'more'
end

local reply = {}
for i = 2, #KEYS do
  local at = 4 * (i - 2)
  local group, cursor, most = ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  local pending = redis.pcall('XPENDING', KEYS[1], group, '-', '+', 1)
  if not pending.err then
    local count, first, how = count_from(cursor, most)
    if how == 'more' and ARGV[at + 4] == 'whole' then
      beginning = beginning or redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
      if beginning and beginning[1] == first then
        how = 'whole'
      end
    end
    local names = {}
    for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], group)) do
      local facts = {}
      for j = 1, #info, 2 do
        facts[info[j]] = info[j + 1]
      end
      names[#names + 1] = facts.name
      names[#names + 1] = facts.pending
    end
    local oldest = pending[1] and pending[1][1] or ''
    reply[#reply + 1] = {count, how, first, oldest, redis.call('ZCARD', KEYS[i]), names}
  elseif string.find(pending.err, 'NOGROUP', 1, true) then
    reply[#reply + 1] = {}
  else
    return pending
  end
end
return {now, reply}
