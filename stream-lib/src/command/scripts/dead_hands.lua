-- Releases, buries or acknowledges entries that no living consumer holds.
--
-- KEYS  1 stream  2 members  3 meta  4 waiting set  5 dead letters
-- ARGV  1 to 3 and the signs as in part_hands  then 'release', 'bury' or 'ack', reason,
--       error, about how many bytes to copy, then ids
-- Reply one item per id: {1} done, {0} not pending, {2, consumer} held by a living
--       one, {3} deleted from the stream, and acknowledged, {4} not reached
-- Everything is read before the first write, and a copy is written before its
-- acknowledgement, so there is exactly one. If Redis refuses even the first copy, its
-- error is the reply, and nothing has changed.
local what, reason, text, left = ARGV[behind], ARGV[behind + 1], ARGV[behind + 2],
  tonumber(ARGV[behind + 3])
local ids = behind + 4
-- In a group without members of this library, no consumer reads the waiting set.
local ours = tonumber(ARGV[3]) > 0 or redis.call('ZCARD', KEYS[2]) > 0
  or redis.call('ZCARD', KEYS[4]) > 0 or seen['~waiting'] ~= nil
local reply, todo = {}, {}
for i = ids, #ARGV do
  local id, at = ARGV[i], i - ids + 1
  local pending = redis.call('XPENDING', KEYS[1], group, id, id, 1)[1]
  if not pending then
    reply[at] = {0}
  elseif lives(pending[2], pending[3]) then
    reply[at] = {2, pending[2]}
  elseif left <= 0 then
    reply[at] = {4}
  else
    local one = {id = id, at = at}
    local entry = what ~= 'bury' or redis.call('XRANGE', KEYS[1], id, id)[1]
    reply[at] = {entry and 1 or 3}
    if what == 'bury' and entry then
      local add, fields = {'XADD', KEYS[5], '*'}, entry[2]
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
        '~id', id, '~group', group, '~consumer', pending[2], '~reason', reason,
        '~error', text, '~deliveries', pending[4], '~time', string.format('%.0f', now),
      }) do
        add[#add + 1] = mark
      end
      one.add = add
    end
    todo[#todo + 1] = one
  end
end
local settled, done, refused = {}, 0, nil
for _, one in ipairs(todo) do
  if refused then
    reply[one.at] = {4}
  elseif what == 'release' then
    -- TIME 1: idle since 1970.
    local owner = ours and '~waiting' or '~takeover'
    local claimed = redis.call('XCLAIM', KEYS[1], group, owner, 0, one.id, 'TIME', 1, 'JUSTID')
    if not claimed[1] then
      reply[one.at] = {3}
      settled[#settled + 1] = one.id
    elseif ours then
      redis.call('ZADD', KEYS[4], now, one.id)
    end
    done = done + 1
  else
    local added = one.add and redis.pcall(unpack(one.add))
    if type(added) == 'table' then
      if done == 0 then
        return added
      end
      refused, reply[one.at] = added, {4}
    else
      done = done + 1
      settled[#settled + 1] = one.id
    end
  end
end
if #settled > 0 then
  redis.call('XACK', KEYS[1], group, unpack(settled))
  redis.call('ZREM', KEYS[4], unpack(settled))
end
return reply
