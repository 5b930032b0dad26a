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
-- field `spool:<id>`: it moves.
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
redis.call('HSET', spools, spool, string.format('%s %.0f', mark, now + ARGV[3]))
if moves then
  redis.call('HDEL', meta, earlier)
end
-- A sample: each new spool pays for a few that are gone. Without the right to it,
-- marks stay.
local some = redis.pcall('HRANDFIELD', spools, ARGV[4], 'WITHVALUES')
for i = 1, #some, 2 do
  local lapses = string.match(some[i + 1], ' (%d+)$')
  if some[i] ~= spool and lapses and tonumber(lapses) < now then
    redis.call('HDEL', spools, some[i])
  end
end
return before
