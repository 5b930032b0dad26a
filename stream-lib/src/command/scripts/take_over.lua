-- Takes over entries whose consumer has let a whole lease pass.
--
-- KEYS  1 stream  2 waiting set
-- ARGV  1 group  2 consumer  3 lease in ms  4 where to go on ('-', or '(' and
--       an id)  5 how many to look at  6 how many to take
-- Reply 1 where to go on next ('' at the end)  2 how many were found deleted
--       3 the entries: {id, delivery count, fields}
-- Entries of ~waiting are left alone while the set knows when they are due,
-- and our own are ours. Each claim adds one delivery.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local group, consumer, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local look, take, most = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
-- No younger entry can have been idle that long.
local last = string.format('%.0f', math.max(0, now - lease))
local idle = redis.call('XPENDING', KEYS[1], group, 'IDLE', lease, ARGV[4], last, look)
local following, deleted, entries, spent = '', 0, {}, {}
for at, pending in ipairs(idle) do
  local id, owner = pending[1], pending[2]
  local abandoned = owner ~= consumer
  if owner == '~waiting' and redis.call('ZSCORE', KEYS[2], id) then
    abandoned = false
  end
  if abandoned then
    local claim = {'XCLAIM', KEYS[1], group, consumer, lease, id}
    if pending[4] >= most then
      claim[7] = 'JUSTID'
    end
    local claimed = redis.call(unpack(claim))[1]
    if claimed and claim[7] then
      spent[#spent + 1] = id
    elseif claimed then
      entries[#entries + 1] = {id, pending[4] + 1, claimed[2]}
    else
      redis.call('XACK', KEYS[1], group, id)
      deleted = deleted + 1
    end
  end
  if #entries + #spent >= take or at == look then
    following = '(' .. id
    break
  end
end
return {following, deleted, entries, spent}
