#!lua flags=allow-oom
-- Looks at a stream and removes its oldest entries, as its priority allows.
--
-- KEYS  1 stream  2 meta  3 lock
-- ARGV  1 'trim', or 'plan' to write nothing  2 who we are, for the lock ('': go
--       on without, and whether or not it is time)  3 '1': what is stored with
--       the stream wins, and what is missing there is stored; '0': our settings
--       win and are not stored
--       then per setting, in the order of NAMES: ours ('': none), its default
--       then how many entries this call removes at most ('': as many as it can)
-- Reply 1 state: 0 not our turn, 1 done, 2 more to remove
--       2 now in ms (state 0: ms until it may be)  3 length  4 removed  5 of these, unread or pending for some group  6 the first id ('': none)
--       7 the settings that hold, in the order of NAMES
--       8 per group: name, last id it read, oldest pending id ('': none), time
--         in ms since when its floor stands still with entries above it, 1 if it
--         is ignored because that is long ago
-- Facts and trim are one script: nothing can be added, read or acknowledged in between. A
-- call never removes entries that its priority protects, and none takes long: the rest is
-- left to the next call.
local NAMES = {'priority', 'max_length', 'max_age', 'min_retention_time',
  'min_retention_count', 'delete_after_ack', 'trim_without_groups',
  'cleanup_interval', 'group', 'ignore_groups_idle_for'}
local BOTTOM = '0-0'
local TOP = '18446744073709551615-18446744073709551615'
local key, meta, lock = KEYS[1], KEYS[2], KEYS[3]
local writes, token, keep = ARGV[1] == 'trim', ARGV[2], ARGV[3] == '1'

-- Ids: both parts are 64 bits wide, and numbers here hold 53. Without leading
-- zeros, the longer number is the larger, and text decides among equals.
local function less_number(a, b)
  if #a ~= #b then
    return #a < #b
  end
  return a < b
end

local function less(a, b)
  local a_ms, a_seq = a:match('^(%d+)-(%d+)$')
  local b_ms, b_seq = b:match('^(%d+)-(%d+)$')
  if a_ms ~= b_ms then
    return less_number(a_ms, b_ms)
  end
  return less_number(a_seq, b_seq)
end

local function lower(a, b)
  return less(b, a) and b or a
end

local function higher(a, b)
  return less(a, b) and b or a
end

