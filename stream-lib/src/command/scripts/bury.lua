-- Moves entries that a consumer holds to the dead letters.
--
-- KEYS  1 stream  2 dead letters  3 waiting set
-- ARGV  1 group  2 consumer  3 most dead letters to keep
--       4 longest to keep one, in ms  5 about how many bytes to copy
--       then per entry: id, reason, error
-- Reply 1 one number per entry: 1 buried, 3 deleted from the stream, 0 not held
--       by the consumer, 4 not reached  2 how many old dead letters were removed
--       3 why the first that was not reached could not be written, or ''
-- One script writes the copy before the acknowledgement, so there is exactly one copy.
-- Everything is read before the first write. If Redis refuses even the first copy, its
-- error is the reply, and nothing has changed.
local group, consumer = ARGV[1], ARGV[2]
local left = tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply, copies, settled = {}, {}, {}
for i = 6, #ARGV, 3 do
  local id, at = ARGV[i], i / 3 - 1
  reply[at] = 4
  if left > 0 then
    local pending = redis.call('XPENDING', KEYS[1], group, id, id, 1)[1]
    local entry = false
    reply[at] = 0
    if pending and pending[2] == consumer then
      entry = redis.call('XRANGE', KEYS[1], id, id)[1]
      reply[at] = 3
    end
    if entry then
      local add, fields = {'XADD', KEYS[2], '*'}, entry[2]
      -- unpack() ends near 8,000 values; of a larger body only the number of fields is
      -- kept.
      if #fields > 7900 - 20 then
        add[4], add[5] = '~omitted', #fields / 2
      else
        for j = 1, #fields do
          add[j + 3] = fields[j]
          left = left - #fields[j]
        end
      end
      for _, mark in ipairs({
        '~id', id, '~group', group, '~consumer', consumer, '~reason', ARGV[i + 1],
        '~error', ARGV[i + 2], '~deliveries', pending[4], '~time', string.format('%.0f', now),
      }) do
        add[#add + 1] = mark
      end
      copies[#copies + 1] = {at = at, id = id, add = add}
    elseif reply[at] == 3 then
      settled[#settled + 1] = id
    end
  end
end
local refused, buried = '', 0
for _, copy in ipairs(copies) do
  local added = {err = refused}
  if refused == '' then
    added = redis.pcall(unpack(copy.add))
  end
  if type(added) == 'table' then
    if buried == 0 then
      return added
    end
    refused, reply[copy.at] = added.err, 4
  else
    buried = buried + 1
    reply[copy.at] = 1
    settled[#settled + 1] = copy.id
  end
end
local removed = 0
if #settled > 0 then
  redis.call('XACK', KEYS[1], group, unpack(settled))
  redis.call('ZREM', KEYS[3], unpack(settled))
end
if buried > 0 then
  local oldest = string.format('%.0f', math.max(0, now - tonumber(ARGV[4])))
  removed = redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', ARGV[3])
    + redis.call('XTRIM', KEYS[2], 'MINID', '~', oldest)
end
return {reply, removed, refused}
