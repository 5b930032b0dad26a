-- Reads the facts of a stream and its groups. Returns no payload.
--
-- KEYS  1 stream  2 its dead letters
-- ARGV  1 'part' where entries must not be copied ('': they may be)  then what an earlier
--       call has told ('': nothing):  2 length  3 last id given out  4 and 5 the same of
--       the dead letters  then cursors of groups, behind which it knows the first entry
-- Reply 1 the server's time in ms  2 length  3 'whole'; 'same' where no entry came or went
--       since that call, so 5 to 7 are as they were; 'part', where that is not known
--       4 bytes of the entries that were copied  5 entries ever added ('' where unknown)
--       6 first id ('')  7 last id given out  8 per group: name, pending, last id
--       delivered, entries read ('' where unknown), lag (''), id of the oldest unread
--       entry: '' none, '=' as known, '?' some  9 length of the dead letters  10 their
--       last id: '' none, '=' as known  11 how long this took, in µs
-- Writes nothing. Redis returns an id only with its entry, which takes milliseconds where
-- that is large.
local function dict(list)
  local found = {}
  for i = 1, #list, 2 do
    found[list[i]] = list[i + 1]
  end
  return found
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err then
  return groups
end
local length, copied = redis.call('XLEN', KEYS[1]), 0
local function id_of(entry)
  if not entry then
    return ''
  end
  for _, text in ipairs(entry[2]) do
    copied = copied + #text
  end
  return entry[1]
end
local function behind(key, id)
  -- Refused behind the highest id there can be.
  return id_of(redis.pcall('XRANGE', key, '(' .. id, '+', 'COUNT', 1)[1])
end
-- Entries come only at the end: where there are as many and none behind the last id, they
-- are the same.
local function compared(key, entries, known, last)
  if entries == 0 or known == '' then
    return 'whole'
  elseif ARGV[1] == 'part' then
    return 'part'
  end
  return entries == tonumber(known) and behind(key, last) == '' and 'same' or 'whole'
end
local how = compared(KEYS[1], length, ARGV[2], ARGV[3])
local added, first, last, oldest = '', '', '', {}
if how == 'whole' then
  local info = dict(redis.call('XINFO', 'STREAM', KEYS[1]))
  added, last = info['entries-added'] or '', info['last-generated-id']
  first = id_of(info['first-entry'])
  oldest['0-0'], oldest[id_of(info['last-entry'])] = first, ''
else
  for i = 6, #ARGV do
    oldest[ARGV[i]] = '='
  end
end
local told = {}
for _, group in ipairs(groups) do
  group = dict(group)
  local cursor, lag = group['last-delivered-id'], group['lag']
  local id = length == 0 and '' or oldest[cursor]
  if how == 'part' and lag and lag > 0 then
    id = id or '?'
  elseif not id or how == 'part' and lag == 0 then
    -- Behind the last entry, nothing is copied.
    id = behind(KEYS[1], cursor)
    oldest[cursor] = id
  end
  told[#told + 1] = {
    group['name'], group['pending'], cursor, group['entries-read'] or '', lag or '', id,
  }
end
local dead, newest = 0, ''
if redis.call('EXISTS', KEYS[2]) == 1 then
  dead = redis.pcall('XLEN', KEYS[2])
  if type(dead) ~= 'number' then
    dead = 0
  elseif compared(KEYS[2], dead, ARGV[4], ARGV[5]) == 'whole' then
    local info = dict(redis.call('XINFO', 'STREAM', KEYS[2]))
    id_of(info['first-entry'])
    id_of(info['last-entry'])
    newest = info['last-generated-id']
  else
    newest = '='
  end
end
local till = redis.call('TIME')
local took = (till[1] - time[1]) * 1000000 + till[2] - time[2]
return {now, length, how, copied, added, first, last, told, dead, newest, took}
