#!lua flags=no-writes,allow-oom
-- Returns the idempotency keys of scheduled messages.
--
-- KEYS  1 bodies
-- ARGV  ids
-- Reply for each id its key; '' for a message that has none, isn't scheduled, or can't
--       be read
local reply = {}
for i, id in ipairs(ARGV) do
  reply[i] = ''
  local body = redis.call('HGET', KEYS[1], id)
  local good, name, values = pcall(cmsgpack.unpack, body or '')
  if good and type(name) == 'table' then
    values = name
  end
  if good and type(values) == 'table' then
    for k = 1, #values - 1, 2 do
      if values[k] == '~key' then
        reply[i] = values[k + 1]
      end
    end
  end
end
return reply
