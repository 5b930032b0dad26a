-- Reads the facts of a stream and its groups. Returns no payload.
--
-- KEYS  1 stream  2 its dead letters
-- Reply 1 the server's time in ms  2 length  3 entries ever added ('' where unknown)
--       4 first id ('')  5 last id given out  6 per group: name, consumers, pending,
--       last id delivered, entries read ('' where unknown), lag (''), id of the
--       oldest unread entry ('')  7 last id of the dead letters ('')
-- Writes nothing.
local function dict(list)
  local found = {}
  for i = 1, #list, 2 do
    found[list[i]] = list[i + 1]
  end
  return found
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
if info.err then
  return info
end
info = dict(info)
local first = info['first-entry'] and info['first-entry'][1] or ''
local newest = info['last-entry'] and info['last-entry'][1] or ''
-- Redis returns an id only with its entry, so each cursor is looked up once.
local behind, groups = {['0-0'] = first}, {}
if newest ~= '' then
  behind[newest] = ''
end
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  group = dict(group)
  local cursor = group['last-delivered-id']
  if newest ~= '' and not behind[cursor] then
    local found = redis.call('XRANGE', KEYS[1], '(' .. cursor, '+', 'COUNT', 1)
    behind[cursor] = found[1] and found[1][1] or ''
  end
  groups[#groups + 1] = {
    group['name'], group['consumers'], group['pending'], cursor,
    group['entries-read'] or '', group['lag'] or '', behind[cursor] or '',
  }
end
local dead = ''
if redis.call('EXISTS', KEYS[2]) == 1 then
  local known = redis.pcall('XINFO', 'STREAM', KEYS[2])
  dead = known.err and '' or dict(known)['last-generated-id']
end
return {now, info['length'], info['entries-added'] or '', first, info['last-generated-id'], groups,
  dead}
