#!lua flags=no-writes,allow-oom
-- Counts entries, without sending them.
--
-- KEYS  1 stream
-- ARGV  1 from  2 to  3 how many at most
-- Reply 1 how many  2 the id of the first ('': none)  3 where to continue ('': that
--       was all)
-- Entries are read in small portions, since XRANGE copies their fields.
local from, count, first = ARGV[1], 0, ''
local most, portion = tonumber(ARGV[3]), 1
while count < most do
  local entries = redis.call('XRANGE', KEYS[1], from, ARGV[2], 'COUNT', math.min(portion, most - count))
  if #entries == 0 then
    return {count, first, ''}
  end
  if first == '' then
    first = entries[1][1]
    local size = 64
    for _, text in ipairs(entries[1][2]) do
      size = size + #text
    end
    portion = math.min(200, math.max(1, math.floor(1048576 / size)))
    most = math.min(most, portion * 10)
  end
  count = count + #entries
  from = '(' .. entries[#entries][1]
end
return {count, first, from}
