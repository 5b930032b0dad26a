-- Moves entries that a consumer holds to ~waiting, each due after a delay, or to
-- ~takeover.
--
-- KEYS  1 stream  2 waiting set
-- ARGV  1 group  2 consumer  then per entry: id, the delivery that has ended (0:
--       any), delay in ms ('' leaves it to the takeover), delivery count to set
--       ('' keeps it)
-- Reply one number per entry: 1 moved, 2 was moved before, 3 deleted from the
--       stream, 0 not held by the consumer
-- Entries in the set belong to ~waiting; ~takeover gives no sign of life. An entry that
-- the consumer no longer holds is never taken, nor one that it got again in a later
-- delivery.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = {}
for i = 3, #ARGV, 4 do
  local id, delivery = ARGV[i], tonumber(ARGV[i + 1])
  local delay, count = tonumber(ARGV[i + 2]), ARGV[i + 3]
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)[1]
  local outcome = 0
  local is_ours = pending and pending[2] == ARGV[2]
  if is_ours and (delivery == 0 or pending[4] == delivery) then
    local owner = delay and '~waiting' or '~takeover'
    -- TIME 1: idle since 1970.
    local claim = {'XCLAIM', KEYS[1], ARGV[1], owner, 0, id, 'TIME', 1, 'JUSTID'}
    if count ~= '' then
      claim[#claim + 1] = 'RETRYCOUNT'
      claim[#claim + 1] = count
    end
    if redis.call(unpack(claim))[1] then
      if delay then
        redis.call('ZADD', KEYS[2], now + delay, id)
      end
      outcome = 1
    else
      redis.call('XACK', KEYS[1], ARGV[1], id)
      outcome = 3
    end
  elseif is_ours or pending and (pending[2] == '~waiting' or pending[2] == '~takeover') then
    outcome = 2
  end
  reply[#reply + 1] = outcome
end
return reply
