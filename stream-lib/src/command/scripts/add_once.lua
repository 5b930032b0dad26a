-- Adds messages to a stream, those with an idempotency key only once.
--
-- KEYS  1 stream  then the keys of messages that have one
-- ARGV  1 window of the keys in ms  2 how many messages
--       3 whether a repeat writes its key again (1, else 0)
--       then for each message: how many values it has, and which key (0: none)
--       then all values: name, value, name, value, …
-- Reply for each message the id of its entry, or an error; if its key was
--       added before, a `d` and the id of the first entry, with a `b` in front
--       of the id if that entry went to the backup stream
-- The order of the messages is kept.
local stream, window, count = KEYS[1], ARGV[1], tonumber(ARGV[2])
local from, reply, rewrites = 4 + 2 * count, {}, ARGV[3] == '1'
for i = 1, count do
  local to = from + ARGV[2 + 2 * i] - 1
  local key = ARGV[3 + 2 * i] ~= '0' and KEYS[1 + ARGV[3 + 2 * i]]
  reply[i] = first_of(key, rewrites) or add(stream, '', key, window, from, to)
  from = to + 1
end
return reply
