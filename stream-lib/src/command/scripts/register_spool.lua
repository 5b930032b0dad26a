-- Registers a spool, so that route_spooled.lua takes its messages.
--
-- KEYS  1 hash of the marks  2 meta hash
-- ARGV  1 the spool  2 a number: this one and all below it are settled
--       3 ms without use after which the mark lapses
--       4 how many marks of other spools are looked at: lapsed ones are removed
-- Reply the previous mark, '' for none
-- The mark is the highest number taken from the spool, with 20 digits, so that numbers
-- compare as text, followed by the time at which it lapses. It never falls. Without a
-- mark it begins at the number in ARGV: a late request of an earlier life is refused as
-- before. Earlier versions keep the mark in the meta hash, in the field `spool:<id>`,
-- from which it is moved. Their other marks stay, since their producers may still run:
-- the value of such a mark at the first look is stored under the same name among the
-- marks, and a mark that still has it after 30 days is removed.
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
-- Samples: each new spool removes a few lapsed marks. Without the permission, marks stay.
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
  lapsed[#lapsed + 1] = name
end
if #lapsed > 0 then
  redis.call('HDEL', spools, unpack(lapsed))
end
if #unused > 0 then
  redis.call('HDEL', meta, unpack(unused))
end
return before
