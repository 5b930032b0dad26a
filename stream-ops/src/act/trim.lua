-- Removes the oldest entries of a stream.
--
-- KEYS  1 stream
-- ARGV  1 the last id that may go  2 the id right after it  3 the most entries to remove
-- Reply the number of removed entries; whether there are more, as 1 or 0
-- The only write is the last command.
local most = tonumber(ARGV[3])
local page = redis.call('XRANGE', KEYS[1], '-', ARGV[1], 'COUNT', most + 1)
local more = #page > most
local first = more and page[most + 1][1] or ARGV[2]
if #page == 0 then
  return {0, 0}
end
return {redis.call('XTRIM', KEYS[1], 'MINID', '=', first), more and 1 or 0}
