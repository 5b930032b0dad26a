-- Moves an entry that a consumer holds to the dead letters.
--
-- KEYS  1 stream  2 dead letters  3 waiting set
-- ARGV  1 group  2 consumer  3 id  4 most dead letters to keep
--       5 longest to keep one, in ms  then name, value of each reserved field
-- Reply 1 buried, 3 deleted from the stream, 0 not held by the consumer
-- The copy is written before the acknowledgement, by one script: there is
-- exactly one, and never none.
local group, id = ARGV[1], ARGV[3]
local pending = redis.call('XPENDING', KEYS[1], group, id, id, 1)[1]
if not pending or pending[2] ~= ARGV[2] then
  return 0
end
local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
if not entry then
  redis.call('XACK', KEYS[1], group, id)
  return 3
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = string.format('%.0f', math.max(0, now - tonumber(ARGV[5])))
local add = {'XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*'}
local fields = entry[2]
-- unpack() ends near 8,000 values; a larger body stays behind, and is named.
if #fields + #ARGV + 8 > 7900 then
  add[#add + 1] = '~omitted'
  add[#add + 1] = #fields / 2
else
  for i = 1, #fields do
    add[#add + 1] = fields[i]
  end
end
for i = 6, #ARGV do
  add[#add + 1] = ARGV[i]
end
add[#add + 1] = '~deliveries'
add[#add + 1] = pending[4]
add[#add + 1] = '~time'
add[#add + 1] = string.format('%.0f', now)
redis.call(unpack(add))
redis.call('XACK', KEYS[1], group, id)
redis.call('ZREM', KEYS[3], id)
redis.call('XTRIM', KEYS[2], 'MINID', '~', oldest)
return 1
