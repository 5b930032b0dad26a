-- Counts entries of a stream between two ids.
--
-- KEYS  1 stream
-- ARGV  1 first id, or one with `(` in front  2 last id  3 the most entries to count
-- Reply their number; the last of them, or ''; whether the range is over, as 1 or 0
-- It ends early after a few megabytes, or 2,000 entries. Nothing is written.
local from, count, bytes, last = ARGV[1], 0, 0, ''
local most = math.min(tonumber(ARGV[3]), 2000)
while count < most and bytes < 4000000 do
  local asked = math.min(20, most - count)
  local page = redis.call('XRANGE', KEYS[1], from, ARGV[2], 'COUNT', asked)
  for _, entry in ipairs(page) do
    for _, text in ipairs(entry[2]) do
      bytes = bytes + #text
    end
    last = entry[1]
  end
  count = count + #page
  if #page < asked then
    return {count, last, 1}
  end
  from = '(' .. last
end
return {count, last, 0}
