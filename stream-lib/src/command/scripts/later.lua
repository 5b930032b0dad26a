-- Schedules a message: it waits until it is due.
--
-- KEYS  1 due times  2 bodies  3 unique keys  4 meta  then the idempotency key,
--       if the message has one
-- ARGV  1 when it is due, in ms since 1970; with a `+` in front, in ms from now on
--       2 token of the call: a repeat has the same
--       3 unique key ('': none)  4 if that is taken: keep, replace or refuse
--       5 window of the idempotency key in ms  6 whether a repeat writes its key
--         again (1, else 0)  7 body: values in MessagePack
-- Reply 1 the outcome: 'new'; 'replaced', 'kept' or 'refused' for a unique key that
--         is taken; 'had' for a repeat of this call; 'once' if the idempotency key
--         was added before
--       2 the id that is scheduled; for 'once' a `d` and the value of the key
--       3 when that is due, and 4 the server's time, both in ms
-- Ids count up within the stream, so messages due at the same time keep their order. They
-- never recur, since the token is random. The idempotency key, which part_once.lua reads,
-- holds an `s` and the id.
local due, bodies, unique, meta, once = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, name, choice, window = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = tonumber(ARGV[1])
if string.sub(ARGV[1], 1, 1) == '+' then
  at = now + at
end
local first = first_of(once, ARGV[6] == '1')
if type(first) == 'table' then
  return first
elseif first then
  return {'once', first, 0, now}
end
-- These change nothing. They fail if memory, a permission or a type would make a write
-- below fail.
redis.call('ZADD', due, 'XX', 0, '')
redis.call('HGET', bodies, '')
if once then
  redis.call('SET', once, '', 'XX', 'PX', window)
end
local id, was = nil, nil
if name ~= '' then
  id = redis.call('HGET', unique, name)
  was = id and redis.call('ZSCORE', due, id)
  -- A message that was set aside no longer keeps its key.
  was = was and was ~= 'inf' and tonumber(was)
  if was then
    if string.sub(id, -#token) == token then
      return {'had', id, was, now}
    elseif choice == 'keep' then
      return {'kept', id, was, now}
    elseif choice == 'refuse' then
      return {'refused', id, was, now}
    end
  end
end
if not was then
  local number = (tonumber(redis.call('HGET', meta, 'later') or 0) or 0) + 1
  redis.call('HSET', meta, 'later', string.format('%.0f', number))
  id = string.format('%016.0f-%s', number, token)
end
redis.call('HSET', bodies, id, name == '' and ARGV[7] or cmsgpack.pack(name) .. ARGV[7])
redis.call('ZADD', due, at, id)
if name ~= '' and not was then
  redis.call('HSET', unique, name, id)
end
if once then
  redis.call('SET', once, 's' .. id, 'PX', string.format('%.0f', math.max(0, at - now) + window))
end
return {was and 'replaced' or 'new', id, at, now}
