-- Adds the messages of a job's ticks, unless another process has done so.
--
-- KEYS  1 jobs  2 stream  3 backup stream  4 meta  5 the request that this tick
--         answers (none: nobody has asked for it)
-- ARGV  1 name  2 the expression and zone, and 3 the last due time, that the caller
--         knows of ('': a tick out of turn, whatever they are; then 3 is the token of
--         the request)
--       4 group that must be done with the last tick's entry ('': none)
--       5 when the job is due last now, in ms  6 how many messages to add
--       7 number of the name, for `~origin`
--       8 the default capacity of a stream
--       9 the time to use, in ms ('': the server's)
--       then their ticks, in ms ('': now)  then the values of the message
-- Reply 1 'ticked'; 'had' where another process did it, or the request has lapsed; 'early' where it is not yet
--         time; 'changed', 'paused', 'removed'; 'gone' where there is no such job;
--         'clock' where the last due time lies ahead, since the server's clock was
--         set back: the job goes on from now; 'busy' where the group is not done;
--         'elsewhere' where the stream knows of another backup stream
--       2 when the job was due last  3 the time, both in ms
--       4 the expression and zone in force; the backup stream
--       5 how many messages were added
-- Compare and set are one step, so each tick is one message, whichever process comes
-- first. While the backup stream holds anything, or the stream has no room, ticks go
-- there, as an add would.
local name, to, count = ARGV[1], tonumber(ARGV[5]), tonumber(ARGV[6])
local stream, backup, now = KEYS[2], KEYS[3], time_of(ARGV[9])
local job = job_of(name)
if not job then
  return {'gone', 0, now, '', 0}
end
local function reply(outcome, added)
  return {outcome, job.last, now, job.terms, added or 0}
end
local group = string.match(job.terms, '^[^|]*|[^|]*|(.*)$') or ARGV[4]
local in_turn = ARGV[2] ~= ''
local request = KEYS[5]
if job.state == 'off' then
  return reply('removed')
elseif request and redis.call('GET', request) ~= '?' .. ARGV[3] then
  return reply('had')
elseif in_turn and job.state == 'paused' then
  return reply('paused')
elseif in_turn and job.terms ~= ARGV[2] then
  return reply('changed')
elseif job.last > now + 60000 then
  job.last = now
  write(name, job)
  return reply('clock')
elseif in_turn and job.last ~= tonumber(ARGV[3]) then
  return reply('had')
elseif to > now then
  return reply('early')
end
local known = redis.call('HMGET', KEYS[4], 'backup:name', 'backup:capacity', 'retention:max_length')
if known[1] and known[1] ~= backup then
  return {'elsewhere', job.last, now, known[1], 0}
end

-- Whether an id comes before another. Lua's numbers are too small for them.
local function before(a, b)
  local a_ms, a_seq = string.match(a, '(%d+)-(%d+)')
  local b_ms, b_seq = string.match(b, '(%d+)-(%d+)')
  if a_ms ~= b_ms then
    return #a_ms < #b_ms or #a_ms == #b_ms and a_ms < b_ms
  end
  return #a_seq < #b_seq or #a_seq == #b_seq and a_seq < b_seq
end

-- Finds the entry of the last tick, which went to the backup stream: there, or in the
-- stream under another id. Returns its id in the stream; 'backup'; or nil if it is gone.
-- Looks at about 1,000 entries at a time; after these the entry counts as not done.
local function moved(id, tick)
  if redis.call('XRANGE', backup, id, id)[1] then
    return 'backup'
  end
  local looked = 0
  repeat
    local list = redis.call('XRANGE', stream, '(' .. id, '+', 'COUNT', 100)
    for i = 1, #list do
      local fields, is_tick, is_job = list[i][2], false, false
      for at = 1, #fields, 2 do
        is_tick = is_tick or fields[at] == '~tick' and fields[at + 1] == tick
        is_job = is_job or fields[at] == '~cron' and fields[at + 1] == name
      end
      if is_tick and is_job then
        return list[i][1]
      end
      id = list[i][1]
    end
    looked = looked + #list
    job.entry = 'b' .. id .. '@' .. tick
    if #list < 100 then
      return nil
    end
  until looked >= 1000
  return 'backup'
end

-- Whether the group has yet to read the last tick's entry, or to acknowledge it.
local function is_open()
  local id, tick = string.match(job.entry, '^b([%d-]+)@(%d+)$')
  if id then
    local found = moved(id, tick)
    if found == 'backup' then
      return true
    end
    job.entry = found or ''
  end
  if job.entry == '' or not redis.call('XRANGE', stream, job.entry, job.entry)[1] then
    return false
  end
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local facts = {}
    for i = 1, #info, 2 do
      facts[info[i]] = info[i + 1]
    end
    if facts['name'] == group then
      return before(facts['last-delivered-id'], job.entry) or
        facts['pending'] > 0 and
          redis.call('XPENDING', stream, group, job.entry, job.entry, 1)[1] ~= nil
    end
  end
  return false
end

local outcome, added = 'ticked', 0
if in_turn and count > 0 and group ~= '' and job.entry ~= '' and is_open() then
  outcome, count = 'busy', 0
end
-- Invalid values count as none.
local function number(text)
  text = text and #text <= 15 and text:match('^%d+$') and tonumber(text)
  return text and text > 0 and text
end
local free = count
if count > 0 and known[1] then
  local kept = length(backup)
  free = kept == 0 and room(stream, number(known[2]) or number(known[3]) or tonumber(ARGV[8]), count) or 0
end
-- Changes nothing. It fails before a message is added if the last write below would fail,
-- or if memory is full.
redis.call('HSET', KEYS[1], name, redis.call('HGET', KEYS[1], name))
if request then
  redis.call('SET', request, '?' .. ARGV[3], 'XX', 'KEEPTTL')
end
for i = 1, count do
  local tick = ARGV[9 + i]
  if tick == '' then
    tick = string.format('%.0f', now)
  end
  local values = {unpack(ARGV, 10 + tonumber(ARGV[6]))}
  values[#values + 1] = '~cron'
  values[#values + 1] = name
  values[#values + 1] = '~tick'
  values[#values + 1] = tick
  values[#values + 1] = '~origin'
  values[#values + 1] = tick .. '-' .. ARGV[7]
  local id
  if free > 0 then
    id = redis.pcall('XADD', stream, '*', unpack(values))
  else
    id = redis.pcall('XADD', backup, '*', unpack(values))
  end
  if type(id) == 'table' then
    if added == 0 then
      return id
    end
    -- The other ticks are still due.
    to = tonumber(ARGV[8 + i])
    break
  end
  added = added + 1
  job.entry = free > 0 and id or 'b' .. id .. '@' .. tick
  free = free - 1
end
if in_turn then
  job.last = to
end
if request then
  redis.call('SET', request, '=' .. ARGV[3], 'XX', 'KEEPTTL')
end
write(name, job)
return reply(outcome, added)
