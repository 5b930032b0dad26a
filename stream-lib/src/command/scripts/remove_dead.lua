-- Removes the oldest dead letters.
--
-- KEYS  1 dead letters
-- ARGV  1 id of the last that may go  2 how many at most  3 about how many bytes
--       to read
-- Reply 1 how many were removed  2 whether there may be more: 1 or 0
-- The bodies stay in the server. Letters after the last stay.
local most, left = tonumber(ARGV[2]), tonumber(ARGV[3])
local from, more, ids = '-', 1, {}
while #ids < most and left > 0 do
  -- One at a time, since their sizes are unknown.
  local letter = redis.call('XRANGE', KEYS[1], from, ARGV[1], 'COUNT', 1)[1]
  if not letter then
    more = 0
    break
  end
  ids[#ids + 1] = letter[1]
  from = '(' .. letter[1]
  for _, text in ipairs(letter[2]) do
    left = left - #text
  end
end
if #ids > 0 then
  redis.call('XDEL', KEYS[1], unpack(ids))
end
return {#ids, more}