local function increment(digits)
  local head, nines = digits:match('^(%d-)(9*)$')
  local zeros = ('0'):rep(#nines)
  if head == '' then
    return '1' .. zeros
  end
  return head:sub(1, -2) .. (head:byte(-1) - 47) .. zeros
end

local function successor(id)
  if id == TOP then
    return TOP
  end
  local ms, seq = id:match('^(%d+)-(%d+)$')
  if seq == '18446744073709551615' then
    return increment(ms) .. '-0'
  end
  return ms .. '-' .. increment(seq)
end

-- Settings. An invalid stored value counts as none.
local function sound(name, value)
  if name == 'priority' then
    return value == 'low' or value == 'normal' or value == 'high' or value == 'critical'
  end
  return name == 'group' or value:match('^%d+$') and #value <= 15
end

local fields = {}
for i, name in ipairs(NAMES) do
  fields[i] = 'retention:' .. name
end
local stored = redis.call('HMGET', meta, unpack(fields))
local set, missing = {}, {}
for i, name in ipairs(NAMES) do
  local ours, kept = ARGV[2 + 2 * i], stored[i]
  if not kept or not sound(name, kept) then
    kept = ''
  end
  if ours ~= '' and kept == '' and keep then
    missing[#missing + 1] = fields[i]
    missing[#missing + 1] = ours
  end
  local first, second = ours, kept
  if keep then
    first, second = kept, ours
  end
  set[name] = first ~= '' and first or second
  if set[name] == '' then
    set[name] = ARGV[3 + 2 * i]
    if name == 'min_retention_count' then
      set.usual_count = true
    end
  end
end
local eager = set.delete_after_ack == '1'
if eager and set.usual_count then
  set.min_retention_count = '0'
end
local low, critical = set.priority == 'low', set.priority == 'critical'
local max_length, least = tonumber(set.max_length), tonumber(set.min_retention_count)

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if writes and missing[1] then
  redis.call('HSET', meta, unpack(missing))
end

-- One process at a time, and one run per interval among all processes. The lock exists
-- only between two calls of one run.
local owner = false
if writes and token ~= '' then
  owner = redis.call('GET', lock)
  local pace = tonumber(set.cleanup_interval)
  if eager then
    pace = math.min(pace, 100)
  end
  if owner and owner ~= token then
    return {0, pace}
  end
  local last = tonumber(redis.call('HGET', meta, 'retention:last') or '')
  if not last then
    redis.call('HSET', meta, 'retention:last', string.format('%.0f', now))
    return {0, pace}
  end
  -- Intervals are jittered by a fifth; a clock that was set back is no reason
  -- to wait.
  if not owner and last <= now and now - last < pace * 0.75 then
    return {0, last + pace - now}
  end
end

-- Facts.
local length = redis.call('XLEN', key)
local groups, awaited = {}, set.group
if redis.call('EXISTS', key) == 1 then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    local fact = {}
    for i = 1, #info, 2 do
      fact[info[i]] = info[i + 1]
    end
    local oldest = ''
    if fact.pending > 0 then
      local pending = redis.call('XPENDING', key, fact.name, '-', '+', 1)[1]
      oldest = pending and pending[1] or ''
    end
    groups[#groups + 1] = {fact.name, fact['last-delivered-id'], oldest}
    if fact.name == awaited then
      awaited = ''
    end
  end
end
-- A group that is expected has read nothing yet.
if awaited ~= '' and set.trim_without_groups ~= '1' then
  groups[#groups + 1] = {awaited, BOTTOM, ''}
end

-- The floor of each group: below it, the group has acknowledged everything. A field per
-- group has the floor and the time since when it has been seen there with entries above
-- it, or 0 while there are none.
local newest = length > 0 and redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
local patience, moved, floors = tonumber(set.ignore_groups_idle_for), {}, {}
for i, group in ipairs(groups) do
  local after = successor(group[2])
  floors[i] = group[3] ~= '' and lower(after, group[3]) or after
  local field = 'retention:floor:' .. group[1]
  local kept = redis.call('HGET', meta, field)
  local at, since = string.match(kept or '', '^(%S+) (%d+)$')
  local waits = newest and not less(newest[1], floors[i])
  if not waits or at ~= floors[i] or since == '0' or #since > 15 then
    since = string.format('%.0f', now)
  end
  local mark = floors[i] .. ' ' .. (waits and since or '0')
  if mark ~= kept then
    moved[#moved + 1] = {field, mark}
  end
  group[4] = since
  group[5] = patience > 0 and waits and now - tonumber(since) >= patience and 1 or 0
end
if writes and moved[1] then
  for _, mark in ipairs(moved) do
    redis.call('HSET', meta, mark[1], mark[2])
  end
  -- Earlier versions had all of them in one field.
  redis.call('HDEL', meta, 'retention:floors')
end

-- Below `floor`, every group that counts has acknowledged everything. Below
-- `whole` every group has, and below `read` every group has read everything.
local floor, whole, read, counting = TOP, TOP, TOP, 0
for i, group in ipairs(groups) do
  whole = lower(whole, floors[i])
  read = lower(read, successor(group[2]))
  if group[5] == 0 then
    floor = lower(floor, floors[i])
    counting = counting + 1
  end
end
local acknowledged = counting > 0 and floor or BOTTOM
if #groups == 0 and set.trim_without_groups ~= '1' then
  floor, whole, read = BOTTOM, BOTTOM, BOTTOM
end
-- Whether entries may go that some group has yet to handle.
local loses = low or less(whole, floor)

-- Removed are all entries below `old`, and the oldest while there are more than
-- `max_length`; both only below `protected`, and never the newest `least`.
local function ago(ms)
  return string.format('%.0f-0', math.max(0, now - tonumber(ms)))
end
local protected = low and TOP or floor
if critical or set.priority == 'high' then
  protected = lower(protected, ago(set.min_retention_time))
end
local old = ago(set.max_age)
if eager and not critical then
  old = higher(old, acknowledged)
end
old = lower(old, protected)

local function first_id()
  local first = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
  return first and first[1] or ''
end

-- Removes at most `most` entries below `bound`, exactly: up to 199, fewer if they are
-- large, since XRANGE returns their fields. `examine`, if given, gets the removed
-- entries. Returns how many were removed.
-- Counting lost entries costs more, so there are fewer rounds.
local rounds = loses and 4 or 10
local function step(bound, most, examine)
  if rounds <= 0 or most < 1 or bound == BOTTOM then
    return 0
  end
  rounds = rounds - 1
  local below = '(' .. bound
  local sample = redis.call('XRANGE', key, '-', below, 'COUNT', 1)[1]
  if not sample then
    return 0
  end
  local size = 64
  for _, text in ipairs(sample[2]) do
    size = size + #text
  end
  local count = math.min(most, 199, math.max(1, math.floor(1048576 / size)))
  local entries = redis.call('XRANGE', key, '-', below, 'COUNT', count + 1)
  -- The first one that stays; past the last below `bound`, that is `bound`.
  local stays = entries[count + 1] and entries[count + 1][1] or bound
  if examine then
    examine(entries, math.min(count, #entries))
  end
  return redis.call('XTRIM', key, 'MINID', '=', stays)
end

-- The same for many: whole nodes first, which is cheap, then the exact rest.
local budget = 10000
local function sweep(bound, most)
  local gone, limit = 0, math.min(most, budget)
  if limit < 1 or bound == BOTTOM then
    return 0
  end
  gone = redis.call('XTRIM', key, 'MINID', '~', bound, 'LIMIT', string.format('%.0f', limit))
  budget = budget - gone
  -- Whole nodes went until the limit: there are more of them for the next call.
  if limit < most and gone > limit / 2 then
    return gone
  end
  while gone < most do
    local went = step(bound, most - gone)
    if went == 0 then
      break
    end
    gone = gone + went
  end
  return gone
end

local removed, lost = 0, 0
-- Counts those of the first `count` entries that are pending for some group.
local function count_pending(entries, count)
  local waits, first, last = {}, entries[1][1], entries[count][1]
  for _, group in ipairs(groups) do
    if group[3] ~= '' then
      local found = redis.call('XPENDING', key, group[1], first, last, 1000)
      for _, pending in ipairs(found) do
        waits[pending[1]] = true
      end
      -- There are this many only if most of them are deleted from the stream.
      for i = 1, #found == 1000 and count or 0 do
        local id = entries[i][1]
        waits[id] = waits[id] or redis.call('XPENDING', key, group[1], id, id, 1)[1]
      end
    end
  end
  for i = 1, count do
    if waits[entries[i][1]] then
      lost = lost + 1
    end
  end
end

local function remove(bound, most)
  local gone = sweep(loses and lower(bound, whole) or bound, most)
  if loses and less(whole, bound) then
    -- Removals at or above that floor are counted: entries that some group has not read,
    -- and pending ones among the rest.
    while gone < most do
      local went = step(lower(bound, read), most - gone, count_pending)
      if went == 0 then
        break
      end
      gone = gone + went
    end
    local first = first_id()
    if first ~= '' and not less(first, read) then
      local went = sweep(bound, most - gone)
      lost = lost + went
      gone = gone + went
    end
  end
  removed = removed + gone
  return gone
end

local state = 1
local first
if writes then
  local spare, excess = length - least, critical and 0 or length - max_length
  spare = math.min(spare, tonumber(ARGV[4 + 2 * #NAMES]) or spare)
  spare = spare - remove(protected, math.min(excess, spare))
  remove(old, spare)
  length = length - removed
  first = first_id()
  if first ~= '' and length > least and less(first, protected)
    and (less(first, old) or not critical and length > max_length) then
    state = 2
  end
  if state == 1 then
    redis.call('HSET', meta, 'retention:last', string.format('%.0f', now))
    if owner then
      redis.call('DEL', lock)
    end
  elseif token ~= '' then
    redis.call('SET', lock, token, 'PX', 10000)
  end
else
  first = first_id()
end

local holds = {}
for i, name in ipairs(NAMES) do
  holds[i] = set[name]
end
return {state, now, length, removed, lost, first, holds, groups}
