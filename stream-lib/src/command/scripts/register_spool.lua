-- Makes a spool known, so that route_spooled.lua takes its messages.
--
-- KEYS  1 hash of the marks  2 meta hash
-- ARGV  1 the spool  2 a number: this one and all below it are settled
--       3 ms without use after which the mark lapses
--       4 how many marks of other spools are looked at: lapsed ones go
-- Reply the mark that stood before, '' for none
-- The mark is the highest number taken of the spool, 20 digits, so that numbers
-- compare as text; behind it stands when it lapses. It never falls. Where there is
-- none it begins at the number in ARGV: a request of an earlier life that arrives
-- late is refused as before. Earlier versions keep the mark in the meta hash, in the
-- field `spool:<id>`: it moves. Their other marks stay, since their producers may be
-- at work: what a mark was when it was first looked at is noted under the same name
-- among the marks, and one that is still that after 30 days goes.
local spools, meta, spool, settled = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local earlier = 'spool:' .. spool
local before = redis.call('HGET', spools, spool)
local moves = not before and redis.call('HGET', meta, earlier)
before = before and string.match(before, '^%d*') or moves or ''
local mark = before
if mark < settled then
  mark = settled
end

local function marked(number, memory)
  return string.format('%s %.0f', number, now + memory)
end
local writes, lapsed, unused = {spool, marked(mark, ARGV[3])}, {}, {}
-- Samples: each new spool pays for a few that are gone. Without the right to them,
-- marks stay.
local some = redis.pcall('HRANDFIELD', spools, ARGV[4], 'WITHVALUES')
for i = 1, #some, 2 do
  local lapses = string.match(some[i + 1], ' (%d+)$')
  local is_note = string.sub(some[i], 1, 6) == 'spool:'
  if some[i] ~= spool and not is_note and lapses and tonumber(lapses) < now then
    lapsed[#lapsed + 1] = some[i]
  end
end
some = redis.pcall('HRANDFIELD', meta, ARGV[4], 'WITHVALUES')
for i = 1, #some, 2 do
  if string.sub(some[i], 1, 6) == 'spool:' and some[i] ~= earlier then
    local note = redis.call('HGET', spools, some[i]) or ''
    local noted, lapses = string.match(note, '^(%d*) (%d+)$')
    if noted ~= some[i + 1] then
      writes[#writes + 1] = some[i]
      writes[#writes + 1] = marked(some[i + 1], math.max(ARGV[3], 2592000000))
    elseif tonumber(lapses) < now then
      unused[#unused + 1] = some[i]
    end
  end
end

redis.call('HSET', spools, unpack(writes))
if moves then
  unused[#unused + 1] = earlier
end
for _, name in ipairs(unused) do
  redis.call('HDEL', spools, name)
  redis.call('HDEL', meta, name)
end
for _, name in ipairs(lapsed) do
  redis.call('HDEL', spools, name)
end
return before
